"""No test reaches anything outside this machine, whatever it asks for and by whichever means."""

from __future__ import annotations

import contextlib
import http.client
import os
import smtplib
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import requests

from c3portal.testing import BASE_DIR
from c3portal.tests import network
from c3portal.tests.receivers import Receiver

pytestmark = pytest.mark.attack

# Addresses that are set aside for documents (RFC 5737, RFC 3849): if the guard failed, nobody would be reached.
OUTSIDE = ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "example.com"]


@pytest.fixture
def forgiven() -> Iterator[list[str]]:
    """What the test tries, which does not fail it."""
    before = len(network.tried)
    yield network.tried
    del network.tried[before:]


def datagram(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as out:
        out.sendto(b"a", (host, 9))


CALLS: dict[str, Callable[[str], object]] = {
    "a socket": lambda host: socket.create_connection((host, 9), timeout=1),
    "a datagram": datagram,
    "requests": lambda host: requests.get(f"http://{f'[{host}]' if ':' in host else host}:9/", timeout=1),
    "http.client": lambda host: http.client.HTTPConnection(host, 9, timeout=1).connect(),
    "mail": lambda host: smtplib.SMTP(host, 9, timeout=1),
}


@pytest.mark.parametrize("host", OUTSIDE)
@pytest.mark.parametrize("call", CALLS)
def test_nothing_outside_this_machine_is_reached(call: str, host: str, forgiven: list[str]) -> None:
    if call == "a datagram" and host == "example.com":
        host = OUTSIDE[0]  # a socket looks names up before it tells anyone; everything here asks getaddrinfo first
    before = len(forgiven)
    with pytest.raises(OSError, match="stay on this machine"):
        CALLS[call](host)
    assert len(forgiven) > before


@pytest.mark.parametrize("name", ["example.com", b"example.com", "192.0.2.1.example.com"])
def test_no_name_is_looked_up_outside(name: str | bytes, forgiven: list[str]) -> None:
    with pytest.raises(network.LeftTheMachine):
        socket.getaddrinfo(name, 443)
    assert forgiven[-1] == f"look-up of {name if isinstance(name, str) else name.decode()}"


def test_this_machine_is_reached(receiver: Receiver) -> None:
    assert requests.get(receiver.url, timeout=5).status_code
    assert socket.getaddrinfo("192.0.2.1", 80), "An address in figures is judged without asking anyone"
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("hooks.invalid", 80)


def test_a_process_that_a_test_starts_stays_here_too() -> None:
    script = "import django; django.setup(); import socket; socket.create_connection(('192.0.2.1', 9), timeout=1)"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "c3portal.tests.settings"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, cwd=BASE_DIR, capture_output=True, text=True)
    assert "stay on this machine" in done.stderr


def test_a_test_that_hides_its_attempt_fails_all_the_same(forgiven: list[str]) -> None:
    with pytest.raises(AssertionError, match="leave the machine"), network.watched(), contextlib.suppress(OSError):
        socket.create_connection(("192.0.2.1", 9), timeout=1)


def test_every_test_is_watched(request: pytest.FixtureRequest) -> None:
    assert "stays_on_this_machine" in request.fixturenames
