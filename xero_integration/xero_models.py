"""What is sent to Xero as xero-python's models, and the bytes that they become."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import Enum
from typing import Any

# Nothing else of xero-python is used in the product: its transport repeats requests and hides headers
# (docs/dependencies.md). Importing it takes 0.2 s and 7 MB (ten times as long when it is not compiled yet), so workers
# do so when they start, and pages that show what would be sent when they are asked for it.
from xero_python.accounting import (
    Address,
    Allocation,
    Allocations,
    Contact,
    Contacts,
    CreditNote,
    CreditNotes,
    HistoryRecord,
    HistoryRecords,
    Invoice,
    Invoices,
    LineAmountTypes,
    LineItem,
)
from xero_python.api_client.serializer import serialize

from xero_integration.client.vocabulary import SalesType
from xero_integration.new_contacts import NewContact
from xero_integration.payloads import Document, Line, number


def documents_body(documents: Iterable[Document]) -> bytes:
    """Return the body for documents of one kind, the same bytes for the same documents.

    Raises ValueError for an amount that JSON would not carry digit for digit, or a status that Xero does not know.
    """
    documents = list(documents)
    if documents and documents[0].is_credit_note:
        return _body(CreditNotes(credit_notes=[_credit_note(each) for each in documents]))
    return _body(Invoices(invoices=[_invoice(each) for each in documents]))


def named_body(document: Document, contact_name: str) -> bytes:
    """Return the body for one invoice whose contact Xero finds by its name, or makes. Raises as `documents_body`."""
    invoice = _invoice(document)
    invoice.contact = Contact(name=contact_name, has_attachments=None, has_validation_errors=None)
    return _body(Invoices(invoices=[invoice]))


def contacts_body(contacts: Iterable[NewContact]) -> bytes:
    """Return the body that creates contacts. Raises ValueError for a name or number longer than Xero takes."""
    return _body(Contacts(contacts=[_new_contact(each) for each in contacts]))


def allocations_body(invoice_id: str, amount: Decimal, on: dt.date) -> bytes:
    """Return the body that allocates `amount` (the documents' currency) of a credit note to an invoice. Raises
    ValueError as `documents_body`."""
    invoice = Invoice(invoice_id=invoice_id, has_attachments=None, has_errors=None)
    return _body(Allocations(allocations=[Allocation(invoice=invoice, amount=number(amount), date=on)]))


def history_body(details: str) -> bytes:
    """Return the body that adds a note."""
    return _body(HistoryRecords(history_records=[HistoryRecord(details=details)]))


def _body(model: Any) -> bytes:
    return json.dumps(serialize(model), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


@serialize.register("CurrencyCode")  # type: ignore[untyped-decorator]
def _currency(code: str | Enum, explicit_type: str | None = None) -> str:
    """Let a currency through as its code."""
    # The organisation's own list decides which there are (`documents.rules`); xero-python 15.2 refuses some that are in
    # use, such as XCG.
    return code.value if isinstance(code, Enum) else code


def _invoice(document: Document) -> Invoice:
    return Invoice(
        type=SalesType.INVOICE,
        invoice_number=document.number,
        url=document.url or None,
        has_attachments=None,
        has_errors=None,
        **_common(document),
    )


def _credit_note(document: Document) -> CreditNote:
    return CreditNote(
        type=SalesType.CREDIT_NOTE,
        credit_note_number=document.number,
        has_attachments=None,
        has_errors=None,
        **_common(document),
    )


def _common(document: Document) -> dict[str, Any]:
    return {
        # The models carry flags by default (`HasAttachments`, `HasErrors`, `HasValidationErrors`), and Xero takes any
        # field of a contact but its id for a change of that contact.
        # https://developer.xero.com/documentation/api/accounting/invoices/
        "contact": Contact(contact_id=document.contact_id, has_attachments=None, has_validation_errors=None),
        "date": document.issued_on,
        "due_date": document.due_on,
        "line_amount_types": LineAmountTypes.EXCLUSIVE,
        "line_items": [_line_item(each) for each in document.lines],
        "currency_code": document.currency,
        "status": document.status,
        "reference": document.reference,
        "branding_theme_id": document.theme_id or None,
    }


def _line_item(line: Line) -> LineItem:
    return LineItem(
        description=line.description,
        # The models put numbers through float, so only those go that float keeps to the digit.
        quantity=number(line.quantity),
        unit_amount=number(line.unit_amount),
        line_amount=number(line.line_amount),
        account_code=line.account_code,
        tax_type=line.tax_type,
    )


def _new_contact(new: NewContact) -> Contact:
    return Contact(
        name=new.name,
        contact_number=new.number,
        email_address=new.email or None,
        addresses=[_postal_address(new.address)] if new.address else None,
        has_attachments=None,
        has_validation_errors=None,
    )


def _postal_address(parts: Mapping[str, str]) -> Address:
    # The kind that Xero prints on invoices.
    return Address(
        address_type="POBOX",
        address_line1=parts.get("line1"),
        address_line2=parts.get("line2"),
        city=parts.get("city"),
        region=parts.get("state"),
        postal_code=parts.get("zip"),
        country=parts.get("country"),
    )
