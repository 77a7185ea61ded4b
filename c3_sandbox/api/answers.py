"""Answers in C3's envelope, whole or line by line, and how a cut connection gets onto the socket."""

import contextlib
import socket
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from c3_sandbox import wire
from c3_sandbox.api.readings import Readings

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Answer:
    """What goes out: `parts` are `count` pieces. With `cut`, the connection ends where they end."""

    status: int
    parts: Iterable[bytes]
    count: int = 1
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    correlation_id: str = ""
    cut: bool = False


def whole(status: int, text: str, content_type: str = JSON, **more: str) -> Answer:
    """Return an answer of one piece; `more` are headers, with underscores for hyphens."""
    headers = {name.replace("_", "-"): value for name, value in more.items()}
    return Answer(status, [text.encode()], content_type=content_type, headers=headers)


def success(parts: Iterable[str], count: int) -> Answer:
    """Return the envelope around `count` parts, each of which is JSON objects with commas between them."""
    correlation_id = str(uuid.uuid4())
    head = f'{{"OperationType": null, "Status": "Success", "RequestCorrelationID": "{correlation_id}", '
    head += '"ErrorMessage": null, "ErrorDetail": null, "Data": ['

    def written() -> Iterator[bytes]:
        before = head
        for part in parts:
            yield (before + part).encode()
            before = ", "
        yield f"{head}]}}".encode() if before is head else b"]}"

    return Answer(200, written(), count + 1, correlation_id=correlation_id)


def refusal(readings: Readings, message: str, detail: str, *, code: int = 400, always: bool = False) -> Answer:
    """Return the envelope of an error, at HTTP 200 unless the readings, or `always`, say `code`."""
    correlation_id = str(uuid.uuid4())
    envelope: dict[str, Any] = {
        "OperationType": None,
        "Status": "Error",
        "RequestCorrelationID": correlation_id,
        "ErrorMessage": message,
        "ErrorDetail": detail,
        "Data": [] if readings.empty_list_on_error else None,
    }
    status = code if always or readings.errors_with_http_codes else 200
    return Answer(status, [wire.encode(envelope).encode()], correlation_id=correlation_id)


def unauthorized(readings: Readings, detail: str) -> Answer:
    """Return a 401, with or without the envelope as the readings say."""
    challenge = f'Bearer error="invalid_token", error_description="{detail}"'
    if readings.bare_401:
        return whole(401, "", WWW_Authenticate=challenge)
    refused = refusal(readings, "Unauthorized", detail, code=401, always=True)
    refused.headers["WWW-Authenticate"] = challenge
    return refused


def first_half(answer: Answer) -> Iterator[bytes]:
    """Yield the first half of the answer's parts, and half of the one that follows."""
    parts = iter(answer.parts)
    for _ in range((answer.count - 1) // 2):
        yield next(parts)
    last = next(parts, b"")
    yield last[: len(last) // 2]


def deliver(request: HttpRequest, answer: Answer) -> HttpResponseBase:
    """Return the response that Django sends: with its length when it is one piece, else chunk by chunk."""
    response: HttpResponseBase
    if answer.count == 1 and not answer.cut:
        body = b"".join(answer.parts)
        response = HttpResponse(body, status=answer.status, content_type=answer.content_type)
        response["Content-Length"] = str(len(body))
    else:
        parts = _then_cut(request, answer.parts) if answer.cut else answer.parts
        response = StreamingHttpResponse(parts, status=answer.status, content_type=answer.content_type)
    for name, value in answer.headers.items():
        response[name] = value
    return response


def _then_cut(request: HttpRequest, parts: Iterable[bytes]) -> Iterator[bytes]:
    yield from parts
    # The caller may be faster in hanging up; either way nobody is listening.
    with contextlib.suppress(OSError):
        request.META["gunicorn.socket"].shutdown(socket.SHUT_RDWR)
