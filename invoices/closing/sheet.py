"""The sheet that closes a billing period: its figures, and what is still open."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse

from invoices.home import figures
from invoices.home.figures import Figures
from invoices.models import BillingPeriod, Invoice, OthersInXero, PeriodClosing, Posting
from invoices.readback import states

CLOSINGS = 20


@dataclass(frozen=True)
class Open:
    """One thing that is not settled: so many of them, and the page that lists them."""

    words: str
    count: int
    url: str


@dataclass(frozen=True)
class Sheet:
    """A period's figures, what is open, what Xero has besides (None: it was not asked), how it was closed (None: it
    is not), and its closings that were opened again, the last ones."""

    period: BillingPeriod
    figures: Figures
    open: list[Open]
    others: OthersInXero | None
    closing: PeriodClosing | None
    earlier: list[PeriodClosing]

    @property
    def is_settled(self) -> bool:
        return not self.open

    @property
    def changed_since(self) -> bool:
        """Whether its figures are others than when it was closed."""
        return self.closing is not None and self.closing.figures != plain(self.figures)


def of(period: BillingPeriod, today: dt.date) -> Sheet:
    """Return the sheet of a period, in a constant number of queries."""
    found = figures.of(period, today)
    others = OthersInXero.objects.filter(period=period).first()
    closings = list(period.closings.select_related("closed_by", "reopened_by")[:CLOSINGS])
    closing = next((each for each in closings if each.reopened_at is None), None)
    earlier = [each for each in closings if each.reopened_at]
    return Sheet(period, found, list(_open(period, found, others)), others, closing, earlier)


def _open(period: BillingPeriod, found: Figures, others: OthersInXero | None) -> Iterator[Open]:
    def listed(**query: str) -> str:
        return f"{reverse('invoice_list')}?{urlencode({'period': period.billing_id, **query})}"

    if found.waiting.count:
        yield Open("not posted, or taken back", found.waiting.count, listed())
    if found.on_the_way:
        yield Open("on the way to Xero", found.on_the_way, reverse("post_logs"))
    # Counted one by one: a cent too much and a cent too little would come to an equal sum.
    posted = Q(posting__status=Posting.Status.POSTED)
    if differing := Invoice.objects.filter(posted & ~Q(posting__total_difference=0), period=period).count():
        yield Open("with another total in Xero", differing, listed(state="differs"))
    elif unequal := sum(1 for each in found.balances if each.difference):
        yield Open(f"{_currencies(unequal)} in which Xero has another sum", unequal, listed(owed="there"))
    if unread := sum(1 for each in found.balances if each.difference is None):
        yield Open(f"{_currencies(unread)} of which Xero's totals are not read yet", unread, listed(owed="there"))
    if changed := Invoice.objects.filter(states.is_changed(), period=period).count():
        yield Open("changed in Xero", changed, listed(state="changed"))
    if gone := Invoice.objects.filter(_gone(), period=period).count():
        yield Open("voided or deleted in Xero", gone, listed(owed="gone"))
    if found.in_xero.count and others is None:
        yield Open("question to Xero not asked: what else it has of these days", 1, "#others")
    elif others is not None and others.count:
        documents = "document" if others.count == 1 else "documents"
        yield Open(f"{documents} in Xero that the portal did not make", others.count, "#others")


def _currencies(count: int) -> str:
    return "currency" if count == 1 else "currencies"


def _gone() -> Q:
    gone = states.with_state(states.XeroState.VOIDED) | states.with_state(states.XeroState.DELETED)
    return Q(ignored_because="") & gone


def plain(found: Figures) -> dict[str, object]:
    """Return the figures as they are kept with a closing: sums by currency as text, and counts."""
    return {
        "invoices": found.imported.count,
        "in_xero": found.in_xero.count,
        "excluded": found.excluded,
        "by_currency": {
            each.currency: {
                "invoiced": str(each.invoiced),
                "in_xero": str(each.in_xero),
                "not_posted": str(each.not_posted),
                "excluded": str(each.excluded),
            }
            for each in sorted(found.balances, key=lambda one: one.currency)
        },
    }
