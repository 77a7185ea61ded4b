"""Real workers on a real Redis server: a message is only a wake-up, and none is lost for good."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from celery import current_app
from kombu import Queue

from c3portal.testing import BeatProcess, BrokerServer, WorkerProcess, wait_until


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


def test_a_broker_that_was_emptied_takes_what_is_sent_then(broker: BrokerServer) -> None:
    """By whoever was connected before, and so believes to have told it of its queue."""
    current_app.send_task("invoices.tasks.sweep")
    broker.client.flushall()
    current_app.send_task("invoices.tasks.sweep")
    assert broker.client.llen("celery") == 1


def test_a_connection_that_was_given_up_closes_with_messages_that_nobody_acknowledged(broker: BrokerServer) -> None:
    """What a worker meets at times when its broker is killed; the error that it got ended it."""
    with current_app.connection_for_write() as connection:
        channel = connection.default_channel
        current_app.send_task("invoices.tasks.sweep")
        assert Queue("celery", channel=channel).get()
        broker.stop(9)
        channel.connection.client = None
        connection.close()


def test_a_worker_finds_its_way_back_to_a_broker_that_was_gone(
    start_worker: Callable[..., WorkerProcess], broker: BrokerServer
) -> None:
    worker = start_worker(concurrency=1)
    broker.stop(9)
    wait_until(lambda: "Connection to broker lost" in worker.log.read_text(), "The worker notices")
    broker.start()
    current_app.send_task("invoices.tasks.sweep")
    wait_until(lambda: "succeeded" in worker.log.read_text(), "Done after the broker came back", patience=60)


def swept(worker: WorkerProcess) -> int:
    """Return how many sweeps the worker has run to their end."""
    return len(re.findall(r"invoices\.tasks\.sweep\[[^\]]*\] succeeded", worker.log.read_text()))


def test_a_broker_that_is_killed_again_and_again_ends_no_worker(
    start_worker: Callable[..., WorkerProcess], broker: BrokerServer
) -> None:
    """With tasks waiting, at work and waiting for their time, as in a day's work."""
    worker = start_worker(concurrency=2)
    for turn in range(3):
        for _ in range(40):
            current_app.send_task("invoices.tasks.sweep")
        current_app.send_task("invoices.tasks.sweep", countdown=3)
        before = swept(worker)
        wait_until(lambda before=before: swept(worker) > before, "It is at work")
        broker.stop(9)
        wait_until(
            lambda turn=turn: worker.log.read_text().count("Connection to broker lost") > turn, "The worker notices"
        )
        broker.start()
        broker.client.flushall()
        # By its id: it may be done before anything could be counted.
        sent = current_app.send_task("invoices.tasks.sweep").id
        done = f"[{sent}] succeeded"
        wait_until(lambda done=done: done in worker.log.read_text(), "It goes on", patience=60)
        assert worker.process.poll() is None


def test_a_broker_that_refuses_commands_ends_no_worker(
    start_worker: Callable[..., WorkerProcess], broker: BrokerServer
) -> None:
    """As one does that has no memory left, or no disk for its append-only file."""
    worker = start_worker(concurrency=1)
    current_app.send_task("invoices.tasks.sweep")
    wait_until(lambda: swept(worker) == 1, "It is at work")
    for _ in range(20):
        current_app.send_task("invoices.tasks.sweep")
    broker.client.config_set("maxmemory", 1)
    try:
        wait_until(lambda: "command not allowed when used memory" in worker.log.read_text(), "The broker refuses")
        time.sleep(3)
        assert worker.process.poll() is None, worker.log.read_text()[-3000:]
    finally:
        broker.client.config_set("maxmemory", 0)
    sent = current_app.send_task("invoices.tasks.sweep").id
    wait_until(lambda: f"[{sent}] succeeded" in worker.log.read_text(), "It goes on", patience=60)


def test_a_scheduler_outlives_a_broker_that_is_killed(
    start_beat: Callable[..., BeatProcess], broker: BrokerServer
) -> None:
    beat = start_beat(SWEEP_EVERY="0.5")
    for _ in range(2):
        wait_until(lambda: broker.client.llen("celery") > 1, "It sends")
        broker.stop(9)
        known = len(beat.log.read_text())
        wait_until(lambda known=known: "Message Error" in beat.log.read_text()[known:], "It notices")
        broker.start()
        broker.client.flushall()
    wait_until(lambda: broker.client.llen("celery") > 1, "It sends again", patience=60)
    assert beat.process.poll() is None


def test_connecting_again_never_ends() -> None:
    """Celery's own hundred tries are over after most of an hour."""
    assert current_app.conf.broker_connection_max_retries is None
