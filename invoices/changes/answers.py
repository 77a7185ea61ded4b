"""Which of the documents asked about an answer shows as changed, and which Xero refused. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from invoices.changes.rules import Changes, Row
from invoices.posting.responses import NO_ID, Kind
from xero_integration.client import refusals


@dataclass(frozen=True)
class Answered:
    """By the change's id: the document that Xero shows, or why it refused. The rest is unknown."""

    shown: dict[int, Row] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)


def read(kind: Kind, rows: Sequence[Row], changes: Changes, *, in_order: bool = False) -> Answered:
    """Read the documents of an answer. With `in_order` one without an id counts by its place among the changes, as long
    as the answer has as many elements and those with an id all stand in their places; else it tells of nothing."""
    ids = [str(row.get(kind.id_key) or NO_ID).lower() for row in rows]
    wanted = [each.xero_id.lower() for each in changes]
    if in_order and len(ids) == len(wanted) and all(one in (NO_ID, id_) for one, id_ in zip(ids, wanted, strict=True)):
        ids = wanted
    by_id = {id_: row for id_, row in zip(ids, rows, strict=True) if id_ != NO_ID}
    found = Answered()
    for change, id_ in zip(changes, wanted, strict=True):
        if (row := by_id.get(id_)) is None:
            continue
        if refusal := refusals.read(row):
            found.refused[change.pk] = refusal.words
        else:
            found.shown[change.pk] = row
    return found
