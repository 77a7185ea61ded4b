"""Stored invoices of which a later file has another version that did not come in: their amounts may be out of date.

The version was held back, or it came while the invoice was on its way to Xero. Such an invoice is not queued, and one
that was queued before is refused in place of the first byte of a call: `sender`. What has left goes on, since it may be
in Xero; the list and the import say that it differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from django.db.models import Exists, OuterRef, Q, QuerySet

from invoices.duplicates import comparison
from invoices.models import HeldBackInvoice, Invoice, Posting
from invoices.models.billing import InvoiceQuerySet

_MARK = "is_held_back"


class Outdated(StrEnum):
    """Why an invoice may be out of date."""

    HELD_BACK = "held_back"
    DIFFERS = "differs"


WORDS = {
    Outdated.HELD_BACK: "Held back in a later file, so the amounts here may be out of date. Import a file that has it "
    "right, or undo the import that held it back.",
    Outdated.DIFFERS: "A later file, which came while it was on its way to Xero, says otherwise: the amounts here are "
    "out of date. Import that file again, or the earlier one to keep what is here.",
}
_IGNORED = "It was excluded from Xero after it was uploaded."
_NOT_SENT = "Nothing of it is in Xero. {} Then upload again."


def waits_for_file() -> Q:
    """Return the condition that a later version of an invoice has to come in first."""
    return Q(_is_held_back()) | ~Q(difference="")


def waiting(invoices: QuerySet[Invoice]) -> InvoiceQuerySet:
    """Return those that may go but for that, joined with nothing."""
    each = Invoice.objects.filter(pk__in=invoices.order_by().values("pk"))
    return each.uploadable().filter(~comparison.waits_for_decision(), waits_for_file())


def unposted(invoices: QuerySet[Invoice]) -> InvoiceQuerySet:
    """Return those that wait for a file and matter."""
    return Invoice.objects.filter(matters_and_waits(), pk__in=invoices.order_by().values("pk"))


def matters_and_waits() -> Q:
    """Return the condition that an invoice waits for a file and `matters`."""
    is_open = Q(posting__isnull=True) | ~Q(posting__status=Posting.Status.POSTED)
    return is_open & Q(ignored_because="") & waits_for_file()


def marked(invoices: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """Return `invoices` so that `why` takes them."""
    return invoices.annotate(**{_MARK: _is_held_back()})


def why(invoice: Invoice) -> Outdated | None:
    """Return why the invoice may be out of date, as of when the row was read."""
    if getattr(invoice, _MARK):
        return Outdated.HELD_BACK
    return Outdated.DIFFERS if invoice.difference else None


def matters(invoice: Invoice) -> bool:
    """Return whether it is neither known to be in Xero nor ignored; its posting should be loaded."""
    posting = getattr(invoice, "posting", None)
    return not invoice.ignored_because and (posting is None or posting.status != Posting.Status.POSTED)


def refusals(postings: Sequence[Posting]) -> dict[int, str]:
    """Return by posting id, of those just claimed, why it must not be sent as it was queued, in one query."""
    by_invoice = {each.invoice_id: each.pk for each in postings}
    stopped = Invoice.objects.filter(waits_for_file() | ~Q(ignored_because=""), pk__in=by_invoice)
    return {by_invoice[each.pk]: _NOT_SENT.format(_words(each)) for each in marked(stopped)}


def _words(invoice: Invoice) -> str:
    reason = why(invoice)
    return WORDS[reason] if reason else _IGNORED


def _is_held_back() -> Exists:
    # No file has another version of what the portal made itself.
    held = HeldBackInvoice.objects.filter(resolved_at=None, number=OuterRef("number"))
    return Exists(held.filter(Exists(Invoice.objects.filter(corrects=None, pk=OuterRef(OuterRef("pk"))))))
