"""What leaves the portal when something unforeseen happens, as the receiver of error reports gets it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from django.db import connection

from c3portal.telemetry.sentry import scrubbed
from c3portal.testing import PortalProcess, WorkerProcess, answers, database_without_sessions, wait_until
from c3portal.tests import receivers
from c3portal.tests.receivers import Sentry
from invoices import tasks
from xero_sandbox.testing import free_port

PERSONAL = ("fabrikam", "of-the-body", "of-the-query", "of-the-cookie", "of-the-header", "KEY-OF-A-MAIL")


@pytest.fixture
def sentry() -> Iterator[Sentry]:
    with receivers.sentry() as sentry:
        yield sentry


def test_an_error_of_a_page_is_reported_without_whom_it_met(
    start_process: Callable[..., PortalProcess], sentry: Sentry, tmp_path: Path
) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("A file is what a table can be taken out of.")
    port = free_port()
    variables = {"TEST_SENTRY_DSN": sentry.dsn, "SENTRY_ENVIRONMENT": "staging", "PORTAL_VERSION": "2026.11"}
    web = start_process("web", PORT=str(port), TEST_DATABASE_URL=database_without_sessions(tmp_path), **variables)
    wait_until(lambda: answers(f"http://localhost:{port}/health/live"), "The portal answers")
    failed = requests.post(
        f"http://localhost:{port}/accounts/password/reset/key/a1-KEY-OF-A-MAIL/?secret=of-the-query",
        data={"email": "anna@fabrikam.example", "password": "of-the-body", "csrfmiddlewaretoken": "x" * 32},
        cookies={"sessionid": "of-the-cookie", "csrftoken": "x" * 32},
        headers={"Authorization": "Bearer of-the-header", "X-Request-ID": "an-id-of-the-proxy"},
        timeout=30,
    )
    assert failed.status_code == 500
    wait_until(lambda: sentry.events != [], "The report arrives")

    (event,) = sentry.events
    assert event["exception"]["values"][-1]["type"] == "OperationalError"
    assert event["tags"] == {"trace_id": "an-id-of-the-proxy"}
    assert (event["environment"], event["release"]) == ("staging", "2026.11")
    assert event["exception"]["values"][-1]["stacktrace"]["frames"]
    assert not [word for word in PERSONAL if word in sentry.envelopes[0]]
    assert '"vars"' not in sentry.envelopes[0]
    assert not [word for word in PERSONAL if word in web.log.read_text()]


def test_an_error_of_a_task_is_reported_with_the_id_of_its_log(
    start_worker: Callable[..., WorkerProcess], sentry: Sentry
) -> None:
    worker = start_worker(concurrency=1, TEST_SENTRY_DSN=sentry.dsn)
    tasks.work.delay(123456)
    wait_until(lambda: sentry.events != [], "The report arrives")
    (event,) = sentry.events
    assert event["exception"]["values"][-1]["type"] == "XeroConnection.DoesNotExist"
    assert event["transaction"] == "invoices.tasks.work"
    trace_id = event["tags"]["trace_id"]
    assert len(trace_id) == 32
    wait_until(lambda: trace_id in worker.log.read_text(), "The log has the error under that id")
    assert "123456" not in sentry.envelopes[0]


def test_what_an_error_quotes_is_left_out() -> None:
    words = "Mail to anna@fabrikam.example refused, token eyJhbGciOiJSUzI1NiIsImtpZCI6IjFDQUY\nKey (name)=(Anna)"
    event = {
        "exception": {"values": [{"type": "ValueError", "value": words}, {"type": "KeyError", "value": None}]},
        "request": {"headers": {"Cookie": "sessionid=1"}, "url": "http://localhost/?code=1"},
        "user": {"id": "1", "email": "anna@fabrikam.example"},
        "extra": {"sys.argv": ["a"]},
        "breadcrumbs": {"values": []},
    }
    kept: Any = scrubbed(event, {})  # type: ignore[arg-type]
    assert kept.keys() == {"exception", "contexts", "tags"}
    assert kept["exception"]["values"][0]["value"] == "Mail to [left out] refused, token [left out]"
