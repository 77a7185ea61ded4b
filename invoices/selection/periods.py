"""Which billing period a page is about."""

from __future__ import annotations

from django.db.models import F

from invoices.models import BillingPeriod

# Three years of months; older ones are reached by their BillingId in the address.
PERIODS_OFFERED = 36


def offered() -> list[BillingPeriod]:
    """Return the billing periods to choose from, the newest first. Each has `needs_attention`, the number that was
    counted with its last check (None without one), so that the frame of a page has no question of its own for it."""
    rows = BillingPeriod.objects.annotate(needs_attention=F("attention_check__needs_attention"))
    return list(rows[:PERIODS_OFFERED])


def shown(billing_id: str, periods: list[BillingPeriod]) -> BillingPeriod | None:
    """Return the one of that BillingId among `periods` (of `offered`); the newest for one that is not there."""
    newest = periods[0] if periods else None
    return next((each for each in periods if each.billing_id == billing_id), newest)
