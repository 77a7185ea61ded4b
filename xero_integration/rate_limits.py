"""Xero's limits for each organisation, kept across all processes by permits in the database."""

from __future__ import annotations

import datetime as dt
import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from uuid import UUID

from django.conf import settings

from c3portal.database import clock
from c3portal.processes import liveness
from xero_integration import call_metrics
from xero_integration.client import timeouts
from xero_integration.client.call_log import CallRecord
from xero_integration.client.errors import Problem, XeroUnavailable
from xero_integration.models import CallBudget, XeroConnection

# Xero counts for each app and organisation, and every call of the portal passes here, so its own count of the last
# minute is the whole count.
# https://developer.xero.com/documentation/guides/oauth2/limits/
IN_FLIGHT = 5
KEPT_FOR_CLICKS = 1
STEPS_A_MINUTE = 60
# More calls than Xero grants anyone; a header that says more is no more worth than this.
MOST_CALLS = 1_000_000
# How long bulk work and a person's click wait for a permit before they give way.
BULK_PATIENCE = 1.0
CLICK_PATIENCE = 10.0


@contextmanager
def permit(connection: XeroConnection, *, click: bool = False) -> Iterator[CallRecord]:
    """Hold a permit for one call; the caller fills in how it went. Raises XeroUnavailable."""
    key = liveness.key()
    _wait_for(connection, key, click)
    record = CallRecord()
    try:
        yield record
    finally:
        _change(connection, partial(_give_back, key=key, headers=record.headers))
        call_metrics.count(connection, record)


def require_room(connection: XeroConnection) -> None:
    """Raise XeroUnavailable when bulk work would find no permit now."""
    now = clock.now()
    refusal = _refusal(_budget(connection), now, connection, click=False)
    if refusal:
        raise refusal


def minute_left(budget: CallBudget, now: dt.datetime) -> int:
    """Return how many more calls Xero takes within this minute."""
    _forget_the_past(budget, now.timestamp())
    left: int = budget.minute_limit - sum(budget.started.values())
    return max(left, 0)


def day_left(connection: XeroConnection, *, told_after: dt.datetime) -> int | None:
    """Return how many calls of the day are left by what Xero said after then, None when it said nothing."""
    rows = CallBudget.objects.filter(connection=connection, told_at__gt=told_after)
    return rows.values_list("day_remaining", flat=True).first()


def free(dead: Collection[UUID]) -> None:
    """Give back the permits that dead processes held."""
    for budget in CallBudget.objects.exclude(in_flight={}).select_related("connection"):
        for key in budget.in_flight:
            if liveness.is_of(key, dead):
                _change(budget.connection, partial(_give_back, key=key, headers={}))


def _wait_for(connection: XeroConnection, key: str, click: bool) -> None:
    give_up_at = time.monotonic() + (CLICK_PATIENCE if click else BULK_PATIENCE)
    while True:
        refusal = _change(connection, partial(_take, connection=connection, key=key, click=click))
        if refusal is None:
            return
        # Waiting for a minute's budget or a pause would hold up other organisations; the rows wait instead.
        if refusal.problem is not Problem.ALL_TAKEN or time.monotonic() > give_up_at:
            raise refusal
        time.sleep(random.uniform(0.02, 0.06))  # noqa: S311 - no secret


def _change(
    connection: XeroConnection, decide: Callable[[CallBudget, dt.datetime], XeroUnavailable | None]
) -> XeroUnavailable | None:
    """Apply `decide` to the budget by conditional UPDATE, until nobody came in between."""
    while True:
        # Before the row is read: what is asked between that and the UPDATE gives others time to come in.
        now = clock.now()
        budget = _budget(connection)
        refusal = decide(budget, now)
        if refusal is not None:
            return refusal
        won = CallBudget.objects.filter(pk=budget.pk, version=budget.version).update(
            version=budget.version + 1,
            in_flight=budget.in_flight,
            started=budget.started,
            minute_limit=budget.minute_limit,
            day_remaining=budget.day_remaining,
            told_at=budget.told_at,
        )
        if won:
            return None


def _budget(connection: XeroConnection) -> CallBudget:
    rows = CallBudget.objects.select_related("connection")
    budget = rows.filter(connection=connection).first()
    return budget or rows.get(pk=CallBudget.objects.get_or_create(connection=connection)[0].pk)


def _take(
    budget: CallBudget, now: dt.datetime, *, connection: XeroConnection, key: str, click: bool
) -> XeroUnavailable | None:
    refusal = _refusal(budget, now, connection, click)
    if refusal is None:
        budget.in_flight[key] = (now + timeouts.call_lease()).timestamp()
        step = str(_step(now.timestamp()))
        budget.started[step] = budget.started.get(step, 0) + 1
    return refusal


def _refusal(budget: CallBudget, now: dt.datetime, connection: XeroConnection, click: bool) -> XeroUnavailable | None:
    """Return why no call may leave now, None when one may."""
    known = budget.connection
    if known.paused_until and known.paused_until > now:
        return XeroUnavailable(known.pause_reason, retry_after=known.paused_until - now, problem=Problem.PAUSED)
    _forget_the_past(budget, now.timestamp())
    # With nothing left of the day one call at a time asks Xero when it goes on.
    places = 1 if budget.day_remaining == 0 else IN_FLIGHT - (0 if click else KEPT_FOR_CLICKS)
    if len(budget.in_flight) >= places:
        return XeroUnavailable(
            f"{connection.name} is busy with other calls. Try again in a moment.",
            retry_after=dt.timedelta(seconds=1),
            problem=Problem.ALL_TAKEN,
        )
    if sum(budget.started.values()) >= budget.minute_limit:
        return XeroUnavailable(
            "Xero's limit of calls a minute is reached",
            retry_after=_until_room(budget, now.timestamp()),
            problem=Problem.MINUTE,
        )
    return None


def _forget_the_past(budget: CallBudget, now: float) -> None:
    budget.in_flight = {key: ends for key, ends in budget.in_flight.items() if ends > now}
    # Further ahead lies only what was counted before the clock was put back.
    oldest, latest = _step(now) - STEPS_A_MINUTE, _step(now) + STEPS_A_MINUTE
    budget.started = {step: count for step, count in budget.started.items() if oldest <= int(step) <= latest}


def _step(now: float) -> int:
    return int(now * STEPS_A_MINUTE / settings.XERO_MINUTE)


def _until_room(budget: CallBudget, now: float) -> dt.timedelta:
    oldest = min(map(int, budget.started), default=_step(now))
    free_at = (oldest + STEPS_A_MINUTE + 1) * settings.XERO_MINUTE / STEPS_A_MINUTE
    return dt.timedelta(seconds=max(free_at - now, 0.05))


def _give_back(budget: CallBudget, now: dt.datetime, *, key: str, headers: Mapping[str, str]) -> None:
    budget.in_flight.pop(key, None)
    day, minute = _whole(headers, "X-DayLimit-Remaining"), _whole(headers, "X-MinLimit-Remaining")
    if day is not None:
        budget.day_remaining = day
    if minute is not None:
        seen = sum(budget.started.values()) + minute
        # Of the other calls in flight some may not have reached Xero yet, so that `seen` is too high by as many.
        at_least = seen - len(budget.in_flight)
        budget.minute_limit = max(1, at_least, min(seen, budget.minute_limit))
    if day is not None or minute is not None:
        budget.told_at = now


def _whole(headers: Mapping[str, str], name: str) -> int | None:
    try:
        return max(0, min(int(headers[name]), MOST_CALLS))
    except (KeyError, ValueError):
        return None
