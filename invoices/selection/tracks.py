"""The tracks that an invoice leaves from a click to Xero."""

from __future__ import annotations

import uuid

from django.db.models import Q, QuerySet

from invoices.models import Invoice, PostLog, Submission, Upload

LONGEST_SOUGHT = 255


def calls_of(invoice: Invoice) -> QuerySet[Submission]:
    """Return every submission that carried the invoice, oldest first, without its body."""
    carried = PostLog.objects.filter(invoice=invoice, submission__isnull=False).values("submission")
    return Submission.objects.filter(pk__in=carried).defer("body").order_by("created_at")


def invoices_with(text: str) -> QuerySet[Invoice]:
    """Return the invoices of an id (of a call, a trace, an invoice, a document in Xero) or a number."""
    text = text.strip()[:LONGEST_SOUGHT]
    key = _uuid(text)
    calls = Submission.objects.filter(Q(pk=key) | Q(correlation_id=text) | Q(trace_id=text))
    traced = Upload.objects.filter(trace_id=text) if text else Upload.objects.none()
    lines = PostLog.objects.filter(Q(submission__in=calls.values("pk")) | Q(upload__in=traced.values("pk")))
    return Invoice.objects.filter(
        Q(pk__in=lines.values("invoice"))
        | Q(pk=key)
        | Q(posting__xero_id=str(key))
        | Q(posting__xero_id=text)
        | Q(posting__twins__xero_id=text)
        | Q(number=text)
        | Q(xero_number=text)
        | Q(posting__number=text)
        | Q(posting__past_documents__number=text)
        | Q(posting__past_documents__xero_id=text)
    ).distinct()


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
