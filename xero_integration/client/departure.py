"""A process that stalled on the way to a call sends nothing."""

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


# A stopped process or a suspended machine goes on afterwards as if nothing had happened, while others have long taken
# it for dead. So the clock is read once more when the connection stands, before bytes are written.
class Departure:
    """When a call began: now, or by the database's clock `since`, when its bytes were stored."""

    def __init__(self, since: dt.datetime | None = None) -> None:
        self.since = since
        self.began = clock.elapsed()

    def check(self) -> None:
        """Raise XeroUnavailable when the call began longer ago than `timeouts.departs_within`."""
        longest = timeouts.departs_within()
        # Two clocks: one that runs on while this machine is suspended, and for what was stored the database's, since a
        # machine that is merely simulated may not know that it stalled.
        late = dt.timedelta(seconds=clock.elapsed() - self.began) > longest
        if late or (self.since is not None and clock.now() - self.since > longest):
            raise stalled_error()


def stalled_error() -> XeroUnavailable:
    """Return the error of a call that does not leave."""
    return XeroUnavailable(
        "This process stalled before its call to Xero; nothing was sent, and the portal goes on by itself.",
        retry_after=dt.timedelta(seconds=1),
        problem=Problem.STALLED,
    )


class DepartureAdapter(BoundedAdapter):
    """Sends without retries, after `check` has passed; what `check` raises goes to the caller."""

    def __init__(self, check: Callable[[], None], largest: int) -> None:
        self.check = check
        super().__init__(largest)

    def init_poolmanager(self, *sizes: Any, **options: Any) -> None:
        super().init_poolmanager(*sizes, **options, socket_options=_socket_options())

    def get_connection_with_tls_context(self, request: PreparedRequest, *how: Any, **more: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(request, *how, **more)
        # The connection is given up with the error, so a request half written is never completed.
        pool.ConnectionCls = _checked_connection(type(pool).ConnectionCls, self.check)
        return pool


def _socket_options() -> list[tuple[int, int, int]]:
    options: list[Any] = list(HTTPConnection.default_socket_options)
    # The network gives up bytes that arrive nowhere, even when this process is gone by then.
    # Linux; elsewhere the network gives up when it thinks fit.
    if option := getattr(socket, "TCP_USER_TIMEOUT", None):
        options.append((socket.IPPROTO_TCP, option, int(timeouts.departs_within().total_seconds() * 1000)))
    return options


def _checked_connection(kind: Any, check: Callable[[], None]) -> Any:
    """Return a connection that checks once it stands, before it writes."""

    class CheckedConnection(kind):  # type: ignore[misc]
        def send(self, data: Any) -> None:
            if self.sock is None:
                self.connect()
            check()
            super().send(data)

    return CheckedConnection
