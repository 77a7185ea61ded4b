"""Credit notes that are set against invoices, each in a call of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from c3portal.formats import amounts
from invoices.changes.rules import Changes, Row, Rule
from invoices.models import ChangeCall, DocumentChange, DocumentEvent, Posting
from invoices.posting.balances import NOTHING, amount
from invoices.posting.responses import Kind
from invoices.readback import inbox
from xero_integration.client import refusals, shapes
from xero_integration.client.gateway import Answer, Gateway
from xero_integration.payloads import number

# What `DocumentChange.details` says: Xero's id of the invoice and its number there, the amount (text), the day (ISO),
# and how much of the credit note was set against that invoice before.
Details = Mapping[str, Any]


def details_of(invoice: Posting, allocated: Decimal, *, on: str, before: Decimal) -> dict[str, Any]:
    """Return what the change of a credit note has to know to be set against `invoice`."""
    return {
        "invoice": invoice.xero_id,
        "number": invoice.number_in_xero,
        "amount": str(allocated),
        "date": on,
        "before": str(before),
    }


def amount_of(change: DocumentChange) -> Decimal:
    """Return how much is to be set against the invoice."""
    return Decimal(change.details["amount"])


def _body(kind: Kind, changes: Changes) -> bytes:
    return json.dumps({"Allocations": [_element(each) for each in changes]}).encode()


def _element(change: DocumentChange) -> dict[str, Any]:
    return {
        "Invoice": {"InvoiceID": change.details["invoice"]},
        "Amount": number(amount_of(change)),
        "Date": change.details["date"],
    }


def _send(gateway: Gateway, kind: Kind, call: ChangeCall, body: bytes) -> Answer:
    (change,) = call.changes.all()
    return gateway.allocate(change.xero_id, body, str(call.pk), call.sent_at)


def _answered(answer: Answer, kind: Kind, changes: Changes) -> Sequence[Row]:
    """Return the credit note as the answer, which shows the new allocation alone, lets one know it."""
    (change,) = changes
    (made, *others) = answer.rows("Allocations") or [{}]
    if others or refusals.read(made):
        return [made]
    before = {"Invoice": {"InvoiceID": change.details["invoice"]}, "Amount": change.details["before"]}
    return [{kind.id_key: change.xero_id, "Allocations": [before, made]}]


def _is_done(change: DocumentChange, row: Row) -> bool | None:
    allocated = allocated_to(row, change.details["invoice"])
    return None if allocated is None else allocated >= Decimal(change.details["before"]) + amount_of(change)


def allocated_to(row: Row, invoice: str) -> Decimal | None:
    """Return how much of a credit note is set against the invoice with this id of Xero's, None when the row does not
    tell."""
    if not isinstance(row.get("Allocations"), list):
        return None
    total = NOTHING
    for each in shapes.objects(row["Allocations"]):
        found, to = amount(each.get("Amount")), (each.get("Invoice") or {}).get("InvoiceID")
        if found is None or not to:
            return None
        if str(to).lower() == invoice.lower() and each.get("IsDeleted") is not True:
            total += found
    return total


def _finish(changes: Changes, shown: Mapping[int, Row]) -> None:
    """Note it of both documents, and have both read."""
    for change in changes:
        against = Posting.objects.filter(connection=change.connection_id, xero_id=change.details["invoice"]).first()
        number_of_note = change.posting.number_in_xero
        money = amounts.written(amount_of(change), change.posting.invoice.currency)
        words = f"{money} of {number_of_note} set against {change.details['number']}."
        for posting in filter(None, (change.posting, against)):
            DocumentEvent.objects.create(
                posting=posting, source=DocumentEvent.Source.US, status=posting.xero_status, facts=[words]
            )
        tenant = change.connection.tenant_id.lower()
        ids = {"CREDITNOTE": change.xero_id, "INVOICE": change.details["invoice"]}
        inbox.put(inbox.Named(tenant, category, each.lower()) for category, each in ids.items())


# The credit note stands in the address, so each has a call of its own.
ALLOCATE = Rule(body=_body, send=_send, is_done=_is_done, finish=_finish, answered=_answered, most=1)
