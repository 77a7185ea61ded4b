"""Credit that is set against invoices: of credit notes, prepayments and overpayments, in calls of their own."""

from collections.abc import Mapping
from typing import Any

from xero_sandbox import bookkeeping, clock, journal, wire
from xero_sandbox.api.answers import Answer, bad_request, json_answer, not_found
from xero_sandbox.api.document_types import INVOICE, Kind
from xero_sandbox.api.reading import by_ident
from xero_sandbox.api.rendering import allocation_json
from xero_sandbox.api.request import ApiRequest
from xero_sandbox.models import Document
from xero_sandbox.storage import writing

RESOURCE = "Allocations"


def allocate(request: ApiRequest, kind: Kind) -> Answer:
    """PUT /{CreditNotes, Prepayments or Overpayments}/{id}/Allocations: sets credit against invoices, each that may be.
    The same allocation sent again is made again, as long as there is credit left."""
    elements = request.elements(RESOURCE)
    with writing():
        source = by_ident(request.organisation, kind, request.ident)
        if source is None:
            return not_found()
        made = [_allocate(request, source, sent) for sent in elements]
    refused = [one for one in made if one.get("ValidationErrors")]
    if refused and request.summarizes_errors:
        return bad_request("A validation exception occurred", Elements=refused)
    return request.envelope(RESOURCE, made)


def _allocate(request: ApiRequest, source: Document, sent: Mapping[str, Any]) -> dict[str, Any]:
    given = sent.get("Invoice")
    ident = str(given.get("InvoiceID") or given.get("InvoiceNumber") or "") if isinstance(given, Mapping) else ""
    invoice, amount = by_ident(request.organisation, INVOICE, ident), wire.parse_number(sent.get("Amount"))
    if invoice is None or amount is None:
        return _refused(sent, "An allocation needs an Invoice that exists and an Amount.")
    allocated_on = wire.parse_date(sent.get("Date")) or clock.now().date()
    try:
        user = journal.through(request.app.name)[1]
        allocation = bookkeeping.allocate(source, invoice, amount, allocated_on, user)
    except bookkeeping.BookkeepingRefused as refusal:
        return _refused(sent, str(refusal))
    return allocation_json(allocation) | {"StatusAttributeString": "OK", "ValidationErrors": []}


def _refused(sent: Mapping[str, Any], words: str) -> dict[str, Any]:
    return {**sent, "StatusAttributeString": "ERROR", "ValidationErrors": [{"Message": words}]}


def remove(request: ApiRequest, kind: Kind) -> Answer:
    """DELETE /{…}/{id}/Allocations/{AllocationID}: takes an allocation back."""
    with writing():
        source = by_ident(request.organisation, kind, request.ident)
        wanted = wire.parse_id(request.part_ident) or wire.ZERO_ID
        allocation = source.allocations.filter(allocation_id=wanted).first() if source else None
        if allocation is None:
            return not_found()
        bookkeeping.take_back(allocation, journal.through(request.app.name)[1])
    return json_answer(allocation_json(allocation) | {"IsDeleted": True})
