"""What the preflight finds in a selection: verdicts, groups, sums, calls and queries."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from invoices.conftest import MakeInvoice, Upload, Work
from invoices.documents.builder import marker
from invoices.documents.rules import Fix
from invoices.models import CustomerOverride, HeldBackInvoice, ImportRun, Invoice, Onward, Posting
from invoices.preflight.preflight import OUTDATED, Inspection, Verdict, inspect
from xero_integration import reference
from xero_integration.client.errors import XeroUnavailable
from xero_integration.client.gateway import EVERY_INVOICE
from xero_integration.models import CallBudget, XeroConnection


def preflight_of(connection: XeroConnection, **more: Any) -> Inspection:
    return inspect(Invoice.objects.all(), connection, **{"invoice_status": "DRAFT"} | more)


def written(sandbox: Any, invoice: Invoice, *, reference: str, amount: str) -> None:
    """Write an invoice in Xero under the number of ours."""
    line = {"Description": "A", "Quantity": 1, "UnitAmount": amount, "AccountCode": "200", "TaxType": "EXEMPTOUTPUT"}
    contact = {"Name": "Adventure Works"}
    element = {"InvoiceNumber": invoice.xero_number, "Contact": contact, "Reference": reference, "LineItems": [line]}
    sandbox.write_document(element)


def test_a_hundred_invoices_with_one_trouble_are_one_line(connected: XeroConnection, make_invoice: MakeInvoice) -> None:
    for _ in range(100):
        make_invoice(tax_percentage="7")
    make_invoice()
    found = preflight_of(connected)
    (group,) = found.groups()
    assert len(group.invoices) == 100
    assert (len(found.of(Verdict.BLOCKED)), len(found.of(Verdict.READY))) == (100, 1)


def test_numbers_that_are_taken_are_one_line_too_with_each_ones_own_words(
    connected: XeroConnection, sandbox: Any, make_invoice: MakeInvoice
) -> None:
    for each in (make_invoice(), make_invoice()):
        written(sandbox, each, reference="theirs", amount="5")
    (group,) = preflight_of(connected).groups()
    assert group.problem.code == "taken"
    assert all(each.invoice.xero_number in each.detail for each in group.invoices)
    assert "Adventure Works" in group.invoices[0].detail


def test_it_sums_each_currency_by_itself(connected: XeroConnection, make_invoice: MakeInvoice) -> None:
    make_invoice(amount="100")
    make_invoice(amount="-10")
    make_invoice(amount="50", currency="NZD")
    make_invoice(amount="7", currency="EUR")
    found = preflight_of(connected)
    assert found.totals(Verdict.READY) == {"AUD": Decimal("99.00"), "NZD": Decimal("55.00")}
    assert found.totals(Verdict.BLOCKED) == {"EUR": Decimal("7.70")}


def test_what_is_in_xero_and_proved_ours_is_adopted_and_not_sent_twice(
    connected: XeroConnection, sandbox: Any, make_invoice: MakeInvoice, upload: Upload, work: Work
) -> None:
    invoice = make_invoice()
    written(sandbox, invoice, reference=marker(invoice), amount="110")
    found = preflight_of(connected)
    assert len(found.of(Verdict.IN_XERO)) == 1
    assert found.postable() == [invoice]
    upload(*found.postable())
    work()
    work()
    assert Posting.objects.get().status == Posting.Status.POSTED
    assert len(sandbox.documents()) == 1


def test_what_was_posted_is_neither_posted_again_nor_looked_up(
    connected: XeroConnection, sandbox: Any, make_invoice: MakeInvoice, upload: Upload, work: Work
) -> None:
    make_invoice()
    upload()
    work()
    sandbox.forget()
    found = preflight_of(connected)
    assert [row.verdict for row in found.rows] == [Verdict.IN_XERO]
    assert found.postable() == []
    assert sandbox.calls() == []


def test_a_voided_number_is_free_again(connected: XeroConnection, sandbox: Any, make_invoice: MakeInvoice) -> None:
    invoice = make_invoice()
    written(sandbox, invoice, reference="theirs", amount="5")
    sandbox.void(invoice.xero_number)
    assert [row.verdict for row in preflight_of(connected).rows] == [Verdict.READY]


@pytest.mark.parametrize(("batch", "calls"), [(50, 2 + 2 + 1), (10, 6 + 6 + 1)])
def test_it_counts_the_calls_that_posting_will_take(
    connected: XeroConnection, make_invoice: MakeInvoice, settings: Any, batch: int, calls: int
) -> None:
    settings.XERO_BATCH = batch
    for _ in range(51):
        make_invoice()
    make_invoice(amount="-1")
    make_invoice(tax_percentage="7")
    CallBudget.objects.update_or_create(connection=connected, defaults={"day_remaining": 4711})
    found = preflight_of(connected, look_up_in_xero=False)
    assert found.new_contacts == 52
    assert found.calls_needed == calls
    assert found.calls_left == 4711


def test_it_counts_the_calls_that_approving_and_sending_will_take(
    connected: XeroConnection, make_invoice: MakeInvoice, settings: Any
) -> None:
    settings.XERO_BATCH = 2
    invoices = [make_invoice() for _ in range(3)]
    make_invoice(amount="-1")
    make_invoice(tax_percentage="7")
    found = preflight_of(connected, look_up_in_xero=False)
    assert {each: found.calls_onward(each) for each in Onward} == {"": 0, "approve": 2 + 1, "send": 2 + 1 + 3}
    CustomerOverride.objects.create(customer=invoices[0].customer, invoice_status="AUTHORISED")
    found = preflight_of(connected, look_up_in_xero=False)
    assert {each: found.calls_onward(each) for each in Onward} == {"": 0, "approve": 1 + 1, "send": 1 + 1 + 3}


def test_many_numbers_are_found_by_a_listing_where_that_takes_fewer_calls(
    connected: XeroConnection, sandbox: Any, make_invoice: MakeInvoice
) -> None:
    made = [make_invoice() for _ in range(200)]
    written(sandbox, made[150], reference="theirs", amount="5")
    preflight_of(connected)
    sandbox.forget()
    found = preflight_of(connected)
    assert [row.invoice for row in found.of(Verdict.BLOCKED)] == [made[150]]
    assert len(sandbox.calls()) == 2


def test_few_numbers_are_looked_up_in_one_call(
    connected: XeroConnection, sandbox: Any, make_invoice: MakeInvoice
) -> None:
    for _ in range(20):
        make_invoice()
    preflight_of(connected)
    sandbox.forget()
    preflight_of(connected)
    assert len(sandbox.calls()) == 1


def test_a_long_listing_gives_way_to_lots(
    connected: XeroConnection, sandbox: Any, make_invoice: MakeInvoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one invoice a page, the first page tells that there are more pages than lots."""
    made = [make_invoice() for _ in range(160)]
    for number in range(9):
        line = {"Description": "A", "Quantity": 1, "UnitAmount": 1, "AccountCode": "200"}
        contact = {"Name": "Adventure Works"}
        sandbox.write_document({"InvoiceNumber": f"other-{number}", "Contact": contact, "LineItems": [line]})
    written(sandbox, made[3], reference="theirs", amount="5")
    monkeypatch.setitem(EVERY_INVOICE, "pageSize", 1)
    preflight_of(connected)
    sandbox.forget()
    assert [row.invoice for row in preflight_of(connected).of(Verdict.BLOCKED)] == [made[3]]
    assert len(sandbox.calls()) == 1 + 4


