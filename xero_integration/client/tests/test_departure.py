"""A process that stalled before its call sends nothing; one that is merely slow loses nothing."""

from __future__ import annotations

import datetime as dt
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from c3portal.database import clock
from xero_integration.client import departure
from xero_integration.client.errors import Problem, XeroUnavailable
from xero_integration.client.gateway import Gateway
from xero_integration.models import XeroConnection
from xero_sandbox.testing import SandboxControl

BODY = b'{"Contacts": [{"Name": "Northwind Traders"}]}'
AGES = dt.timedelta(minutes=5)


@pytest.fixture
def client(connected: XeroConnection, sandbox: SandboxControl) -> Gateway:
    """The way to a real stand-in of Xero's."""
    token = connected.token_set
    assert token is not None
    sandbox.forget()
    return Gateway(connected.tenant_id, token.access_token)


def stop_when(happens: str, monkeypatch: pytest.MonkeyPatch, what: Callable[[], None]) -> None:
    """Have the process stall right after the connection was made, or between head and body of the request."""
    kind = departure.HTTPConnection
    method = {"connected": "connect", "head sent": "endheaders"}[happens]
    original = getattr(kind, method)

    def stop(self: Any, *args: Any, **more: Any) -> Any:
        result = original(self, *args, **more)
        what()
        return result

    monkeypatch.setattr(kind, method, stop)


def stall(patch: pytest.MonkeyPatch, noticed_by: str) -> None:
    """Let minutes go by in no time, on the one clock or the other."""
    elapsed, now = clock.elapsed, clock.now
    if noticed_by == "the machine":
        patch.setattr(clock, "elapsed", lambda: elapsed() + AGES.total_seconds())
    else:
        patch.setattr(clock, "now", lambda: now() + AGES)


def names(client: Gateway) -> list[str]:
    """Return whom Xero knows, asked by a connection of its own."""
    token = str(client.session.headers["Authorization"]).removeprefix("Bearer ")
    return sorted(each["Name"] for each in Gateway(client.tenant_id, token).contacts())


@pytest.mark.parametrize("happens", ["connected", "head sent"])
@pytest.mark.parametrize("noticed_by", ["the machine", "the database"])
def test_what_stalled_at_the_last_moment_creates_nothing(
    client: Gateway, monkeypatch: pytest.MonkeyPatch, happens: str, noticed_by: str
) -> None:
    before = names(client)
    with monkeypatch.context() as patch:
        stop_when(happens, patch, lambda: stall(patch, noticed_by))
        with pytest.raises(XeroUnavailable, match="nothing was sent") as caught:
            client.create_documents("Contacts", BODY, "key", clock.now())
    assert caught.value.problem is Problem.STALLED
    assert names(client) == before


def test_what_stalled_before_it_looked_for_a_connection_creates_nothing(
    client: Gateway, sandbox: SandboxControl
) -> None:
    with pytest.raises(XeroUnavailable, match="nothing was sent"):
        client.create_documents("Contacts", BODY, "key", clock.now() - AGES)
    assert sandbox.calls() == []


def test_a_call_that_is_merely_slow_to_connect_leaves(
    client: Gateway, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    elapsed = clock.elapsed
    stop_when("connected", monkeypatch, lambda: monkeypatch.setattr(clock, "elapsed", lambda: elapsed() + 19))
    client.read("Organisation")
    assert len(sandbox.calls()) == 1


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="no such option of the network here")
def test_the_network_carries_the_bytes_of_a_call_about_no_longer(settings: Any) -> None:
    settings.XERO_DEPARTS_WITHIN = 7
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.XERO_API_URL = f"http://127.0.0.1:{server.getsockname()[1]}"
        settings.XERO_CALL_TIMEOUT = 0.2
        seen: list[int] = []
        connect = departure.HTTPConnection.connect

        def note(self: Any) -> None:
            connect(self)
            seen.append(self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))

        threading.Thread(target=server.accept, daemon=True).start()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(departure.HTTPConnection, "connect", note)
            with pytest.raises(XeroUnavailable):
                Gateway("tenant", "token").read("Organisation")
    assert seen == [7000]
