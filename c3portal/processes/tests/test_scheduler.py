"""One scheduler at a time, past any jump of the clock; as real processes where it matters."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from celery import current_app
from celery.beat import ScheduleEntry
from django.db import OperationalError

from c3portal.database import clock
from c3portal.models import Lease, Moment
from c3portal.processes import heartbeats, leases, moments, scheduler
from c3portal.processes.scheduler import Scheduler
from c3portal.testing import BASE_DIR, BeatProcess, BrokerServer, wait_until

FAKETIME = BASE_DIR / ".venv" / "tools" / "libfaketimeMT.so.1"
needs_faketime = pytest.mark.skipif(not FAKETIME.exists(), reason="libfaketime is not there (make tools)")
TEN_MINUTES = dt.timedelta(minutes=10)


@pytest.fixture(autouse=True)
def nothing_written_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeats, "_written", {})


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what schedulers of this process send, to no broker."""
    names: list[str] = []
    monkeypatch.setattr(Scheduler, "producer", None)
    # It would end the transaction that the test runs in.
    monkeypatch.setattr(scheduler, "close_old_connections", lambda: None)
    monkeypatch.setattr(
        "celery.beat.Scheduler.apply_async", lambda self, entry, *args, **kwargs: names.append(entry.name)
    )
    return names


@pytest.fixture
def one(sent: list[str], db: None) -> Scheduler:
    return Scheduler(app=current_app)


def turns(*schedulers: Scheduler, times: int = 30) -> None:
    """Let them take turns, more often than anything can be due."""
    for _ in range(times):
        for each in schedulers:
            each.tick()


def entry(of: Scheduler, name: str) -> ScheduleEntry:
    found: ScheduleEntry = of.schedule[name]
    return found


def put_back(of: Scheduler, by: dt.timedelta) -> None:
    """Have the clock been ahead by so much when everything was sent last."""
    for each in of.schedule.values():
        each.last_run_at = each.default_now() + by


def have_waited(of: Scheduler, by: dt.timedelta) -> None:
    for each in of.schedule.values():
        each.last_run_at = each.default_now() - by
    of._heap = None


# Clocks


def test_what_was_sent_in_the_future_counts_as_sent_just_now(one: Scheduler, sent: list[str]) -> None:
    turns(one)
    put_back(one, TEN_MINUTES)
    turns(one)
    assert sent == []
    assert all(each.last_run_at <= each.default_now() for each in one.schedule.values())
    have_waited(one, dt.timedelta(seconds=61))
    turns(one)
    assert {"sweep", "find-notices", "deliver-notices"} <= set(sent)


@pytest.mark.both_databases
def test_a_moment_kept_by_a_clock_that_was_ahead_silences_nothing(one: Scheduler, sent: list[str]) -> None:
    moments.note_all({f"sent {name}": clock.now() + dt.timedelta(days=300) for name in one.schedule})
    later = Scheduler(app=current_app)
    assert all(each.last_run_at <= each.default_now() for each in later.schedule.values())
    have_waited(later, dt.timedelta(seconds=61))
    turns(later)
    assert "sweep" in sent


@needs_faketime
def test_sweeps_go_on_when_the_clock_is_put_back(
    start_beat: Callable[..., BeatProcess], broker: BrokerServer, tmp_path: Path
) -> None:
    offset = tmp_path / "offset"
    offset.write_text("+10m")
    start_beat(
        SWEEP_EVERY="0.5",
        NOTICES_EVERY="0.5",
        LD_PRELOAD=str(FAKETIME),
        FAKETIME_TIMESTAMP_FILE=str(offset),
        FAKETIME_NO_CACHE="1",
    )
    for moved in ("+0m", "-10m", "+5m"):
        wait_until(lambda: _is_sent(broker), "Everything is sent")
        offset.write_text(moved)
        broker.client.flushall()
    wait_until(lambda: _is_sent(broker), "Everything is sent after the last jump too")


@needs_faketime
def test_a_scheduler_goes_on_after_one_whose_clock_was_ahead(
    start_beat: Callable[..., BeatProcess], broker: BrokerServer
) -> None:
    ahead = start_beat(SWEEP_EVERY="0.5", LD_PRELOAD=str(FAKETIME), FAKETIME="+10m")
    wait_until(lambda: broker.client.llen("celery") > 1, "The one with the wrong clock sends")
    ahead.stop()
    broker.client.flushall()
    start_beat(SWEEP_EVERY="0.5")
    wait_until(lambda: broker.client.llen("celery") > 1, "The next one sends")


def _is_sent(broker: BrokerServer) -> bool:
    messages = b"".join(broker.client.lrange("celery", 0, -1))
    return b"invoices.tasks.sweep" in messages and b"invoices.tasks.find_notices" in messages


# Two of them


