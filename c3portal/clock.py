"""The database's clock: the one by which machines judge each other.

Leases, permits, pauses and heartbeats are set by one machine and read by another, whose own clocks may differ by
minutes. On SQLite the machine's clock is the database's, since there is one machine.
"""

from __future__ import annotations

import datetime as dt

from django.db import connection
from django.utils import timezone


def now() -> dt.datetime:
    """Return the database's present time, aware, in UTC. Raises django.db.Error when the database is away."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: dt.datetime = cursor.fetchone()[0]
    return moment.astimezone(dt.UTC)
