"""*Link it*: what somebody posted by hand before is known here from then on, without any call that writes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from c3portal.models import AuditEntry, User
from c3portal.tests.markup import markup
from invoices.conftest import MakeInvoice, Upload
from invoices.models import BillingPeriod, Invoice, Posting, PostLog, UploadDraft
from invoices.posting import linking as moves
from invoices.posting import taken_back
from invoices.preflight import linking
from invoices.preflight.preflight import inspect
from invoices.tests.pages import press
from xero_integration import call_metrics
from xero_integration.models import XeroConnection
from xero_sandbox.testing import SandboxControl

pytestmark = pytest.mark.usefixtures("woken")


@pytest.fixture
def contact(sandbox: SandboxControl, connected: XeroConnection) -> Callable[[Invoice], str]:
    """Return a function that has the customer's contact in Xero and returns its id."""

    known: dict[str, str] = {}

    def contact(invoice: Invoice) -> str:
        key = invoice.customer.tenant_id
        if key not in known:
            known[key] = sandbox.put_contacts([{"name": invoice.customer.name, "number": key}])[0]["contact_id"]
        return known[key]

    return contact


@pytest.fixture
def by_hand(sandbox: SandboxControl, contact: Callable[[Invoice], str]) -> Callable[..., str]:
    """Return a function that writes the invoice's document in Xero as a bookkeeper would, and returns its id."""

    def by_hand(invoice: Invoice, *amounts: str, **facts: Any) -> str:
        note = invoice.is_credit_note
        lines = [
            {
                "Description": "Microsoft 365",
                "Quantity": 1,
                "UnitAmount": each,
                "AccountCode": "4010",
                "TaxType": "OUTPUT",
            }
            for each in amounts or [str(abs(invoice.subtotal))]
        ]
        element = {
            "Type": "ACCRECCREDIT" if note else "ACCREC",
            "CreditNoteNumber" if note else "InvoiceNumber": invoice.xero_number,
            "Contact": {"ContactID": facts.pop("contact", None) or contact(invoice)},
            "LineItems": lines,
            "Date": "2026-09-18",
            "DueDate": "2026-10-18",
            "Status": "AUTHORISED",
        }
        made = sandbox.write_document(element | facts, resource="CreditNotes" if note else "Invoices")
        return str(made["CreditNoteID" if note else "InvoiceID"])

    return by_hand


ByHand = Callable[..., str]


def writes(sandbox: SandboxControl) -> list[str]:
    return [call["path"] for call in sandbox.calls() if call["method"] != "GET"]


def link(client: Client, *invoices: Invoice) -> str:
    """Press *Link it* for these, or *Link all*; return the page's words."""
    address = reverse("preflight_link", args=[UploadDraft.objects.get().pk])
    chosen = {"invoice": [str(each.pk) for each in invoices]} if invoices else {"all": "1"}
    return markup(client.post(address, chosen, follow=True).content.decode())


def test_what_was_paid_before_it_is_linked_is_in_the_payments_at_once(
    finance: Client, sandbox: SandboxControl, make_invoice: MakeInvoice, period: BillingPeriod, by_hand: ByHand
) -> None:
    invoice = make_invoice()
    by_hand(invoice)
    sandbox.pay(invoice.xero_number, "60.00")
    sandbox.pay(invoice.xero_number, "50.00")
    press(finance, period, all="1")
    link(finance)
    posting = Posting.objects.get()
    assert (posting.xero_status, posting.amount_paid) == ("PAID", Decimal("110.00"))
    assert {str(each.amount) for each in posting.payments.all()} == {"60.00", "50.00"}
    assert posting.edits == {}


def test_what_is_the_same_is_linked_and_nothing_is_written_in_xero(
    finance: Client,
    finance_admin: User,
    sandbox: SandboxControl,
    make_invoice: MakeInvoice,
    period: BillingPeriod,
    by_hand: ByHand,
    upload: Upload,
) -> None:
    invoice, note = make_invoice(), make_invoice(amount="-20.00")
    theirs = [by_hand(invoice), by_hand(note)]
    sandbox.forget()
    page = markup(press(finance, period, all="1").content.decode())
    assert "Link all 2" in page
    link(finance)
    rows = list(Posting.objects.order_by("pk"))
    assert [(row.status, row.xero_id) for row in rows] == [("posted", each) for each in theirs]
    assert [str(row.xero_total) for row in rows] == ["110.00", "22.00"]
    assert writes(sandbox) == []
    assert [(each.status, each.user) for each in PostLog.objects.all()] == [("posted", finance_admin)] * 2
    assert "Linked" in PostLog.objects.latest("pk").message
    entry = AuditEntry.objects.get(action="upload")
    assert entry.subject == f"2 linked to documents in {rows[0].connection.name}"
    assert entry.after["Documents"] == ", ".join(theirs)
    assert upload(invoice, note).queued == 0


