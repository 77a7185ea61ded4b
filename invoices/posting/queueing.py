"""What UPLOAD TO XERO does: the chosen invoices that may go are queued in an upload of their own."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Value, When
from django.utils import timezone

from c3portal.telemetry import tracing
from invoices.documents import corrections
from invoices.duplicates import comparison
from invoices.importing import locks
from invoices.models import DocumentType, Invoice, Posting, Upload
from invoices.posting import outdated, post_log
from xero_integration.models import InvoiceStatus, XeroConnection, XeroSettings

if TYPE_CHECKING:
    from c3portal.models import User

logger = logging.getLogger(__name__)

Status = Posting.Status


@dataclass(frozen=True)
class Queued:
    """What UPLOAD TO XERO did; `upload` is None when there was nothing to do. `undecided` look like another invoice,
    and someone has to decide first; of those `held_back` a newer version has to come in first.
    `needs_another`: another person has to approve, so nothing goes that would be approved at once."""

    upload: Upload | None
    queued: int
    already: int
    undecided: int = 0
    held_back: int = 0
    needs_another: bool = False


def enqueue(
    invoices: QuerySet[Invoice],
    *,
    connection: XeroConnection,
    user: User | None,
    invoice_status: str,
    locked_as_drafts: bool = False,
    onward: str = "",
) -> Queued:
    """Queue what is new, refused, withdrawn or taken back, but neither ignored nor waiting: for a decision on another
    invoice that it looks like, or for a file that brings the later version of it; nor is it a credit note too many for
    what it corrects. Pressing twice is harmless. `invoice_status` is one of `InvoiceStatus`, `onward` of `Onward`. The
    caller wakes a worker after commit."""
    with transaction.atomic():
        if needs_another(invoice_status, onward):
            return Queued(None, 0, 0, needs_another=True)
        # Two people may press for an invoice and its copy at one time: whoever comes second sees what the first queued.
        locks.hold(invoices)
        waiting = _waiting(invoices)
        upload = Upload.objects.create(
            connection=connection,
            created_by=user,
            invoice_status=invoice_status,
            locked_as_drafts=locked_as_drafts,
            onward=onward,
            trace_id=tracing.current_id(),
        )
        _queue(_may_go(invoices), upload)
        queued = post_log.write(Posting.objects.filter(upload=upload, status=Status.QUEUED), Status.QUEUED, user=user)
        if not queued:
            upload.delete()
            return waiting
        _describe(upload)
    logger.info("%s: %d invoices queued for connection %d", upload, queued, connection.pk)
    return replace(waiting, upload=upload, queued=queued, already=waiting.already - queued)


def needs_another(invoice_status: str, onward: str) -> bool:
    """Whether another person than who uploads has to approve what would go so."""
    return XeroSettings.load().two_people and (onward != "" or invoice_status == InvoiceStatus.AUTHORISED)


def _waiting(invoices: QuerySet[Invoice]) -> Queued:
    """Return what there is to say of an upload of these in which none is queued yet."""
    # Whole periods at once: their size costs no extra queries.
    total = invoices.count()
    undecided = comparison.undecided(invoices).count()
    held_back = outdated.waiting(invoices).count()
    return Queued(None, 0, total - undecided - held_back, undecided, held_back)


def _may_go(invoices: QuerySet[Invoice]) -> QuerySet[Invoice]:
    waiting = (comparison.waits_for_decision(), outdated.waits_for_file(), corrections.exceeds())
    return invoices.filter(*(~each for each in waiting), ignored_because="")


def _queue(invoices: QuerySet[Invoice], upload: Upload) -> None:
    """Queue those of these that are not on their way yet: first what ended outside of Xero, then what is new."""
    # A refused invoice may have been imported anew with a total of the other sign.
    negative = Invoice.objects.filter(pk=OuterRef("invoice_id"), total__lt=0)
    Posting.objects.uploadable().filter(invoice__in=invoices.values("pk")).update(
        status=Status.QUEUED,
        upload=upload,
        connection=upload.connection,
        submission=None,
        batch_cap=None,
        not_before=None,
        looked_at=None,
        message="",
        is_number_taken=False,
        document_type=_document_type(Exists(negative)),
        updated_at=timezone.now(),
    )
    fresh = invoices.filter(posting__isnull=True).order_by("number").annotate(kind=_document_type(Q(total__lt=0)))
    Posting.objects.bulk_create(
        [
            Posting(invoice_id=pk, connection=upload.connection, upload=upload, document_type=kind)
            for pk, kind in fresh.values_list("pk", "kind")
        ],
        batch_size=500,
        ignore_conflicts=True,
    )


def _document_type(is_negative: Q | Exists) -> Case:
    return Case(When(is_negative, then=Value(DocumentType.CREDIT_NOTE)), default=Value(DocumentType.INVOICE))


def _describe(upload: Upload) -> None:
    """Write down how many invoices the upload began with, and their period where they have one."""
    period_ids = set(upload.postings.values_list("invoice__period", flat=True)[:2000])
    rows = Upload.objects.filter(pk=upload.pk)
    if len(period_ids) == 1:
        rows.update(period_id=period_ids.pop())
    rows.count_invoices()
