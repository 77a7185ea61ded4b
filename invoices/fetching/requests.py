"""Asking for a fetch: a page opens one and has a worker called for it."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction

from c3_integration import fetches
from c3_integration.models import C3Fetch
from c3portal.audit import record as audit
from c3portal.processes.calling import call_worker

if TYPE_CHECKING:
    from c3portal.models import User

logger = logging.getLogger(__name__)

# By name, so that pages need not know the worker (invoices/tasks.py).
TASK = "invoices.tasks.fetch_from_c3"


def by_user(user: User, source: audit.Source) -> C3Fetch:
    """Return a new fetch, for which a worker is called after commit. Raises AlreadyFetching."""
    with transaction.atomic():
        fetch = fetches.open_one(C3Fetch.Trigger.USER, user=user)
        audit.record(source, audit.Action.IMPORT, "Fetch from C3 asked for", after={"Fetch": fetch.pk})
        transaction.on_commit(partial(wake, fetch.pk), robust=True)
    return fetch


def wake(fetch_id: int) -> None:
    """Call a worker for a fetch that waits."""
    if not call_worker(TASK, fetch_id):
        logger.warning("The broker cannot be reached; the fetch from C3 begins once it is back.")
