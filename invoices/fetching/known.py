"""What the portal knows of billing periods, for a fetch to plan by."""

from __future__ import annotations

import datetime as dt
import zoneinfo

from django.db.models import Q, QuerySet

from c3_integration.client.calls import C3Period
from invoices.fetching.plan import Known, Listed
from invoices.importing.choices import billing_time_zone
from invoices.models import BillingPeriod, HeldBackInvoice, ImportRun, Invoice, Posting

State = ImportRun.State


def zone_of(name: str) -> dt.tzinfo:
    """Return the time zone of this name, the billing time zone where there is none."""
    try:
        return zoneinfo.ZoneInfo(name) if name else billing_time_zone()
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return billing_time_zone()


def in_our_days(period: C3Period, zone: dt.tzinfo) -> Listed:
    """Return a listed period with its days; moments without an offset are local already."""

    def day(moment: dt.datetime) -> dt.date:
        return (moment.astimezone(zone) if moment.tzinfo else moment).date()

    return Listed(period.c3_id, period.billing_id, day(period.starts), day(period.ends))


def known_periods() -> dict[str, Known]:
    """Return the periods that have invoices, by BillingId."""
    with_invoices = BillingPeriod.objects.filter(invoices__isnull=False).distinct()
    open_ones = _unsettled()
    return {
        period.billing_id: Known(period.c3_id, period.starts_on, period.ends_on, period.billing_id not in open_ones)
        for period in with_invoices
    }


def _unsettled() -> set[str]:
    in_xero = Q(posting__status=Posting.Status.POSTED)
    waiting = Invoice.objects.filter(ignored_because="").exclude(in_xero)
    held_back = HeldBackInvoice.objects.filter(resolved_at=None)
    return {
        *waiting.values_list("period__billing_id", flat=True).distinct().order_by(),
        *held_back.values_list("billing_id", flat=True).distinct().order_by(),
    }


def taken_back() -> set[str]:
    """Return the BillingIds whose last import from C3 that brought anything a person undid, or whose last one a person
    discarded."""
    states: dict[str, str] = {}
    # Not by the path to the id: SQLite gives digits in JSON as a number.
    for options, state in from_c3().order_by("pk").values_list("options", "state"):
        billing_id = options.get("constants", {}).get("BillingId", "")
        if states.get(billing_id) == State.UNDONE and state in (State.NOTHING_NEW, State.REFUSED):
            # It brought nothing: what was undone, before it or since, stays so.
            continue
        states[billing_id] = state
    return {billing_id for billing_id, state in states.items() if state in (State.UNDONE, State.DISCARDED)}


def from_c3() -> QuerySet[ImportRun]:
    """Return the imports of what C3 sent."""
    return ImportRun.objects.filter(source=ImportRun.Source.C3)


def keep_c3_ids(listed: list[Listed]) -> None:
    """Keep C3's own number of each known period; its dates stay as they are."""
    for each in listed:
        BillingPeriod.objects.filter(billing_id=each.billing_id).exclude(c3_id=each.c3_id).update(c3_id=each.c3_id)
