"""Xero's limits, kept across all workers: five calls in flight, so many a minute and a day, and none in a pause."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
import time
from contextlib import ExitStack
from typing import Any

import pytest
from django.utils import timezone

from c3portal.testing import at_once
from xero_integration import connections, rate_limits
from xero_integration.client import timeouts
from xero_integration.client.errors import Problem, XeroUnavailable
from xero_integration.models import CallBudget, XeroConnection
from xero_integration.tests.consent_walk import NEW_ZEALAND

pytestmark = pytest.mark.django_db


def call(connection: XeroConnection, *, click: bool = False, times: int = 1) -> None:
    """Make a call to Xero as the portal does, or so many."""
    for _ in range(times):
        connections.call(connection, lambda gateway: gateway.read("Organisation"), click=click)


def now(connection: XeroConnection) -> XeroConnection:
    return XeroConnection.objects.get(pk=connection.pk)


def budget(connection: XeroConnection) -> CallBudget:
    return CallBudget.objects.get(connection=connection)


def answer(record: Any, *, minute: int | None = None, day: int | None = None) -> None:
    """Fill in what an answer's headers tell."""
    headers = {"X-MinLimit-Remaining": minute, "X-DayLimit-Remaining": day}
    record.headers = {name: str(value) for name, value in headers.items() if value is not None}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who finds all permits taken gives up at once."""
    monkeypatch.setattr(rate_limits, "BULK_PATIENCE", 0)
    monkeypatch.setattr(rate_limits, "CLICK_PATIENCE", 0)


@pytest.fixture
def alone(db: None) -> XeroConnection:
    """An organisation that nobody calls."""
    return XeroConnection.objects.create(tenant_id="tenant", connection_id="connection", name="Contoso Cloud (AU)")


# Calls in flight


@pytest.mark.both_databases
@pytest.mark.usefixtures("impatient")
def test_four_calls_of_the_workers_and_one_click_are_in_flight_at_most(alone: XeroConnection) -> None:
    with ExitStack() as held:
        for _ in range(4):
            held.enter_context(rate_limits.permit(alone))
        with pytest.raises(XeroUnavailable, match="busy with other calls") as caught:
            held.enter_context(rate_limits.permit(alone))
        assert caught.value.problem == Problem.ALL_TAKEN
        held.enter_context(rate_limits.permit(alone, click=True))
        with pytest.raises(XeroUnavailable, match="busy with other calls"):
            held.enter_context(rate_limits.permit(alone, click=True))
    assert budget(alone).in_flight == {}
    with rate_limits.permit(alone):
        assert len(budget(alone).in_flight) == 1


@pytest.mark.usefixtures("impatient")
def test_a_call_that_fails_gives_its_permit_back(alone: XeroConnection) -> None:
    with pytest.raises(ZeroDivisionError), rate_limits.permit(alone):
        raise ZeroDivisionError
    assert budget(alone).in_flight == {}


@pytest.mark.both_databases
@pytest.mark.usefixtures("impatient")
def test_the_permit_of_a_process_that_died_comes_free(alone: XeroConnection, time_machine: Any) -> None:
    with ExitStack() as never_given_back:
        for _ in range(4):
            never_given_back.enter_context(rate_limits.permit(alone))
        with pytest.raises(XeroUnavailable):
            rate_limits.require_room(alone)
        time_machine.move_to(timezone.now() + timeouts.call_lease() + dt.timedelta(seconds=1))
        with rate_limits.permit(alone):
            assert len(budget(alone).in_flight) == 1


@pytest.mark.django_db(transaction=True)
def test_who_finds_all_permits_taken_waits_for_the_next(alone: XeroConnection) -> None:
    with ExitStack() as held:
        for _ in range(4):
            held.enter_context(rate_limits.permit(alone))
        first = held.pop_all()
        threading.Timer(0.1, first.close).start()
        with rate_limits.permit(alone):
            assert len(budget(alone).in_flight) >= 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_xero_never_sees_more_than_five_calls_at_once(connected: XeroConnection, sandbox: Any, settings: Any) -> None:
    sandbox.forget()
    sandbox.set_limits(latency_seconds=0.05, minute=1000)
    CallBudget.objects.update(minute_limit=1000)
    done = at_once(8, lambda turn: _some_calls(connected, click=turn >= 6))
    assert sum(done) == 8 * 3
    assert 4 <= sandbox.state()["max_in_flight"] <= rate_limits.IN_FLIGHT
    assert sandbox.violations() == []


def _some_calls(connection: XeroConnection, *, click: bool) -> int:
    made = 0
    while made < 3:
        try:
            call(connection, click=click)
        except XeroUnavailable as error:
            if error.problem != Problem.ALL_TAKEN:
                raise
        else:
            made += 1
    return made


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_no_call_is_lost_from_the_count_when_many_change_it_at_once(alone: XeroConnection) -> None:
    CallBudget.objects.create(connection=alone, minute_limit=1000)

    def many(turn: int) -> None:
        for _ in range(10):
            with rate_limits.permit(alone, click=True):
                pass

    at_once(5, many)
    assert sum(budget(alone).started.values()) == 50
    assert budget(alone).in_flight == {}
    # A permit is taken by one change, and given back by another.
    assert budget(alone).version == 100


# The minute


def test_the_minute_is_learnt_from_the_headers(alone: XeroConnection) -> None:
    for remaining in (19, 18):
        with rate_limits.permit(alone) as record:
            answer(record, minute=remaining)
    assert budget(alone).minute_limit == 20
    for _ in range(18):
        with rate_limits.permit(alone):
            pass
    with pytest.raises(XeroUnavailable, match="limit of calls a minute") as caught:
        rate_limits.permit(alone).__enter__()
    assert caught.value.problem == "minute"
    assert dt.timedelta(seconds=55) < caught.value.retry_after < dt.timedelta(seconds=63)


def test_calls_of_a_minute_ago_do_not_count(alone: XeroConnection, time_machine: Any) -> None:
    began = timezone.now()
    with rate_limits.permit(alone) as record:
        answer(record, minute=0)
    with pytest.raises(XeroUnavailable) as caught:
        rate_limits.require_room(alone)
    time_machine.move_to(began + caught.value.retry_after + dt.timedelta(seconds=1))
    rate_limits.require_room(alone)


def test_headers_that_are_missing_or_odd_teach_nothing(alone: XeroConnection) -> None:
    for headers in ({}, {"X-MinLimit-Remaining": "many", "X-DayLimit-Remaining": ""}):
        with rate_limits.permit(alone) as record:
            record.headers = headers
    assert (budget(alone).minute_limit, budget(alone).day_remaining) == (60, None)


def test_calls_in_flight_do_not_make_the_limit_look_larger(alone: XeroConnection) -> None:
    with rate_limits.permit(alone), rate_limits.permit(alone) as record:
        answer(record, minute=59)
    assert budget(alone).minute_limit == 60


def test_a_limit_once_thought_too_low_rises_again_while_others_are_in_flight(alone: XeroConnection) -> None:
    with rate_limits.permit(alone) as record:
        answer(record, minute=9)
    assert budget(alone).minute_limit == 10
    with rate_limits.permit(alone), rate_limits.permit(alone) as record:
        answer(record, minute=58)
    # Three started and 58 left make 61; the other call may not be among those that Xero counted.
    assert budget(alone).minute_limit == 60


def test_the_portal_stops_by_itself_before_xero_says_so(connected: XeroConnection, sandbox: Any) -> None:
    sandbox.forget()
    sandbox.set_limits(minute=12)
    with pytest.raises(XeroUnavailable, match="limit of calls a minute") as caught:
        call(connected, times=30)
    assert dt.timedelta(0) < caught.value.retry_after < dt.timedelta(seconds=63)
    assert {each["status"] for each in sandbox.calls()} == {200}
    assert sandbox.violations() == []


# The day


def test_with_nothing_left_of_the_day_one_call_at_a_time_asks(alone: XeroConnection) -> None:
    with rate_limits.permit(alone) as record:
        answer(record, minute=50, day=0)
    with rate_limits.permit(alone, click=True), pytest.raises(XeroUnavailable):
        rate_limits.require_room(alone)
    with rate_limits.permit(alone) as record:
        answer(record, minute=50, day=4999)
    with rate_limits.permit(alone):
        rate_limits.require_room(alone)


def test_the_daily_limit_pauses_until_xero_goes_on_and_says_so(
    connected: XeroConnection, sandbox: Any, time_machine: Any
) -> None:
    sandbox.place_fault("429_day", seconds=40_000)
    began = timezone.now()
    with pytest.raises(XeroUnavailable):
        call(connected)
    paused = now(connected)
    assert paused.pause_reason == "Xero's daily limit is reached"
    assert paused.paused_until is not None
    assert dt.timedelta(0) <= paused.paused_until - began - dt.timedelta(seconds=40_000) < dt.timedelta(seconds=30)

    sandbox.forget()
    time_machine.move_to(paused.paused_until + dt.timedelta(seconds=1))
    sandbox.shift_clock(40_010)
    call(connected)
    assert sandbox.violations() == []


# Pauses


@pytest.mark.parametrize("fault", ["429_minute", "429_day", "429_concurrent"])
@pytest.mark.parametrize("met_by_a_click", [True, False])
def test_nothing_is_sent_in_a_pause_not_even_by_a_click(
    connected: XeroConnection, sandbox: Any, fault: str, met_by_a_click: bool
) -> None:
    sandbox.place_fault(fault)
    with pytest.raises(XeroUnavailable):
        call(connected, click=met_by_a_click)
    sandbox.forget()
    for click in (True, False):
        with pytest.raises(XeroUnavailable) as caught:
            call(connected, click=click)
        assert caught.value.problem == "paused"
        assert str(caught.value) == now(connected).pause_reason
        assert caught.value.retry_after > dt.timedelta(0)
    with pytest.raises(XeroUnavailable):
        rate_limits.require_room(connected)
    assert sandbox.calls() == []
    assert sandbox.violations() == []


@pytest.mark.parametrize("fault", ["429_minute", "429_day", "429_concurrent"])
def test_one_organisations_pause_never_holds_up_another(both: list[XeroConnection], sandbox: Any, fault: str) -> None:
    first, second = both
    sandbox.place_fault(fault)
    with pytest.raises(XeroUnavailable):
        call(first)
    sandbox.forget()
    with pytest.raises(XeroUnavailable):
        call(first)
    call(second)
    assert [each["tenant"] for each in sandbox.calls()] == [second.tenant_id]
    assert second.name == NEW_ZEALAND
    assert not now(second).is_paused(timezone.now())
    assert sandbox.violations() == []


@pytest.mark.usefixtures("impatient")
def test_one_organisations_calls_take_no_permits_of_another(both: list[XeroConnection]) -> None:
    first, second = both
    with ExitStack() as held:
        for connection, _ in itertools.product((first, second), range(4)):
            held.enter_context(rate_limits.permit(connection))
        for connection in (first, second):
            with pytest.raises(XeroUnavailable):
                rate_limits.require_room(connection)


def test_a_permit_takes_two_changes_and_no_more(alone: XeroConnection, django_assert_max_num_queries: Any) -> None:
    rate_limits.require_room(alone)
    with django_assert_max_num_queries(4) as queries, rate_limits.permit(alone):
        pass
    changes = [query["sql"].split()[0] for query in queries if not query["sql"].startswith("SELECT")]
    assert changes == ["UPDATE", "UPDATE"]


def test_a_wait_for_a_permit_has_an_end(alone: XeroConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "BULK_PATIENCE", 0.2)
    with ExitStack() as held:
        for _ in range(4):
            held.enter_context(rate_limits.permit(alone))
        began = time.monotonic()
        with pytest.raises(XeroUnavailable):
            held.enter_context(rate_limits.permit(alone))
    assert 0.2 <= time.monotonic() - began < 5
