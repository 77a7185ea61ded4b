"""What a file would bring, in lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

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
        yield f"{total.currency}: {total.invoices:,} invoices, {total.subtotal} + tax {total.tax} = {total.total}"
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
        yield f"  {each.currency}: {counts}, {each.before} → {each.now}"
    yield f"  {last.customers_missing_count:,} customers missing, {last.customers_new_count:,} new"
    for change in last.largest_changes:
        yield f"  {change.customer_name}: {change.before} → {change.now} {change.currency}"
