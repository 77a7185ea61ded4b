"""Which billing period a page is about."""

from __future__ import annotations

from collections.abc import Iterable

from invoices.models import AttentionCheck, BillingPeriod

# Three years of months; older ones are reached by their BillingId in the address.
PERIODS_OFFERED = 36


# What the checks of a period found is long, and no concern of who chooses one.
_LONG = tuple(f"attention_check__{name}" for name in ("problems", "drift", "invoice_ids"))


def offered() -> list[BillingPeriod]:
    """Return the billing periods to choose from, the newest first, each with its last check but for what it found."""
    return list(BillingPeriod.objects.select_related("attention_check").defer(*_LONG)[:PERIODS_OFFERED])


def checks(periods: Iterable[BillingPeriod]) -> list[AttentionCheck]:
    """Return the checks of these (of `offered`), without asking for them."""
    found = (getattr(each, "attention_check", None) for each in periods)
    return [each for each in found if each is not None]


def shown(billing_id: str, periods: list[BillingPeriod]) -> BillingPeriod | None:
    """Return the one of that BillingId among `periods` (of `offered`); the newest for one that is not there."""
    newest = periods[0] if periods else None
    return next((each for each in periods if each.billing_id == billing_id), newest)
