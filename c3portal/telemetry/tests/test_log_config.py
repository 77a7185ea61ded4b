"""What the processes of the Procfile write: one JSON object a line, whatever happens to them, and nothing personal."""

from __future__ import annotations

import io
import json
import logging
import logging.config
import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import environ
import pytest
import requests
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client

from c3portal.celery import receive_trace
from c3portal.telemetry import log_config, tracing
from c3portal.testing import BrokerServer, PortalProcess, answers, database_without_sessions, wait_until
from invoices import tasks
from xero_sandbox.testing import free_port


def lines_of(log: Path) -> list[dict[str, Any]]:
    """Return the lines of a log. Fails for one that is no JSON object."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert all(isinstance(line, dict) for line in lines)
    return lines


def test_web_writes_json_and_nothing_of_what_it_is_asked(
    start_process: Callable[..., PortalProcess], tmp_path: Path
) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("A file is what a table can be taken out of.")
    port = free_port()
    origin = f"http://localhost:{port}"
    database = database_without_sessions(tmp_path)
    web = start_process("web", PORT=str(port), WEB_PROCESSES="1", TEST_DATABASE_URL=database)
    wait_until(lambda: answers(f"{origin}/health/live"), "The portal answers")

    assert requests.get(f"{origin}/nowhere?secret=of-the-query", timeout=30).status_code == 404
    failed = requests.get(
        f"{origin}/?secret=of-the-query", cookies={"sessionid": "of-the-cookie"}, timeout=30, allow_redirects=False
    )
    assert failed.status_code == 500
    assert failed.headers["X-Request-ID"] in failed.text
    with socket.create_connection(("localhost", port)) as rude:
        rude.sendall(b"this is no HTTP\r\n\r\n")
        rude.recv(1000)
    web.__exit__()

    lines = lines_of(web.log)
    (request,) = [line for line in lines if line["logger"] == "c3portal.telemetry.tracing" and line["status"] == 500]
    assert (request["method"], request["path"], request["user"]) == ("GET", "/", None)
    assert request["trace_id"] == failed.headers["X-Request-ID"]
    (error,) = [line for line in lines if "no such table" in line.get("exc_info", "")]
    assert error["trace_id"] == request["trace_id"]
    assert any(line["logger"] == "gunicorn.error" for line in lines)
    assert "of-the-query" not in web.log.read_text()
    assert "of-the-cookie" not in web.log.read_text()


def test_worker_and_scheduler_write_json_to_their_end(
    start_process: Callable[..., PortalProcess], broker: BrokerServer
) -> None:
    worker = start_process("worker", WORKER_PROCESSES="1")
    beat = start_process("beat", SWEEP_EVERY="0.5")
    # A task that fails, with a traceback of many lines, and one that no worker knows.
    tasks.work.delay(123456)
    tasks.work.app.send_task("nobody.knows_this")
    wait_until(lambda: "DoesNotExist" in worker.log.read_text(), "The task fails")
    wait_until(lambda: "nobody.knows_this" in worker.log.read_text(), "The strange message is refused")
    swept = re.compile(r"sweep\[[^]]+\] succeeded")
    wait_until(lambda: len(swept.findall(worker.log.read_text())) > 1, "Two sweeps are done")
    beat.__exit__()
    worker.__exit__()

    (failed,) = [line for line in lines_of(worker.log) if "raised unexpected" in line["message"]]
    assert failed["level"] == "ERROR"
    assert "Traceback" in failed["exc_info"]
    assert len(failed["trace_id"]) == 32
    assert "Warm shutdown" in " ".join(line["message"] for line in lines_of(worker.log))
    done = [line["trace_id"] for line in lines_of(worker.log) if swept.search(line["message"])]
    assert len(set(done)) == len(done)
    assert lines_of(beat.log)


def configured(**environment: str) -> dict[str, Any]:
    """Return the logging that these variables ask for."""

    class Given(environ.Env):  # type: ignore[misc]
        ENVIRON = environment

    return log_config.config(Given())


def test_people_read_lines_and_machines_json() -> None:
    assert configured(DEBUG="1")["formatters"]["chosen"] == log_config.LINE
    assert configured()["formatters"]["chosen"] == log_config.JSON
    assert configured(LOG_FORMAT="line")["formatters"]["chosen"] == log_config.LINE
    with pytest.raises(ImproperlyConfigured, match="json or line"):
        configured(LOG_FORMAT="xml")


def test_what_libraries_put_beside_their_lines_is_left_out() -> None:
    handler = logging.getHandlerByName("console")
    assert handler is not None
    beside = {"request": "GET /?code=of-xero", "data": {"args": "of a task"}, "tenant": "tenant-1"}
    record = logging.makeLogRecord({"msg": "Two\nlines", **beside})
    handler.filter(record)
    written = handler.format(record)
    assert "\n" not in written
    assert json.loads(written)["tenant"] == "tenant-1"
    assert "of-xero" not in written
    assert "of a task" not in written


FORGED = [
    "\n2026-10-01 00:00:00,000 INFO c3portal.telemetry.tracing [-]: GET / 200",
    "\r\x1b[2K\x1b[1A",
    "\x85\u2028\u2029\x0b\x0c",
    "\u202e\u2066\u200f",
    "\udcff\ud800\0\x7f\x9b",
]


@pytest.mark.parametrize("format_name", ["line", "json"])
@pytest.mark.parametrize("text", FORGED)
def test_nothing_that_is_logged_begins_a_line_of_its_own(text: str, format_name: str) -> None:
    handler = logging.StreamHandler(io.TextIOWrapper(written := io.BytesIO(), "utf-8", write_through=True))
    config = configured(LOG_FORMAT=format_name)
    handler.setFormatter(
        logging.config.DictConfigurator(config).configure_formatter(dict(config["formatters"]["chosen"]))
    )
    for record in (
        logging.makeLogRecord({"msg": "GET %s", "args": (text,), "name": text, "trace_id": text}),
        logging.makeLogRecord({"msg": "Failed", "trace_id": "-", "exc_info": _failed(text), "stack_info": text}),
    ):
        handler.handle(record)
    lines = written.getvalue().decode().split("\n")
    assert lines.pop() == ""
    assert "".join(lines).isprintable()
    begun = [line for line in lines if not line.startswith("  |")]
    assert len(begun) == 2, begun


def _failed(words: str) -> Any:
    try:
        raise ValueError(words)
    except ValueError:
        return sys.exc_info()


def test_a_path_forges_no_line(client: Client, db: None, capsys: pytest.CaptureFixture[str]) -> None:
    config = configured(LOG_FORMAT="line")
    formatter = logging.config.DictConfigurator(config).configure_formatter(dict(config["formatters"]["chosen"]))
    kept: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            tracing.TraceFilter().filter(record)
            kept.append(formatter.format(record))

    handler = Kept()
    for name in ("c3portal.telemetry.tracing", "django.request"):
        logging.getLogger(name).addHandler(handler)
    try:
        client.get("/nowhere%0a2026-10-01%20INFO%20forged%1b[2K")
    finally:
        for name in ("c3portal.telemetry.tracing", "django.request"):
            logging.getLogger(name).removeHandler(handler)
    assert len(kept) == 2
    assert all("\n" not in line and "\x1b" not in line and r"\n2026-10-01 INFO forged\x1b[2K" in line for line in kept)


def test_a_message_that_is_none_ends_no_worker(
    start_process: Callable[..., PortalProcess], broker: BrokerServer
) -> None:
    worker = start_process("worker", WORKER_PROCESSES="1")
    wait_until(lambda: "ready" in worker.log.read_text(), "The worker is ready")
    good = {"properties": {"delivery_tag": "1", "delivery_info": {}}, "headers": None, "body": "x"}
    nonsense: list[Any] = ["no JSON", "[]", "null", "{}", '{"properties": {}}', b"\xff\xfe", json.dumps(good)]
    for number, headers in enumerate(({"task": ["a"]}, {"task": "invoices.tasks.sweep", "id": []}, {"lang": 1})):
        nonsense.append(json.dumps({**good, "properties": {"delivery_tag": f"h{number}"}, "headers": headers}))
    for message in nonsense:
        broker.client.lpush("celery", message)
    tasks.work.app.send_task("nobody.knows_this")
    wait_until(lambda: "nobody.knows_this" in worker.log.read_text(), "The worker goes on")
    assert worker.process.poll() is None
    assert "A message that cannot be read was left out" in worker.log.read_text()
    assert lines_of(worker.log)


@pytest.mark.parametrize("handed_on", ["a\nb forged", "x" * 65, "", None, 5, ["a"], {"a": 1}])
def test_an_id_that_is_none_is_not_taken_from_a_message(handed_on: object) -> None:
    task = tasks.sweep
    task.push_request(trace_id=handed_on)
    try:
        receive_trace(task)
        assert re.fullmatch(r"[0-9a-f]{32}", tracing.current_id())
    finally:
        tracing.end()
        task.pop_request()