@pytest.mark.parametrize(
    "different",
    [
        {"contact": "another"},
        {"CurrencyCode": "NZD"},
        {"amounts": ["99.99"]},
        {"amounts": ["60", "40"]},
        {"LineAmountTypes": "Inclusive"},
        {"LineAmountTypes": "NoTax"},
    ],
    ids=str,
)
def test_what_differs_in_contact_currency_total_or_lines_is_shown_in_xero_and_never_linked(
    finance: Client,
    sandbox: SandboxControl,
    make_invoice: MakeInvoice,
    period: BillingPeriod,
    by_hand: ByHand,
    different: dict[str, Any],
) -> None:
    invoice = make_invoice()
    if "contact" in different:
        different = {"contact": sandbox.put_contacts([{"name": "Somebody else"}])[0]["contact_id"]}
    theirs = by_hand(invoice, *different.pop("amounts", []), **different)
    page = markup(press(finance, period, all="1").content.decode())
    assert "Link it" not in page
    assert f"InvoiceID%3D{theirs}" in page
    assert "Show in Xero" in page
    assert "Nothing was linked" in link(finance, invoice)
    assert not Posting.objects.exists()


def test_amounts_with_tax_included_are_the_same_when_they_come_to_the_same(
    finance: Client, make_invoice: MakeInvoice, period: BillingPeriod, by_hand: ByHand
) -> None:
    theirs = by_hand(make_invoice(), "110", LineAmountTypes="Inclusive")
    press(finance, period, all="1")
    link(finance)
    assert Posting.objects.get().xero_id == theirs


def test_one_is_linked_alone_and_a_refused_one_too(
    finance: Client, make_invoice: MakeInvoice, period: BillingPeriod, by_hand: ByHand, upload: Upload
) -> None:
    one, other = make_invoice(), make_invoice()
    theirs = by_hand(one)
    by_hand(other)
    upload(one)
    Posting.objects.update(status="rejected", message="Refused")
    press(finance, period, all="1")
    page = link(finance, one)
    posting = Posting.objects.get()
    assert (posting.invoice, posting.status, posting.xero_id) == (one, "posted", theirs)
    assert "1 invoice linked" in page
    assert "Link it" in page


@pytest.mark.parametrize("change", ["voided", "edited"])
def test_a_document_that_changed_since_the_page_is_looked_at_again_and_not_linked(
    finance: Client,
    sandbox: SandboxControl,
    make_invoice: MakeInvoice,
    period: BillingPeriod,
    by_hand: ByHand,
    change: str,
) -> None:
    invoice = make_invoice()
    by_hand(invoice)
    press(finance, period, all="1")
    sandbox.void(invoice.xero_number)
    if change == "edited":
        by_hand(invoice, "250")
    assert "Nothing was linked" in link(finance, invoice)
    assert not Posting.objects.exists()


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "who",
    [
        "another links it",
        "another links it and takes it back",
        "another queues it",
        "an import changes it",
        "it is ignored",
    ],
)
def test_of_two_at_one_time_only_one_does_it(
    finance: Client,
    finance_admin: User,
    connected: XeroConnection,
    make_invoice: MakeInvoice,
    period: BillingPeriod,
    by_hand: ByHand,
    upload: Upload,
    monkeypatch: pytest.MonkeyPatch,
    who: str,
) -> None:
    invoice = make_invoice()
    theirs = by_hand(invoice)
    press(finance, period, all="1")
    original, begun = linking.look, []

    def look(*args: Any, **options: Any) -> Any:
        seen = original(*args, **options)
        if not begun:
            begun.append(1)
            if who.startswith("another links it"):
                linking.link(Invoice.objects.all(), connected, user=finance_admin, invoice_status="DRAFT", source="B")
                taken_back.take_back({theirs: "VOIDED"} if "back" in who else {})
            elif who == "another queues it":
                upload(invoice)
            elif who == "an import changes it":
                Invoice.objects.update(total="120.00")
                invoice.lines.update(subtotal="109.09", tax="10.91", total="120.00", unit_price="109.09")
            else:
                Invoice.objects.update(ignored_because="Billed elsewhere")
        return seen

    monkeypatch.setattr(linking, "look", look)
    assert "Nothing was linked" in link(finance, invoice)
    rows = [(row.status, row.xero_id) for row in Posting.objects.all()]
    expected = {
        "another links it": [("posted", theirs)],
        "another links it and takes it back": [("undone", "")],
        "another queues it": [("queued", "")],
    }
    assert rows == expected.get(who, [])
    assert PostLog.objects.filter(status="posted").count() == who.startswith("another links it")


