"""One invoice from the click to Xero's own id: its page for admins, the search in the logs, and the workers' log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from c3portal.models import User
from c3portal.telemetry import tracing
from invoices.conftest import MakeInvoice, Upload, Work
from invoices.models import Invoice, Posting, Submission
from invoices.models import Upload as UploadRow
from invoices.tests.makers import queries_of
from xero_sandbox.testing import SandboxControl

CLICK = "the-trace-of-the-click"

NOBODYS_ID = "0b7c6a1e-5d8f-4a53-9d6e-2f4b1c8a7e90"


@pytest.fixture
def twice_tried(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, sweep: Work, no_lookup_delay: None
) -> Invoice:
    """An invoice whose first call broke before Xero had it, and whose second was answered."""
    invoice = make_invoice()
    tracing.begin(CLICK)
    upload()
    sandbox.place_fault("500_before", method="PUT", path="^Invoices$")
    tracing.begin("the-trace-of-the-worker")
    sweep()
    sweep()
    tracing.end()
    assert Posting.objects.get().status == "posted"
    return invoice


def page(client: Client, invoice: Invoice) -> str:
    return client.get(invoice.get_absolute_url()).content.decode()


def test_a_system_admin_sees_every_call_that_carried_it(
    twice_tried: Invoice, client_for: Callable[[User], Client], system_admin: User
) -> None:
    html = page(client_for(system_admin), twice_tried)
    assert Submission.objects.count() == 2
    for call in Submission.objects.all():
        assert str(call.pk) in html
        assert call.correlation_id
        assert call.correlation_id in html
    assert "Outcome unknown" in html
    assert "HTTP 500" in html
    assert "Answered" in html
    assert "HTTP 200" in html
    assert CLICK in html
    assert "the-trace-of-the-worker" in html


def test_whoever_asks_support_sees_the_calls_and_no_trace_of_a_persons_click(
    twice_tried: Invoice, finance: Client
) -> None:
    html = page(finance, twice_tried)
    for call in Submission.objects.all():
        assert str(call.pk) in html
        assert call.correlation_id in html
    assert CLICK not in html


def test_the_search_in_the_logs_finds_it_by_any_of_its_ids(twice_tried: Invoice, finance: Client) -> None:
    first, last = Submission.objects.order_by("created_at")
    ids = [CLICK, "the-trace-of-the-worker", str(first.pk), last.pk.hex.upper(), first.correlation_id]
    ids += [last.correlation_id, Posting.objects.get().xero_id, str(twice_tried.pk), twice_tried.xero_number]
    for each in ids:
        html = finance.get("/invoices/logs/", {"q": f" {each} "}).content.decode()
        assert twice_tried.get_absolute_url() in html, each
        assert f'id="upload-{UploadRow.objects.get().pk}"' in html, each


@pytest.mark.both_databases
@pytest.mark.parametrize("text", ["nothing has this", NOBODYS_ID, "%", "'", "\ud800", "9" * 5000])
def test_a_search_that_finds_nothing_says_so(finance: Client, upload: Upload, text: str) -> None:
    answer = finance.get("/invoices/logs/", {"q": text.encode("utf-8", "surrogatepass")})
    assert answer.status_code == 200
    assert "Nothing found" in answer.content.decode()


def test_the_page_takes_as_many_queries_however_often_it_was_tried(
    twice_tried: Invoice, client_for: Callable[[User], Client], system_admin: User
) -> None:
    client = client_for(system_admin)
    queries = queries_of(client, twice_tried.get_absolute_url())
    line = twice_tried.post_logs.filter(submission__isnull=False).first()
    assert line
    for _ in range(5):
        call = Submission.objects.create(connection=line.upload.connection, lease_until=line.created_at)
        twice_tried.post_logs.create(upload=line.upload, submission=call, status="sending")
    assert queries_of(client, twice_tried.get_absolute_url()) == queries


@pytest.mark.usefixtures("sandbox")
def test_the_log_names_xeros_ids_and_the_portals_and_no_customer(
    make_invoice: MakeInvoice,
    upload: Upload,
    work: Work,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: Any,
    finance_admin: User,
) -> None:
    invoice = make_invoice()
    with caplog.at_level(logging.INFO), django_capture_on_commit_callbacks(execute=True):
        upload()
        work()
    (line,) = [each for each in caplog.records if getattr(each, "status", "") == "posted"]
    assert str(invoice.pk) in line.getMessage()
    assert Posting.objects.get().xero_id in line.getMessage()
    assert str(Submission.objects.get().pk) in line.getMessage()
    logged = "\n".join(each.getMessage() for each in caplog.records)
    assert invoice.customer.name not in logged
    assert finance_admin.email not in logged
