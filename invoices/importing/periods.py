"""The billing periods of a file beside the known ones: whose dates differ, and whose overlap."""

from __future__ import annotations

from django.db.models import Q

from invoices.importing.aggregation import Gathering
from invoices.importing.fingerprint import Days
from invoices.models import BillingPeriod

NAMED = 5


def days_of_file(gathering: Gathering) -> dict[str, Days]:
    """Return the dates that the file gives each of its periods, by BillingId."""
    return {billing_id: next(iter(days)) for billing_id, days in gathering.invoices.period_days().items()}


def write(gathering: Gathering) -> dict[str, BillingPeriod]:
    """Return the file's periods by BillingId; the dates of those that are known stay as they are."""
    return {
        billing_id: BillingPeriod.objects.get_or_create(
            billing_id=billing_id, defaults={"starts_on": starts_on, "ends_on": ends_on}
        )[0]
        for billing_id, (starts_on, ends_on) in days_of_file(gathering).items()
    }


def notes(gathering: Gathering) -> list[str]:
    """Return sentences on periods whose dates the file says differently, and on those that overlap."""
    days = days_of_file(gathering)
    known = BillingPeriod.objects.in_bulk(days, field_name="billing_id")
    said = []
    for billing_id, (starts_on, ends_on) in days.items():
        period = known.get(billing_id)
        if period and (period.starts_on, period.ends_on) != (starts_on, ends_on):
            said.append(
                f"The file says that billing period {billing_id} runs from {starts_on} to {ends_on}; it is known from "
                f"{period.starts_on} to {period.ends_on}, and stays so."
            )
    return said + overlaps({**days, **{each.billing_id: (each.starts_on, each.ends_on) for each in known.values()}})


def overlaps(days: dict[str, Days]) -> list[str]:
    """Return a sentence for each of these periods that covers dates of another one, stored or among them."""
    said = []
    for billing_id, (starts_on, ends_on) in days.items():
        stored = BillingPeriod.objects.filter(~Q(billing_id=billing_id), starts_on__lte=ends_on, ends_on__gte=starts_on)
        others = dict(stored.values_list("billing_id", "pk"))
        others |= {other: 0 for other, (start, end) in days.items() if start <= ends_on and end >= starts_on}
        others.pop(billing_id, None)
        if others:
            names = ", ".join(sorted(others)[:NAMED]) + (" and others" if len(others) > NAMED else "")
            said.append(
                f"Billing period {billing_id} covers dates of another one: {names}. "
                "Look whether the same charges are invoiced twice."
            )
    return said
