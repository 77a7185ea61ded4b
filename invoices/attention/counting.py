"""The number in the navigation: counted beside the pages, so that it costs each of them one small question."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from c3_integration import fetches
from invoices.attention import blocked, causes
from invoices.models import AttentionCheck, BillingPeriod
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


def known(offered: Iterable[BillingPeriod]) -> int:
    """Return the number as last counted, with the newest of the billing periods `offered` that has a check."""
    counted: Iterator[int | None] = (getattr(each, "needs_attention", None) for each in offered)
    return next((each for each in counted if each is not None), 0)
