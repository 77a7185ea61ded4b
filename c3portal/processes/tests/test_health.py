"""What load balancers and monitoring are told."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from c3portal.database import clock
from c3portal.models import Heartbeat
from c3portal.processes.heartbeats import Process
from c3portal.testing import BrokerServer

ADDRESSES = ["/health/live", "/health/web", "/health/ready"]


def seen(process: Process, seconds_ago: float) -> None:
    """Have `process` have given its last sign of life `seconds_ago`."""
    seen_at = clock.now() - dt.timedelta(seconds=seconds_ago)
    Heartbeat.objects.update_or_create(process=process, defaults={"seen_at": seen_at})


@pytest.fixture
def at_work(db: None, broker: BrokerServer) -> BrokerServer:
    """A portal of which every part is at work."""
    seen(Process.SCHEDULER, 4)
    seen(Process.WORKER, 8)
    return broker


def test_a_living_process_says_so_without_a_database(client: Client) -> None:
    answer = client.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.both_databases
def test_it_is_ready_when_every_part_is_at_work(client: Client, at_work: BrokerServer) -> None:
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    body = answer.json()
    ages, clocks = body.pop("ages"), body.pop("clocks")
    assert body == dict.fromkeys(("status", "database", "migrations", "broker", "scheduler", "worker", "clock"), "ok")
    assert clocks == {}
    assert 4 <= ages["scheduler"] < 8 <= ages["worker"] < 30


def failing(client: Client) -> set[str]:
    """Return what /health/ready names as failing."""
    answer = client.get("/health/ready")
    body = answer.json()
    assert (answer.status_code, body["status"]) == (503, "failing")
    return {name for name, state in body.items() if state == "failing"} - {"status"}


def test_it_is_not_ready_without_its_broker(client: Client, at_work: BrokerServer) -> None:
    at_work.stop()
    assert failing(client) == {"broker"}


@pytest.mark.parametrize("process", Process)
def test_it_is_not_ready_when_a_process_has_been_silent(
    client: Client, at_work: BrokerServer, process: Process
) -> None:
    seen(process, 300)
    assert failing(client) == {process}
    Heartbeat.objects.filter(pk=process).delete()
    assert failing(client) == {process}


def test_it_is_not_ready_before_it_is_migrated(client: Client, at_work: BrokerServer) -> None:
    MigrationRecorder(connection).record_unapplied("c3portal", "0002_roles")
    MigrationRecorder(connection).record_unapplied("c3portal", _newest("c3portal"))
    assert failing(client) == {"migrations"}
    assert client.get("/health/web").status_code == 503


def _newest(app: str) -> str:
    return str(max(name for label, name in MigrationRecorder(connection).applied_migrations() if label == app))


def test_pages_are_served_without_broker_scheduler_and_workers(client: Client, db: None) -> None:
    answer = client.get("/health/web")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "ok", "migrations": "ok"}


@pytest.mark.parametrize("path", ADDRESSES)
def test_it_is_never_served_from_a_cache(client: Client, db: None, path: str) -> None:
    assert "no-store" in client.get(path)["Cache-Control"]


@pytest.mark.parametrize(("path", "queries"), [("/health/live", 0), ("/health/web", 3), ("/health/ready", 5)])
def test_it_costs_the_same_each_time(
    client: Client, at_work: BrokerServer, django_assert_num_queries: Any, path: str, queries: int
) -> None:
    for _ in range(3):
        with django_assert_num_queries(queries):
            assert client.get(path).status_code == 200


def test_why_it_fails_stays_in_the_log(client: Client, at_work: BrokerServer, caplog: pytest.LogCaptureFixture) -> None:
    at_work.stop()
    answer = client.get("/health/ready")
    assert "broker.sock" not in answer.content.decode()
    assert "Not ready: broker" in caplog.text
