"""Real workers on a real Redis server: a message is only a wake-up, and none is lost for good."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from celery import current_app

from c3portal.testing import BrokerServer, WorkerProcess, wait_until


def test_the_embedded_broker_is_what_celery_is_told_to_use(broker: BrokerServer) -> None:
    assert urlsplit(current_app.conf.broker_url).scheme == "redis+socket"
    with current_app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1)
        assert connection.connected


@pytest.mark.parametrize(("name", "value"), [("maxmemory-policy", "noeviction"), ("appendonly", "yes"), ("port", "0")])
def test_it_keeps_what_it_was_told_and_listens_on_no_port(broker: BrokerServer, name: str, value: str) -> None:
    assert broker.client.config_get(name) == {name: value}


def test_what_was_queued_outlives_the_brokers_death(tmp_path: Path) -> None:
    server = BrokerServer(tmp_path)
    server.start()
    server.client.config_set("appendfsync", "always")
    server.client.rpush("celery", "a message")
    server.stop(9)
    server.start()
    try:
        assert server.client.lrange("celery", 0, -1) == [b"a message"]
    finally:
        server.stop()


def test_a_real_worker_takes_what_was_sent(start_worker: Callable[..., WorkerProcess], broker: BrokerServer) -> None:
    worker = start_worker(concurrency=1)
    current_app.send_task("invoices.tasks.sweep")
    wait_until(
        lambda: "invoices.tasks.sweep" in worker.log.read_text() and "succeeded" in worker.log.read_text(), "Done"
    )
    assert broker.client.llen("celery") == 0


def test_a_worker_finds_its_way_back_to_a_broker_that_was_gone(
    start_worker: Callable[..., WorkerProcess], broker: BrokerServer
) -> None:
    worker = start_worker(concurrency=1)
    broker.stop(9)
    wait_until(lambda: "Connection to broker lost" in worker.log.read_text(), "The worker notices")
    broker.start()
    current_app.send_task("invoices.tasks.sweep")
    wait_until(lambda: "succeeded" in worker.log.read_text(), "Done after the broker came back", patience=60)
