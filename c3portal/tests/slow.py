"""People who send or read as slowly as they like, over the proxy's HTTPS, and someone innocent beside them."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import requests

FORM = "application/x-www-form-urlencoded"
FILE = "multipart/form-data; boundary=x"
# More than the proxy keeps for the portal (deploy/Caddyfile), so that the portal hears of the request.
SENT_AT_ONCE = 1_150_000
# Without one a form is refused before anything of it is read.
TOKEN = f"__Host-csrftoken={'a' * 32}"
# How little one of them takes off the line before it stops.
SMALLEST_BUFFER = 4_096


class Crowd:
    """Opens connections to the proxy at `origin`, whose certificate is signed by `authority`, and keeps them open."""

    def __init__(self, origin: str, authority: Path) -> None:
        self.host, self.port = "localhost", urlsplit(origin).port or 443
        self.origin, self.authority = origin, authority
        self.context = ssl.create_default_context(cafile=str(authority))
        self.opened = ExitStack()

    def sends(self, path: str, announced: int, sent: int = SENT_AT_ONCE, *, kind: str = FORM, cookie: str = "") -> None:
        """Announce a body, send a part of it and stop."""
        head = [f"POST {path} HTTP/1.1", f"Content-Type: {kind}", f"Content-Length: {announced}"]
        self._send(head, cookie, b"a" * sent)

    def reads_nothing(self, path: str, cookie: str = "") -> None:
        """Ask for something and take nothing of the answer."""
        self._send([f"GET {path} HTTP/1.1"], cookie, b"")

    def _send(self, head: list[str], cookie: str, body: bytes) -> None:
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALLEST_BUFFER)
        plain.settimeout(20)
        plain.connect(("127.0.0.1", self.port))
        connection = self.opened.enter_context(self.context.wrap_socket(plain, server_hostname=self.host))
        lines = [
            *head,
            f"Host: {self.host}:{self.port}",
            f"Origin: {self.origin}",
            f"Cookie: {TOKEN}; {cookie}",
            "",
            "",
        ]
        connection.sendall("\r\n".join(lines).encode() + body)

    def waits(self, path: str = "/accounts/login/", most: float = 60) -> float:
        """Return for how many seconds someone innocent waits for a page, `most` when it does not come by then."""
        began = time.monotonic()
        try:
            answer = requests.get(f"{self.origin}{path}", verify=str(self.authority), timeout=most)
        except requests.RequestException:
            return most
        assert answer.status_code == 200
        return time.monotonic() - began


@contextmanager
def crowd(origin: str, folder: Path) -> Iterator[Crowd]:
    """Yield a crowd at the proxy that was started in `folder`; all of them leave at the end."""
    gathered = Crowd(origin, folder / "certificates" / "caddy" / "pki" / "authorities" / "local" / "root.crt")
    with gathered.opened:
        yield gathered
