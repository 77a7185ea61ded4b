"""Crediting on a page: what would be sent is shown first, then one credit note is made and led to the preflight."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, cast

import pytest
from django.test import Client
from django.urls import reverse

from c3portal.models import AuditEntry
from invoices.changes.tests.credit_notes import credit_note
from invoices.conftest import MakeInvoice, Upload, Work
from invoices.models import DocumentChange, Invoice, InvoiceLine, Posting
from invoices.preflight.preflight import Verdict, inspect
from invoices.readback import schedule
from xero_integration import connections
from xero_integration.client import document_lists
from xero_integration.models import XeroConnection, XeroSettings
from xero_integration.payloads import to_cents
from xero_sandbox.testing import SandboxControl

Credit = Callable[..., Any]
# Quantities, prices and taxes whose cents do not follow from the sums: usage, a discount, and halves of a cent.
LINES = (
    (InvoiceLine.Kind.LICENSE, "3", "33.335", "100.01", "10"),
    (InvoiceLine.Kind.AZURE, "0.0731", "1.3370001", "0.10", "10"),
    (InvoiceLine.Kind.CUSTOM, "1", "-0.45", "-0.45", "10"),
    (InvoiceLine.Kind.AZURE, "412.77", "0.0291", "12.01", "0"),
)


def lines_of(invoice: Invoice) -> None:
    """Give an invoice these lines and the sums that follow from them."""
    invoice.lines.all().delete()
    sums = [Decimal(0), Decimal(0)]
    for position, (kind, quantity, price, subtotal, percentage) in enumerate(LINES, start=1):
        net = Decimal(subtotal)
        tax = to_cents(net * Decimal(percentage) / 100)
        sums = [sums[0] + net, sums[1] + tax]
        InvoiceLine.objects.create(
            invoice=invoice,
            position=position,
            kind=kind,
            name=f"Line {position}",
            quantity=Decimal(quantity),
            unit_price=Decimal(price),
            subtotal=net,
            tax_name="GST" if tax else "GST Free",
            tax_percentage=Decimal(percentage),
            tax=tax,
            total=net + tax,
        )
    Invoice.objects.filter(pk=invoice.pk).update(subtotal=sums[0], tax=sums[1], total=sum(sums), exact_total=sum(sums))
    invoice.refresh_from_db()


@pytest.fixture
def posted(make_invoice: MakeInvoice, upload: Upload, work: Work) -> Invoice:
    """An invoice with such lines that is approved in Xero."""
    invoice = make_invoice("INV-001")
    lines_of(invoice)
    upload(invoice)
    work()
    assert Posting.objects.get().status == "posted", Posting.objects.get().message
    return Invoice.objects.get(pk=invoice.pk)


@pytest.fixture
def credit(finance: Client, posted: Invoice) -> Credit:
    """Return a function that fills in the form and confirms what it shows; it returns the last answer."""

    def credit(**chosen: str) -> Any:
        address = reverse("invoice_credit", args=[posted.pk])
        form = {"what": "some" if chosen else "all", "reason": "One too many", "invoice_status": "AUTHORISED"} | chosen
        shown = finance.post(address, form)
        assert not shown.context["form"].errors, shown.context["form"].errors
        confirmed = {"confirm": "1", "total": shown.context["confirmed_total"], "number": shown.context["number"]}
        return finance.post(address, form | confirmed)

    return credit


@pytest.fixture
def post(finance: Client, work: Work) -> Credit:
    """Return a function that posts what the preflight that an answer leads to holds, and sets it against its
    invoice."""

    def post(answer: Any) -> None:
        page = finance.get(answer.url)
        form = {"organisation": page.context["organisation"].pk, "taken": "", "known_notes": ""}
        finance.post(f"{answer.url}post/", form)
        for _ in range(3):
            work()

    return post


def books(sandbox: SandboxControl) -> dict[str, tuple[str, str, str]]:
    return {each["number"]: (each["status"], each["total"], each["due"]) for each in sandbox.documents()}


def test_a_full_credit_note_comes_to_the_cent_of_the_invoice(
    credit: Credit, post: Credit, posted: Invoice, sandbox: SandboxControl
) -> None:
    # The settings are others by now.
    XeroSettings.objects.update(license_account_code="260", azure_account_code="260", custom_account_code="260")
    post(credit())
    total = str(posted.total)
    assert books(sandbox) == {"INV-001": ("PAID", total, "0.00"), "INV-001-CN1": ("PAID", total, "0.00")}
    entry = AuditEntry.objects.get(subject="INV-001: credit note made")
    assert (entry.after["Credit note"], entry.after["Reason"]) == ("INV-001-CN1", "One too many")
    assert sandbox.violations() == []


def test_its_lines_go_where_those_of_the_invoice_went(
    credit: Credit, post: Credit, connected: XeroConnection, posted: Invoice
) -> None:
    XeroSettings.objects.update(license_account_code="260", azure_account_code="260", custom_account_code="260")
    post(credit())
    note = Invoice.objects.get(number="INV-001-CN1")
    invoice_rows, note_rows = (
        [(each["Description"], each["AccountCode"], each["TaxType"], each["LineAmount"]) for each in row["LineItems"]]
        for row in (_row(connected, posted), _row(connected, note))
    )
    assert note_rows == invoice_rows


def _row(connected: XeroConnection, invoice: Invoice) -> dict[str, Any]:
    endpoint = "CreditNotes" if invoice.is_credit_note else "Invoices"
    ids = [Posting.objects.get(invoice=invoice).xero_id]
    (row,) = connections.call(connected, lambda gateway: document_lists.with_ids(gateway, endpoint, ids))
    return row


def test_lines_and_amounts_are_credited_as_chosen(
    credit: Credit, post: Credit, posted: Invoice, sandbox: SandboxControl
) -> None:
    post(credit(whole_3="on", amount_0="33.35"))
    note = Invoice.objects.get(number="INV-001-CN1")
    amounts = list(note.lines.values_list("subtotal", "tax", "total"))
    assert amounts == [
        (Decimal("-33.35"), Decimal("-3.34"), Decimal("-36.69")),
        (Decimal("-12.01"), Decimal(0), Decimal("-12.01")),
    ]
    assert books(sandbox)["INV-001-CN1"] == ("PAID", "48.70", "0.00")
    assert books(sandbox)["INV-001"][2] == str(posted.total - Decimal("48.70"))


def test_pressing_twice_makes_one(finance: Client, posted: Invoice) -> None:
    address = reverse("invoice_credit", args=[posted.pk])
    form = {"what": "some", "amount_0": "10.00", "reason": "One too many", "invoice_status": "DRAFT"}
    shown = finance.post(address, form).context
    confirmed = form | {"confirm": "1", "total": shown["confirmed_total"], "number": shown["number"]}
    finance.post(address, confirmed)
    again = finance.post(address, confirmed)
    assert "Somebody made INV-001-CN1 meanwhile" in again.content.decode()
    assert Invoice.objects.filter(corrects=posted).count() == 1


def test_nothing_is_made_of_what_is_no_part_of_a_line_or_too_much(finance: Client, posted: Invoice) -> None:
    address = reverse("invoice_credit", args=[posted.pk])
    form = {"what": "some", "reason": "One too many", "invoice_status": "DRAFT"}
    assert "at least one line" in finance.post(address, form).content.decode()
    for amount in ("100.02", "-1.00", "0.00"):
        page = finance.post(address, form | {"amount_0": amount}).content.decode()
        assert "is not a part of the line" in page
    credit_note(posted.posting, "50.00")
    page = finance.post(address, form | {"what": "all"})
    assert "Too much: at most" in page.content.decode()
    finance.post(address, form | {"what": "all", "confirm": "1", "total": str(-posted.total), "number": "INV-001-CN2"})
    assert Invoice.objects.filter(corrects=posted).count() == 1


def test_what_was_changed_in_xero_meanwhile_is_shown_again(
    finance: Client, posted: Invoice, sandbox: SandboxControl
) -> None:
    address = reverse("invoice_credit", args=[posted.pk])
    form = {"what": "all", "reason": "One too many", "invoice_status": "DRAFT"}
    shown = finance.post(address, form).context
    lines = [{"Description": "Other", "Quantity": 1, "UnitAmount": 10, "AccountCode": "200", "TaxType": "OUTPUT"}]
    sandbox.change("INV-001", LineItems=lines)
    page = finance.post(address, form | {"confirm": "1", "total": shown["confirmed_total"], "number": shown["number"]})
    assert "changed in Xero since" in page.content.decode()
    assert page.context["credited"] == Decimal("11.00")
    assert not Invoice.objects.filter(corrects=posted).exists()


@pytest.mark.parametrize("status", ["DRAFT", "VOIDED"])
def test_what_is_not_approved_is_not_credited(
    finance: Client, posted: Invoice, sandbox: SandboxControl, status: str
) -> None:
    if status == "DRAFT":
        Posting.objects.update(status="queued")
    else:
        sandbox.void("INV-001")
    answer = finance.get(reverse("invoice_credit", args=[posted.pk]), follow=True)
    assert "cannot be credited now" in answer.content.decode()
    assert answer.redirect_chain[-1][0] == posted.get_absolute_url()


def shown(finance: Client, posted: Invoice, **chosen: str) -> str:
    """Return what the page says will be sent."""
    form = {"what": "some" if chosen else "all", "reason": "One too many", "invoice_status": "AUTHORISED"} | chosen
    page = finance.post(reverse("invoice_credit", args=[posted.pk]), form).content.decode()
    return " ".join(re.sub("<[^>]+>", "", page).split())


def test_the_credit_of_a_paid_invoice_stays_with_the_customer(
    finance: Client, credit: Credit, post: Credit, posted: Invoice, sandbox: SandboxControl, work: Work
) -> None:
    sandbox.pay("INV-001")
    page = shown(finance, posted)
    assert "Nothing is owed: the credit stays with the customer in Xero" in page
    assert reverse("invoice_credit", args=[posted.pk]) in finance.get(posted.get_absolute_url()).content.decode()

    post(credit())

    total = str(posted.total)
    assert books(sandbox) == {"INV-001": ("PAID", total, "0.00"), "INV-001-CN1": ("AUTHORISED", total, total)}
    assert not DocumentChange.objects.exists()
    note = Invoice.objects.get(corrects=posted)
    assert "so the credit stays with the customer" in finance.get(note.get_absolute_url()).content.decode()
    assert "Too much: at most" in shown(finance, posted)
    assert sandbox.violations() == []


def test_of_a_part_paid_invoice_the_rest_of_the_credit_stays_with_the_customer(
    finance: Client, credit: Credit, post: Credit, posted: Invoice, sandbox: SandboxControl
) -> None:
    sandbox.pay("INV-001", str(posted.total - Decimal("20.00")))
    page = shown(finance, posted, amount_0="50.00")
    assert "AUD 20.00 is set against the invoice" in page
    assert "The rest, AUD 35.00, stays with the customer in Xero" in page

    post(credit(amount_0="50.00"))

    assert books(sandbox)["INV-001"] == ("PAID", str(posted.total), "0.00")
    assert books(sandbox)["INV-001-CN1"] == ("AUTHORISED", "55.00", "35.00")
    page = finance.get(Invoice.objects.get(corrects=posted).get_absolute_url()).content.decode()
    assert "Set in Xero: AUD 20.00 against INV-001. AUD 35.00 of it stays with the customer." in page
    assert sandbox.violations() == []


def test_credit_notes_too_many_are_blocked_when_one_is_taken_up_again(
    posted: Invoice, connected: XeroConnection, upload: Upload
) -> None:
    first = credit_note(posted.posting, "100.00")
    Invoice.objects.filter(pk=first.pk).update(ignored_because="Not this one")
    second = credit_note(posted.posting, "50.00")
    notes = Invoice.objects.filter(pk__in=[first.pk, second.pk])
    Invoice.objects.filter(pk=first.pk).update(ignored_because="")
    found = inspect(notes, connected, invoice_status="DRAFT", look_up_in_xero=False)
    assert {row.verdict for row in found.rows} == {Verdict.BLOCKED}
    assert "together come to more than it" in found.rows[0].problems[0].words
    assert upload(first, second).queued == 0
    Invoice.objects.filter(pk=first.pk).update(ignored_because="Not this one")
    assert upload(first, second).queued == 1


def test_a_correction_goes_to_the_organisation_and_contact_of_what_it_corrects(
    posted: Invoice, connected: XeroConnection
) -> None:
    note = credit_note(posted.posting, "10.00")
    elsewhere = XeroConnection.objects.create(
        tenant_id="t", connection_id="c", name="Elsewhere", token_set=connected.token_set
    )
    found = inspect(Invoice.objects.filter(pk=note.pk), elsewhere, invoice_status="DRAFT", look_up_in_xero=False)
    assert "in another organisation" in " ".join(each.words for each in found.rows[0].problems)
    connected.contact_links.update(contact_id="00000000-0000-0000-0000-00000000beef")
    here = inspect(Invoice.objects.filter(pk=note.pk), connected, invoice_status="DRAFT", look_up_in_xero=False)
    prepared = here.rows[0].prepared
    assert prepared is not None
    assert prepared.document.contact_id == posted.posting.sent_facts["contact"]


def test_the_pages_of_both_name_each_other_and_how_they_stand(
    finance: Client, credit: Credit, post: Credit, posted: Invoice, sandbox: SandboxControl
) -> None:
    answer = credit(amount_0="50.00")
    note = Invoice.objects.get(corrects=posted)
    page = finance.get(note.get_absolute_url()).content.decode()
    assert posted.get_absolute_url() in page
    assert "Not in Xero yet" in page
    sandbox.pay("INV-001", str(posted.total - Decimal("20.00")))
    post(answer)
    page = finance.get(note.get_absolute_url()).content.decode()
    assert "Xero refused to set AUD 55.00 against INV-001" in page
    assert "exceeds the amount outstanding" in page
    there = finance.get(posted.get_absolute_url()).content.decode()
    assert note.get_absolute_url() in there
    assert "One too many" in there


def test_a_person_asks_again_for_what_xero_refused(
    finance: Client, credit: Credit, post: Credit, work: Work, posted: Invoice, sandbox: SandboxControl
) -> None:
    answer = credit(amount_0="50.00")
    note = Invoice.objects.get(corrects=posted)
    sandbox.pay("INV-001", str(posted.total - Decimal("20.00")))
    post(answer)
    sandbox.remove_payments("INV-001")
    finance.get(reverse("invoice_credit", args=[posted.pk]))
    finance.post(reverse("credit_again", args=[note.pk]))
    work()
    assert list(DocumentChange.objects.values_list("status", flat=True)) == ["refused", "done"]
    assert books(sandbox)["INV-001"][2] == str(posted.total - Decimal("55.00"))
    assert AuditEntry.objects.filter(subject="INV-001-CN1: to be set against INV-001").exists()


def test_list_page_and_downloads_say_what_is_credited_and_owed(
    finance: Client, credit: Credit, post: Credit, posted: Invoice, connected: XeroConnection
) -> None:
    post(credit(amount_0="50.00"))
    schedule.read(XeroConnection.objects.get(pk=connected.pk))
    rows = {row["InvoiceNumber"]: row for row in _csv(finance, "invoices", posted)}
    left, note = str(posted.total - Decimal("55.00")), rows["INV-001-CN1"]
    assert [rows["INV-001"][name] for name in ("AmountDue", "AmountCredited", "Corrects")] == [left, "55.00", ""]
    assert [note[name] for name in ("Total", "AmountDue", "AmountCredited")] == ["-55.00", "0.00", "-55.00"]
    assert [note[name] for name in ("Corrects", "Reason")] == ["INV-001", "One too many"]
    paid = [
        (row["InvoiceNumber"], row["PaymentKind"], row["PaymentAmount"]) for row in _csv(finance, "payments", posted)
    ]
    assert paid == [("INV-001", "Credit note", "55.00"), ("INV-001-CN1", "Allocation", "-55.00")]
    # What was made here is in no file that could be imported again.
    assert {row["InvoiceNumber"] for row in _csv(finance, "lines", posted)} <= {"INV-001", ""}
    assert len(_csv(finance, "lines", posted)) == len(LINES)
    page = finance.get(posted.get_absolute_url()).content.decode()
    assert "Set in Xero: AUD 55.00 against INV-001." in page
    assert left in finance.get(reverse("invoice_list")).content.decode()


def _csv(client: Client, kind: str, invoice: Invoice) -> list[dict[str, str]]:
    answer = client.get(reverse("download", args=[kind]), {"period": invoice.period.billing_id})
    text = b"".join(cast("Iterable[bytes]", answer)).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))
