"""A credit note is set against the invoice that it corrects once both are approved, and once only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from c3portal.database import clock
from invoices.changes import allocating
from invoices.changes.tests.credit_notes import credit_note
from invoices.conftest import MakeInvoice, Upload, Work
from invoices.models import DocumentChange, DocumentEvent, Invoice, Posting
from invoices.readback import reading, schedule, scope
from xero_integration.models import XeroConnection, XeroSettings
from xero_sandbox.testing import SandboxControl

Post = Callable[..., list[Posting]]


@pytest.fixture
def read_back(connected: XeroConnection) -> Work:
    """Return a function that reads all documents back."""
    return lambda: reading.in_full(connected, scope.posted(connected), DocumentEvent.Source.POLL)


@pytest.fixture
def credited(posted: Post, upload: Upload, work: Work) -> Callable[..., tuple[Posting, Posting]]:
    """Return a function that posts an invoice over 100.00 and a credit note against it, as asked."""

    def credit(amount: str = "100.00", *, invoice_status: str = "AUTHORISED") -> tuple[Posting, Posting]:
        (invoice,) = posted("100.00")
        note = credit_note(invoice, amount)
        upload(note, invoice_status=invoice_status)
        work()
        return invoice, Posting.objects.get(invoice=note)

    return credit


def balances(sandbox: SandboxControl) -> dict[str, tuple[str, str]]:
    """Return status and what is owed or left by number."""
    return {each["number"]: (each["status"], each["due"]) for each in sandbox.documents()}


@pytest.mark.both_databases
def test_a_full_credit_note_pays_the_invoice_off_and_the_portal_knows(
    credited: Callable[..., tuple[Posting, Posting]], work: Work, connected: XeroConnection, sandbox: SandboxControl
) -> None:
    invoice, note = credited()
    work()
    work()
    # Both are read for it, without a poll.
    schedule.read(XeroConnection.objects.get(pk=connected.pk))
    change = DocumentChange.objects.get()
    assert (change.kind, change.status, change.posting) == ("allocate", "done", note)
    assert balances(sandbox) == {"Invoice_0001": ("PAID", "0.00"), "Invoice_0001-CN1": ("PAID", "0.00")}
    rows = {each.pk: each for each in Posting.objects.all()}
    assert (rows[invoice.pk].xero_status, rows[invoice.pk].amount_due) == ("PAID", Decimal(0))
    assert (rows[invoice.pk].amount_credited, rows[note.pk].amount_due) == (Decimal("110.00"), Decimal(0))
    told = DocumentEvent.objects.filter(source=DocumentEvent.Source.US)
    words = "AUD 110.00 of Invoice_0001-CN1 set against Invoice_0001."
    assert [(each.posting_id, each.facts) for each in told] == [(note.pk, [words]), (invoice.pk, [words])]
    assert len([each for each in sandbox.calls() if "Allocations" in each["path"]]) == 1
    assert sandbox.violations() == []


def test_two_partial_credit_notes_leave_the_rest_owed(
    credited: Callable[..., tuple[Posting, Posting]],
    upload: Upload,
    work: Work,
    read_back: Work,
    sandbox: SandboxControl,
) -> None:
    invoice, _ = credited("30.00")
    work()
    upload(credit_note(invoice, "20.05"), invoice_status="AUTHORISED")
    work()
    work()
    read_back()
    assert balances(sandbox)["Invoice_0001"] == ("AUTHORISED", "54.94")
    invoice.refresh_from_db()
    assert (invoice.amount_due, invoice.amount_credited) == (Decimal("54.94"), Decimal("55.06"))
    assert set(DocumentChange.objects.values_list("status", flat=True)) == {"done"}


def test_a_draft_waits_until_it_is_read_back_as_approved(
    credited: Callable[..., tuple[Posting, Posting]], work: Work, read_back: Work, sandbox: SandboxControl
) -> None:
    _, note = credited(invoice_status="DRAFT")
    work()
    assert not DocumentChange.objects.exists()
    assert not allocating.due().exists()
    sandbox.change("Invoice_0001-CN1", type="ACCRECCREDIT", Status="AUTHORISED")
    read_back()
    assert list(allocating.due()) == [note]
    work()
    assert DocumentChange.objects.get().status == "done"
    assert balances(sandbox)["Invoice_0001"] == ("PAID", "0.00")


def test_what_was_paid_meanwhile_is_refused_in_xeros_words_and_asked_no_more(
    credited: Callable[..., tuple[Posting, Posting]], work: Work, sandbox: SandboxControl
) -> None:
    credited()
    sandbox.pay("Invoice_0001", "50.00")
    work()
    work()
    change = DocumentChange.objects.get()
    assert change.status == "refused"
    assert "exceeds the amount outstanding" in change.message
    assert "In Xero it is: Approved" in change.message
    assert not allocating.due().exists()
    assert balances(sandbox)["Invoice_0001"] == ("AUTHORISED", "60.00")


def test_only_what_is_still_owed_is_set_against_it(
    credited: Callable[..., tuple[Posting, Posting]], work: Work, read_back: Work, sandbox: SandboxControl
) -> None:
    credited()
    sandbox.pay("Invoice_0001", "50.00")
    read_back()
    work()
    change = DocumentChange.objects.get()
    assert (change.status, change.details["amount"]) == ("done", "60.00")
    assert balances(sandbox) == {"Invoice_0001": ("PAID", "0.00"), "Invoice_0001-CN1": ("AUTHORISED", "50.00")}


def test_what_a_person_set_against_it_in_xero_is_not_set_again(
    credited: Callable[..., tuple[Posting, Posting]], work: Work, sandbox: SandboxControl
) -> None:
    credited()
    sandbox.allocate("Invoice_0001-CN1", "Invoice_0001")
    work()
    work()
    assert DocumentChange.objects.get().status == "done"
    assert balances(sandbox) == {"Invoice_0001": ("PAID", "0.00"), "Invoice_0001-CN1": ("PAID", "0.00")}


def test_one_that_was_voided_is_set_against_nothing(
    credited: Callable[..., tuple[Posting, Posting]], work: Work, read_back: Work, sandbox: SandboxControl
) -> None:
    credited()
    sandbox.void("Invoice_0001-CN1", type="ACCRECCREDIT")
    read_back()
    work()
    assert not DocumentChange.objects.exists()
    assert balances(sandbox)["Invoice_0001"] == ("AUTHORISED", "110.00")


@pytest.fixture
def by_setting(db: None) -> None:
    """Credit notes that come from negative invoices are set against the oldest open invoice from now on."""
    XeroSettings.load()
    XeroSettings.objects.update(allocate_credit_notes=True, allocate_since=clock.now())


@pytest.fixture
def of_one_customer(make_invoice: MakeInvoice, upload: Upload, work: Work) -> Callable[..., None]:
    """Return a function that posts documents of one customer over these amounts, a month apart each."""

    def post(*amounts: str, **facts: Any) -> None:
        customer = make_invoice(amount=amounts[0]).customer
        made = [Invoice.objects.get()] + [make_invoice(amount=each, customer=customer, **facts) for each in amounts[1:]]
        for month, invoice in enumerate(made, start=6):
            Invoice.objects.filter(pk=invoice.pk).update(issued_on=dt.date(2026, month, 18))
        upload(*made)
        for _ in range(6):
            work()

    return post


def set_against(sandbox: SandboxControl) -> list[tuple[str, str]]:
    rows = DocumentChange.objects.order_by("pk").values_list("status", "details")
    assert {status for status, _ in rows} <= {"done"}
    return [(details["number"], details["amount"]) for _, details in rows]


@pytest.mark.both_databases
def test_by_a_setting_negative_invoices_are_set_against_the_oldest_open_ones(
    by_setting: None, of_one_customer: Callable[..., None], work: Work, read_back: Work, sandbox: SandboxControl
) -> None:
    of_one_customer("30.00", "50.00", "80.00", "-60.00")
    assert set_against(sandbox) == [("Invoice_0001", "33.00"), ("Invoice_0002", "33.00")]
    read_back()
    work()
    assert balances(sandbox) == {
        "Invoice_0001": ("PAID", "0.00"),
        "Invoice_0002": ("AUTHORISED", "22.00"),
        "Invoice_0003": ("AUTHORISED", "88.00"),
        "Invoice_0004": ("PAID", "0.00"),
    }
    # What a person takes apart in Xero stays apart.
    sandbox.take_back_allocations("Invoice_0001")
    read_back()
    work()
    assert len(set_against(sandbox)) == 2
    assert sandbox.violations() == []


def test_two_credit_notes_of_one_customer_share_what_is_owed(
    by_setting: None, of_one_customer: Callable[..., None], sandbox: SandboxControl
) -> None:
    of_one_customer("30.00", "50.00", "-20.00", "-25.00")
    assert set_against(sandbox) == [("Invoice_0001", "22.00"), ("Invoice_0001", "11.00"), ("Invoice_0002", "16.50")]


def test_without_the_setting_or_before_it_nothing_is_set_against_anything(
    of_one_customer: Callable[..., None], work: Work
) -> None:
    of_one_customer("30.00", "-20.00")
    XeroSettings.objects.update(allocate_credit_notes=True, allocate_since=clock.now())
    work()
    assert not DocumentChange.objects.exists()


def test_the_invoices_of_another_customer_are_left_alone(by_setting: None, posted: Post, work: Work) -> None:
    posted("-20.00", "100.00")
    work()
    assert not DocumentChange.objects.exists()