def test_without_xero_it_says_so_and_knows_the_rest(
    connected: XeroConnection, make_invoice: MakeInvoice, settings: Any
) -> None:
    make_invoice(currency="EUR")
    settings.XERO_API_URL = "http://127.0.0.1:9"
    with pytest.raises(XeroUnavailable):
        preflight_of(connected)
    assert [row.verdict for row in preflight_of(connected, look_up_in_xero=False).rows] == [Verdict.BLOCKED]


def test_it_asks_the_database_as_often_for_sixty_invoices_as_for_ten(
    connected: XeroConnection, make_invoice: MakeInvoice
) -> None:
    for _ in range(10):
        make_invoice()
    preflight_of(connected)
    for_ten = queries(connected)
    for _ in range(50):
        make_invoice()
    assert queries(connected) == for_ten <= 23


@pytest.mark.parametrize("is_in_xero", [False, True])
def test_what_a_newer_file_has_wrong_is_blocked(
    connected: XeroConnection, sandbox: Any, make_invoice: MakeInvoice, is_in_xero: bool
) -> None:
    invoice, other = make_invoice(), make_invoice()
    if is_in_xero:
        written(sandbox, invoice, reference=marker(invoice), amount="110")
    run = ImportRun.objects.create(file_name="newer.csv", size=1)
    HeldBackInvoice.objects.create(run=run, number=invoice.number)
    found = preflight_of(connected)
    assert found.postable() == [other]
    (group,) = found.groups()
    assert (group.problem.code, group.problem.fix) == (OUTDATED, Fix.HELD_BACK)
    HeldBackInvoice.objects.update(resolved_at=timezone.now())
    assert preflight_of(connected).postable() == [invoice, other]


def queries(connection: XeroConnection) -> int:
    with CaptureQueriesContext(database) as found:
        preflight_of(connection, look_up_in_xero=False)
    return len(found)


def test_what_was_archived_in_xero_meanwhile_is_seen_once_the_copies_are_stale(
    connected: XeroConnection, sandbox: Any, make_invoice: MakeInvoice
) -> None:
    make_invoice()
    sandbox.put_account("4010", status="ARCHIVED")
    assert preflight_of(connected).groups() == []
    XeroConnection.objects.update(reference_read_at=timezone.now() - reference.LIFE - dt.timedelta(seconds=1))
    connected.refresh_from_db()
    (group,) = preflight_of(connected).groups()
    assert "4010 Licence revenue is archived" in group.problem.words
