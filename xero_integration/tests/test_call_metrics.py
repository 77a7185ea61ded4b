"""What is counted of the calls to Xero."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from django.db import connection as database

from c3portal.database import clock
from xero_integration import call_metrics, connections, rate_limits
from xero_integration.client.call_log import CallRecord
from xero_integration.client.errors import XeroError, XeroUnavailable
from xero_integration.client.gateway import Gateway
from xero_integration.models import CallBudget, CallCount, XeroConnection
from xero_sandbox.testing import SandboxControl


def counted() -> dict[tuple[str, str], int]:
    """Return how many calls ended how, by endpoint and result."""
    found: dict[tuple[str, str], int] = {}
    for row in CallCount.objects.all():
        found[row.endpoint, row.result] = found.get((row.endpoint, row.result), 0) + row.calls
    return found


def read_accounts(gateway: Gateway) -> object:
    return gateway.read("Accounts")


@pytest.mark.parametrize(
    ("fault", "result"),
    [("429_day", "limit"), ("500_before", "error"), ("drop_before", "lost"), ("401", "sign_in")],
)
def test_every_end_of_a_call_is_counted(
    connected: XeroConnection, sandbox: SandboxControl, fault: str, result: str
) -> None:
    CallCount.objects.all().delete()
    sandbox.place_fault(fault, path="^Accounts$", times=1)
    with contextlib.suppress(XeroError):
        connections.call(connected, read_accounts)
    assert counted()["GET Accounts", result] == 1


def test_an_answer_is_counted_with_its_time(connected: XeroConnection) -> None:
    CallCount.objects.all().delete()
    connections.call(connected, read_accounts)
    row = CallCount.objects.get()
    assert (row.connection, row.endpoint, row.result, row.calls) == (connected, "GET Accounts", "ok", 1)
    assert 0 < row.seconds <= row.bucket


def test_a_success_without_words_is_counted_as_one(connected: XeroConnection, sandbox: SandboxControl) -> None:
    (contact,) = sandbox.put_contacts([{"name": "Litware", "email": "accounts@litware.example"}])
    sandbox.write_document(
        {
            "Type": "ACCREC",
            "InvoiceNumber": "N-1",
            "Status": "AUTHORISED",
            "Contact": {"ContactID": contact["contact_id"]},
            "Date": "2026-11-01",
            "DueDate": "2026-11-30",
            "LineItems": [{"Description": "Seats", "Quantity": 1, "UnitAmount": 10, "AccountCode": "4010"}],
        }
    )
    (made,) = sandbox.documents()
    CallCount.objects.all().delete()
    connections.call(connected, lambda gateway: gateway.email_invoice(made["id"], "k", clock.now()))
    assert counted() == {("POST Invoices", "ok"): 1}


def test_a_call_that_never_left_is_counted_as_unreachable(connected: XeroConnection, settings: Any) -> None:
    CallCount.objects.all().delete()
    settings.XERO_API_URL = "http://localhost:9"
    with pytest.raises(XeroUnavailable):
        connections.call(connected, read_accounts)
    assert counted() == {("GET Accounts", "unreachable"): 1}


@pytest.mark.both_databases
def test_each_span_of_time_has_its_own_count(db: None) -> None:
    organisation = XeroConnection.objects.create(tenant_id="tenant-1", name="Contoso")
    for seconds in (0.05, 0.06, 0.3, 99, 200):
        call_metrics.count(organisation, CallRecord("PUT", "Invoices", 200, {}, seconds, "ok"))
    rows = dict(CallCount.objects.values_list("bucket", "calls"))
    assert rows == {0.1: 2, 0.5: 1, 100: 1, 0: 1}
    assert CallCount.objects.get(bucket=0.1).seconds == pytest.approx(0.11)


def test_counting_costs_one_query_a_call(db: None, django_assert_num_queries: Any) -> None:
    organisation = XeroConnection.objects.create(tenant_id="tenant-1", name="Contoso")
    record = CallRecord("PUT", "Invoices", 200, {}, 0.2, "ok")
    call_metrics.count(organisation, record)
    with django_assert_num_queries(1):
        call_metrics.count(organisation, record)


def test_what_was_never_sent_is_not_counted(db: None) -> None:
    organisation = XeroConnection.objects.create(tenant_id="tenant-1", name="Contoso")
    with rate_limits.permit(organisation):
        pass
    assert CallCount.objects.count() == 0
    assert CallBudget.objects.get().in_flight == {}


def test_an_answer_is_worth_more_than_its_count(connected: XeroConnection, caplog: pytest.LogCaptureFixture) -> None:
    with database.cursor() as cursor:
        cursor.execute("DROP TABLE xero_integration_callcount")
    assert connections.call(connected, lambda gateway: gateway.read("Accounts")).rows("Accounts")
    assert "could not be counted" in caplog.text


def test_a_call_leaves_one_line_without_what_was_asked(
    connected: XeroConnection, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "xero_integration.client.call_log"):
        connections.call(connected, lambda gateway: gateway.find_invoices(["INV-SECRET-NUMBER"]))
    (record,) = caplog.records
    assert (record.method, record.endpoint, record.status, record.submission) == ("GET", "Invoices", 200, "")  # type: ignore[attr-defined]
    assert record.correlation_id  # type: ignore[attr-defined]
    assert "SECRET" not in str(vars(record))
