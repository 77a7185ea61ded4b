"""What Xero's row says of a document, held against what was sent."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from invoices.models import AppliedCredit, DocumentType
from invoices.posting.responses import KINDS
from invoices.readback import documents
from invoices.readback.documents import Paid, SetOff

INVOICE, CREDIT_NOTE = KINDS[DocumentType.INVOICE], KINDS[DocumentType.CREDIT_NOTE]
SENT = {
    "contact": "c0000000-0000-0000-0000-00000000000a",
    "date": "2026-09-18",
    "due_date": "2026-10-06",
    "subtotal": "100.00",
    "total": "110.00",
}
AS_SENT: dict[str, Any] = {
    "InvoiceID": "d1",
    "Status": "AUTHORISED",
    "Contact": {"ContactID": "C0000000-0000-0000-0000-00000000000A"},
    "Date": "/Date(1789689600000+0000)/",
    "DueDate": "/Date(1791244800000+0000)/",
    "SubTotal": Decimal("100.0"),
    "Total": Decimal("110"),
    "AmountDue": Decimal("60.00"),
    "AmountPaid": Decimal("30.00"),
    "AmountCredited": Decimal("20.00"),
    "UpdatedDateUTC": "/Date(1791244800500+0000)/",
}


def shown(**changes: Any) -> documents.Shown:
    found = documents.read(INVOICE, AS_SENT | changes)
    assert found is not None
    return found


def test_a_document_as_it_was_sent_has_no_edits() -> None:
    assert documents.edits(SENT, shown()) == {}


@pytest.mark.parametrize(
    ("changes", "fact", "sent", "now"),
    [
        ({"Total": Decimal("121.00")}, "total", "110.00", "121.00"),
        ({"SubTotal": Decimal("90.91")}, "subtotal", "100.00", "90.91"),
        ({"Contact": {"ContactID": "another"}}, "contact", SENT["contact"], "another"),
        ({"Date": "/Date(1789776000000+0000)/"}, "date", "2026-09-18", "2026-09-19"),
        ({"DueDate": "/Date(1792540800000+0000)/"}, "due_date", "2026-10-06", "2026-10-21"),
        ({"Status": "VOIDED"}, "status", "", "VOIDED"),
        ({"Status": "DELETED"}, "status", "", "DELETED"),
    ],
)
def test_each_edit_is_named_with_both_values(changes: dict[str, Any], fact: str, sent: str, now: str) -> None:
    assert documents.edits(SENT, shown(**changes)) == {fact: {"sent": sent, "now": now}}


def test_what_xero_does_not_say_is_no_edit() -> None:
    row = {"InvoiceID": "d1", "Status": "AUTHORISED"}
    found = documents.read(INVOICE, row)
    assert found is not None
    assert documents.edits(SENT, found) == {}
    assert found.balance.due is None


@pytest.mark.parametrize("row", [{}, {"InvoiceID": "00000000-0000-0000-0000-000000000000"}])
def test_a_row_without_an_id_shows_nothing(row: dict[str, Any]) -> None:
    assert documents.read(INVOICE, row) is None


def test_a_voided_document_owes_nothing_whatever_its_row_says() -> None:
    assert shown(Status="VOIDED").balance.due == 0


def test_it_reads_payments_and_all_that_was_set_off() -> None:
    found = shown(
        Payments=[
            {"PaymentID": "p1", "Date": "/Date(1791244800000+0000)/", "Amount": Decimal("30.00"), "Reference": "EFT"},
            {"PaymentID": "p2", "Date": "/Date(1791244800000+0000)/", "Amount": Decimal("1.00"), "Status": "DELETED"},
        ],
        CreditNotes=[{"CreditNoteID": "k1", "CreditNoteNumber": "CN-1", "AppliedAmount": Decimal("12.00")}],
        Prepayments=[{"PrepaymentID": "v1", "AppliedAmount": Decimal("5.00"), "Date": "2026-10-01T00:00:00"}],
        Overpayments=[{"OverpaymentID": "o1", "AppliedAmount": Decimal("3.00")}, {"OverpaymentID": "o2"}],
    )
    assert found.payments == (Paid("p1", dt.date(2026, 10, 6), Decimal("30.00"), "EFT"),)
    kind = AppliedCredit.Kind
    assert found.credits == (
        SetOff(kind.CREDIT_NOTE, "k1", "CN-1", None, Decimal("12.00")),
        SetOff(kind.OVERPAYMENT, "o1", "", None, Decimal("3.00")),
        SetOff(kind.PREPAYMENT, "v1", "", dt.date(2026, 10, 1), Decimal("5.00")),
    )


def test_a_credit_note_tells_what_is_left_allocated_and_refunded() -> None:
    row = {
        "CreditNoteID": "k1",
        "Status": "AUTHORISED",
        "Total": Decimal("50.00"),
        "RemainingCredit": Decimal("10.00"),
        "Allocations": [
            {"Amount": Decimal("25.00"), "Date": "2026-10-01", "Invoice": {"InvoiceID": "d1", "InvoiceNumber": "I-1"}},
            {"Amount": Decimal("9.00"), "IsDeleted": True, "Invoice": {"InvoiceID": "d2"}},
        ],
        "Payments": [{"PaymentID": "p1", "Date": "2026-10-02", "Amount": Decimal("15.00")}],
    }
    found = documents.read(CREDIT_NOTE, row)
    assert found is not None
    assert (found.balance.due, found.balance.credited, found.balance.paid) == (10, 25, 15)
    allocation = SetOff(AppliedCredit.Kind.ALLOCATION, "d1", "I-1", dt.date(2026, 10, 1), Decimal("25.00"))
    assert found.credits == (allocation,)


def test_a_short_row_says_nothing_of_its_parts() -> None:
    found = documents.read(INVOICE, AS_SENT | {"Payments": []}, is_short=True)
    assert found is not None
    assert found.payments is None
    assert found.credits is None
