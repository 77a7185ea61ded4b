"""Stored invoices that a row without a readable number may be a line of: they may be out of date."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator

from invoices.importing.aggregation import Gathering, may_be_a_line
from invoices.importing.customer_keys import folded
from invoices.importing.decisions import CHUNK
from invoices.importing.held_back import HeldBack
from invoices.importing.opening import Wanted
from invoices.models import Invoice, Posting


def hold_back_stored(gathering: Gathering, wanted: Wanted) -> list[str]:
    """Hold back what is stored, not known to be in Xero, and of no readable row, but may be of an unreadable one.

    Where the file names no period, only a row that names its customer may be of a stored one. Return a sentence on what
    that means for each period, and on a row that cannot be told to be anyone's. A row that names no period is given the
    file's where it has one alone.
    """
    if not gathering.findings.numberless_rows:
        return []
    in_file, periods = gathering.findings.numbers(), _periods(gathering, wanted)
    if len(periods) == 1:
        gathering.findings.give_period(*periods)
    held: Counter[str] = Counter()
    for invoice in _not_posted(periods):
        row = gathering.invoices.unplaced(_tells(invoice, is_anybodys=bool(periods)))
        if row and invoice.number not in in_file and invoice.number not in gathering.invoices:
            gathering.findings.add_stored(_held(invoice), may_be_a_line(row))
            held[str(invoice.period)] += 1
    return [*_nobodys(gathering, periods), *itertools.starmap(_sentence, sorted(held.items()))]


def _nobodys(gathering: Gathering, periods: set[str]) -> list[str]:
    row = 0 if periods else gathering.invoices.first_unplaced("")
    if not row:
        return []
    return [f"Row {row} cannot be told to be anyone's, so no stored invoice is held back for it."]


def _sentence(period: str, count: int) -> str:
    meant = f"{count:,} stored invoice{'' if count == 1 else 's'} of {period} may be meant by a row without a number"
    return f"{meant} and will not be posted until a file has {'it' if count == 1 else 'them'} right."


def _held(invoice: Invoice) -> HeldBack:
    customer, billing_id = invoice.customer, invoice.period.billing_id
    return HeldBack(invoice.number, customer.name, invoice.currency, billing_id, customer.tenant_id, invoice.total)


def _periods(gathering: Gathering, wanted: Wanted) -> set[str]:
    """Return the BillingIds that the file is about, as far as it says so."""
    of_held_back = (held.billing_id for held in gathering.findings.held_back())
    return {wanted.constants.get("BillingId", ""), *gathering.invoices.period_days(), *of_held_back} - {""}


def _not_posted(periods: set[str]) -> Iterator[Invoice]:
    # A customer whom a file that says no period names may be of any of them.
    stored = (
        Invoice.objects.filter(corrects=None)
        .exclude(posting__status=Posting.Status.POSTED)
        .select_related("customer", "period")
    )
    stored = stored.order_by("number")
    if not periods:
        yield from stored.iterator(chunk_size=CHUNK)
    for chunk in itertools.batched(sorted(periods), CHUNK):
        yield from stored.filter(period__billing_id__in=chunk).iterator(chunk_size=CHUNK)


def _tells(invoice: Invoice, *, is_anybodys: bool) -> tuple[tuple[str, str], ...]:
    """Return what a row may say that is of this invoice, as `InvoiceStore.note_unplaced` has it; where rows that say
    nothing may be `is_anybodys`, nothing too."""
    customer = invoice.customer
    said = (
        ("customer", customer.tenant_id),
        ("erp_id", customer.erp_id.casefold()),
        ("name", folded(customer.name)),
        ("billing_id", invoice.period.billing_id),
    )
    return (*said, ("", "")) if is_anybodys else said
