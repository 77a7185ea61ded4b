"""The tracks that an invoice leaves from a click to Xero."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from django.db.models import Q, QuerySet

from invoices.models import Invoice, PastDocument, Posting, PostLog, Submission, Twin, Upload

LONGEST_SOUGHT = 255


def invoices_with(text: str) -> list[uuid.UUID]:
    """Return the invoices of an id (of a call, a trace, an invoice, a document in Xero) or a number, by their ids."""
    return list(_keys(text.strip()[:LONGEST_SOUGHT]).values_list("pk", flat=True)) if text.strip() else []


def uploads_with(invoices: Collection[uuid.UUID]) -> list[int]:
    """Return the uploads in which these invoices took part, by their ids."""
    # Asked in two steps: a database that does not know how few they are would look through all of the log.
    lines = PostLog.objects.filter(invoice__in=invoices).order_by().values_list("upload", flat=True)
    return list(lines.distinct()) if invoices else []


def _keys(text: str) -> QuerySet[Invoice]:
    # Each by indexes of its own: one condition over all of these tables would be looked for in every invoice.
    key = _uuid(text)
    calls = Submission.objects.filter(Q(pk=key) | Q(correlation_id=text) | Q(trace_id=text))
    traced = Upload.objects.filter(trace_id=text) if text else Upload.objects.none()
    named = Invoice.objects.filter(Q(pk=key) | Q(number=text) | Q(xero_number=text)).values("pk")
    past = PastDocument.objects.filter(Q(number=text) | Q(xero_id=text))
    # Most have no number of their own, so SQLite takes an index of it for useless, unless it is asked for a range.
    numbered = Posting.objects.filter(number__gte=text, number__lte=text)
    others = (
        PostLog.objects.filter(submission__in=calls.order_by().values("pk")).values("invoice"),
        PostLog.objects.filter(upload__in=traced.order_by().values("pk")).values("invoice"),
        Posting.objects.filter(xero_id__in=[str(key), text]).values("invoice"),
        numbered.values("invoice"),
        Posting.objects.filter(pk__in=Twin.objects.filter(xero_id=text).order_by().values("posting")).values("invoice"),
        Posting.objects.filter(pk__in=past.order_by().values("posting")).values("invoice"),
    )
    keys = named.order_by().union(*(each.order_by() for each in others))
    return Invoice.objects.filter(pk__in=keys).order_by()


def _uuid(text: str) -> uuid.UUID:
    """Return the id that a text writes, one that nothing has when it writes none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.UUID(int=0)
