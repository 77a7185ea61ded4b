"""A task that the scheduler sends is past after a while, by the one clock that all agree on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from celery import shared_task
from django.db import connection
from django.db.utils import OperationalError

from c3portal.celery import app, log_late_message
from c3portal.database import clock
from c3portal.models import Heartbeat
from c3portal.processes import heartbeats
from c3portal.testing import BeatProcess, WorkerProcess, wait_until

done: list[str] = []


@shared_task
def note(words: str) -> None:
    """Leave a trace of having run."""
    done.append(words)


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    done.clear()


def run(**headers: Any) -> list[str]:
    """Do the task as a worker does that took its message."""
    note.push_request(called_directly=False, **headers)
    try:
        app.tasks[note.name]("done")
    finally:
        note.pop_request()
    return done


@pytest.mark.django_db
def test_it_is_done_in_time_and_not_after() -> None:
    headers: dict[str, Any] = {"good_for": 10}
    log_late_message(headers)
    assert run(**headers) == ["done"]
    done.clear()
    headers["past_at"] -= 11
    assert run(**headers) == []


@pytest.mark.django_db
def test_who_sends_and_who_takes_it_go_by_the_databases_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    headers: dict[str, Any] = {"good_for": 10}
    present = clock.now() + dt.timedelta(hours=3)
    monkeypatch.setitem(clock.READERS, connection.vendor, lambda: present)
    log_late_message(headers)
    assert headers["past_at"] == present.timestamp() + 10
    assert run(**headers) == ["done"]


def test_what_is_sent_while_the_database_is_away_is_good_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable() -> dt.datetime:
        raise OperationalError

    monkeypatch.setattr(clock, "now", unavailable)
    headers: dict[str, Any] = {"good_for": 10}
    log_late_message(headers)
    assert "past_at" not in headers


def test_what_is_called_is_done() -> None:
    note("called")
    assert done == ["called"]


@pytest.mark.both_databases
@pytest.mark.skipif(connection.vendor == "sqlite", reason="on SQLite the machine's clock is the database's")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seconds", [-600, 600])
def test_sweeps_are_run_whatever_the_clock_of_the_scheduler_says(
    start_beat: Callable[..., BeatProcess],
    start_worker: Callable[..., WorkerProcess],
    tmp_path: Path,
    seconds: int,
) -> None:
    wrong = tmp_path / "clock"
    wrong.write_text(str(seconds))
    start_worker(SWEEP_EVERY="1")
    start_beat(clock=wrong, SWEEP_EVERY="1")
    swept = Heartbeat.objects.filter(process=heartbeats.Process.WORKER)
    wait_until(swept.exists, "A sweep is run")
