"""Celery's scheduler as `celery beat` runs it here: one at a time, in no file."""

from __future__ import annotations

import datetime as dt
import logging
import os
import socket
import uuid
from typing import Any

from celery.beat import ScheduleEntry
from celery.beat import Scheduler as CelerysScheduler
from django.db import Error, close_old_connections

from c3portal.database import clock
from c3portal.processes import heartbeats, leases, moments

logger = logging.getLogger(__name__)

LEASE = "scheduler"
# How long nobody sends anything after a scheduler died without giving the lease back.
LEASE_SECONDS = 15
SWEEP = "sweep"


class Scheduler(CelerysScheduler):
    """Sends what is due while it is the one scheduler; another waits."""

    # A turn waits for the next due task or this long, and the lease must be renewed in time.
    max_interval = 5

    name = ""
    # None until the first turn has asked.
    is_the_one: bool | None = None
    rival = ""
    _is_at_it = False

    def setup_schedule(self) -> None:
        self.name = f"{socket.gethostname()}, process {os.getpid()} ({uuid.uuid4().hex[:8]})"[-120:]
        super().setup_schedule()
        self._go_on()

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due; return the seconds until the next turn."""
        self._is_at_it = True
        try:
            # Nobody else closes a connection that the database has ended meanwhile.
            close_old_connections()
            return self._turn(*args, **kwargs)
        finally:
            self._is_at_it = False

    def _turn(self, *args: Any, **kwargs: Any) -> float:
        if not self._may_send():
            return float(self.max_interval)
        self._forget_the_future()
        seconds: float = super().tick(*args, **kwargs)
        return seconds

    def apply_async(self, entry: ScheduleEntry, *args: Any, **kwargs: Any) -> Any:
        sent = super().apply_async(entry, *args, **kwargs)
        if entry.name == SWEEP:
            # What the scheduler is judged by.
            heartbeats.beat(heartbeats.Process.SCHEDULER)
        return sent

    def sync(self) -> None:
        """Keep when each task was last sent."""
        if not self.is_the_one:
            return
        try:
            now = clock.now()
            # Celery calls it every three minutes and at the end. Another scheduler goes on from here; a file of
            # Celery's own kept a moment from a clock that was ahead, and sent nothing until that moment came.
            moments.note_all({_moment(entry): now - _age(entry) for entry in self.schedule.values()})
        except Error:
            logger.warning("When tasks were last sent could not be kept.", exc_info=True)

    def close(self) -> None:
        """Keep what was sent, and let the next scheduler begin at once."""
        if self._is_at_it:
            # Celery calls it from a signal's handler, in the middle of anything, and once more when the turn has ended.
            return
        super().close()
        try:
            leases.give_back(LEASE, self.name)
        except Error:
            logger.warning("The lease of the scheduler could not be given back.", exc_info=True)

    def _may_send(self) -> bool:
        try:
            lease = leases.take(LEASE, self.name, LEASE_SECONDS)
        except Error:
            logger.warning("The lease of the scheduler could not be renewed.", exc_info=True)
            # Whoever was the one goes on: a task that is sent twice finds nothing left to do.
            return bool(self.is_the_one)
        self._log_holder(lease.holder, lease.rival)
        is_the_one = lease.holder == self.name
        if is_the_one and self.is_the_one is False:
            self._go_on()
        self.is_the_one = is_the_one
        return is_the_one

    def _log_holder(self, holder: str, rival: str) -> None:
        is_the_one = holder == self.name
        if is_the_one and not self.is_the_one:
            level = logging.INFO if self.is_the_one is None else logging.WARNING
            logger.log(level, "This scheduler sends the tasks from now on: %s.", holder)
        if not is_the_one and self.is_the_one is not False:
            logger.warning(
                "Another scheduler is at work: %s. This one, %s, does nothing until that one is gone.",
                holder,
                self.name,
            )
        if is_the_one and rival and rival != self.rival:
            logger.warning("Another scheduler, %s, was started beside this one; it does nothing.", rival)
            self.rival = rival

    def _go_on(self) -> None:
        try:
            now, sent = clock.now(), moments.every()
        except Error:
            # Everything counts as just sent.
            logger.warning("When tasks were last sent could not be read.", exc_info=True)
            return
        for entry in self.schedule.values():
            if at := sent.get(_moment(entry)):
                entry.last_run_at = entry.default_now() - max(now - at, dt.timedelta())
        self._heap = None

    def _forget_the_future(self) -> None:
        # The clock was ahead when they were sent, and has been put right since.
        ahead = [entry for entry in self.schedule.values() if _age(entry) < dt.timedelta()]
        for entry in ahead:
            logger.warning("The clock was put back: %s counts as sent just now.", entry.name)
            entry.last_run_at = entry.default_now()
        if ahead:
            # Whatever was planned by the clock as it was is planned anew.
            self._heap = None


def _moment(entry: ScheduleEntry) -> str:
    return f"sent {entry.name}"[:60]


def _age(entry: ScheduleEntry) -> dt.timedelta:
    now, sent = entry.default_now(), entry.last_run_at or entry.default_now()
    return now - sent