@pytest.mark.both_databases
def test_a_second_scheduler_sends_nothing_and_both_say_so(
    one: Scheduler, sent: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    other = Scheduler(app=current_app)
    turns(one, other)
    have_waited(other, TEN_MINUTES)
    turns(other)
    assert sent == []
    turns(one)
    messages = [record.getMessage() for record in caplog.records if record.name == "c3portal.processes.scheduler"]
    assert messages == [
        f"This scheduler sends the tasks from now on: {one.name}.",
        f"Another scheduler is at work: {one.name}. This one, {other.name}, does nothing until that one is gone.",
        f"Another scheduler, {other.name}, was started beside this one; it does nothing.",
    ]


@pytest.mark.both_databases
def test_the_second_takes_over_when_the_first_is_gone(
    one: Scheduler, sent: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    other = Scheduler(app=current_app)
    turns(one, other)
    Lease.objects.update(until=clock.now() - dt.timedelta(seconds=1))
    have_waited(other, TEN_MINUTES)
    Moment.objects.update(at=clock.now() - TEN_MINUTES)
    turns(other)
    assert "sweep" in sent
    assert f"This scheduler sends the tasks from now on: {other.name}." in caplog.text
    sent.clear()
    have_waited(one, TEN_MINUTES)
    turns(one)
    assert sent == [], "The first one, which only stalled, has been replaced"


def test_one_that_is_told_to_end_in_the_middle_of_a_turn_ends_and_leaves_its_place(
    start_beat: Callable[..., BeatProcess], broker: BrokerServer
) -> None:
    for _ in range(3):
        beat = start_beat(SWEEP_EVERY="0.001")
        wait_until(lambda: broker.client.llen("celery") > 1, "It sends one sweep after the other")
        beat.stop()
        assert beat.process.returncode == 0, beat.log.read_text()
        assert not Lease.objects.exists()
        broker.client.flushall()


def test_one_that_ends_leaves_its_place_at_once(one: Scheduler, sent: list[str]) -> None:
    turns(one)
    one.close()
    other = Scheduler(app=current_app)
    turns(other)
    assert other.is_the_one


@pytest.mark.both_databases
def test_a_lease_from_a_clock_that_was_ahead_is_nobodys(db: None) -> None:
    leases.take("scheduler", "one", 15)
    Lease.objects.update(until=clock.now() + dt.timedelta(days=300))
    assert leases.take("scheduler", "other", 15).holder == "other"


def test_whoever_was_the_one_goes_on_without_the_database(
    one: Scheduler, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Scheduler(app=current_app)
    turns(one, other)

    def unavailable(*_: object) -> Lease:
        raise OperationalError("away")

    monkeypatch.setattr(scheduler.leases, "take", unavailable)
    have_waited(other, TEN_MINUTES)
    turns(other)
    assert sent == []
    have_waited(one, TEN_MINUTES)
    turns(one)
    assert "sweep" in sent


def test_of_two_processes_one_sends_and_the_other_takes_over_when_it_is_killed(
    start_beat: Callable[..., BeatProcess], broker: BrokerServer
) -> None:
    first = start_beat(SWEEP_EVERY="0.5")
    wait_until(lambda: broker.client.llen("celery") > 1, "The first one sends")
    second = start_beat(SWEEP_EVERY="0.5")
    wait_until(lambda: "Another scheduler is at work" in second.log.read_text(), "The second one says what it sees")
    assert "Sending due task" not in second.log.read_text()
    first.process.kill()
    first.process.wait()
    wait_until(lambda: "Sending due task" in second.log.read_text(), "The second one takes over", patience=40)


# What was done


def test_a_turn_that_sends_no_sweep_is_no_sign(one: Scheduler, sent: list[str]) -> None:
    turns(one)
    assert heartbeats.age(heartbeats.Process.SCHEDULER) is None
    have_waited(one, dt.timedelta(seconds=11))
    turns(one)
    # What goes by the clock may be due in this very minute too.
    assert sent.count("sweep") == 1
    assert heartbeats.age(heartbeats.Process.SCHEDULER) is not None


def test_a_sweep_that_reaches_no_broker_is_no_sign(db: None, broker_process: BrokerServer) -> None:
    broker_process.stop()
    one = Scheduler(app=current_app)
    with pytest.raises(Exception, match="sweep"):
        one.apply_async(entry(one, "sweep"))
    assert heartbeats.age(heartbeats.Process.SCHEDULER) is None


def test_the_next_scheduler_catches_up_with_what_fell_due_meanwhile(one: Scheduler, sent: list[str]) -> None:
    turns(one)
    one.sync()
    Moment.objects.update(at=clock.now() - dt.timedelta(days=2))
    one.close()
    Moment.objects.update(at=clock.now() - dt.timedelta(days=2))
    turns(Scheduler(app=current_app))
    assert {"keep-alive", "reference"} <= set(sent)