def test_a_document_that_another_posting_has_is_never_linked(
    finance: Client, connected: XeroConnection, make_invoice: MakeInvoice, period: BillingPeriod, by_hand: ByHand
) -> None:
    first, second = make_invoice(), make_invoice()
    theirs = by_hand(second)
    documents = {first.pk: {"InvoiceID": theirs, "Total": "110.00", "Status": "AUTHORISED"}}
    assert moves.mark_linked(Invoice.objects.all(), documents, connection=connected, user=None, invoice_status="DRAFT")
    page = markup(press(finance, period, all="1").content.decode())
    assert "Link it" not in page
    assert "Nothing was linked" in link(finance, second)
    documents = {second.pk: documents[first.pk]}
    assert not moves.mark_linked(
        Invoice.objects.all(), documents, connection=connected, user=None, invoice_status="DRAFT"
    )
    assert Posting.objects.get().invoice == first


@pytest.mark.parametrize("fault", ["503_text", "hang_before", "garbled_json_after_commit", "429_minute", "500_before"])
@pytest.mark.parametrize("path", ["^Invoices$", "^CreditNotes$"])
def test_while_xero_cannot_be_asked_nothing_is_linked_and_once_it_can_all_is(
    finance: Client,
    sandbox: SandboxControl,
    connected: XeroConnection,
    make_invoice: MakeInvoice,
    period: BillingPeriod,
    by_hand: ByHand,
    fault: str,
    path: str,
) -> None:
    for amount in ("100.00", "-20.00"):
        by_hand(make_invoice(amount=amount))
    press(finance, period, all="1")
    sandbox.forget()
    sandbox.place_fault(fault, method="GET", path=path)
    page = link(finance)
    assert "Nothing was linked" in page
    assert not Posting.objects.exists()
    XeroConnection.objects.update(paused_until=None)
    link(finance)
    assert Posting.objects.filter(status="posted").count() == 2
    assert writes(sandbox) == []


def test_several_documents_of_one_number_are_for_a_person_to_look_at(
    finance: Client, sandbox: SandboxControl, make_invoice: MakeInvoice, period: BillingPeriod, by_hand: ByHand
) -> None:
    sandbox.change_organisation(unique_credit_notes=False)
    note = make_invoice(amount="-20.00")
    by_hand(note)
    by_hand(note)
    assert "Link it" not in markup(press(finance, period, all="1").content.decode())
    assert "Nothing was linked" in link(finance, note)


def test_what_waits_for_a_decision_is_not_linked_before(
    finance: Client, connected: XeroConnection, make_invoice: MakeInvoice, period: BillingPeriod, by_hand: ByHand
) -> None:
    one, other = make_invoice(), make_invoice()
    Invoice.objects.update(billed_hash="the same")
    for each in (one, other):
        by_hand(each)
    press(finance, period, all="1")
    link(finance)
    assert Posting.objects.filter(status="posted").count() == 1


def test_a_reader_sees_it_and_cannot_link(
    finance: Client,
    client_for: Callable[[User], Client],
    system_reader: User,
    make_invoice: MakeInvoice,
    period: BillingPeriod,
    by_hand: ByHand,
) -> None:
    by_hand(make_invoice())
    press(finance, period, all="1")
    address = reverse("preflight_link", args=[UploadDraft.objects.get().pk])
    assert client_for(system_reader).post(address, {"all": "1"}).status_code == 403
    assert not Posting.objects.exists()


def test_looking_for_what_is_the_same_takes_no_query_for_each_invoice(
    connected: XeroConnection, make_invoice: MakeInvoice, by_hand: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A call that takes longer than those before is counted in a row of its own: here all are in one.
    monkeypatch.setattr(call_metrics, "BUCKETS", ())

    def queries(several: list[Invoice]) -> int:
        with CaptureQueriesContext(database) as captured:
            chosen = Invoice.objects.filter(pk__in=[each.pk for each in several])
            found = inspect(chosen, connected, invoice_status="DRAFT")
        assert all(row.same for row in found.rows)
        return len(captured)

    several = [make_invoice() for _ in range(6)]
    for each in several:
        by_hand(each)
    queries(several)
    assert queries(several) == queries(several[:1])
