"""Invoices, credit notes and payments as callers read them."""

from django.db.models import Q, QuerySet

from xero_sandbox import wire
from xero_sandbox.api.answers import Answer, not_found
from xero_sandbox.api.document_types import Kind
from xero_sandbox.api.filters import ordered, paged, where_filter
from xero_sandbox.api.rendering import document_json, payment_json
from xero_sandbox.api.request import ApiRequest
from xero_sandbox.models import Document, Organisation, Payment


def where_columns(kind: Kind) -> dict[str, str]:
    """Return the fields that a `where` on this kind may name."""
    return {
        kind.number_field: "number",
        kind.id_field: "document_id",
        "Status": "status",
        "Type": "type",
        "Reference": "reference",
        "Contact.ContactID": "contact__contact_id",
        "Contact.Name": "contact__name",
        "CurrencyCode": "currency",
        "Date": "date",
    }


def documents(organisation: Organisation, kind: Kind) -> QuerySet[Document]:
    """Return an organisation's documents of a kind with what showing them needs."""
    found: QuerySet[Document] = organisation.documents.filter(type=kind.type)
    return found.select_related("contact").prefetch_related("payments", "credits__source", "allocations__invoice")


def show_documents(request: ApiRequest, kind: Kind) -> Answer:
    """GET the list. Lines come only with a page, as at Xero; `summaryOnly` leaves them out even then."""
    found = _filtered(request, kind, documents(request.organisation, kind))
    found = ordered(request, found, where_columns(kind) | {"UpdatedDateUTC": "updated_at"})
    rows, pagination = paged(request, found)
    with_lines = bool(pagination) and not request.flag("summaryOnly")
    items = [document_json(row, with_lines) for row in rows]
    return request.envelope(kind.resource, items, **pagination)


def _filtered(request: ApiRequest, kind: Kind, found: QuerySet[Document]) -> QuerySet[Document]:
    if ids := request.listed("IDs"):
        found = found.filter(document_id__in=[one for text in ids if (one := wire.parse_id(text))])
    if numbers := request.listed(f"{kind.number_field}s"):
        found = found.filter(number__in=numbers)
    if contact_ids := request.listed("ContactIDs"):
        found = found.filter(contact__contact_id__in=[one for text in contact_ids if (one := wire.parse_id(text))])
    if statuses := request.listed("Statuses"):
        found = found.filter(status__in=statuses)
    if request.flag("createdByMyApp"):
        found = found.filter(client_id=request.app.client_id)
    if where := request.query.get("where"):
        found = found.filter(where_filter(where, where_columns(kind)))
    if term := request.query.get("searchTerm"):
        found = found.filter(Q(number__icontains=term) | Q(reference__icontains=term))
    if since := request.since():
        found = found.filter(updated_at__gt=since)
    return found


def show_document(request: ApiRequest, kind: Kind) -> Answer:
    """GET one by id or number; a number finds the live document before one that was voided."""
    row = by_ident(request.organisation, kind, request.ident)
    return request.envelope(kind.resource, [document_json(row)]) if row else not_found()


def by_ident(organisation: Organisation, kind: Kind, ident: str) -> Document | None:
    """Find a document by its id or number."""
    document_id = wire.parse_id(ident)
    match = Q(document_id=document_id) if document_id else Q(number=ident)
    rows = list(documents(organisation, kind).filter(match)) if ident else []
    return min(rows, key=lambda row: row.status in ("VOIDED", "DELETED"), default=None)


def show_payments(request: ApiRequest) -> Answer:
    """GET /Payments."""
    found = Payment.objects.filter(document__organisation=request.organisation).select_related("document__contact")
    if since := request.since():
        found = found.filter(updated_at__gt=since)
    if request.ident:
        found = found.filter(payment_id=wire.parse_id(request.ident) or wire.ZERO_ID)
    rows, pagination = paged(request, found)
    return request.envelope("Payments", [payment_json(row) for row in rows], **pagination)
