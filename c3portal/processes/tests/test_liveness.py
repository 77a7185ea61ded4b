"""Signs of life: who died is soon known to be dead, who is slow loses nothing, who stalled claims nothing."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from c3portal.database import clock
from c3portal.models import LiveProcess
from c3portal.processes import liveness
from c3portal.processes.liveness import SIGN_EVERY, SILENCE, Kind, Life

pytestmark = pytest.mark.django_db


class Time:
    """Time that passes when it is told to, by all clocks that a process has."""

    def __init__(self) -> None:
        self.elapsed = 1_000.0
        self.database = timezone.now()
        self.own = self.database

    def pass_by(self, seconds: float) -> None:
        self.elapsed += seconds
        self.database += dt.timedelta(seconds=seconds)
        self.own += dt.timedelta(seconds=seconds)


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(clock, "elapsed", lambda: time.elapsed)
    monkeypatch.setattr(clock, "now", lambda: time.database)
    monkeypatch.setattr(timezone, "now", lambda: time.own)
    return time


@pytest.fixture
def freed() -> list[str]:
    return []


@pytest.fixture
def born(freed: list[str]) -> Callable[[], Life]:
    """Return a function that has a worker begin."""

    def born() -> Life:
        life = Life(Kind.WORKER, lambda: freed.append("freed"))
        life.sign()
        return life

    return born


@pytest.fixture
def this_process(born: Callable[[], Life], passing: Time, monkeypatch: pytest.MonkeyPatch) -> Life:
    """This process is known to live."""
    monkeypatch.setattr(liveness, "_lives", [born()])
    return liveness._lives[0]


def turn(passing: Time, *lives: Life, seconds: float = SIGN_EVERY) -> None:
    """Some time passes, and these give their signs and declare others dead."""
    passing.pass_by(seconds)
    for life in lives:
        life.sign()
    for life in lives:
        life.declare_dead()


def is_dead(life: Life) -> bool:
    return LiveProcess.objects.filter(pk=life.id).exclude(dead_at=None).exists()


def test_a_process_that_died_is_known_dead_within_20_seconds(
    passing: Time, born: Callable[[], Life], freed: list[str]
) -> None:
    one, other = born(), born()
    for _ in range(4):
        turn(passing, one, other)
    died = passing.elapsed
    while not is_dead(other):
        turn(passing, one)
        assert passing.elapsed - died <= 20
    assert freed == ["freed"]
    assert liveness.dead() == {other.id}
    assert not is_dead(one)


def test_who_broke_off_its_work_holds_nothing_any_more(
    passing: Time, this_process: Life, born: Callable[[], Life], freed: list[str]
) -> None:
    other, before = born(), liveness.current()
    for _ in range(4):
        turn(passing, this_process, other)
    with pytest.raises(DatabaseError), liveness.released_on_error():
        raise DatabaseError("the database was away")
    assert not liveness.may_claim(clock.now()), "Nobody knows it yet under its new id"
    for _ in range(5):
        turn(passing, this_process, other)
    assert liveness.may_claim(clock.now())
    assert liveness.dead() == {before}
    assert freed == ["freed"]


def test_a_slow_process_loses_nothing(passing: Time, born: Callable[[], Life], freed: list[str]) -> None:
    one, slow = born(), born()
    for _ in range(8):
        turn(passing, one)
        turn(passing, one, slow)
    assert freed == []
    assert not is_dead(slow)


def test_a_database_that_was_away_makes_nobody_dead(passing: Time, born: Callable[[], Life], freed: list[str]) -> None:
    one, other = born(), born()
    for _ in range(4):
        turn(passing, one, other)
    # Nobody could sign for a minute; whoever comes first must not bury the rest.
    turn(passing, one, seconds=60)
    turn(passing, one, other)
    turn(passing, one, other)
    turn(passing, one, other)
    assert freed == []
    assert not is_dead(other)


def test_a_machine_that_was_suspended_makes_nobody_dead(
    passing: Time, born: Callable[[], Life], freed: list[str]
) -> None:
    one, other = born(), born()
    for _ in range(4):
        turn(passing, one, other)
    turn(passing, one, seconds=3600)
    turn(passing, other, seconds=0.1)
    turn(passing, one, other)
    assert freed == []


def test_who_stalled_goes_on_under_a_new_id_and_claims_nothing_before(passing: Time, this_process: Life) -> None:
    other = Life(Kind.WEB, lambda: None)
    before = liveness.current()
    for _ in range(4):
        turn(passing, this_process, other)
    assert liveness.may_claim(clock.now())
    while not is_dead(this_process):
        turn(passing, other)
    assert not liveness.may_claim(clock.now())
    this_process.sign()
    assert liveness.may_claim(clock.now())
    assert liveness.current() != before
    assert liveness.dead() == {before}


def test_who_ends_in_good_order_says_so(passing: Time, this_process: Life) -> None:
    assert liveness.current() not in liveness.dead()
    liveness.end()
    assert liveness.current() in liveness.dead()


def test_what_is_held_says_by_whom(passing: Time, this_process: Life) -> None:
    mine = liveness.current()
    assert mine is not None
    assert liveness.is_of(liveness.key(), {mine})
    assert not liveness.is_of(":an older release's", {mine})


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_process_whose_clock_is_a_minute_off_claims_nothing_and_says_so(
    passing: Time, this_process: Life, caplog: pytest.LogCaptureFixture, minutes: int
) -> None:
    passing.own += dt.timedelta(minutes=minutes)
    turn(passing, this_process)
    assert not liveness.may_claim(clock.now())
    assert f"{minutes * 60:+.1f} seconds off" in caplog.text
    assert "claims no work" in caplog.text
    assert liveness.clocks() == {"worker": [minutes * 60.0]}


@pytest.mark.parametrize("seconds", [-30, 30])
def test_a_process_whose_clock_is_some_seconds_off_says_so_and_works(
    passing: Time, this_process: Life, caplog: pytest.LogCaptureFixture, seconds: int
) -> None:
    passing.own += dt.timedelta(seconds=seconds)
    for _ in range(3):
        turn(passing, this_process)
    assert liveness.may_claim(clock.now())
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert f"{seconds:+.1f} seconds off" in caplog.text


def test_health_and_figures_tell_of_a_wrong_clock(
    passing: Time, this_process: Life, client: Client, settings: Any
) -> None:
    settings.METRICS_TOKEN = "a token of the tests"
    answer = client.get("/health/ready").json()
    assert (answer["clock"], answer["clocks"]) == ("ok", {"worker": 0.0})
    passing.own -= dt.timedelta(seconds=7)
    turn(passing, this_process)
    answer = client.get("/health/ready").json()
    assert (answer["status"], answer["clock"], answer["clocks"]) == ("failing", "failing", {"worker": -7.0})
    metrics = client.get("/metrics", headers={"Authorization": f"Bearer {settings.METRICS_TOKEN}"}).text
    assert 'c3portal_clock_off_seconds{process="worker"} -7.0' in metrics
    assert 'c3portal_processes{process="worker"} 1.0' in metrics
    assert 'c3portal_processes{process="web"} 0.0' in metrics


# When the database's own clock jumps


@pytest.mark.parametrize("minutes", [-10, 10])
def test_time_that_the_databases_clock_jumped_over_has_not_passed(
    passing: Time, this_process: Life, minutes: int, freed: list[str]
) -> None:
    other = Life(Kind.WEB, lambda: freed.append("freed"))
    began = clock.now()
    for _ in range(4):
        turn(passing, this_process, other)
    assert liveness.certain_since(clock.now()) == began
    passing.database += dt.timedelta(minutes=minutes)
    passing.own = passing.database
    assert liveness.certain_since(clock.now()) == clock.now()
    turn(passing, this_process)
    turn(passing, other, seconds=0)
    jumped_at = liveness.certain_since(clock.now())
    assert jumped_at is not None
    assert abs(jumped_at - clock.now()) < dt.timedelta(seconds=SIGN_EVERY + 1)
    assert freed == []


def test_who_begins_alone_never_knows_the_time_before(passing: Time, this_process: Life) -> None:
    """A machine that starts again after a loss of power, with a clock that is wrong: nobody saw it jump."""
    began = clock.now()
    assert liveness.certain_since(clock.now()) == began
    for _ in range(60):
        turn(passing, this_process)
    assert liveness.certain_since(clock.now()) == began


def test_who_is_not_known_yet_knows_nothing_of_the_time_before(passing: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "_lives", [Life(Kind.WORKER, lambda: None)])
    assert liveness.certain_since(clock.now()) == clock.now()


def test_who_begins_beside_others_of_its_machine_knows_the_time_before(
    passing: Time, born: Callable[[], Life], monkeypatch: pytest.MonkeyPatch
) -> None:
    other, began = born(), clock.now()
    turn(passing, other)
    passing.pass_by(3)
    monkeypatch.setattr(liveness, "_lives", [born()])
    assert liveness.certain_since(clock.now()) == began


@pytest.mark.parametrize("minutes", [-10, 10])
def test_who_begins_after_a_jump_knows_of_it_from_the_others(
    passing: Time, born: Callable[[], Life], monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    other = born()
    turn(passing, other)
    passing.pass_by(3)
    passing.database += dt.timedelta(minutes=minutes)
    monkeypatch.setattr(liveness, "_lives", [born()])
    assert liveness.certain_since(clock.now()) == clock.now()
    assert not is_dead(other)


def test_who_died_before_the_clock_was_put_back_is_known_dead(
    passing: Time, born: Callable[[], Life], freed: list[str]
) -> None:
    one, died = born(), born()
    for _ in range(4):
        turn(passing, one, died)
    passing.database -= dt.timedelta(hours=1)
    for _ in range(5):
        turn(passing, one)
    assert is_dead(died)
    assert not is_dead(one)
    assert freed == ["freed"]


def test_a_sign_from_before_the_clock_was_put_back_holds_up_no_restore(passing: Time, born: Callable[[], Life]) -> None:
    born()
    passing.database -= dt.timedelta(days=365)
    assert liveness.silences() == {}
    born()
    assert liveness.silences() == {"worker": SILENCE + 2 * SIGN_EVERY}


def test_a_jump_that_was_noted_while_the_clock_was_ahead_does_not_last_until_then(
    passing: Time, this_process: Life, born: Callable[[], Life]
) -> None:
    other = born()
    passing.database += dt.timedelta(days=3650)
    turn(passing, this_process, other)
    passing.database -= dt.timedelta(days=3650)
    turn(passing, this_process)
    put_right = clock.now()
    turn(passing, this_process)
    assert liveness.certain_since(clock.now()) == put_right


def test_dead_processes_are_forgotten_after_a_day(passing: Time, born: Callable[[], Life]) -> None:
    born().end()
    assert len(liveness.dead()) == 1
    passing.pass_by(2 * 86_400)
    assert liveness.dead() == set()
    assert not LiveProcess.objects.exists()
    assert SILENCE > 2 * SIGN_EVERY
