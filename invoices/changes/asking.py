"""Asking for changes: what is queued by a click."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import QuerySet

from c3portal.telemetry import tracing
from invoices.changes import onward, plan
from invoices.changes.onward import Step
from invoices.changes.plan import Fate
from invoices.importing import locks
from invoices.models import ChangeRequest, DocumentChange, Posting, Upload
from invoices.models.statuses import ChangeKind
from invoices.posting import taken_back
from xero_integration.models import XeroConnection

if TYPE_CHECKING:
    from c3portal.models import User

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """One change to ask for; `details` are what its kind has to know beside the document."""

    posting: Posting
    kind: ChangeKind
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """What a click asked for: how many changes, and how many were taken back without any, being gone in Xero.
    `is_other`: nothing, since the documents are not any more what a person was shown."""

    request: ChangeRequest | None
    queued: int
    gone: int = 0
    is_other: bool = False


NOTHING = Asked(None, 0)


def ask(
    wanted: Iterable[Wanted],
    *,
    connection: XeroConnection,
    user: User | None,
    reason: str = "",
    upload: Upload | None = None,
) -> Asked:
    """Queue these changes. Of a document with a change under way nothing more is asked. The caller holds the postings
    (`held`), and wakes a worker after commit."""
    wanted = list(wanted)
    if not wanted:
        return NOTHING
    request = ChangeRequest.objects.create(
        connection=connection, upload=upload, reason=reason, created_by=user, trace_id=tracing.current_id()
    )
    rows = [_change(request, each) for each in wanted]
    DocumentChange.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)
    queued = request.changes.count()
    logger.info("%s: %d documents to be changed for connection %d", request, queued, connection.pk)
    return Asked(request, queued)


def held(postings: QuerySet[Posting], connection: XeroConnection) -> QuerySet[Posting]:
    """Return these postings, held until the transaction ends: whoever changes one at this moment is waited for, and
    whoever else asks for something of the organisation too, so that each sees what was asked for before."""
    list(XeroConnection.objects.select_for_update(no_key=True).filter(pk=connection.pk).values_list("pk", flat=True))
    rows = postings.filter(connection=connection).order_by("pk").select_for_update(of=("self",), no_key=True)
    return Posting.objects.filter(pk__in=list(rows.values_list("pk", flat=True)))


def undo(
    postings: QuerySet[Posting],
    *,
    connection: XeroConnection,
    user: User | None,
    reason: str = "",
    upload: Upload | None = None,
    seen: str | None = None,
) -> Asked:
    """Ask Xero to delete or void these documents, and take back those that are gone. What is paid, credited, there
    twice or under way is left. Nothing is asked when they are not what a person was shown (`seen`, of `plan.shown`).
    Pressing twice is harmless. The caller wakes a worker after commit."""
    with transaction.atomic():
        # What is gone may take in a later file, which waits for imports: before the postings, as everywhere.
        locks.nobody_decides()
        planned = plan.of(held(postings, connection))
        if seen is not None and plan.shown(planned) != seen:
            return replace(NOTHING, is_other=True)
        gone = {each.posting.xero_id: each.posting.xero_status for each in planned if each.fate == Fate.GONE}
        taken = taken_back.take_back(gone, why=reason, user=user)
        wanted = [Wanted(each.posting, kind) for each in planned if (kind := each.kind)]
        asked = ask(wanted, connection=connection, user=user, reason=reason, upload=upload)
    return replace(asked, gone=taken)


def approve(
    postings: QuerySet[Posting], *, connection: XeroConnection, user: User | None, upload: Upload | None = None
) -> Asked:
    """Ask Xero to approve those of these documents that `user` may approve. Pressing twice is harmless. The caller
    wakes a worker after commit."""
    with transaction.atomic():
        steps = onward.of_approval(held(postings, connection), user)
        wanted = [Wanted(each.posting, kind) for each in steps if (kind := each.kind)]
        return ask(wanted, connection=connection, user=user, upload=upload)


def send(
    postings: QuerySet[Posting],
    *,
    connection: XeroConnection,
    user: User | None,
    again: bool = False,
    upload: Upload | None = None,
) -> Asked:
    """Ask Xero to mail those of these documents that are approved and were not sent; `again`: those that were, too. The
    caller wakes a worker after commit."""
    with transaction.atomic():
        # Who comes second counts the mails that the first asked for.
        steps = onward.of_sending(held(postings, connection), again=again)
        wanted = [_mail(each, kind) for each in steps if (kind := each.kind)]
        return ask(wanted, connection=connection, user=user, upload=upload)


def _mail(step: Step, kind: ChangeKind) -> Wanted:
    # What is not known not to have been sent cannot be told from what was.
    was_sent = onward.was_sent(step.posting) or step.posting.sent_to_contact is None
    return Wanted(step.posting, kind, {"address": step.address, "was_sent": was_sent})


def _change(request: ChangeRequest, wanted: Wanted) -> DocumentChange:
    posting = wanted.posting
    return DocumentChange(
        request=request,
        posting=posting,
        connection=request.connection,
        document_type=posting.document_type,
        xero_id=posting.xero_id,
        kind=wanted.kind,
        details=wanted.details,
    )
