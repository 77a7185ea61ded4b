"""Each posted document as it was sent, whole and for good."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from invoices.models import Posting, SentDocument, Submission
from invoices.posting.responses import Kind, kind_of
from xero_integration.client import shapes

# An element of a call's body, amounts as Decimal.
Element = dict[str, Any]


def elements(body: bytes, kind: Kind) -> dict[str, Element]:
    """Return a call's documents by number."""
    rows = shapes.objects(json.loads(body, parse_float=Decimal, parse_int=Decimal).get(kind.endpoint))
    return {str(each.get(kind.number_key)): dict(each) for each in rows}


def keep(sent: Iterable[tuple[Posting, Element]]) -> None:
    """Keep these documents as what was sent last of their postings, in whose transaction it is called."""
    rows = [
        SentDocument(posting=posting, xero_id=posting.xero_id, content=_packed(element)) for posting, element in sent
    ]
    SentDocument.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["posting"], update_fields=["xero_id", "content"]
    )


def _packed(element: Element) -> bytes:
    return zlib.compress(json.dumps(element, default=_number, ensure_ascii=False, separators=(",", ":")).encode(), 9)


def _number(value: object) -> float:
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value)} is not sent to Xero.")
    # It came from JSON, and was sent digit for digit.
    return float(value)


def of(postings: Sequence[Posting]) -> dict[int, Element]:
    """Return what was sent of these documents, by posting id. Missing is what is not kept: it was linked, not sent, or
    posted by a release that did not keep it, by a call whose bytes are pruned. Their `sent_document` should be
    loaded."""
    rows = {each.pk: getattr(each, "sent_document", None) for each in postings}
    found = {each.pk: _unpacked(row) for each in postings if (row := rows[each.pk]) and row.xero_id == each.xero_id}
    return found | _of_calls([each for each in postings if each.pk not in found and each.submission_id])


def kept(posting: Posting) -> Element | None:
    """Return what is kept of the document that a posting has in Xero, or had before it was taken back; its
    `sent_document` should be loaded."""
    row = getattr(posting, "sent_document", None)
    was_there = row is not None and posting.status == Posting.Status.UNDONE
    return _unpacked(row) if row is not None and (was_there or row.xero_id == posting.xero_id) else None


def _unpacked(row: SentDocument) -> Element:
    element: Element = json.loads(zlib.decompress(row.content), parse_float=Decimal, parse_int=Decimal)
    return element


def _of_calls(postings: Sequence[Posting]) -> dict[int, Element]:
    calls = Submission.objects.filter(pk__in={each.submission_id for each in postings}).exclude(body=None)
    bodies: Mapping[Any, dict[str, Element]] = {
        each.pk: elements(bytes(each.body or b""), kind_of(each)) for each in calls
    }
    found = {each.pk: bodies.get(each.submission_id, {}).get(each.number_in_xero) for each in postings}
    return {pk: element for pk, element in found.items() if element is not None}
