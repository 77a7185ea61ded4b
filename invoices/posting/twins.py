"""Credit notes that Xero has twice, found by their markers."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Iterator

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from c3portal.database import clock
from invoices.documents.builder import first_marker
from invoices.models import DocumentType, Posting, Twin, Upload
from invoices.posting import responses
from invoices.posting.ownership import number_of
from invoices.posting.reconciliation import FoundDocuments
from xero_integration import connections
from xero_integration.client import timeouts
from xero_integration.client.errors import XeroRejected
from xero_integration.models import XeroConnection

logger = logging.getLogger(__name__)

Status = Posting.Status
# Only credit notes: Xero refuses a second invoice of a number, and promises nothing of a credit note's.
# https://developer.xero.com/documentation/api/accounting/creditnotes/
MAX_COMPARED = 500
# How often Xero is asked whether someone has voided a document that is there twice.
AGAIN_AFTER = dt.timedelta(hours=1)


def due() -> QuerySet[Posting]:
    """Return the credit notes to look for now."""
    now = clock.now()
    # Of finished uploads, as soon as Xero must have finished with every call; those that are there twice every hour,
    # until they are not.
    at_work = Posting.objects.in_progress().filter(upload=OuterRef("upload"))
    never = Q(~Exists(at_work), compared_at=None, updated_at__lte=now - timeouts.settles_after())
    again = Q(Exists(Twin.objects.filter(posting=OuterRef("pk"))), compared_at__lte=now - AGAIN_AFTER)
    return comparable().filter(never | again)


def comparable(upload: Upload | None = None) -> QuerySet[Posting]:
    """Return the posted credit notes, of this upload when one is given."""
    rows = Posting.objects.filter(status=Status.POSTED, document_type=DocumentType.CREDIT_NOTE)
    return rows if upload is None else rows.filter(upload=upload)


def of(upload: Upload) -> QuerySet[Twin]:
    """Return this upload's twins."""
    return Twin.objects.filter(posting__upload=upload).select_related("posting__invoice", "posting__connection")


def detect(connection: XeroConnection) -> int:
    """Look for what is due. Returns how many are there more than once. Raises XeroUnavailable and XeroAuthError;
    then they stay due."""
    rows = due().filter(connection=connection)
    some = list(rows.values_list("pk", flat=True).order_by("pk")[:MAX_COMPARED])
    try:
        return compare(connection, Posting.objects.filter(pk__in=some))
    except XeroRejected:
        # The question would be refused again, and must not be asked at every sweep; a person may still ask it.
        logger.exception("Xero refuses to be asked for credit notes by their markers")
        Posting.objects.filter(pk__in=some).update(compared_at=clock.now())
        return 0


def compare(connection: XeroConnection, rows: QuerySet[Posting], *, click: bool = False) -> int:
    """Ask Xero which of these credit notes it has more than once, and keep it. Returns how many. Raises
    XeroUnavailable, XeroAuthError and XeroRejected; then what was known stays."""
    postings = list(rows.select_related("invoice").order_by("pk"))
    if not postings:
        return 0
    markers = [first_marker(each.invoice) for each in postings]
    found = connections.call(connection, lambda gateway: gateway.find_marked_credit_notes(markers), click=click)
    seen = FoundDocuments(found, DocumentType.CREDIT_NOTE)
    return _keep(postings, [twin for each in postings for twin in _twins(each, seen)])


def _twins(posting: Posting, seen: FoundDocuments) -> Iterator[Twin]:
    kind = responses.kind_of(posting)
    documents = {
        document.xero_id: (document, number_of(row))
        for row in seen.by_marker.get(first_marker(posting.invoice), [])
        if (document := responses.recorded(kind, row))
    }
    # Alone it is no twin, whichever it is.
    if len(documents) < 2:
        return
    for xero_id, (document, number) in documents.items():
        if xero_id != posting.xero_id:
            yield Twin(
                posting=posting, xero_id=xero_id, number=number[:255], status=document.status, total=document.total
            )


@transaction.atomic
def _keep(postings: Iterable[Posting], twins: list[Twin]) -> int:
    keys = [each.pk for each in postings]
    now_there = {(twin.posting_id, twin.xero_id) for twin in twins}
    for known in Twin.objects.filter(posting__in=keys):
        if (known.posting_id, known.xero_id) not in now_there:
            known.delete()
    Twin.objects.bulk_create(
        twins,
        update_conflicts=True,
        unique_fields=["posting", "xero_id"],
        update_fields=["number", "status", "total"],
    )
    Posting.objects.filter(pk__in=keys).update(compared_at=clock.now())
    return len({twin.posting_id for twin in twins})
