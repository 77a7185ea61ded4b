"""When the scheduler last sent a sweep and a worker last ran one."""

from __future__ import annotations

import logging
import time

from django.conf import settings
from django.db import Error

from c3portal.database import clock
from c3portal.models import Heartbeat

logger = logging.getLogger(__name__)

# That a process lives tells nothing: a worker can stay alive and never take another task, a scheduler go round and send
# nothing. So the sign is what was done.
Process = Heartbeat.Process

# What a process writes at most; a sign at each turn of work would be as many writes as the work itself.
EVERY_SECONDS = 5
# No sweep is missed while every process of a worker may still be at a task, whose hard limit is 180 seconds.
LONGEST_SILENCE = {Process.SCHEDULER: 60.0, Process.WORKER: 240.0}
MISSED_SWEEPS = 3

_written: dict[str, float] = {}


def beat(process: str) -> None:
    """Write that `process` did its part of a sweep. Never raises while the database is away."""
    if _just_written(process):
        return
    try:
        row = Heartbeat(process=process, seen_at=clock.now())
        Heartbeat.objects.bulk_create(
            [row], update_conflicts=True, unique_fields=["process"], update_fields=["seen_at"]
        )
    except Error:
        # What keeps the sign from being written keeps the work from being done, and says so itself.
        logger.warning("The heartbeat of the %s could not be written.", process, exc_info=True)
    else:
        _written[process] = time.monotonic()


def _just_written(process: str) -> bool:
    written = _written.get(process)
    return written is not None and time.monotonic() - written < min(EVERY_SECONDS, settings.SWEEP_EVERY)


def age(process: str) -> float | None:
    """Return the seconds since `process` did its part, None when it never did."""
    return ages().get(process)


def ages() -> dict[str, float]:
    """Return these seconds for each that ever did."""
    now = clock.now()
    rows = Heartbeat.objects.values_list("process", "seen_at")
    return {process: max((now - seen_at).total_seconds(), 0.0) for process, seen_at in rows}


def sweeps_are_missed() -> bool:
    """Whether workers that once ran sweeps have missed several."""
    # However the database's clock jumped, this process ran one just now.
    if _just_written(Process.WORKER):
        return False
    silence = age(Process.WORKER)
    return silence is not None and silence > MISSED_SWEEPS * settings.SWEEP_EVERY


def longest_silence(process: str) -> float:
    """Return the age in seconds from which on `process` counts as down."""
    sweep_every: float = settings.SWEEP_EVERY
    return max(LONGEST_SILENCE[Process(process)], MISSED_SWEEPS * sweep_every)
