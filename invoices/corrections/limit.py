"""How much of an invoice may still be credited."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from django.db.models import Q, QuerySet

from c3portal.database import together
from invoices.models import AppliedCredit, Invoice, Posting
from xero_integration.client.vocabulary import GONE

NOTHING = Decimal("0.00")


def live_credits(invoice: Invoice) -> QuerySet[Invoice]:
    """Return the credit notes that correct `invoice` and count: all but those set aside, and those ended in Xero."""
    return _live().filter(corrects=invoice)


def _live() -> QuerySet[Invoice]:
    ended = Q(posting__status=Posting.Status.POSTED, posting__xero_status__in=GONE)
    return Invoice.objects.filter(total__lt=0, ignored_because="").exclude(ended)


class Credited:
    """What is credited of posted invoices already; one query for all of them."""

    def __init__(self, invoices: Iterable[Invoice]) -> None:
        rows = list(invoices)
        ids, postings = [each.pk for each in rows], [each.posting.pk for each in rows]
        notes = AppliedCredit.objects.filter(posting__in=postings, kind=AppliedCredit.Kind.CREDIT_NOTE)
        made, live, applied = together.read(
            Invoice.objects.filter(corrects__in=ids, ignored_because="").values_list("corrects", "number"),
            _live().filter(corrects__in=ids).values_list("corrects", "posting__xero_id", "total"),
            notes.order_by("pk").values_list("posting__invoice", "xero_id", "amount"),
        )
        # The first of each.
        self._made: dict[uuid.UUID, str] = dict(reversed(made))
        self._live: dict[uuid.UUID, list[tuple[str, Decimal]]] = defaultdict(list)
        # Xero's id, "" for one that is not there, and the amount of each credit note that counts.
        for pk, xero_id, total in live:
            self._live[pk].append(((xero_id or "").lower(), -total))
        # By Xero's id how much of each credit note is set against the invoice, as of when it was last read.
        self._applied: dict[uuid.UUID, dict[str, Decimal]] = defaultdict(dict)
        for pk, xero_id, amount in applied:
            known = self._applied[pk]
            known[xero_id.lower()] = known.get(xero_id.lower(), NOTHING) + amount

    def corrected_by(self, invoice: Invoice) -> str:
        """Return the number of the first correction of an invoice that is not excluded, "" without one."""
        return self._made.get(invoice.pk, "")

    def left(self, invoice: Invoice) -> Decimal:
        """Return `left` of one of the invoices."""
        live, applied = self._live[invoice.pk], self._applied[invoice.pk]
        # What was read may be old: our own count in full, however much of each is set against the invoice by then.
        own = {xero_id for xero_id, _ in live}
        by_others = sum((amount for xero_id, amount in applied.items() if xero_id not in own), NOTHING)
        return max(NOTHING, _total(invoice) - sum((amount for _, amount in live), NOTHING) - by_others)

    def owed(self, invoice: Invoice) -> Decimal:
        """Return `owed` of one of the invoices."""
        posting, applied = invoice.posting, self._applied[invoice.pk]
        due = _total(invoice) if posting.amount_due is None else posting.amount_due
        pending = (max(NOTHING, amount - applied.get(xero_id, NOTHING)) for xero_id, amount in self._live[invoice.pk])
        return max(NOTHING, due - sum(pending, NOTHING))


def left(invoice: Invoice) -> Decimal:
    """Return how much of a posted invoice may still be credited, with tax: its total less all credit before, whether or
    not it was paid. Never negative."""
    return Credited([invoice]).left(invoice)


def owed(invoice: Invoice) -> Decimal:
    """Return what another credit note of a posted invoice could be set against: what is owed on it by what was last
    read, less the credit notes that are not set against it yet. Never negative."""
    return Credited([invoice]).owed(invoice)


def _total(invoice: Invoice) -> Decimal:
    return invoice.total if invoice.posting.xero_total is None else invoice.posting.xero_total
