"""Numbers that differ from another invoice's by capitals alone, as releases before this one stored them.

New ones are spelt apart when they are imported (`importing/xero_numbers.py`). Xero does not say whether it takes both.
"""

from __future__ import annotations

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Lower

from invoices.documents.rules import Fix, Problem
from invoices.models import Invoice, Posting
from invoices.models.statuses import IN_PROGRESS, UPLOADABLE

CODE = "spelt_alike"
_MARK = "spelt_alike_to"
WORDS = (
    "Another invoice has the same number but for its capitals, and Xero may take the two for one. Undo the import that "
    "brought this one and import its file again: it then gets a number of its own in Xero."
)
_SENT = Q(posting__status__in=(Posting.Status.POSTED, *IN_PROGRESS))
_NOT_SENT = Q(posting__isnull=True) | Q(posting__status__in=UPLOADABLE)


def marked(invoices: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """Return `invoices` so that `problems` takes them."""
    alike = Invoice.objects.alias(lower=Lower("xero_number")).filter(lower=Lower(OuterRef("xero_number")))
    # Of two that nobody sent one may go: the first by its number.
    before = Q(_NOT_SENT, ignored_because="", number__lt=OuterRef("number"))
    others = alike.exclude(pk=OuterRef("pk")).filter(_SENT | before).order_by("number")
    return invoices.annotate(**{_MARK: Subquery(others.values("number")[:1])})


def problems(row: Invoice) -> tuple[Problem, ...]:
    """Return the problem with a row of `marked` that may go otherwise."""
    other = getattr(row, _MARK)
    if other is None or not row.may_go:
        return ()
    return (Problem(CODE, "", WORDS, Fix.NONE, detail=f"The other one is {other}."),)
