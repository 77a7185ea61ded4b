"""Waking workers by a message that names the task and the organisation."""

from __future__ import annotations

import logging
from functools import partial

from django.db import transaction

from c3portal.processes.calling import call_worker

logger = logging.getLogger(__name__)

# The task that does what is due for an organisation (invoices/tasks.py).
# By name, so that pages need not know the worker.
WORK = "invoices.tasks.work"


def wake(connection_id: int, *, workers: int = 1, spread: bool = True, after: float = 0) -> None:
    """Ask `workers` workers to look after this organisation in `after` seconds."""
    for _ in range(workers):
        if not call_worker(WORK, connection_id, spread, after=after):
            logger.warning("The broker cannot be reached; the sweep sends what is queued once it is back.")
            return


def wake_after_commit(connection_id: int) -> None:
    """Wake one worker after commit."""
    transaction.on_commit(partial(wake, connection_id), robust=True)
