"""Answers before they are bytes on a socket, and Xero's shapes for refusals."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from xero_sandbox import wire

JSON = "application/json; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
QUERY_TOO_LONG = b"<html><body><h2>404 - The query string is too long.</h2></body></html>"
NOT_FOUND = "The resource you're looking for cannot be found"


@dataclass(frozen=True)
class Answer:
    """One HTTP answer. `cut` drops the connection: before a byte ("drop") or half-way ("half")."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: str = ""


class Refusal(Exception):
    """Ends a call with this answer; whatever it wrote is rolled back."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def json_answer(value: Any, status: int = 200, **headers: str) -> Answer:
    """Return a value as a JSON answer; underscores in header names become dashes."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(status, wire.encode(value).encode(), headers=named)


def text_answer(status: int, text: str) -> Answer:
    """Return plain text, as Xero's outer layers answer."""
    return Answer(status, text.encode(), TEXT)


def not_found() -> Answer:
    """Return the 404 that is plain text however much JSON was asked for."""
    return text_answer(404, NOT_FOUND)


def unauthorized(detail: str) -> Answer:
    """Return 401 for a token that is missing, expired or short of a scope."""
    problem = {"Type": None, "Title": "Unauthorized", "Status": 401, "Detail": detail}
    return json_answer(problem | {"Instance": str(uuid.uuid4()), "Extensions": {}}, 401)


def forbidden() -> Answer:
    """Return 403 for an organisation that this app is not, or no longer, connected to."""
    problem = {"type": None, "title": "Forbidden", "status": 403, "detail": "AuthenticationUnsuccessful"}
    return json_answer(problem | {"instance": str(uuid.uuid4()), "extensions": {}}, 403)


def server_error() -> Answer:
    """Return the 500 that tells nothing of whether anything was written."""
    problem = {"Type": None, "Title": "An error occurred", "Status": 500, "Detail": "An error occurred in Xero"}
    return json_answer(problem | {"Instance": str(uuid.uuid4()), "Extensions": {}}, 500)


def bad_request(message: str, kind: str = "ValidationException", number: int = 10, **more: Any) -> Answer:
    """Return 400 in the accounting API's shape."""
    return json_answer({"ErrorNumber": number, "Type": kind, "Message": message} | more, 400)


def too_many(problem: str, retry_after: int | None) -> Answer:
    """Return 429; only minute and day limits say when to come back."""
    headers = {"X-Rate-Limit-Problem": problem}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    body = wire.encode({"Title": "Rate limit exceeded", "Status": 429, "Detail": f"{problem} limit exceeded"})
    return Answer(429, body.encode(), headers=headers)
