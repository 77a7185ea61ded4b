"""Celery's scheduler, with a sign of life: what `celery beat` runs."""

from __future__ import annotations

from typing import Any

from celery.beat import PersistentScheduler
from django.db import close_old_connections

from c3portal import heartbeats


class Scheduler(PersistentScheduler):
    """Keeps its schedule as Celery's own does, and says at each turn that it lives."""

    # A turn waits for the next due task or this long, and the sign of life must not wait for a rare task.
    max_interval = heartbeats.EVERY_SECONDS

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Run what is due; return the seconds until the next turn."""
        # Nobody else closes a connection that the database has ended meanwhile.
        close_old_connections()
        heartbeats.beat(heartbeats.Process.SCHEDULER)
        seconds: float = super().tick(*args, **kwargs)
        return seconds
