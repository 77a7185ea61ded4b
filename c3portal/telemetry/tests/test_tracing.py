"""One id leads from a click to Xero's own number of the call."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from c3portal.models import AuditEntry, User
from c3portal.telemetry import tracing
from c3portal.testing import WorkerProcess, wait_until
from invoices.models import BillingPeriod, Posting, Submission, Upload
from invoices.tests.pages import ready_form
from xero_integration.models import XeroConnection

ID = "7f3c9a52-of-the-proxy"


def request_with(**headers: str) -> tuple[str, HttpResponse]:
    """Return the id under which a request with these headers runs, and its answer."""
    seen: list[str] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(tracing.current_id())
        return HttpResponse()

    response = tracing.traced(view)(RequestFactory().get("/", headers=headers))
    return seen[0], response  # type: ignore[return-value]


def test_the_proxys_id_is_taken_and_answered() -> None:
    trace_id, response = request_with(**{"X-Request-ID": ID})
    assert trace_id == response["X-Request-ID"] == ID
    assert tracing.current_id() == ""


@pytest.mark.parametrize("handed_on", ["", "short", "x" * 65, "id with blanks", "two\nlines-of-it", 'quote"-and-more'])
def test_what_is_no_id_is_not_taken_for_one(handed_on: str) -> None:
    trace_id, response = request_with(**{"X-Request-ID": handed_on})
    assert re.fullmatch("[0-9a-f]{32}", trace_id)
    assert response["X-Request-ID"] == trace_id


def test_no_two_requests_share_an_id() -> None:
    assert request_with()[0] != request_with()[0]


def test_a_request_is_logged_with_its_user_by_number_and_without_its_query(
    client: Client, finance_admin: User, caplog: pytest.LogCaptureFixture
) -> None:
    client.force_login(finance_admin)
    with caplog.at_level("INFO", "c3portal.telemetry.tracing"):
        client.get(reverse("invoice_list"), {"q": "Fabrikam"})
    (record,) = caplog.records
    assert (record.path, record.status, record.user) == (reverse("invoice_list"), 200, str(finance_admin.pk))  # type: ignore[attr-defined]
    assert "Fabrikam" not in caplog.text
    assert finance_admin.email not in caplog.text


@pytest.mark.parametrize(
    "path", ["/accounts/password/reset/key/a1-KEY-OF-A-MAIL/", "/accounts/invitation/KEY-OF-A-MAIL/"]
)
def test_the_key_of_a_mail_is_no_part_of_a_line(
    client: Client, db: None, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    with caplog.at_level("INFO"):
        client.get(path)
    (record,) = [each for each in caplog.records if each.name == "c3portal.telemetry.tracing"]
    assert "…" in record.path  # type: ignore[attr-defined]
    assert "KEY-OF-A-MAIL" not in record.getMessage()


def test_djangos_own_lines_are_without_such_a_key_too() -> None:
    request = RequestFactory().get("/accounts/invitation/KEY-OF-A-MAIL/")
    record = logging.makeLogRecord({"msg": "%s: %s", "args": ("Not Found", request.path), "request": request})
    tracing.TraceFilter().filter(record)
    assert record.getMessage() == "Not Found: /accounts/invitation/…/"


def test_what_is_asked_all_the_time_is_not_logged(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "c3portal.telemetry.tracing"):
        client.get("/health/live")
    assert caplog.records == []


def _upload(client: Client, period: BillingPeriod, **headers: str) -> None:
    """Press UPLOAD TO XERO and *Post N invoices*, the second with these headers."""
    form: dict[str, Any] = {"period": period.billing_id, "all": "1"}
    page = client.post(reverse("upload_to_xero"), form, follow=True).content.decode()
    assert client.post(*ready_form(page), headers=headers).status_code == 302


def _lines_of(worker: WorkerProcess, trace_id: str) -> list[dict[str, Any]]:
    """Return what the worker's log says under the id."""
    lines = [json.loads(line) for line in worker.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if line["trace_id"] == trace_id]


@pytest.mark.both_databases
def test_one_id_leads_from_the_click_to_xeros_own_number(
    transactional_db: None,
    connected: XeroConnection,
    sample: BillingPeriod,
    start_worker: Callable[..., WorkerProcess],
    client: Client,
    finance_admin: User,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client.force_login(finance_admin)
    with caplog.at_level("INFO"):
        _upload(client, sample, **{"X-Request-ID": ID})
    upload = Upload.objects.get()
    assert AuditEntry.objects.get(action=AuditEntry.Action.UPLOAD).request_id == ID
    assert f"Upload {upload.pk}: " in caplog.text

    worker = start_worker(concurrency=1)
    wait_until(lambda: set(Posting.objects.values_list("status", flat=True)) == {"posted"}, "Everything is posted")
    done = f'"{ID}", "message": "Task invoices.tasks.work'
    wait_until(lambda: done in worker.log.read_text(), "The task is done")
    mine = _lines_of(worker, ID)
    assert any("invoices.tasks.work" in line["message"] and "succeeded" in line["message"] for line in mine)

    calls = {
        line["submission"]: line for line in mine if line.get("method") == "PUT" and line["endpoint"] == "Invoices"
    }
    submissions = Submission.objects.filter(document_type="invoice")
    assert calls.keys() == {str(submission.pk) for submission in submissions} != set()
    for submission in submissions:
        call = calls[str(submission.pk)]
        assert call["correlation_id"] == submission.correlation_id != ""
        assert (call["status"], call["result"], call["tenant"]) == (200, "ok", connected.tenant_id)
    assert "Bearer" not in worker.log.read_text()
