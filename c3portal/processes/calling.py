"""Calling a worker by a message: a broker that is away, or takes a call and says nothing, keeps nobody waiting."""

from __future__ import annotations

from typing import Any

from celery import current_app
from kombu.exceptions import OperationalError

# Xero gives up on a webhook after five seconds, and whoever waits longer keeps a thread of the pages. A broker that
# works answers within milliseconds; it is tried twice, for there may be two of them.
SECONDS = 1.0


def call_worker(task: str, *args: Any, after: float = 0) -> bool:
    """Ask for the task of this name in `after` seconds. Returns False when the broker did not take the message."""
    # A connection of its own: those that are pooled wait for as long as the broker likes.
    bounds = {"socket_connect_timeout": SECONDS, "socket_timeout": SECONDS, "max_retries": 1, "interval_start": 0}
    try:
        with current_app.connection_for_write(transport_options=bounds) as connection:
            current_app.send_task(task, args, countdown=after, connection=connection, retry=False)
    except OperationalError:
        return False
    return True
