"""A server on loopback that answers as a test tells it to: for answers that the sandbox gives to nobody."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RESET_AT_ONCE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Reply:
    """One answer. `shorter_by` ends the connection that many bytes before the promised end; `reset` sends nothing and
    resets the connection; `hang` says nothing until the server is stopped."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    shorter_by: int = 0
    reset: bool = False
    hang: bool = False


def body(**fields: Any) -> bytes:
    """Return what an answer's body is that tells this as JSON."""
    return json.dumps(fields).encode()


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class ScriptedServer(ThreadingHTTPServer):
    """Gives the `replies` in turn, the last one again and again, and keeps what it `received`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://localhost:{self.server_port}"
        self.replies = [Reply()]
        self.received: list[Received] = []
        self.ended = threading.Event()
        self._turn = threading.Lock()

    def will(self, *replies: Reply) -> None:
        """Answer from now on with these."""
        self.replies = list(replies)

    def take(self, request: Received) -> Reply:
        """Keep a request and return the answer whose turn it is."""
        with self._turn:
            self.received.append(request)
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers that hang up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    server: ScriptedServer
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        reply = self.server.take(Received(self.command, self.path, dict(self.headers), body))
        if reply.hang:
            self.server.ended.wait(30)
        if reply.hang or reply.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_ONCE)
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body[: len(reply.body) - reply.shorter_by])
        self.close_connection = self.close_connection or bool(reply.shorter_by)

    do_GET = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815 - the standard library's names

    def log_message(self, *words: Any) -> None:
        """The test's own output is enough."""


@contextmanager
def scripted_server[Server: ScriptedServer](kind: type[Server]) -> Iterator[Server]:
    """Run a scripted server of this kind for as long as the block lasts."""
    server = kind()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.ended.set()
    server.shutdown()
    thread.join()
    server.server_close()
