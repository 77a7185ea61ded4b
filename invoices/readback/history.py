"""What happened to a posted document: what the portal did, and what Xero's own history tells."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q

from c3portal.database import clock
from invoices.models import DocumentEvent, Posting
from invoices.posting.responses import kind_of
from invoices.readback import schedule
from xero_integration import connections
from xero_integration.client.errors import XeroError
from xero_integration.reference import json_moment

if TYPE_CHECKING:
    from c3portal.models import User

Source = DocumentEvent.Source

# Whoever opens the page again within it, or is the second to, reads what is kept.
FRESH = dt.timedelta(minutes=1)
# Of each document; Xero lists the newest first.
MOST_ENTRIES = 100
LONGEST_WORDS = 500


def note(posting: Posting, *facts: str, status: str = "", user: User | None = None) -> None:
    """Keep what `event_of_ours` says."""
    event_of_ours(posting, *facts, status=status, user=user).save()


def event_of_ours(posting: Posting, *facts: str, status: str = "", user: User | None = None) -> DocumentEvent:
    """Return, not yet stored, what the portal did to a document, a sentence each, on behalf of `user`; `status` as Xero
    showed it after, the posting's when that is not known."""
    return DocumentEvent(
        posting=posting,
        source=Source.US,
        status=status or posting.xero_status,
        amount_due=posting.amount_due,
        facts=list(facts),
        who=str(user or "")[:255],
    )


def is_due(posting: Posting) -> bool:
    """Whether Xero may be asked for the history of the document."""
    is_there = posting.status == Posting.Status.POSTED and posting.xero_id and posting.connection.is_usable
    return bool(is_there) and (posting.history_read_at is None or posting.history_read_at <= clock.now() - FRESH)


def read(posting: Posting) -> str:
    """Ask Xero for the document's history, one call and at most one a minute, and keep it. Returns why it could not be
    read, "" where it was or need not be."""
    now = clock.now()
    if not is_due(posting):
        return ""
    if posting.connection.is_paused(now) or not schedule.has_calls_to_spare(posting.connection, now):
        return "Xero’s history of it is not read now: the calls that Xero takes are kept for posting."
    due = Q(history_read_at=None) | Q(history_read_at__lte=now - FRESH)
    if not Posting.objects.filter(due, pk=posting.pk, xero_id=posting.xero_id).update(history_read_at=now):
        return ""
    kind = kind_of(posting)
    try:
        records = connections.call(
            posting.connection, lambda gateway: gateway.history(kind.endpoint, posting.xero_id), click=True
        )
    except XeroError as error:
        return f"Xero’s history of it could not be read: {error}"
    _keep(posting, records[:MOST_ENTRIES])
    return ""


@transaction.atomic
def _keep(posting: Posting, records: Sequence[dict[str, Any]]) -> None:
    # Whoever takes it back at this moment has it no longer.
    if not Posting.objects.filter(pk=posting.pk, xero_id=posting.xero_id).select_for_update(no_key=True).exists():
        return
    # Xero's history is whole each time and only grows; that of a document before this one stays.
    known = DocumentEvent.objects.filter(posting=posting, source=Source.XERO)
    kept = {(each.at, each.who, *each.facts) for each in known}
    for each in reversed(records):
        at, who, words = json_moment(each.get("DateUTC")), _text(each, "User")[:255], _words(each)
        if at is not None and (at, who, words) not in kept:
            kept.add((at, who, words))
            DocumentEvent.objects.create(posting=posting, at=at, source=Source.XERO, facts=[words], who=who)


def _words(record: dict[str, Any]) -> str:
    parts = [part for part in (_text(record, "Changes"), _text(record, "Details")) if part]
    return ": ".join(parts)[:LONGEST_WORDS]


def _text(record: dict[str, Any], name: str) -> str:
    return str(record.get(name) or "")
