"""The tracks that an invoice leaves from a click to Xero."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import Q, QuerySet

from invoices.models import Invoice, PastDocument, Posting, PostLog, Submission, Twin, Upload

LONGEST_SOUGHT = 255


def calls_of(invoice: Invoice) -> QuerySet[Submission]:
    """Return every submission that carried the invoice, oldest first, without its body."""
    carried = PostLog.objects.filter(invoice=invoice, submission__isnull=False).values("submission")
    return Submission.objects.filter(pk__in=carried).defer("body").order_by("created_at")


def invoices_with(text: str) -> QuerySet[Invoice]:
    """Return the invoices of an id (of a call, a trace, an invoice, a document in Xero) or a number."""
    return Invoice.objects.filter(pk__in=_keys(text.strip()[:LONGEST_SOUGHT]))


def _keys(text: str) -> QuerySet[Invoice, Any]:
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
    return named.order_by().union(*(each.order_by() for each in others)) if text else named.none()


def uploads_with(text: str) -> QuerySet[Upload]:
    """Return the uploads in which those invoices took part."""
    lines = PostLog.objects.filter(invoice__in=invoices_with(text).values("pk"))
    return Upload.objects.filter(pk__in=lines.values("upload"))


def _uuid(text: str) -> uuid.UUID:
    """Return the id that a text writes, one that nothing has when it writes none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.UUID(int=0)
