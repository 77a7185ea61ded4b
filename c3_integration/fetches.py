"""The fetch that is open: there is one, it belongs to one process, and it says how far it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q

from c3_integration.client.errors import Problem
from c3_integration.models import C3Fetch
from c3portal.database import clock
from c3portal.processes import liveness

if TYPE_CHECKING:
    from c3portal.models import User

State = C3Fetch.State
# For a process that nobody watches, as the command's: longer than the longest silence of a download, the longest pause
# between tries and the longest import. Of the others a dead one loses it sooner, and a living one never.
LEASE = dt.timedelta(hours=1)
STOPPED = (
    "The fetch was cut short: the process that made it stopped. What was imported until then is complete. Fetch again."
)


class AlreadyFetching(Exception):
    """Another fetch is open: `fetch`."""

    def __init__(self, fetch: C3Fetch | None) -> None:
        super().__init__("Invoices are being fetched from C3 already.")
        self.fetch = fetch


class LeaseLost(Exception):
    """The fetch is another's now, or was closed: whoever notices stops."""


def current() -> C3Fetch | None:
    """Return the fetch that is open, or None."""
    return C3Fetch.objects.filter(is_open=True).first()


def last() -> C3Fetch | None:
    """Return the newest fetch, or None."""
    return C3Fetch.objects.first()


def open_one(trigger: str, *, user: User | None = None, only_period: str = "") -> C3Fetch:
    """Return a new fetch that waits for a process. Raises AlreadyFetching."""
    try:
        with transaction.atomic():
            return C3Fetch.objects.create(trigger=trigger, user=user, only_period=only_period, started_at=clock.now())
    except IntegrityError as error:
        raise AlreadyFetching(current()) from error


def take(fetch: C3Fetch) -> bool:
    """Take a waiting fetch in hand. Returns False when another has it, or it ended."""
    now, holder = clock.now(), liveness.key()
    if not liveness.may_claim(now):
        return False
    waiting = C3Fetch.objects.filter(pk=fetch.pk, state=State.WAITING)
    won = waiting.update(state=State.RUNNING, lease_holder=holder, lease_until=now + LEASE)
    fetch.refresh_from_db()
    return bool(won)


def report(fetch: C3Fetch, **facts: Any) -> None:
    """Keep how far it is, and go on having it in hand. Raises LeaseLost."""
    _write(fetch, lease_until=clock.now() + LEASE, **facts)


def finish(fetch: C3Fetch, state: str, **facts: Any) -> None:
    """Close it. Raises LeaseLost."""
    ended = {"is_open": None, "lease_until": None, "finished_at": clock.now(), "period": ""}
    _write(fetch, state=state, **ended, **facts)


def _write(fetch: C3Fetch, **facts: Any) -> None:
    mine = C3Fetch.objects.filter(pk=fetch.pk, state=State.RUNNING, lease_holder=fetch.lease_holder)
    if not mine.update(**facts):
        raise LeaseLost
    for name, value in facts.items():
        setattr(fetch, name, value)


def free(dead: Collection[UUID]) -> int:
    """Close what dead processes had in hand, and what nobody who lives renewed. Returns how many."""
    now, count, living = clock.now(), 0, liveness.living()
    for fetch in C3Fetch.objects.filter(state=State.RUNNING):
        is_over = fetch.lease_until is None or fetch.lease_until < now
        late = is_over and not liveness.is_of(fetch.lease_holder, living)
        if late or liveness.is_of(fetch.lease_holder, dead):
            mine = C3Fetch.objects.filter(Q(lease_holder=fetch.lease_holder), pk=fetch.pk, state=State.RUNNING)
            count += mine.update(
                state=State.FAILED,
                problem=Problem.STOPPED,
                reason=STOPPED,
                is_open=None,
                lease_until=None,
                finished_at=now,
            )
    return count
