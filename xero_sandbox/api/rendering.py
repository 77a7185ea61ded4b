"""Documents as the wire carries them."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from xero_sandbox import wire
from xero_sandbox.api.document_types import CREDITS, INVOICE, KIND_OF_TYPE
from xero_sandbox.models import Allocation, Document, Payment, dollars

ONE = Decimal("1.0000000000")


def document_json(row: Document, with_lines: bool = True) -> dict[str, Any]:
    """Return one document. Lines are stored as JSON already and go out as they are."""
    kind = KIND_OF_TYPE[row.type]
    return {
        "Type": row.type,
        kind.id_field: str(row.document_id),
        kind.number_field: row.number,
        "Reference": row.reference,
        **({"Url": row.url} if row.url else {}),
        "Payments": [payment_in_document(payment) for payment in (row.payments.all() if row.paid_cents else ())],
        **_balance(row),
        "CurrencyRate": row.rate.quantize(ONE),
        "HasErrors": False,
        "HasAttachments": False,
        "SentToContact": row.sent_to_contact,
        "Contact": _contact(row),
        **_dates(row),
        **({"BrandingThemeID": str(row.theme_id)} if row.theme_id else {}),
        "Status": row.status,
        "LineAmountTypes": row.line_amount_types,
        "LineItems": wire.Raw(row.lines) if with_lines else [],
        "SubTotal": dollars(row.sub_total_cents),
        "TotalTax": dollars(row.tax_cents),
        "Total": row.total,
        "UpdatedDateUTC": wire.ms_date(row.updated_at),
        "CurrencyCode": row.currency,
    }


def _balance(row: Document) -> dict[str, Any]:
    if KIND_OF_TYPE[row.type] is not INVOICE:
        allocations = row.allocations.all() if row.credited_cents else ()
        return {"RemainingCredit": row.due, "Allocations": [_allocated(one) for one in allocations]}
    credits = list(row.credits.all()) if row.credited_cents else []
    return {
        **{kind.resource: [_credited(one) for one in credits if one.source.type == kind.type] for kind in CREDITS},
        "AmountDue": row.due,
        "AmountPaid": dollars(row.paid_cents),
        "AmountCredited": dollars(row.credited_cents),
        "IsDiscounted": False,
    }


def _allocated(allocation: Allocation) -> dict[str, Any]:
    return {
        "AllocationID": str(allocation.allocation_id),
        "Amount": allocation.amount,
        "Date": wire.ms_date(allocation.date),
        "Invoice": {
            "InvoiceID": str(allocation.invoice.document_id),
            "InvoiceNumber": allocation.invoice.number,
            "HasErrors": False,
        },
    }


def allocation_json(allocation: Allocation) -> dict[str, Any]:
    """Return an allocation as the calls for allocations answer it."""
    kind = KIND_OF_TYPE[allocation.source.type]
    source = {kind.id_field: str(allocation.source.document_id)}
    return _allocated(allocation) | {kind.resource.removesuffix("s"): source}


def _credited(allocation: Allocation) -> dict[str, Any]:
    source = allocation.source
    kind = KIND_OF_TYPE[source.type]
    return {
        kind.id_field: str(source.document_id),
        "ID": str(source.document_id),
        kind.number_field: source.number,
        "AppliedAmount": allocation.amount,
        "Date": wire.ms_date(allocation.date),
        "Total": source.total,
        "HasErrors": False,
    }


def _contact(row: Document) -> dict[str, Any]:
    return {
        "ContactID": str(row.contact.contact_id),
        **({"ContactNumber": row.contact.number} if row.contact.number else {}),
        "Name": row.contact.name,
        "ContactStatus": row.contact.status,
        "EmailAddress": row.contact.email,
        "Addresses": [],
        "Phones": [],
        "ContactGroups": [],
        "ContactPersons": [],
        "HasValidationErrors": False,
    }


def _dates(row: Document) -> dict[str, Any]:
    dates = {"Date": wire.ms_date(row.date), "DateString": wire.iso_midnight(row.date)}
    if row.due_date:
        dates |= {"DueDate": wire.ms_date(row.due_date), "DueDateString": wire.iso_midnight(row.due_date)}
    if row.fully_paid_on:
        dates["FullyPaidOnDate"] = wire.ms_date(row.fully_paid_on)
    return dates


def payment_in_document(payment: Payment) -> dict[str, Any]:
    """Return a payment as an invoice lists it."""
    return {
        "PaymentID": str(payment.payment_id),
        "Date": wire.ms_date(payment.date),
        "Amount": payment.amount,
        "Reference": payment.reference,
        "CurrencyRate": payment.document.rate.quantize(ONE),
        "HasAccount": False,
        "HasValidationErrors": False,
    }


def payment_json(payment: Payment) -> dict[str, Any]:
    """Return a payment as GET /Payments lists it, with the document it belongs to."""
    row = payment.document
    kind = KIND_OF_TYPE[row.type]
    document = {
        kind.id_field: str(row.document_id),
        kind.number_field: row.number,
        "Type": row.type,
        "Contact": {"ContactID": str(row.contact.contact_id), "Name": row.contact.name},
        "CurrencyCode": row.currency,
        "HasErrors": False,
        "LineItems": [],
    }
    return {
        **payment_in_document(payment),
        "Status": "AUTHORISED",
        "PaymentType": kind.payment_type,
        "IsReconciled": False,
        "UpdatedDateUTC": wire.ms_date(payment.updated_at),
        "Invoice" if kind is INVOICE else "CreditNote": document,
    }


def refused_json(sent: dict[str, Any], id_field: str, errors: Iterable[str]) -> dict[str, Any]:
    """Return an element that was refused: what was sent, with an id of zeros and the reasons."""
    return {
        **sent,
        id_field: str(wire.ZERO_ID),
        "HasErrors": True,
        "StatusAttributeString": "ERROR",
        "ValidationErrors": [{"Message": words} for words in errors],
    }


def accepted_json(row: Document, warnings: Sequence[str]) -> dict[str, Any]:
    """Return an element that was written."""
    return {
        **document_json(row),
        "StatusAttributeString": "WARNING" if warnings else "OK",
        "Warnings": [{"Message": words} for words in warnings],
        "ValidationErrors": [],
    }
