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
    """Return how much of a posted invoice may still be credited, with tax: its total less all credit before, whether or
    not it was paid. Never negative."""
    live, applied = _live(invoice), _applied(invoice.posting)
    # What was read may be old: our own count in full, however much of each is set against the invoice by then.
    own = {xero_id for xero_id, _ in live}
    by_others = sum((amount for xero_id, amount in applied.items() if xero_id not in own), NOTHING)
    return max(NOTHING, _total(invoice) - sum((amount for _, amount in live), NOTHING) - by_others)


def owed(invoice: Invoice) -> Decimal:
    """Return what another credit note of a posted invoice could be set against: what is owed on it by what was last
    read, less the credit notes that are not set against it yet. Never negative."""
    posting = invoice.posting
    due = _total(invoice) if posting.amount_due is None else posting.amount_due
    applied = _applied(posting)
    pending = (max(NOTHING, amount - applied.get(xero_id, NOTHING)) for xero_id, amount in _live(invoice))
    return max(NOTHING, due - sum(pending, NOTHING))


def _total(invoice: Invoice) -> Decimal:
    return invoice.total if invoice.posting.xero_total is None else invoice.posting.xero_total


def _live(invoice: Invoice) -> list[tuple[str, Decimal]]:
    """Return Xero's id, "" for one that is not there, and the amount of each credit note that counts."""
    rows = live_credits(invoice).values_list("posting__xero_id", "total")
    return [((xero_id or "").lower(), -total) for xero_id, total in rows]


def _applied(posting: Posting) -> dict[str, Decimal]:
    """Return by Xero's id how much of each credit note is set against the invoice, as of when it was last read."""
    rows = posting.applied_credits.filter(kind=AppliedCredit.Kind.CREDIT_NOTE)
    found: dict[str, Decimal] = {}
    for xero_id, amount in rows.values_list("xero_id", "amount"):
        found[xero_id.lower()] = found.get(xero_id.lower(), NOTHING) + amount
    return found
