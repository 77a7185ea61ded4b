"""The database's clock: the one by which machines judge each other.

Leases, permits, pauses and heartbeats are set by one machine and read by another, whose own clocks may differ by
minutes. On SQLite the machine's clock is the database's, since there is one machine.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path

from django.db import connection
from django.utils import timezone

# From here on a clock that differs from the database's is told to those who look after the machines, and from here on
# nothing is claimed by it any more: who cannot keep time is not to be trusted with what hangs on it.
TOLD_FROM = dt.timedelta(seconds=5)
CLAIMS_UP_TO = dt.timedelta(seconds=60)
# Counts the time that a machine was suspended too, where there is such a clock.
_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> dt.datetime:
    """Return the database's present time, aware, in UTC. Raises django.db.Error when the database is away."""
    return READERS.get(connection.vendor, timezone.now)()


def _clock_timestamp() -> dt.datetime:
    """Not the time at which the transaction began, which is what `now()` means to PostgreSQL."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: dt.datetime = cursor.fetchone()[0]
    return moment.astimezone(dt.UTC)


# How each kind of database is asked; what is not named goes by the machine's clock.
READERS: dict[str, Callable[[], dt.datetime]] = {"postgresql": _clock_timestamp}


def compare() -> tuple[dt.datetime, dt.timedelta]:
    """Return the database's present time, and by how much this process's own clock is ahead of it (less than nothing:
    behind it). What the question takes on its way is no difference. Raises as `now`."""
    asked_at, present, answered_at = timezone.now(), now(), timezone.now()
    if asked_at <= present <= answered_at:
        return present, dt.timedelta(0)
    return present, answered_at - present if answered_at < present else asked_at - present


def boot() -> str:
    """Return the id of this machine's present run, in which `elapsed` counts; "" where it has none (not Linux)."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def elapsed() -> float:
    """Return the seconds of a clock that nobody sets and that runs on while the process or the machine stands still;
    two of its readings on one machine tell how much time has gone by."""
    return time.clock_gettime(_BOOTTIME)
