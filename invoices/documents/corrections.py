"""What stands against posting a correction: what it corrects is not there, or is credited by others already."""

from __future__ import annotations

from decimal import Decimal

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from invoices.documents.rules import Fix, Problem
from invoices.models import Invoice, Posting
from xero_integration.client.vocabulary import GONE

CODE = "correction"
_MARK = "is_credited_by_others"
# Sums of cents come with the digits of a float on SQLite.
_HALF_A_CENT = Decimal("0.005")
EXCEEDS = "The credit notes for the invoice together come to more than it. Exclude the one that is not wanted."


def exceeds() -> Q:
    """Return the condition that a credit note and the others of its invoice together come to more than that one.

    Those that are ignored, or ended in Xero, do not count.
    """
    ended = Q(corrections__posting__status=Posting.Status.POSTED, corrections__posting__xero_status__in=GONE)
    counts = Q(corrections__total__lt=0, corrections__ignored_because="") & ~ended
    corrected = Invoice.objects.filter(pk=OuterRef("corrects")).order_by().values("pk")
    sums = corrected.annotate(of_all=Sum("corrections__total", filter=counts))
    sums = sums.annotate(left=F("of_all") + Coalesce("posting__xero_total", "total"))
    return Q(Exists(sums.filter(left__lt=-_HALF_A_CENT)), total__lt=0, corrects__isnull=False)


def marked(invoices: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """Return `invoices` so that `problems` knows of other credit notes."""
    return invoices.annotate(**{_MARK: Exists(Invoice.objects.filter(exceeds(), pk=OuterRef("pk")))})


def problems(row: Invoice, connection_id: int) -> tuple[Problem, ...]:
    """Return what stands against posting a correction to this organisation; what it corrects and its posting should be
    loaded. The row may be one of `marked`."""
    if row.corrects is None:
        return ()
    posting = getattr(row.corrects, "posting", None)
    if posting is None or posting.status != Posting.Status.POSTED or posting.xero_status in GONE:
        words = "What it corrects is not in Xero any more. Exclude the correction, or post that one first."
        return (Problem(CODE, "gone", words, Fix.NONE),)
    if posting.connection_id != connection_id:
        words = "What it corrects is in another organisation. Choose that one, then upload."
        return (Problem(CODE, "elsewhere", words, Fix.NONE),)
    return (Problem(CODE, "exceeds", EXCEEDS, Fix.NONE),) if getattr(row, _MARK, False) else ()
