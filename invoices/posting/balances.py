"""What Xero says is owed on a document. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from invoices.models import DocumentType
from xero_integration.client import shapes
from xero_integration.client.vocabulary import GONE, PaymentStatus
from xero_integration.reference import json_date, json_moment

LARGEST_AMOUNT = Decimal(10) ** 13
NOTHING = Decimal("0.00")


@dataclass(frozen=True)
class Balance:
    """Amounts in the document's currency, positive for credit notes too; None is what Xero did not say.

    Of a credit note `due` is the credit that remains, `credited` what was allocated, `paid` what was refunded.
    """

    due: Decimal | None = None
    paid: Decimal | None = None
    credited: Decimal | None = None
    paid_off_on: dt.date | None = None
    sent_to_contact: bool | None = None
    updated_at: dt.datetime | None = None


UNKNOWN = Balance()


def read(document_type: str, row: Mapping[str, Any]) -> Balance:
    """Return what a row of Xero's says of its balance."""
    is_invoice = document_type == DocumentType.INVOICE
    due = amount(row.get("AmountDue" if is_invoice else "RemainingCredit"))
    sent = row.get("SentToContact")
    return Balance(
        # Whatever is left on what was ended, nobody owes it.
        due=NOTHING if row.get("Status") in GONE else due,
        paid=amount(row.get("AmountPaid")) if is_invoice else _sum(row.get("Payments")),
        credited=amount(row.get("AmountCredited")) if is_invoice else _sum(row.get("Allocations")),
        paid_off_on=json_date(row.get("FullyPaidOnDate")),
        sent_to_contact=sent if isinstance(sent, bool) else None,
        updated_at=json_moment(row.get("UpdatedDateUTC")),
    )


def _sum(parts: object) -> Decimal | None:
    if not isinstance(parts, list):
        return None
    found = [amount(each.get("Amount")) for each in shapes.objects(parts) if not is_taken_back(each)]
    return sum((each for each in found if each is not None), NOTHING)


def is_taken_back(part: Mapping[str, Any]) -> bool:
    """Whether a payment or an allocation counts no more."""
    return part.get("IsDeleted") is True or part.get("Status") == PaymentStatus.DELETED


def amount(value: object) -> Decimal | None:
    """Return an amount of Xero's as Decimal, None when the database cannot hold it."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found) < LARGEST_AMOUNT else None
