"""Stored invoices of which a later file has a version that was held back: their amounts may be out of date."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from invoices.duplicates import comparison
from invoices.models import HeldBackInvoice, Invoice
from invoices.models.billing import InvoiceQuerySet

_MARK = "is_outdated"


def waits_for_file() -> Exists:
    """Return the condition that an invoice of this number is held back."""
    return Exists(HeldBackInvoice.objects.filter(resolved_at=None, number=OuterRef("number")))


def waiting(invoices: QuerySet[Invoice]) -> InvoiceQuerySet:
    """Return those that may go but for that, joined with nothing."""
    each = Invoice.objects.filter(pk__in=invoices.order_by().values("pk"))
    return each.uploadable().filter(~comparison.waits_for_decision(), waits_for_file())


def marked(invoices: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """Return `invoices` so that `is_marked` takes them."""
    return invoices.annotate(**{_MARK: waits_for_file()})


def is_marked(invoice: Invoice) -> bool:
    """Return whether an invoice of this number was held back when the row was read."""
    return bool(getattr(invoice, _MARK))
