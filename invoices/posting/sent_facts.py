"""What was sent of a document, for telling later whether someone edited it in Xero. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from invoices.posting.balances import amount
from xero_integration.client import shapes
from xero_integration.payloads import to_cents
from xero_integration.reference import json_date

# By name, as text: `contact` (Xero's id), `date` and `due_date` (ISO), `subtotal` (the lines' sum without tax) and
# `total` (to the cent, positive for credit notes too).
SentFacts = dict[str, str]


def of_element(element: Mapping[str, Any]) -> SentFacts:
    """Return what a document of a call's bytes says; its total is Xero's to compute."""
    amounts = [Decimal(line["LineAmount"]) for line in shapes.objects(element.get("LineItems"))]
    days = {"date": json_date(element.get("Date")), "due_date": json_date(element.get("DueDate"))}
    return {
        "contact": str(element["Contact"]["ContactID"]),
        **{name: day.isoformat() for name, day in days.items() if day},
        "subtotal": str(to_cents(sum(amounts, Decimal("0.00")))),
    }


def with_total(facts: SentFacts, total: Decimal | None) -> SentFacts:
    """Return `facts` with the total that Xero came to when it recorded them."""
    return facts if total is None else facts | {"total": str(to_cents(total))}


def as_shown(row: Mapping[str, Any]) -> SentFacts:
    """Return the facts of a document that somebody else wrote, as Xero showed it when it was linked."""
    days = {"date": json_date(row.get("Date")), "due_date": json_date(row.get("DueDate"))}
    amounts = {"subtotal": amount(row.get("SubTotal")), "total": amount(row.get("Total"))}
    return {
        "contact": str((row.get("Contact") or {}).get("ContactID") or ""),
        **{name: day.isoformat() for name, day in days.items() if day},
        **{name: str(to_cents(value)) for name, value in amounts.items() if value is not None},
    }
