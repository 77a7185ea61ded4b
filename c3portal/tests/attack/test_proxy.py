"""Requests that are put together wrong on purpose, through the shipped proxy: none passes for another, or by it."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from c3portal.testing import PortalProcess, answers, wait_until
from c3portal.tests import machine
from xero_sandbox.testing import free_port

pytestmark = [pytest.mark.attack, pytest.mark.whole, pytest.mark.django_db]
# What the proxy answers by itself, so that strangers are not told which part fails; its page names the broker.
INSIDE = b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNK = b"%x\r\n%b\r\n0\r\n\r\n" % (len(INSIDE), INSIDE)

SMUGGLED = {
    "two framings": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNK,
    "two framings the other way": b"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n0\r\n\r\n"
    % (5 + len(INSIDE))
    + INSIDE,
    "two lengths": b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(INSIDE) + INSIDE,
    "a list of lengths": b"Content-Length: 0, %d\r\n\r\n" % len(INSIDE) + INSIDE,
    "a length with a sign": b"Content-Length: +%d\r\n\r\n" % len(INSIDE) + INSIDE,
    "a length below nothing": b"Content-Length: -1\r\n\r\n" + INSIDE,
    "a length in hexadecimal": b"Content-Length: 0x10\r\n\r\n" + INSIDE,
    "a length too long for any number": b"Content-Length: " + b"9" * 40 + b"\r\n\r\n" + INSIDE,
    "an encoding that is none": b"Transfer-Encoding: xchunked\r\nContent-Length: 4\r\n\r\n" + CHUNK,
    "an encoding behind a tab": b"Transfer-Encoding:\tchunked\r\nContent-Length: 4\r\n\r\n" + CHUNK,
    "an encoding before a blank": b"Transfer-Encoding : chunked\r\nContent-Length: 4\r\n\r\n" + CHUNK,
    "an encoding on a line of its own": b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 4\r\n\r\n" + CHUNK,
    "two encodings": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + CHUNK,
    "a chunk that lies about its size": b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + INSIDE,
    "a chunk with an extension": b"Transfer-Encoding: chunked\r\n\r\n1;\n\r\na\r\n0\r\n\r\n",
    "a line that ends early": b"Content-Length: 4\nTransfer-Encoding: chunked\n\n" + CHUNK,
    "an upgrade": b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQ\r\n\r\n",
    "NUL in a header": b"X-Odd: a\0b\r\n\r\n",
    "a header too long": b"X-Odd: " + b"a" * 200_000 + b"\r\n\r\n",
    "too many headers": b"".join(b"X-%d: a\r\n" % number for number in range(5_000)) + b"\r\n",
    "an expectation": b"Expect: 200-ok\r\nContent-Length: 3\r\n\r\na=b",
}
LINES = {
    "another host": b"GET /accounts/login/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "two hosts": b"GET /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
    "no host": b"GET /accounts/login/ HTTP/1.1\r\n\r\n",
    "a user in the host": b"GET /accounts/login/ HTTP/1.1\r\nHost: localhost@evil.example\r\n\r\n",
    "a whole address of another host": b"GET https://evil.example/accounts/login/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "forged forwarding": b"GET /accounts/password/reset/ HTTP/1.1\r\nHost: localhost\r\n"
    b"X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: http\r\nForwarded: host=evil.example\r\n"
    b"X-Original-URL: /health/ready\r\nX-Rewrite-URL: /health/ready\r\nX_Forwarded_Host: evil.example\r\n\r\n",
    "an address that looks like a host": b"GET //evil.example/%2f.. HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a backslash": b"GET /\\evil.example HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a way out of the files": b"GET /static/../../../../../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a written way out of the files": b"GET /static/..%2f..%2f..%2fetc%2fpasswd HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a way inside": b"GET /health/live/../ready HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a written way inside": b"GET /health/%72eady HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "two slashes inside": b"GET //health//ready HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a method that is none": b"BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a tunnel": b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an echo": b"TRACE / HTTP/1.1\r\nHost: localhost\r\nCookie: evil.example=1\r\n\r\n",
    "an old version": b"GET /accounts/login/\r\n\r\n",
    "a version that is none": b"GET /accounts/login/ HTTP/7.7\r\nHost: localhost\r\n\r\n",
    "noise": bytes(range(256)) * 40 + b"\r\n\r\n",
}


@pytest.fixture
def ask(
    start_process: Callable[..., PortalProcess], tmp_path: Path, settings: Any
) -> Iterator[Callable[[bytes], bytes]]:
    """Return a function that sends exactly these bytes to a portal behind its proxy, and returns what comes back."""
    settings.PORTAL_URL = f"https://localhost:{free_port()}"
    port = str(free_port())
    start_process("web", PORT=port, TEST_PORTAL_URL=settings.PORTAL_URL, WEB_PROCESSES="1")
    wait_until(lambda: answers(f"http://127.0.0.1:{port}/health/live"), "The web process serves", patience=60)
    inside = requests.get(f"http://127.0.0.1:{port}/health/ready", headers={"X-Forwarded-Proto": "https"}, timeout=30)
    assert '"broker"' in inside.text, "Whoever got past the proxy would be seen by this"
    proxy = machine.start_proxy(tmp_path, settings.PORTAL_URL, f"127.0.0.1:{port}")
    root = tmp_path / "certificates" / "caddy" / "pki" / "authorities" / "local" / "root.crt"
    trust = ssl.create_default_context(cafile=str(root))
    at = ("127.0.0.1", urlsplit(settings.PORTAL_URL).port or 443)

    def ask(request: bytes) -> bytes:
        host = b"Host: localhost:%d\r\n" % at[1]
        with (
            socket.create_connection(at, timeout=10) as plain,
            trust.wrap_socket(plain, server_hostname="localhost") as tls,
        ):
            tls.settimeout(3)
            return exchange(tls, request.replace(b"Host: localhost\r\n", host))

    yield ask
    proxy.stop()


def exchange(tls: ssl.SSLSocket, request: bytes) -> bytes:
    answer = b""
    try:
        tls.sendall(request)
        while piece := tls.recv(65_536):
            answer += piece
    except OSError:  # it hung up, or waits for what never comes
        pass
    return answer


def test_no_request_passes_for_another_or_by_the_proxy(ask: Callable[[bytes], bytes]) -> None:
    post = b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    odd = {what: post + rest for what, rest in SMUGGLED.items()} | LINES
    wrong = []
    for what, request in odd.items():
        answer = ask(request)
        statuses = [int(each) for each in re.findall(rb"HTTP/1\.1 (\d{3})", answer)]
        if b'"broker"' in answer or b"root:" in answer:
            wrong.append(f"{what}: it got inside, {answer[:200]!r}")
        if b"evil.example" in answer.lower():
            wrong.append(f"{what}: it is told of elsewhere, {answer[:300]!r}")
        # The proxy answers 502 where the web process hangs up at once: nothing came of it either.
        if any(status >= 500 and status not in (501, 502, 505) for status in statuses):
            wrong.append(f"{what}: {statuses}")
    assert not wrong, "\n".join(wrong)
    assert b"HTTP/1.1 200" in ask(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
