"""Puts an answer on the socket, or cuts the connection as a fault asked."""

import contextlib
import socket

from django.http import HttpRequest, HttpResponse

from xero_sandbox.api.answers import Answer


def deliver(request: HttpRequest, answer: Answer) -> HttpResponse:
    """Return the response that Django sends. A cut connection gets none: what is returned then goes nowhere."""
    if answer.cut:
        return _cut(request.META["gunicorn.socket"], answer)
    response = HttpResponse(answer.body, status=answer.status, content_type=answer.content_type)
    response["Content-Length"] = len(answer.body)
    for name, value in answer.headers.items():
        response[name] = value
    return response


def _cut(wire: socket.socket, answer: Answer) -> HttpResponse:
    # The caller may be faster in hanging up; either way nobody is listening.
    with contextlib.suppress(OSError):
        if answer.cut == "half":
            wire.sendall(_head(answer) + answer.body[: len(answer.body) // 2])
        wire.shutdown(socket.SHUT_RDWR)
    return HttpResponse(status=500)


def _head(answer: Answer) -> bytes:
    lines = [
        f"HTTP/1.1 {answer.status} OK",
        f"Content-Type: {answer.content_type}",
        f"Content-Length: {len(answer.body)}",
        *(f"{name}: {value}" for name, value in answer.headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
