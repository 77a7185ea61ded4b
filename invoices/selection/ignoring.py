"""Invoices that must not go to Xero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from c3portal.audit.record import Action, Source, record
from c3portal.notifications import texts
from invoices.importing import locks
from invoices.models import Invoice
from invoices.models.billing import InvoiceQuerySet

if TYPE_CHECKING:
    from c3portal.models import User

LONGEST_REASON = 500


def ignore(invoices: InvoiceQuerySet, because: str, user: User, *, source: Source = None) -> int:
    """Set aside invoices not in Xero nor on their way; `because` has 1 to LONGEST_REASON characters. Returns how
    many."""
    with transaction.atomic():
        locks.hold(invoices)
        found = _each(invoices.uploadable())
        after = {"Reason": because, "Invoices": list(found.order_by("number").values_list("number", flat=True))}
        count = found.update(ignored_because=because, ignored_by=user, ignored_at=timezone.now())
        if count:
            record(source, Action.IGNORE, f"Excluded from Xero: {texts.invoices(count)}", after=after, actor=user)
    return count


def take_up(invoices: InvoiceQuerySet, *, source: Source = None) -> int:
    """Let ignored invoices go to Xero again. Returns how many were ignored."""
    with transaction.atomic():
        locks.hold(invoices)
        found = _each(invoices.exclude(ignored_because=""))
        reasons = dict(found.order_by("number").values_list("number", "ignored_because"))
        count = found.update(ignored_because="", ignored_by=None, ignored_at=None)
        if count:
            words = f"Included again: {texts.invoices(count)}"
            record(source, Action.IGNORE, words, before=reasons, after=dict.fromkeys(reasons, ""))
    return count


def _each(invoices: InvoiceQuerySet) -> InvoiceQuerySet:
    # Without the joins that an UPDATE cannot have.
    return Invoice.objects.filter(pk__in=invoices.order_by().values("pk"))
