"""What a load balancer is told."""

from typing import Any

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from c3portal.testing import BrokerServer


def test_a_living_process_says_so_without_a_database(client: Client) -> None:
    answer = client.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.both_databases
def test_it_is_ready_when_database_migrations_and_broker_are(client: Client, db: None, broker: BrokerServer) -> None:
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "ok", "migrations": "ok", "broker": "ok"}


def test_it_is_not_ready_without_its_broker(client: Client, db: None, broker: BrokerServer) -> None:
    broker.stop()
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json() == {"status": "failing", "database": "ok", "migrations": "ok", "broker": "failing"}


def test_it_is_not_ready_before_it_is_migrated(client: Client, db: None, broker: BrokerServer) -> None:
    MigrationRecorder(connection).record_unapplied("c3portal", "0002_roles")
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["migrations"] == "failing"


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_it_is_never_served_from_a_cache(client: Client, db: None, path: str) -> None:
    assert "no-store" in client.get(path)["Cache-Control"]


def test_it_costs_the_same_each_time(
    client: Client, db: None, broker: BrokerServer, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(4):
        client.get("/health/ready")


def test_why_it_fails_stays_in_the_log(
    client: Client, db: None, broker: BrokerServer, caplog: pytest.LogCaptureFixture
) -> None:
    broker.stop()
    answer = client.get("/health/ready")
    assert "broker.sock" not in answer.content.decode()
    assert "Not ready: broker" in caplog.text
