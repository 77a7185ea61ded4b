"""Closing a billing period, and opening it again."""

from __future__ import annotations

from django.db import transaction

from c3portal.audit.record import Action, Source, record
from c3portal.database import clock
from c3portal.models import User
from invoices.closing import export
from invoices.closing.sheet import Sheet, plain
from invoices.models import BillingPeriod, PeriodClosing

LONGEST_REASON = 500


def close(sheet: Sheet, reason: str, user: User, *, source: Source) -> PeriodClosing | None:
    """Record that the period is closed with these figures; None where it is closed already, or something is open and
    no `reason` is given."""
    if sheet.open and not reason:
        return None
    with transaction.atomic():
        closing, is_new = PeriodClosing.objects.get_or_create(
            period=sheet.period,
            reopened_at=None,
            defaults={
                "closed_by": user,
                "reason": reason,
                "figures": plain(sheet.figures),
                "checksum": export.checksum(sheet.period),
            },
        )
        if not is_new:
            return None
        after = {"Billing period": sheet.period.billing_id, "Checksum": closing.checksum}
        after |= {"Reason": reason} if reason else {}
        record(source, Action.OPERATION, f"Closed {sheet.period}", after=after, actor=user)
    return closing


def reopen(period: BillingPeriod, user: User, *, source: Source) -> bool:
    """Record that the period is open again; returns whether it was closed."""
    with transaction.atomic():
        closed = PeriodClosing.objects.filter(period=period, reopened_at=None)
        if not closed.update(reopened_at=clock.now(), reopened_by=user):
            return False
        record(
            source, Action.OPERATION, f"Opened {period} again", after={"Billing period": period.billing_id}, actor=user
        )
    return True
