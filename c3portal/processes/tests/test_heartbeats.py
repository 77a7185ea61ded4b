"""What the scheduler and the workers did last, by real processes."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from django.db import OperationalError, connection
from django.db.models import F

from c3portal.database import clock
from c3portal.models import Heartbeat
from c3portal.processes import heartbeats
from c3portal.processes.heartbeats import Process
from c3portal.testing import BeatProcess, BrokerServer, WorkerProcess, wait_until
from invoices import tasks
from xero_integration.models import XeroConnection


@pytest.fixture(autouse=True)
def nothing_written_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeats, "_written", {})


@pytest.mark.both_databases
def test_what_was_done_is_written_and_grows_old(db: None) -> None:
    assert heartbeats.age(Process.WORKER) is None
    heartbeats.beat(Process.WORKER)
    Heartbeat.objects.update(seen_at=F("seen_at") - dt.timedelta(seconds=90))
    assert 89 < (heartbeats.age(Process.WORKER) or 0) < 95
    assert heartbeats.age(Process.SCHEDULER) is None


def test_a_clock_that_was_put_back_makes_no_age_below_nothing(db: None) -> None:
    Heartbeat.objects.create(process=Process.WORKER, seen_at=clock.now() + dt.timedelta(minutes=5))
    assert heartbeats.age(Process.WORKER) == 0


def test_it_is_not_written_more_often_than_needed(
    db: None, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    heartbeats.beat(Process.WORKER)
    with django_assert_num_queries(0):
        heartbeats.beat(Process.WORKER)
    monkeypatch.setattr(heartbeats, "EVERY_SECONDS", 0.0)
    before = Heartbeat.objects.get().seen_at
    heartbeats.beat(Process.WORKER)
    assert Heartbeat.objects.get().seen_at > before


def test_a_database_that_is_away_costs_the_sign_and_nothing_else(db: None, caplog: pytest.LogCaptureFixture) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE c3portal_heartbeat")
    heartbeats.beat(Process.WORKER)
    assert "heartbeat of the worker could not be written" in caplog.text


def test_no_worker_is_missed_while_a_task_may_still_run(settings: Any) -> None:
    for sweep_every in (0.5, 10, 600):
        settings.SWEEP_EVERY = sweep_every
        assert heartbeats.longest_silence(Process.WORKER) > max(settings.CELERY_TASK_TIME_LIMIT, sweep_every)
        assert heartbeats.longest_silence(Process.SCHEDULER) > max(3 * heartbeats.EVERY_SECONDS, sweep_every)


def test_work_that_is_no_sweep_is_no_sign(connected: XeroConnection) -> None:
    tasks.work(connected.pk)
    assert heartbeats.age(Process.WORKER) is None


@pytest.mark.both_databases
def test_who_works_sweeps_when_sweeps_wait_in_line_for_too_long(
    connected: XeroConnection, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With several organisations at work, their turns fill the line, and a sweep is past before it is its turn."""
    freed = Mock(return_value=0)
    monkeypatch.setattr(tasks.reconciliation, "release_expired_leases", freed)
    for silence, times in ((2 * settings.SWEEP_EVERY, 0), (4 * settings.SWEEP_EVERY, 1)):
        Heartbeat.objects.update_or_create(
            process=Process.WORKER, defaults={"seen_at": clock.now() - dt.timedelta(seconds=silence)}
        )
        tasks.work(connected.pk)
        assert freed.call_count == times
    assert (heartbeats.age(Process.WORKER) or 0) < settings.SWEEP_EVERY
    tasks.work(connected.pk)
    assert freed.call_count == 1


@pytest.mark.both_databases
@pytest.mark.parametrize("written_by_this_process", [False, True])
def test_a_sweep_before_work_wakes_nobody_who_sweeps_again(
    connected: XeroConnection, monkeypatch: pytest.MonkeyPatch, written_by_this_process: bool
) -> None:
    """Also when the sign of this process is a moment old and yet old by the database's clock, which jumped."""
    freed = Mock(return_value=0)
    monkeypatch.setattr(tasks.reconciliation, "release_expired_leases", freed)
    monkeypatch.setattr(tasks, "_connections_with_work", lambda: [connected.pk])
    monkeypatch.setattr(
        tasks.wakeups, "wake", lambda pk, workers=1, **_: [tasks.work(pk, spread=False) for _ in range(workers)]
    )
    if written_by_this_process:
        heartbeats.beat(Process.WORKER)
    Heartbeat.objects.update_or_create(
        process=Process.WORKER, defaults={"seen_at": clock.now() - dt.timedelta(hours=1)}
    )
    tasks.work(connected.pk)
    assert freed.call_count == (0 if written_by_this_process else 1)
    tasks.sweep()
    assert freed.call_count == (1 if written_by_this_process else 2)


def test_a_sweep_that_breaks_off_is_no_sign(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.reconciliation, "release_expired_leases", Mock(side_effect=OperationalError))
    with pytest.raises(OperationalError):
        tasks.sweep()
    assert heartbeats.age(Process.WORKER) is None


def test_a_worker_gives_a_sign_by_working(start_worker: Callable[..., WorkerProcess]) -> None:
    start_worker(concurrency=1)
    assert heartbeats.age(Process.WORKER) is None
    tasks.sweep.delay()
    wait_until(lambda: heartbeats.age(Process.WORKER) is not None, "The worker has given a sign of life")


def test_the_scheduler_outlives_a_database_that_is_away(
    start_beat: Callable[..., BeatProcess], broker: BrokerServer, tmp_path: Path
) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("A file is what can be taken away.")
    folder = tmp_path / "database"
    folder.mkdir()
    database = folder / "portal.sqlite3"
    _copy_database(database)
    beat = start_beat(TEST_DATABASE_URL=f"sqlite:///{database}", SWEEP_EVERY="0.2")
    wait_until(lambda: _seen_at(database) != "", "The scheduler has given a sign of life")

    folder.rename(tmp_path / "away")
    wait_until(lambda: "could not be written" in beat.log.read_text(), "The scheduler misses its database")
    broker.client.flushall()
    wait_until(lambda: broker.client.llen("celery") > 2, "It goes on waking workers")
    (tmp_path / "away").rename(folder)
    last = _seen_at(database)
    wait_until(lambda: _seen_at(database) > last, "The scheduler gives signs of life again")
    assert beat.process.poll() is None


def _copy_database(path: Path) -> None:
    with sqlite3.connect(connection.settings_dict["NAME"]) as ours, sqlite3.connect(path) as copy:
        ours.backup(copy)


def _seen_at(path: Path) -> str:
    with sqlite3.connect(path) as database:
        return "".join(at for (at,) in database.execute("SELECT seen_at FROM c3portal_heartbeat"))
