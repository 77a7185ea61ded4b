"""How much of an invoice may still be credited."""

from __future__ import annotations

from decimal import Decimal

from django.db.models import Q, QuerySet

from invoices.models import AppliedCredit, Invoice, Posting
from xero_integration.client.vocabulary import GONE

NOTHING = Decimal("0.00")


def live_credits(invoice: Invoice) -> QuerySet[Invoice]:
    """Return the credit notes that correct `invoice` and count: all but those set aside, and those ended in Xero."""
    ended = Q(posting__status=Posting.Status.POSTED, posting__xero_status__in=GONE)
    return invoice.corrections.filter(total__lt=0, ignored_because="").exclude(ended)


def left(invoice: Invoice) -> Decimal:
    """Return how much of a posted invoice may still be credited, with tax: what is owed on it by what was last read,
    less the credit notes that are not set against it yet. Never negative."""
    posting = invoice.posting
    total = invoice.total if posting.xero_total is None else posting.xero_total
    owed = total if posting.amount_due is None else posting.amount_due
    live = live_credits(invoice).values_list("total", "posting__xero_id")
    applied = _applied(posting)
    credited = sum((-each for each, _ in live), NOTHING)
    pending = sum((max(NOTHING, -each - applied.get(xero_id or "", NOTHING)) for each, xero_id in live), NOTHING)
    # What was read may be old: whatever it says, all credit notes together are never more than the invoice.
    return max(NOTHING, min(owed - pending, total - (posting.amount_paid or NOTHING) - credited))


def _applied(posting: Posting) -> dict[str, Decimal]:
    """Return by Xero's id what of each credit note is set against the invoice, as of when it was last read."""
    rows = posting.applied_credits.filter(kind=AppliedCredit.Kind.CREDIT_NOTE)
    found: dict[str, Decimal] = {}
    for xero_id, amount in rows.values_list("xero_id", "amount"):
        found[xero_id] = found.get(xero_id, NOTHING) + amount
    return found
