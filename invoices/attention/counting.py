"""The number in the navigation: counted beside the pages, so that it costs each of them one small question."""

from __future__ import annotations

from collections.abc import Iterable

from c3_integration import fetches
from invoices.attention import blocked, causes
from invoices.attention.causes import Cause, Kind
from invoices.models import AttentionCheck, BillingPeriod
from invoices.selection import periods
from xero_integration.models import XeroConnection


def refresh(*, anew: bool = False) -> AttentionCheck | None:
    """Check what is not posted of the newest billing period, `anew` or where anything changed, and count what needs
    attention. Returns the check, None without an organisation or a period."""
    period, connection = BillingPeriod.objects.first(), XeroConnection.objects.current()
    if period is None or connection is None:
        return None
    kept = blocked.check(period, connection, anew=anew)
    number = causes.count(causes.find(connection, fetches.last()))
    if number != kept.needs_attention:
        kept.needs_attention = number
        kept.save(update_fields=["needs_attention"])
    return kept


def to_fix(found: Iterable[Cause], billing_id: str, *, rejected: int, waiting: int) -> int:
    """Return how many of a billing period's `waiting` invoices need something first: what was `rejected`, and what has
    another cause that stops it. Who has two causes counts for both, so it is never more than wait."""
    stops = (each for each in found if each.kind in causes.STOPS and each.kind != Kind.REJECTED)
    return min(waiting, rejected + sum(each.count for each in stops if each.period == billing_id))


def known(offered: Iterable[BillingPeriod]) -> int:
    """Return the number as last counted, by the billing periods that are at hand (`periods.offered`)."""
    return next((each.needs_attention for each in periods.checks(offered)), 0)
