"""The database's clock, by which machines judge each other."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path

from django.db import connection
from django.utils import timezone

# From here on a clock that differs from the database's is told to those who look after the machines, and from here on
# nothing is claimed by it any more: who cannot keep time is not to be trusted with what hangs on it.
WARN_FROM = dt.timedelta(seconds=5)
CLAIMS_UP_TO = dt.timedelta(seconds=60)
# Counts the time that a machine was suspended too, where there is such a clock.
_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> dt.datetime:
    """Return the database's time, aware, in UTC. Raises django.db.Error when it is away."""
    return READERS.get(connection.vendor, timezone.now)()


def _clock_timestamp() -> dt.datetime:
    with connection.cursor() as cursor:
        # PostgreSQL's `now()` is when the transaction began: postgresql.org/docs/current/functions-datetime.html.
        cursor.execute("SELECT clock_timestamp()")
        moment: dt.datetime = cursor.fetchone()[0]
    return moment.astimezone(dt.UTC)


# How each kind of database is asked; what is not named goes by the machine's clock.
# Machines' own clocks may differ by minutes; a database of SQLite's has one machine.
READERS: dict[str, Callable[[], dt.datetime]] = {"postgresql": _clock_timestamp}


def compare() -> tuple[dt.datetime, dt.timedelta]:
    """Return `now()` and how far this process's clock is ahead of it, negative when behind."""
    asked_at, present, answered_at = timezone.now(), now(), timezone.now()
    # What the question takes on its way is no difference.
    if asked_at <= present <= answered_at:
        return present, dt.timedelta(0)
    return present, answered_at - present if answered_at < present else asked_at - present


def boot() -> str:
    """Return the id of this machine's boot, in which `elapsed` counts; "" where unknown (not Linux)."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def elapsed() -> float:
    """Return seconds of a clock that nobody sets, comparable within one `boot`."""
    return time.clock_gettime(_BOOTTIME)
