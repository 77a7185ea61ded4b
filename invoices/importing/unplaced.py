"""Stored invoices that a row without a readable number may be a line of: they may be out of date."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from invoices.importing.aggregation import Gathering, may_be_a_line
from invoices.importing.customer_keys import folded
from invoices.importing.decisions import CHUNK
from invoices.importing.held_back import HeldBack
from invoices.importing.opening import Wanted
from invoices.models import Invoice, Posting

_MEANT = (
    "Invoices stored here that rows without a number may mean: {:,}. They are not posted until a file has them right, "
    "or this import is undone."
)


def hold_back_stored(gathering: Gathering, wanted: Wanted) -> list[str]:
    """Hold back what is stored, not known to be in Xero, and of no readable row, but may be of an unreadable one; but
    nothing for a file of which nothing says the billing period. Returns notes for people."""
    if not gathering.findings.numberless_rows:
        return []
    in_file, count = gathering.findings.numbers(), 0
    for invoice in _not_posted(billing_ids(gathering, wanted)):
        row = gathering.invoices.unplaced(_tells(invoice))
        if row and invoice.number not in in_file and invoice.number not in gathering.invoices:
            gathering.findings.add_stored(_held(invoice), may_be_a_line(row))
            count += 1
    return [_MEANT.format(count)] if count else []


def _held(invoice: Invoice) -> HeldBack:
    customer, billing_id = invoice.customer, invoice.period.billing_id
    return HeldBack(invoice.number, customer.name, invoice.currency, billing_id, customer.tenant_id, invoice.total)


def billing_ids(gathering: Gathering, wanted: Wanted) -> set[str]:
    """Return the BillingIds that the file is about, as far as it says so."""
    of_held_back = (held.billing_id for held in gathering.findings.held_back())
    return {wanted.constants.get("BillingId", ""), *gathering.invoices.period_days(), *of_held_back} - {""}


def _not_posted(periods: set[str]) -> Iterator[Invoice]:
    stored = Invoice.objects.exclude(posting__status=Posting.Status.POSTED).select_related("customer", "period")
    stored = stored.order_by("number")
    for chunk in itertools.batched(sorted(periods), CHUNK):
        yield from stored.filter(period__billing_id__in=chunk).iterator(chunk_size=CHUNK)


def _tells(invoice: Invoice) -> tuple[tuple[str, str], ...]:
    """Return what a row may say that is of this invoice, as `InvoiceStore.note_unplaced` has it."""
    customer = invoice.customer
    return (
        ("customer", customer.tenant_id),
        ("erp_id", customer.erp_id.casefold()),
        ("name", folded(customer.name)),
        ("billing_id", invoice.period.billing_id),
        ("", ""),
    )
