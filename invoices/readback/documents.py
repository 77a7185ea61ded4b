"""What Xero's row says of a posted document, and how that differs from what was sent. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from c3portal.formats import amounts
from invoices.models import AppliedCredit
from invoices.posting import balances
from invoices.posting.balances import Balance
from invoices.posting.responses import NO_ID, Kind
from invoices.posting.sent_facts import SentFacts
from xero_integration.client import shapes
from xero_integration.client.vocabulary import GONE
from xero_integration.payloads import to_cents
from xero_integration.reference import json_date

CreditKind = AppliedCredit.Kind

# What Xero lists within an invoice of what is set off against it, with the field of the other's id.
SET_OFF = {
    CreditKind.CREDIT_NOTE: ("CreditNotes", "CreditNoteID"),
    CreditKind.PREPAYMENT: ("Prepayments", "PrepaymentID"),
    CreditKind.OVERPAYMENT: ("Overpayments", "OverpaymentID"),
}


@dataclass(frozen=True)
class Paid:
    payment_id: str
    paid_on: dt.date
    amount: Decimal
    reference: str


@dataclass(frozen=True)
class SetOff:
    kind: CreditKind
    xero_id: str
    number: str
    applied_on: dt.date | None
    amount: Decimal


@dataclass(frozen=True)
class Shown:
    """A document as Xero shows it; `facts` as `SentFacts`. `payments` and `credits` are None where the row is one of
    Xero's short ones."""

    xero_id: str
    status: str
    total: Decimal | None
    facts: SentFacts
    balance: Balance
    payments: tuple[Paid, ...] | None
    credits: tuple[SetOff, ...] | None


def read(kind: Kind, row: Mapping[str, Any], *, is_short: bool = False) -> Shown | None:
    """Return what a row shows, None without an id; `is_short`: it was asked for without its parts."""
    xero_id = str(row.get(kind.id_key) or NO_ID)
    if xero_id == NO_ID:
        return None
    return Shown(
        xero_id=xero_id,
        status=str(row.get("Status") or ""),
        total=balances.amount(row.get("Total")),
        facts=_facts(row),
        balance=balances.read(kind.document_type, row),
        payments=None if is_short else tuple(sorted(_payments(row), key=lambda each: (each.paid_on, each.payment_id))),
        credits=None if is_short else tuple(sorted(_credits(row), key=_credit_order)),
    )


def _credit_order(credit: SetOff) -> tuple[dt.date, str, str]:
    return (credit.applied_on or dt.date.min, credit.kind, credit.xero_id)


def _facts(row: Mapping[str, Any]) -> SentFacts:
    sums = {"subtotal": balances.amount(row.get("SubTotal")), "total": balances.amount(row.get("Total"))}
    days = {"date": json_date(row.get("Date")), "due_date": json_date(row.get("DueDate"))}
    contact = (row.get("Contact") or {}).get("ContactID")
    return (
        ({"contact": str(contact)} if contact else {})
        | {name: day.isoformat() for name, day in days.items() if day}
        | {name: str(to_cents(value)) for name, value in sums.items() if value is not None}
    )


def _payments(row: Mapping[str, Any]) -> Iterator[Paid]:
    for each in shapes.objects(row.get("Payments")):
        payment_id, paid_on = str(each.get("PaymentID") or ""), json_date(each.get("Date"))
        paid = balances.amount(each.get("Amount"))
        if payment_id and paid_on and paid is not None and not balances.is_taken_back(each):
            yield Paid(payment_id, paid_on, paid, str(each.get("Reference") or "")[:255])


def _credits(row: Mapping[str, Any]) -> Iterator[SetOff]:
    for kind, (name, id_key) in SET_OFF.items():
        for each in shapes.objects(row.get(name)):
            applied = balances.amount(each.get("AppliedAmount"))
            if applied:
                number = str(each.get("CreditNoteNumber") or "")
                yield SetOff(kind, str(each.get(id_key) or ""), number, json_date(each.get("Date")), applied)
    for each in shapes.objects(row.get("Allocations")):
        allocated, invoice = balances.amount(each.get("Amount")), each.get("Invoice") or {}
        if allocated and not balances.is_taken_back(each):
            number = str(invoice.get("InvoiceNumber") or "")[:255]
            day = json_date(each.get("Date"))
            yield SetOff(CreditKind.ALLOCATION, str(invoice.get("InvoiceID") or ""), number, day, allocated)


Edits = dict[str, dict[str, str]]
# What an edit may be about. `status` is one where the document is in no books any more.
FACTS = {
    "status": "Status",
    "total": "Total",
    "subtotal": "Lines’ sum without tax",
    "contact": "Contact",
    "date": "Date",
    "due_date": "Due date",
    "missing": "Document",
}
DAYS = ("date", "due_date")
_AMOUNTS = ("total", "subtotal")
# What is kept of a document that Xero does not show any more.
MISSING: Edits = {"missing": {"sent": "", "now": ""}}
# These edits are told by the document's state.
OF_STATE = ("status", "missing")


def edits(sent: SentFacts, shown: Shown) -> Edits:
    """Return by fact what was `sent` and what Xero has `now` in its place; what either does not say is no edit."""
    found = {
        fact: {"sent": sent[fact], "now": shown.facts[fact]}
        for fact in FACTS
        if fact in sent and fact in shown.facts and not _same(sent[fact], shown.facts[fact])
    }
    if shown.status in GONE:
        found["status"] = {"sent": "", "now": shown.status}
    return found


def in_words(fact: str, value: str, currency: str) -> str:
    """Return what an edit says of a fact; an amount with its `currency`."""
    return amounts.written(Decimal(value), currency) if fact in _AMOUNTS and value else value


def _same(sent: str, now: str) -> bool:
    # Xero's ids come in capitals at times.
    return sent.lower() == now.lower()
