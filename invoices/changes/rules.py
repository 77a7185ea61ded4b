"""What each kind of change has to say of itself: how Xero is asked, and how one sees that it was done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from invoices.models import ChangeCall, DocumentChange
from invoices.models.statuses import ChangeStatus
from invoices.posting.responses import Kind
from xero_integration.client import document_lists
from xero_integration.client.gateway import Answer, Gateway

# An element of Xero's: the document, with its id.
Row = Mapping[str, Any]
Changes = Sequence[DocumentChange]
Finish = Callable[[Changes, Mapping[int, Row]], None]
# How a change ends that is neither done nor may be asked for again, and why.
End = tuple[ChangeStatus, str]

BATCH = 50


@dataclass(frozen=True)
class Checked:
    """What a look right before the call shows, by the change's id: why it must not be sent, or the document that shows
    it as done; of those `untold` it does not tell, and they are looked at again later."""

    refused: dict[int, str] = field(default_factory=dict)
    done: dict[int, Row] = field(default_factory=dict)
    untold: set[int] = field(default_factory=set)


def documents_answered(answer: Answer, kind: Kind, changes: Changes) -> Sequence[Row]:
    """Return the documents that an answer lists."""
    return answer.rows(kind.endpoint)


def documents_shown(gateway: Gateway, kind: Kind, changes: Changes) -> Sequence[Row]:
    """Read these documents as they are now."""
    return document_lists.with_ids(gateway, kind.endpoint, [each.xero_id for each in changes])


def asked_again(change: DocumentChange, row: Row) -> End | None:
    """Have it asked for again, whatever the document shows."""
    return None


@dataclass(frozen=True)
class Rule:
    """How a kind of change is asked for and told.

    `body` are the bytes for some documents, kept before they leave; `send` makes the call with them. `is_done` tells
    from a document, as the answer or a look shows it, whether the change was made to it (None: it does not tell).
    `finish` brings the postings in line, in the transaction that marks the changes done, by the change's id with the
    document that showed it. `answered` and `look` return documents; `look` alike among kinds is asked once for all.
    `end` says of a document that was looked at once Xero must have finished, and to which it was not done, how the
    change ends (None: it is asked for again). `left` says what becomes of a document when Xero refuses.
    """

    body: Callable[[Kind, Changes], bytes]
    send: Callable[[Gateway, Kind, ChangeCall, bytes], Answer]
    is_done: Callable[[DocumentChange, Row], bool | None]
    finish: Finish
    answered: Callable[[Answer, Kind, Changes], Sequence[Row]] = documents_answered
    look: Callable[[Gateway, Kind, Changes], Sequence[Row]] = documents_shown
    end: Callable[[DocumentChange, Row], End | None] = asked_again
    left: str = "It was left as it is."
    check: Callable[[Gateway, Kind, Changes], Checked] | None = None
    # Documents in one call.
    most: int = BATCH
