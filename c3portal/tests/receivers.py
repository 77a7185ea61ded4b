"""Who gets what the portal tells: real receivers of webhooks, error reports and mail, in threads of the test."""

from __future__ import annotations

import email
import email.policy
import gzip
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Post:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """What was posted, and what to answer: the last of `answers` again and again."""

    url: str = ""
    posts: list[Post] = field(default_factory=list)
    answers: list[int] = field(default_factory=lambda: [204])
    drip: threading.Event | None = None

    def next_answer(self) -> int:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def http_receiver(wrap: Any = None) -> Iterator[Receiver]:
    """Run a receiver of webhooks on localhost; `wrap` may put TLS around its socket."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.posts.append(Post(self.path, dict(self.headers.items()), body))
            if receiver.drip:
                while not receiver.drip.wait(0.05):
                    self.wfile.write(b"H")
                return
            self.send_response(receiver.next_answer())
            self.send_header("Location", f"{receiver.url}/elsewhere")
            self.end_headers()
            self.wfile.write(b"words of the receiver")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if wrap:
        server.socket = wrap(server.socket)
    receiver.url = f"http{'s' if wrap else ''}://localhost:{server.server_port}"
    with _running(server):
        yield receiver
        if receiver.drip:
            receiver.drip.set()


@dataclass(frozen=True)
class Sentry:
    """A receiver to which error reports are sent."""

    receiver: Receiver

    @property
    def dsn(self) -> str:
        """What the portal is told, as Sentry words it."""
        return f"{self.receiver.url.replace('://', '://public-key@')}/1"

    @property
    def envelopes(self) -> list[str]:
        return [_unpacked(post).decode() for post in self.receiver.posts]

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events that came, each from its envelope: a head, then for each item its own head and the item."""
        return [json.loads(envelope.splitlines()[2]) for envelope in self.envelopes]


def _unpacked(post: Post) -> bytes:
    return gzip.decompress(post.body) if post.headers.get("Content-Encoding") == "gzip" else post.body


@contextmanager
def sentry() -> Iterator[Sentry]:
    """Run a receiver of error reports, which takes envelopes as Sentry does."""
    with http_receiver() as receiver:
        receiver.answers = [200]
        yield Sentry(receiver)


# Whoever brings a name and a password may send (RFC 4954).
EXTENDED = {"EHLO": "250-localhost\r\n250 AUTH PLAIN", "AUTH": "235 welcome"}


@dataclass
class MailServer:
    """The mails that came, and the answer to a recipient."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    answer: str = "250 fine"

    def of(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.mails if mail["To"] == address]


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Run a mail server on localhost that keeps what it gets (RFC 5321, as far as a client needs)."""
    kept = MailServer()
    server = _MailSocket(kept)
    kept.port = server.server_address[1]
    with _running(server):
        yield kept


class _MailSocket(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, kept: MailServer) -> None:
        self.kept = kept
        super().__init__(("127.0.0.1", 0), _Conversation)


class _Conversation(socketserver.StreamRequestHandler):
    server: _MailSocket

    def handle(self) -> None:
        kept = self.server.kept
        self._reply("220 ready")
        while line := self.rfile.readline().decode().strip():
            verb = line.partition(" ")[0].upper()
            if verb == "DATA":
                self._reply("354 go on")
                kept.mails.append(email.message_from_bytes(self._data(), policy=email.policy.default))
                self._reply("250 kept")
            elif verb in EXTENDED:
                self._reply(EXTENDED[verb])
            elif verb == "RCPT":
                kept.recipients.append(line)
                self._reply(kept.answer)
            else:
                self._reply("221 bye" if verb == "QUIT" else "250 fine")
            if verb == "QUIT":
                return

    def _reply(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())

    def _data(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)


@contextmanager
def _running(server: Any) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
