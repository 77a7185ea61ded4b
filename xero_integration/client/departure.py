"""The last moment before a call leaves: a process that stood still on the way to it sends nothing.

A stopped process or a suspended machine goes on afterwards as if nothing had happened, while others have long taken it
for dead. So the time is looked at once more when the connection stands, before bytes are written: no call leaves that
began longer ago than that, and the network is not to carry its bytes about for longer either.
"""

from __future__ import annotations

import datetime as dt
import socket
from collections.abc import Callable
from typing import Any

from requests import PreparedRequest
from urllib3.connection import HTTPConnection

from c3portal.database import clock
from c3portal.outgoing.http_client import BoundedAdapter
from xero_integration.client import timeouts
from xero_integration.client.errors import Problem, XeroUnavailable


class Departure:
    """When a call began: now, and `since` by the database's clock when what it carries was stored before that."""

    def __init__(self, since: dt.datetime | None = None) -> None:
        self.since = since
        self.began = clock.elapsed()

    def check(self) -> None:
        """Raise XeroUnavailable when the call began so long ago that others may count on its never leaving.

        Two clocks are asked: one that runs on while this machine is suspended, and for what was stored the
        database's, since a machine that is merely simulated may not know that it stood still.
        """
        longest = timeouts.departs_within()
        late = dt.timedelta(seconds=clock.elapsed() - self.began) > longest
        if late or (self.since is not None and clock.now() - self.since > longest):
            raise stood_still()


def stood_still() -> XeroUnavailable:
    """Return the error of a call that does not leave, since others may go on with its work by now."""
    return XeroUnavailable(
        "This process stood still before its call to Xero; nothing was sent, and the portal goes on by itself.",
        retry_after=dt.timedelta(seconds=1),
        problem=Problem.STOOD_STILL,
    )


class LastLook(BoundedAdapter):
    """Sends without retries, and has `check` look at the clock before any bytes are written. What it raises goes to
    whoever makes the call; the connection is given up, so that a request half written is never completed."""

    def __init__(self, check: Callable[[], None], largest: int) -> None:
        self.check = check
        super().__init__(largest)

    def init_poolmanager(self, *sizes: Any, **options: Any) -> None:
        """Have the network give up bytes that arrive nowhere, even when this process is gone by then."""
        super().init_poolmanager(*sizes, **options, socket_options=_socket_options())

    def get_connection_with_tls_context(self, request: PreparedRequest, *how: Any, **more: Any) -> Any:
        """Return the connections to Xero, with the look put in front of what they write."""
        pool: Any = super().get_connection_with_tls_context(request, *how, **more)
        pool.ConnectionCls = _looking(type(pool).ConnectionCls, self.check)
        return pool


def _socket_options() -> list[tuple[int, int, int]]:
    options: list[Any] = list(HTTPConnection.default_socket_options)
    # Linux; elsewhere the network gives up when it thinks fit.
    if option := getattr(socket, "TCP_USER_TIMEOUT", None):
        options.append((socket.IPPROTO_TCP, option, int(timeouts.departs_within().total_seconds() * 1000)))
    return options


def _looking(kind: Any, check: Callable[[], None]) -> Any:
    """Return this kind of connection, which connects first, then looks, then writes."""

    class Looking(kind):  # type: ignore[misc]
        def send(self, data: Any) -> None:
            if self.sock is None:
                self.connect()
            check()
            super().send(data)

    return Looking
