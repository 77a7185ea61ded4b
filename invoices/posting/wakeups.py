"""Waking workers by a message that names the task and the organisation."""

from __future__ import annotations

import logging
from functools import partial

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

# The task that does what is due for an organisation (invoices/tasks.py).
# By name, so that pages need not know the worker.
WORK = "invoices.tasks.work"


def wake(connection_id: int, *, workers: int = 1, spread: bool = True, after: float = 0) -> None:
    """Ask `workers` workers to look after this organisation in `after` seconds."""
    for _ in range(workers):
        try:
            current_app.send_task(WORK, (connection_id, spread), countdown=after)
        except OperationalError:
            logger.warning("The broker cannot be reached; the sweep sends what is queued once it is back.")
            return


def wake_after_commit(connection_id: int) -> None:
    """Wake one worker after commit."""
    transaction.on_commit(partial(wake, connection_id), robust=True)
