"""Drafts and what awaits approval are approved."""

from __future__ import annotations

from collections.abc import Mapping

from c3portal.database import clock
from invoices.changes import status_moves
from invoices.changes.rules import Changes, End, Row
from invoices.models import DocumentChange, DocumentEvent, Posting
from invoices.models.statuses import ChangeStatus
from invoices.posting.responses import kind_of
from invoices.readback import documents, store
from xero_integration.client.vocabulary import GONE, STATUS_WORDS, DocumentStatus


def bring_in_line(changes: Changes, shown: Mapping[int, Row]) -> None:
    """Keep what Xero shows of the postings, and that it was asked for."""
    # Held, so that no answer to an earlier question comes between.
    held = (
        Posting.objects.filter(pk__in=[each.posting_id for each in changes])
        .order_by("pk")
        .select_for_update(no_key=True)
    )
    postings = {each.pk: each for each in held}
    read = {each.pk: documents.read(kind_of(each.posting), shown[each.pk], is_short=True) for each in changes}
    for change in changes:
        found, before = read[change.pk], postings[change.posting_id]
        if found is None or before.xero_id != change.xero_id:
            continue
        # It is nothing's draft any more, however late this is told; of anything else a later look knows more.
        is_news = before.xero_status in (DocumentStatus.DRAFT, DocumentStatus.SUBMITTED, "")
        asked_at = clock.now() if is_news or change.call is None else change.call.sent_at or clock.now()
        store.keep(change.connection, [found], DocumentEvent.Source.US, asked_at)


def end(change: DocumentChange, row: Row) -> End | None:
    """Say of what is no more that it cannot be approved."""
    status = status_moves.status_of(row)
    if status not in GONE:
        return None
    return ChangeStatus.REFUSED, f"In Xero it is {STATUS_WORDS[status].lower()}: it cannot be approved any more."


# A total of nothing is paid as soon as it is approved.
APPROVE = status_moves.rule(
    DocumentStatus.AUTHORISED,
    done_as=(DocumentStatus.AUTHORISED, DocumentStatus.PAID),
    finish=bring_in_line,
    end=end,
)
