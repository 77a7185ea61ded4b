"""The number in the navigation: counted beside the pages, so that it costs each of them one small question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Exists, OuterRef, Q

from c3_integration import fetches
from invoices.attention import blocked, causes, in_short
from invoices.models import AttentionCheck, BillingPeriod, Invoice, PeriodClosing
from invoices.selection import periods
from xero_integration.models import XeroConnection

# The newest ones that have something to post: each invoice of theirs that is not posted is gone through.
PERIODS = 3


def refresh(*, anew: bool = False) -> list[AttentionCheck]:
    """Check what is not posted of the newest billing periods, `anew` or where anything changed, and count what needs
    attention, of each period too. Returns their checks, the newest first; [] without an organisation or a period."""
    connection = XeroConnection.objects.current()
    checked = list(BillingPeriod.objects.filter(_is_checked())[:PERIODS]) or list(BillingPeriod.objects.all()[:1])
    if not checked or connection is None:
        return []
    kept = [blocked.check(each, connection, anew=anew) for each in checked]
    # What was posted or closed since has nothing that blocks.
    blocked.forget(AttentionCheck.objects.exclude(period__in=checked))
    found = causes.find(connection, fetches.last())
    _keep(kept, connection, causes.count(found), in_short.kept(found))
    return kept


def _keep(
    kept: list[AttentionCheck], connection: XeroConnection, number: int, of_periods: Mapping[int, dict[str, Any]]
) -> None:
    for place, each in enumerate(kept):
        now = (0 if place else number, of_periods.get(each.period_id, {}))
        if now != (each.needs_attention, each.in_short):
            each.needs_attention, each.in_short = now
            each.save(update_fields=["needs_attention", "in_short"])
    others = AttentionCheck.objects.exclude(pk__in=[each.pk for each in kept])
    there = {each.period_id: each.in_short for each in others.only("period_id", "in_short")}
    wanted = {pk: of_it for pk, of_it in of_periods.items() if pk not in {each.period_id for each in kept}}
    for pk in [pk for pk, of_it in wanted.items() if there.get(pk) != of_it]:
        facts = {"connection": connection, "in_short": wanted[pk]}
        AttentionCheck.objects.update_or_create(period_id=pk, defaults=facts)
    others.exclude(period__in=wanted).delete()


def _is_checked() -> Q:
    """Return the condition on billing periods that they are the newest, or not closed and not all in Xero."""
    newest = BillingPeriod.objects.values("pk")[:1]
    waiting = Invoice.objects.filter(period=OuterRef("pk")).uploadable()
    is_closed = Exists(PeriodClosing.objects.filter(period=OuterRef("pk"), reopened_at=None))
    return Q(pk__in=newest) | (~Q(is_closed) & Q(Exists(waiting)))


def known(offered: Iterable[BillingPeriod]) -> int:
    """Return the number as last counted, by the billing periods that are at hand (`periods.offered`)."""
    return next((each.needs_attention for each in periods.checks(offered)), 0)
