"""Selections on their way through the preflight page: made at UPLOAD TO XERO, kept while something is mended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db.models import QuerySet

from c3portal.database import clock
from invoices.models import Invoice, UploadDraft
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
) -> UploadDraft | None:
    """Keep the invoices with these ids, or `everything` of the filter that may be uploaded, to be posted to this
    organisation; None when there is nothing to upload among them. Raises BadRequest for what is no id."""
    ids = [] if everything else list(ids)
    invoices = selection.invoices() if everything else selection.chosen(ids)
    if not invoices.uploadable().exists():
        return None
    return UploadDraft.objects.create(
        period=selection.period,
        connection=connection,
        search=selection.search,
        state=selection.state,
        everything=everything,
        invoice_ids=ids,
        invoice_status=invoice_status,
        created_by=user,
    )


def selection_of(draft: UploadDraft) -> Selection:
    """Return the filter that the selection was made in."""
    return Selection(draft.period, draft.search, draft.state)


def invoices_of(draft: UploadDraft) -> QuerySet[Invoice]:
    """Return the invoices of the selection: those that may be uploaded, and of the ticked ones what is in Xero."""
    selection = selection_of(draft)
    if draft.everything:
        return selection.invoices().uploadable()
    return selection.chosen(draft.invoice_ids).filter(ignored_because="").not_in_progress()


def check_for(draft: UploadDraft, connection: XeroConnection) -> None:
    """Note that the selection is being checked for this organisation: from now on it goes there or nowhere."""
    if draft.connection_id != connection.pk:
        draft.connection = connection
        draft.save(update_fields=["connection"])


def keep_only(draft: UploadDraft, invoices: Iterable[Invoice]) -> None:
    """Let the selection be these invoices from now on."""
    draft.everything = False
    draft.invoice_ids = [str(invoice.pk) for invoice in invoices]
    draft.save(update_fields=["everything", "invoice_ids"])


def forget_old() -> None:
    """Delete selections that nobody came back to within a day."""
    UploadDraft.objects.filter(created_at__lt=clock.now() - LIFE).delete()
