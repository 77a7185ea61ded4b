"""What a file would bring, in lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from c3portal.formats import amounts
from invoices.importing.last_period import LastPeriod
from invoices.importing.preview import Preview


def in_words(preview: Preview) -> Iterator[str]:
    """Yield what the page of a dry run shows."""
    yield (
        f"{preview.lines:,} lines: {preview.new.count:,} new, {preview.changed.count:,} changed, "
        f"{preview.unchanged.count:,} unchanged, {preview.differing.count:,} sent and differing, "
        f"{preview.held_back.count:,} held back"
    )
    for total in preview.totals:
        subtotal, tax, whole = (_money(each, total.currency) for each in (total.subtotal, total.tax, total.total))
        yield f"{total.currency}: {total.invoices:,} invoices, {subtotal} + tax {tax} = {whole}"
    if preview.last_period:
        yield from _against(preview.last_period)
    yield from preview.period_notes
    yield from preview.notes
    for error in preview.errors:
        where = ", ".join(part for part in (f"Row {error.row}", error.number, error.field) if part)
        yield f"{where}: {error.reason}"
    if preview.errors_count > len(preview.errors):
        yield f"… and {preview.errors_count - len(preview.errors):,} more"


def _against(last: LastPeriod) -> Iterator[str]:
    yield f"Against {last.last_period}:"
    for each in last.totals:
        counts = f"{each.invoices_before:,} → {each.invoices:,} invoices"
        yield f"  {each.currency}: {counts}, {_change(each.before, each.now, each.currency)}"
    yield f"  {last.customers_missing_count:,} customers missing, {last.customers_new_count:,} new"
    for change in last.largest_changes:
        yield f"  {change.customer_name}: {_change(change.before, change.now, change.currency)}"


def _change(before: str, now: str, currency: str) -> str:
    return f"{_money(before, currency)} → {_money(now, currency)}"


def _money(amount: str, currency: str) -> str:
    return amounts.written(Decimal(amount), currency) if amount else "–"
