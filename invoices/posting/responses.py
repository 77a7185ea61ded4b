"""What Xero answered to a batch: recorded, refused, or not mentioned. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from invoices.models import DocumentType, Posting, Submission
from invoices.posting import balances
from invoices.posting.balances import Balance, amount
from xero_integration.client import refusals
from xero_integration.client.refusals import Refusal

# What Xero gives to refused ones.
NO_ID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Kind:
    document_type: DocumentType
    endpoint: str
    id_key: str
    number_key: str


KINDS = {
    DocumentType.INVOICE: Kind(DocumentType.INVOICE, "Invoices", "InvoiceID", "InvoiceNumber"),
    DocumentType.CREDIT_NOTE: Kind(DocumentType.CREDIT_NOTE, "CreditNotes", "CreditNoteID", "CreditNoteNumber"),
}


def kind_of(row: Submission | Posting) -> Kind:
    """Return the row's kind of document."""
    return KINDS[DocumentType(row.document_type)]


@dataclass(frozen=True)
class Recorded:
    """A document as Xero has it; `total` positive for credit notes too."""

    xero_id: str
    status: str
    total: Decimal | None
    message: str = ""
    balance: Balance = balances.UNKNOWN


@dataclass(frozen=True)
class Results:
    """By posting id. What is in neither is unknown."""

    recorded: dict[int, Recorded] = field(default_factory=dict)
    refused: dict[int, Refusal] = field(default_factory=dict)
    # What Xero said of those in either.
    elements: dict[int, Mapping[str, Any]] = field(default_factory=dict)


def read_results(kind: Kind, numbers: Mapping[int, str], rows: Sequence[Mapping[str, Any]]) -> Results:
    """Match an answer's elements to the documents sent (`numbers`: posting id to number, in the order sent). No
    answer ever mixes two invoices up."""
    results = Results()
    # An element counts for a document when it alone carries its number. One without any number counts by its place, as
    # long as the answer has as many elements as were sent and those with a number all stand in their places.
    by_number = _by_number(kind, rows)
    in_order = len(rows) == len(numbers) and all(
        row.get(kind.number_key) in (number, None, "") for row, number in zip(rows, numbers.values(), strict=True)
    )
    for position, (pk, number) in enumerate(numbers.items()):
        row = rows[position] if in_order else by_number.get(number, {})
        if refusal := refusals.read(row):
            results.refused[pk] = refusal
        elif document := recorded(kind, row):
            results.recorded[pk] = document
        if pk in results.refused or pk in results.recorded:
            results.elements[pk] = row
    # A document that two elements claim to be is believed of neither.
    claims = Counter(document.xero_id for document in results.recorded.values())
    for pk in [pk for pk, document in results.recorded.items() if claims[document.xero_id] > 1]:
        del results.recorded[pk], results.elements[pk]
    return results


def _by_number(kind: Kind, rows: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    # A number that is there twice tells of neither.
    counts = Counter(str(row.get(kind.number_key)) for row in rows)
    return {number: row for row in rows if counts[number := str(row.get(kind.number_key))] == 1}


def recorded(kind: Kind, row: Mapping[str, Any]) -> Recorded | None:
    """Return the document that an element shows, None without an id."""
    xero_id = str(row.get(kind.id_key) or NO_ID)
    if xero_id == NO_ID:
        return None
    return Recorded(
        xero_id[:36],
        str(row.get("Status") or "")[:20],
        amount(row.get("Total")),
        refusals.messages(row, "Warnings"),
        balances.read(kind.document_type, row),
    )
