"""What the portal makes to correct an invoice, and that it is never more than what is left of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from c3portal.testing import at_once
from invoices.corrections import creating, limit
from invoices.corrections.as_in_xero import InXero
from invoices.corrections.creating import CorrectingLine, NotPossible, create
from invoices.importing import backfill
from invoices.importing.importer import import_file
from invoices.models import HeldBackInvoice, Invoice, Posting
from invoices.tests import makers
from invoices.tests.c3_files import of_customer, write

CONTACT = "6f2d0c1b-7c55-4b0e-9d62-0a4b8d7e3c91"


def credited(amount: str, **facts: Any) -> CorrectingLine:
    """Return a line that credits an amount without tax."""
    fields: dict[str, Any] = {
        "description": "Microsoft 365 E5",
        "quantity": Decimal(1),
        "unit_amount": -Decimal(amount),
        "amount": -Decimal(amount),
        "account_code": "200",
        "tax_type": "OUTPUT",
        "tax_percentage": Decimal(10),
    }
    return CorrectingLine(**fields | facts)


@pytest.fixture
def posted(db: None) -> Invoice:
    """An invoice over 100.00 and tax of 10.00 that is approved in Xero; nothing here calls it."""
    invoice = makers.an_invoice(makers.a_period(), "INV-001")
    makers.uploaded(makers.connected(), None, invoice, to=Posting.Status.POSTED)
    Posting.objects.update(xero_status="AUTHORISED", amount_due=Decimal("110.00"), amount_paid=0)
    return Invoice.objects.get(pk=invoice.pk)


def make(invoice: Invoice, *lines: CorrectingLine) -> Invoice:
    return create(invoice, lines, reason="A licence too many", contact_id=CONTACT)


@pytest.mark.both_databases
def test_a_credit_note_is_an_invoice_of_its_own_that_names_what_it_corrects(posted: Invoice) -> None:
    made = Invoice.objects.get(pk=make(posted, credited("100.00")).pk)
    assert (made.corrects, made.reason, made.contact_id) == (posted, "A licence too many", CONTACT)
    assert (made.number, made.xero_number) == ("INV-001-CN1", "INV-001-CN1")
    assert (made.subtotal, made.tax, made.total) == (Decimal("-100.00"), Decimal("-10.00"), Decimal("-110.00"))
    assert (made.period, made.customer, made.import_run) == (posted.period, posted.customer, None)
    assert made.is_credit_note
    assert made.may_go


def test_each_correction_has_a_number_of_its_own(posted: Invoice) -> None:
    numbers = [make(posted, credited("10.00")).number for _ in range(2)]
    numbers.append(make(posted, credited("-25.00")).number)
    assert numbers == ["INV-001-CN1", "INV-001-CN2", "INV-001-ADD1"]
    assert Invoice.objects.get(number="INV-001-ADD1").total == Decimal("27.50")


def test_a_number_that_is_taken_is_passed_over_whatever_its_capitals(posted: Invoice) -> None:
    makers.an_invoice(posted.period, "inv-001-cn1")
    assert make(posted, credited("10.00")).number == "INV-001-CN2"


@pytest.mark.both_databases
def test_credit_notes_together_are_never_more_than_the_invoice(posted: Invoice) -> None:
    make(posted, credited("60.00"))
    with pytest.raises(
        NotPossible, match=r"AUD 55\.00 is more than what is left of INV-001 to be credited, AUD 44\.00"
    ):
        make(posted, credited("50.00"))
    make(posted, credited("40.00"))
    assert limit.left(posted) == 0
    assert sum(Invoice.objects.exclude(corrects=None).values_list("total", flat=True)) == -posted.total


@pytest.mark.parametrize(("due", "status"), [("30.00", "AUTHORISED"), ("0.00", "PAID")])
def test_what_was_paid_is_credited_too_up_to_the_total(posted: Invoice, due: str, status: str) -> None:
    paid = posted.total - Decimal(due)
    Posting.objects.update(amount_due=Decimal(due), amount_paid=paid, xero_status=status)
    posted.posting.refresh_from_db()
    assert (limit.left(posted), limit.owed(posted)) == (posted.total, Decimal(due))
    make(posted, credited("60.00"))
    assert (limit.left(posted), limit.owed(posted)) == (Decimal("44.00"), 0)
    with pytest.raises(NotPossible, match="more than what is left"):
        make(posted, credited("40.01"))


def test_credit_that_somebody_gave_in_xero_counts(posted: Invoice) -> None:
    posted.posting.applied_credits.create(kind="credit_note", xero_id="another", amount=Decimal("66.00"))
    posted.posting.applied_credits.create(kind="prepayment", xero_id="money", amount=Decimal("10.00"))
    Posting.objects.update(amount_due=Decimal("34.00"), amount_credited=Decimal("76.00"))
    posted.posting.refresh_from_db()
    assert (limit.left(posted), limit.owed(posted)) == (Decimal("44.00"), Decimal("34.00"))


def test_one_that_was_set_against_the_invoice_counts_once(posted: Invoice) -> None:
    note = make(posted, credited("60.00"))
    makers.uploaded(posted.posting.connection, None, note, to=Posting.Status.POSTED)
    note = Invoice.objects.get(pk=note.pk)
    posted.posting.applied_credits.create(kind="credit_note", xero_id=note.posting.xero_id, amount=Decimal("66.00"))
    Posting.objects.filter(invoice=posted).update(amount_due=Decimal("44.00"), amount_credited=Decimal("66.00"))
    found = Invoice.objects.get(pk=posted.pk)
    assert (limit.left(found), limit.owed(found)) == (Decimal("44.00"), Decimal("44.00"))


def test_what_was_set_aside_or_ended_in_xero_does_not_count(posted: Invoice) -> None:
    ended, ignored = make(posted, credited("60.00")), make(posted, credited("40.00"))
    makers.uploaded(posted.posting.connection, None, ended, to=Posting.Status.POSTED)
    Posting.objects.filter(invoice=ended).update(xero_status="VOIDED")
    Invoice.objects.filter(pk=ignored.pk).update(ignored_because="Asked for by mistake")
    assert limit.left(posted) == Decimal("110.00")


def test_nothing_is_made_of_nothing_of_a_credit_note_or_of_what_is_not_in_xero(posted: Invoice) -> None:
    other = makers.an_invoice(posted.period, "INV-002")
    with pytest.raises(NotPossible, match="not in Xero"):
        make(other, credited("10.00"))
    with pytest.raises(NotPossible, match="nothing to correct"):
        make(posted, credited("10.00"), credited("-10.00"))
    note = make(posted, credited("10.00"))
    makers.uploaded(posted.posting.connection, None, note, to=Posting.Status.POSTED)
    with pytest.raises(NotPossible, match="a credit note itself"):
        make(note, credited("1.00"))
    Posting.objects.filter(invoice=posted).update(xero_status="DELETED")
    with pytest.raises(NotPossible, match="not in Xero"):
        make(posted, credited("10.00"))
    assert Invoice.objects.count() == 3


@pytest.mark.both_databases
def test_two_alike_are_no_copies_of_each_other(posted: Invoice) -> None:
    notes = [make(posted, credited("10.00")) for _ in range(2)]
    backfill.fill()
    assert set(Invoice.objects.filter(corrects=posted).values_list("billed_hash", "charges_hash")) == {("", None)}
    queued = makers.queueing.enqueue(
        Invoice.objects.filter(pk__in=[each.pk for each in notes]),
        connection=posted.posting.connection,
        user=None,
        invoice_status="DRAFT",
    )
    assert (queued.queued, queued.undecided) == (2, 0)


@pytest.mark.django_db
@pytest.mark.both_databases
def test_no_file_changes_a_correction(tmp_path: Path) -> None:
    import_file(write(tmp_path, of_customer(1, InvoiceNumber="INV-001")))
    invoice = Invoice.objects.get()
    makers.uploaded(makers.connected(), None, invoice, to=Posting.Status.POSTED)
    note = make(invoice, credited("0.10"))
    import_file(write(tmp_path, of_customer(1, InvoiceNumber="INV-001"), of_customer(2, InvoiceNumber=note.number)))
    assert HeldBackInvoice.objects.get().number == note.number
    stored = Invoice.objects.get(number=note.number)
    assert (stored.total, stored.difference, stored.may_go) == (note.total, "", True)
    assert creating.total_of([credited("0.10")]) == stored.total
    again = makers.queueing.enqueue(
        Invoice.objects.filter(pk=note.pk),
        connection=invoice.posting.connection,
        user=None,
        invoice_status="DRAFT",
    )
    assert (again.queued, again.held_back) == (1, 0)


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_two_who_credit_at_the_same_moment_one_is_refused(transactional_db: None) -> None:
    invoice = makers.an_invoice(makers.a_period(), "INV-001")
    makers.uploaded(makers.connected(), None, invoice, to=Posting.Status.POSTED)
    Posting.objects.update(xero_status="AUTHORISED", amount_due=Decimal("110.00"), amount_paid=0)

    def credit(_: int) -> bool:
        try:
            make(invoice, credited("60.00"))
        except NotPossible:
            return False
        return True

    assert sorted(at_once(3, credit)) == [False, False, True]
    assert Invoice.objects.get(corrects=invoice).total == Decimal("-66.00")


def test_of_a_line_of_nothing_there_is_no_part() -> None:
    line = replace(credited("0.00"), quantity=Decimal(1))
    with pytest.raises(NotPossible):
        InXero((line,), CONTACT, Decimal(0), "AUD").credited({0: Decimal("5.00")})
