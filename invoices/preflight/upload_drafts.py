"""Selections on their way through the preflight page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db.models import QuerySet

from c3portal.database import clock
from invoices.models import BillingPeriod, Invoice, Upload, UploadDraft
from invoices.selection.filters import Filters
from invoices.selection.selection import Selection

if TYPE_CHECKING:
    from c3portal.models import User
    from xero_integration.models import XeroConnection

LIFE = dt.timedelta(days=1)


def make(
    selection: Selection,
    ids: Iterable[str],
    *,
    everything: bool,
    invoice_status: str,
    connection: XeroConnection,
    user: User,
    locked_as_drafts: bool = False,
) -> UploadDraft | None:
    """Keep what may be uploaded of `ids`, or of `everything` in the filter; None when nothing. Raises BadRequest.
    `locked_as_drafts`: what lies in a locked period goes as drafts."""
    ids = [] if everything else list(ids)
    invoices = selection.invoices() if everything else selection.chosen(ids)
    if not invoices.uploadable().exists():
        return None
    return UploadDraft.objects.create(
        period=selection.period,
        connection=connection,
        search=selection.search,
        state=selection.state,
        filters=selection.filters.query(),
        everything=everything,
        invoice_ids=ids,
        invoice_status=invoice_status,
        locked_as_drafts=locked_as_drafts,
        created_by=user,
    )


def make_again(upload: Upload, refused: QuerySet[Invoice], *, as_drafts: bool, user: User) -> UploadDraft | None:
    """Keep the `refused` of an upload for its own organisation, with its choices; None when there are none.
    `as_drafts`: what lies in a locked period goes as drafts."""
    ids = list(refused.filter(ignored_because="").values_list("pk", flat=True))
    if not ids:
        return None
    return UploadDraft.objects.create(
        period=BillingPeriod.objects.filter(invoices__in=ids).distinct()[0],
        connection=upload.connection,
        invoice_ids=list(map(str, ids)),
        invoice_status=upload.invoice_status,
        locked_as_drafts=as_drafts or upload.locked_as_drafts,
        onward=upload.onward,
        again_of=upload,
        created_by=user,
    )


def selection_of(draft: UploadDraft) -> Selection:
    return Selection(draft.period, draft.search, draft.state, Filters.from_query(draft.filters))


def invoices_of(draft: UploadDraft) -> QuerySet[Invoice]:
    """Return those that may be uploaded, and of the ticked ones what is in Xero."""
    if draft.again_of_id:
        # An upload may have been of several billing periods.
        return Invoice.objects.filter(pk__in=draft.invoice_ids, ignored_because="").not_in_progress()
    selection = selection_of(draft)
    if draft.everything:
        return selection.invoices().uploadable()
    return selection.chosen(draft.invoice_ids).filter(ignored_because="").not_in_progress()


def check_for(draft: UploadDraft, connection: XeroConnection) -> None:
    """Bind the selection to this organisation: it goes there or nowhere."""
    if draft.connection_id != connection.pk:
        draft.connection = connection
        draft.save(update_fields=["connection"])


def keep_only(draft: UploadDraft, invoices: Iterable[Invoice]) -> None:
    draft.everything = False
    draft.invoice_ids = [str(invoice.pk) for invoice in invoices]
    draft.save(update_fields=["everything", "invoice_ids"])


def forget_old() -> None:
    """Delete selections older than LIFE."""
    UploadDraft.objects.filter(created_at__lt=clock.now() - LIFE).delete()
