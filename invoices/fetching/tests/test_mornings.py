"""The scheduler's fetch: once each morning, a missed one made up for, never two at once; and what is told of it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine

from c3_integration import fetches
from c3_integration.models import C3Fetch, C3Settings
from c3portal.models import Delivery, Notice, User
from invoices import notifications, tasks
from invoices.fetching import mornings
from invoices.fetching.tests.conftest import fetched
from invoices.models import ImportProfile, ImportSettings

pytestmark = [pytest.mark.django_db]
State, Problem, Trigger = C3Fetch.State, C3Fetch.Problem, C3Fetch.Trigger
SYDNEY = "Australia/Sydney"
MORNING = dt.datetime(2026, 11, 20, 6, 0, tzinfo=dt.UTC)


@pytest.fixture
def saved(app: C3Settings) -> C3Settings:
    """Settings that were saved the evening before."""
    C3Settings.objects.update(updated_at=MORNING - dt.timedelta(hours=10))
    return C3Settings.load()


def due_at(moment: dt.datetime) -> C3Fetch | None:
    with time_machine.travel(moment, tick=False):
        return mornings.open_what_is_due()


def closed(fetch: C3Fetch, at: dt.datetime, state: str = State.DONE, problem: str = "") -> None:
    C3Fetch.objects.filter(pk=fetch.pk).update(state=state, problem=problem, is_open=None, finished_at=at)


def test_it_is_due_from_its_hour_on_and_once(saved: C3Settings) -> None:
    assert due_at(MORNING - dt.timedelta(seconds=1)) is None
    made = due_at(MORNING)
    assert made is not None
    assert made.trigger == Trigger.SCHEDULE
    closed(made, MORNING)
    assert due_at(MORNING + dt.timedelta(hours=17)) is None
    assert due_at(MORNING + dt.timedelta(days=1)) is not None


def test_a_missed_morning_is_made_up_for_once_however_many_were_missed(saved: C3Settings) -> None:
    late = MORNING + dt.timedelta(days=3, hours=11)
    made = due_at(late)
    assert made is not None
    closed(made, late)
    assert due_at(late + dt.timedelta(hours=1)) is None


def test_settings_of_today_have_no_morning_to_make_up_for(saved: C3Settings) -> None:
    C3Settings.objects.update(updated_at=MORNING + dt.timedelta(minutes=5))
    assert due_at(MORNING + dt.timedelta(hours=1)) is None
    assert due_at(MORNING + dt.timedelta(days=1)) is not None


@pytest.mark.parametrize(
    ("own", "billing", "hour_in_utc"),
    [
        ("", "", 6),
        ("Australia/Sydney", "", 19),
        ("", "Australia/Sydney", 19),
        ("America/New_York", "Australia/Sydney", 11),
    ],
)
def test_the_hour_is_that_of_the_time_zone(saved: C3Settings, own: str, billing: str, hour_in_utc: int) -> None:
    C3Settings.objects.update(time_zone=own)
    ImportSettings.objects.create(pk=1, time_zone=billing)
    morning = mornings.last_morning(C3Settings.load(), MORNING + dt.timedelta(hours=18))
    assert morning.astimezone(dt.UTC).hour == hour_in_utc


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_every_day_of_the_year_has_one_morning(saved: C3Settings, zone: str) -> None:
    C3Settings.objects.update(time_zone=zone, fetch_hour=2)
    app = C3Settings.load()
    hours = (MORNING + dt.timedelta(hours=hour) for hour in range(366 * 24))
    assert len({mornings.last_morning(app, hour).date() for hour in hours}) == 367


@pytest.mark.parametrize("off", [{"fetch_enabled": False}, {"client_secret": ""}, {"api_url": ""}])
def test_what_is_switched_off_or_incomplete_is_not_due(saved: C3Settings, off: dict[str, Any]) -> None:
    C3Settings.objects.update(**off)
    assert due_at(MORNING) is None


def test_while_a_person_fetches_the_morning_waits(saved: C3Settings) -> None:
    by_hand = fetches.open_one(Trigger.USER)
    assert due_at(MORNING) is None
    closed(by_hand, MORNING)
    assert due_at(MORNING + dt.timedelta(minutes=1)) is not None


@pytest.mark.parametrize(
    ("problem", "tries"), [(Problem.UNAVAILABLE, 3), (Problem.STOPPED, 3), (Problem.SIGN_IN, 1), (Problem.REFUSED, 1)]
)
def test_what_passes_is_tried_again_the_same_morning_so_often(saved: C3Settings, problem: str, tries: int) -> None:
    count, moment = 0, MORNING
    for _ in range(20):
        if made := due_at(moment):
            count += 1
            closed(made, moment, State.FAILED, problem)
            assert due_at(moment + dt.timedelta(minutes=10)) is None
        moment += dt.timedelta(minutes=31)
    assert count == tries


def test_the_task_opens_one_and_calls_a_worker_for_what_waits(
    saved: C3Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[int] = []
    monkeypatch.setattr("invoices.fetching.requests.wake", called.append)
    with time_machine.travel(MORNING, tick=False):
        tasks.fetch_when_due()
        tasks.fetch_when_due()
    assert called == [C3Fetch.objects.get().pk] * 2


def test_the_worker_does_it_once_however_often_it_is_called(
    saved: C3Settings, profile: ImportProfile, c3_sandbox: Any
) -> None:
    made = fetches.open_one(Trigger.USER)
    for _ in range(2):
        tasks.fetch_from_c3(made.pk)
    tasks.fetch_from_c3(made.pk + 1)
    assert len(c3_sandbox.calls("periods")) == 1


def test_a_sweep_closes_what_a_process_left(saved: C3Settings, sweep: Any) -> None:
    made = fetches.open_one(Trigger.SCHEDULE)
    fetches.take(made)
    C3Fetch.objects.update(lease_until=MORNING)
    sweep()
    assert C3Fetch.objects.get().problem == Problem.STOPPED


# What is told


def test_a_failed_morning_is_told_once_a_day(saved: C3Settings, c3_sandbox: Any, finance_admin: User) -> None:
    c3_sandbox.place_fault("error_at_200", times=None)
    for _ in range(2):
        fetched(Trigger.SCHEDULE)
        notifications.find()
    notice = Notice.objects.get()
    assert notice.subject == "Fetching invoices from C3 failed"
    assert "An error occurred while processing the request" in notice.body
    assert C3Fetch.objects.latest("-pk").correlation_id in notice.body
    assert Delivery.objects.filter(user=finance_admin).exists()


def test_a_fetch_that_a_person_watches_is_not_told(saved: C3Settings, c3_sandbox: Any) -> None:
    c3_sandbox.place_fault("error_at_200", times=None)
    fetched()
    assert notifications.c3_fetches() == 0


def test_what_waits_for_someone_is_told(saved: C3Settings) -> None:
    fetched(Trigger.SCHEDULE)
    assert notifications.c3_fetches() == 1
    assert notifications.c3_fetches() == 0
    notice = Notice.objects.get()
    assert notice.subject == "3 billing periods from C3 wait for someone to match columns"
    assert "C3 20261018.json" in notice.body


def test_a_morning_that_went_well_is_not_told(saved: C3Settings, profile: ImportProfile) -> None:
    fetched(Trigger.SCHEDULE)
    assert notifications.c3_fetches() == 0
