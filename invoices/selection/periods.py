"""Which billing period a page is about."""

from __future__ import annotations

from invoices.models import BillingPeriod

# Three years of months; older ones are reached by their BillingId in the address.
PERIODS_OFFERED = 36


def offered() -> list[BillingPeriod]:
    """Return the billing periods to choose from, the newest first."""
    return list(BillingPeriod.objects.all()[:PERIODS_OFFERED])


def shown(billing_id: str, periods: list[BillingPeriod]) -> BillingPeriod | None:
    """Return the one of that BillingId among `periods` (of `offered`); the newest for one that is not there."""
    newest = periods[0] if periods else None
    return next((each for each in periods if each.billing_id == billing_id), newest)
