"""What Xero answered to a call that changes documents, and what its own rows show. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from invoices.models.statuses import ChangeKind
from invoices.posting.responses import NO_ID, Kind
from xero_integration.client import refusals
from xero_integration.client.vocabulary import GONE, DocumentStatus

# What a document becomes.
BECOMES = {ChangeKind.DELETE: DocumentStatus.DELETED, ChangeKind.VOID: DocumentStatus.VOIDED}


@dataclass(frozen=True)
class Answered:
    """By the document's id in small letters: the status that it has now, or why Xero refused. The rest is unknown."""

    statuses: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def read(kind: Kind, rows: Sequence[Mapping[str, Any]], asked: Sequence[str] = ()) -> Answered:
    """Read an answer's elements. One without an id counts by its place among the ids `asked` for, as long as the answer
    has as many elements and those with an id all stand in their places; else it tells of nothing."""
    shown = [str(row.get(kind.id_key) or NO_ID).lower() for row in rows]
    wanted = [each.lower() for each in asked]
    if len(shown) == len(wanted) and all(one in (NO_ID, id_) for one, id_ in zip(shown, wanted, strict=True)):
        shown = wanted
    found = Answered()
    for xero_id, row in zip(shown, rows, strict=True):
        if xero_id == NO_ID:
            continue
        if refusal := refusals.read(row):
            found.refused[xero_id] = refusal.words
        else:
            found.statuses[xero_id] = str(row.get("Status") or "")
    return found


def is_done(status: str) -> bool:
    """Whether a document of this status is no more, whoever ended it."""
    return status in GONE


def is_telling(status: str | None) -> bool:
    """Whether a look tells what became of a document: that it is not there (None), or a status that is known."""
    return status is None or status in [*DocumentStatus]
