"""Waking workers: a message names the task and the organisation, and no more, so pages need not know the worker."""

from __future__ import annotations

import logging
from functools import partial

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

# The task that does what is due for an organisation (invoices/tasks.py).
WORK = "invoices.tasks.work"


def wake(connection_id: int, *, workers: int = 1, spread: bool = True, after: float = 0) -> None:
    """Ask `workers` workers to look after this organisation in `after` seconds. A broker that is down only delays: the
    sweep comes."""
    for _ in range(workers):
        try:
            current_app.send_task(WORK, (connection_id, spread), countdown=after)
        except OperationalError:
            logger.warning("The broker cannot be reached; the sweep sends what is queued once it is back.")
            return


def wake_after_commit(connection_id: int) -> None:
    """Wake a worker for this organisation as soon as what was queued is committed."""
    transaction.on_commit(partial(wake, connection_id), robust=True)
