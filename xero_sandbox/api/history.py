"""The history of a document as callers read it, and the notes they add."""

from functools import partial
from typing import Any

from xero_sandbox import journal, wire
from xero_sandbox.api.answers import Answer, bad_request, not_found
from xero_sandbox.api.document_types import Kind
from xero_sandbox.api.reading import by_ident
from xero_sandbox.api.request import ApiRequest
from xero_sandbox.models import Document, HistoryNote
from xero_sandbox.storage import writing

RESOURCE = "HistoryRecords"
LONGEST_NOTE = 2500


def show_history(request: ApiRequest, kind: Kind) -> Answer:
    """GET /{Invoices or CreditNotes}/{id}/History, the newest entry first."""
    row = by_ident(request.organisation, kind, request.ident)
    return request.envelope(RESOURCE, _entries(row)) if row else not_found()


def add_notes(request: ApiRequest, kind: Kind) -> Answer:
    """PUT /{Invoices or CreditNotes}/{id}/History: adds notes to a document."""
    row = by_ident(request.organisation, kind, request.ident)
    if row is None:
        return not_found()
    notes = [str(sent.get("Details") or "") for sent in request.elements(RESOURCE)]
    if not all(0 < len(words) <= LONGEST_NOTE for words in notes):
        return bad_request(f"Details must be text of 1 to {LONGEST_NOTE} characters.")
    with writing():
        for words in notes:
            journal.note(row, journal.NOTE, words, journal.MACHINE)
    return request.envelope(RESOURCE, _entries(row)[: len(notes)])


def _entries(row: Document) -> list[dict[str, Any]]:
    return [_entry(entry) for entry in row.history.order_by("-at", "-id")]


def _entry(entry: HistoryNote) -> dict[str, Any]:
    return {
        "Changes": entry.changes,
        "DateUTCString": f"{entry.at:%Y-%m-%dT%H:%M:%S}",
        "DateUTC": wire.ms_date(entry.at),
        "User": entry.user,
        "Details": entry.details,
    }


def endpoints(kind: Kind) -> dict[str, Any]:
    """Return what answers each method on the history of this kind of document."""
    return {"GET": partial(show_history, kind=kind), "PUT": partial(add_notes, kind=kind)}
