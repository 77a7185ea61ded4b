"""Invoices that must not go to Xero: set aside with a reason, and taken up again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import QuerySet
from django.utils import timezone

from invoices.models import Invoice
from invoices.selection import UPLOADABLE

if TYPE_CHECKING:
    from c3portal.models import User

LONGEST_REASON = 500


def ignore(invoices: QuerySet[Invoice], because: str, user: User) -> int:
    """Set invoices aside for a reason (1 to 500 characters). What is in Xero or on its way there is left as it is.
    Returns how many were set aside."""
    return _each(invoices.filter(UPLOADABLE)).update(
        ignored_because=because, ignored_by=user, ignored_at=timezone.now()
    )


def take_up(invoices: QuerySet[Invoice]) -> int:
    """Let ignored invoices go to Xero again. Returns how many were ignored."""
    return _each(invoices.exclude(ignored_because="")).update(ignored_because="", ignored_by=None, ignored_at=None)


def _each(invoices: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """Return the same rows without the joins that an UPDATE cannot have."""
    return Invoice.objects.filter(pk__in=invoices.order_by().values("pk"))
