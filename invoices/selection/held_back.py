"""Which invoices were held back when files were imported, and why."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Self
from urllib.parse import urlencode

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import QueryDict

from c3portal.http.csv_response import Cell, as_csv
from invoices.models import HeldBackInvoice, ImportFinding

COLUMNS = (
    "InvoiceNumber",
    "CustomerName",
    "CurrencyCode",
    "Total",
    "BillingId",
    "Import",
    "File",
    "Row",
    "Field",
    "Reason",
    "State",
)
OPEN, RESOLVED, CLOSED, ALL = "open", "resolved", "closed", "all"
_OF_STATE = {
    OPEN: Q(resolved_at=None),
    RESOLVED: Q(resolved_by__isnull=False),
    CLOSED: ~Q(close_reason=""),
    ALL: Q(),
}
# Of one that no file had right: a later file has it wrong too, which is a row of its own, or its import was undone.
SUPERSEDED = "Held back again, or undone"
STATES = {OPEN: "Open", RESOLVED: "Came in later", CLOSED: "Closed by a person", ALL: "All"}
_AT_ONCE = 500


@dataclass(frozen=True)
class HeldBackFilter:
    """What is asked for; "" for everything. `run` is an import's id, `billing` a BillingId."""

    state: str = OPEN
    billing: str = ""
    run: str = ""
    field: str = ""

    @classmethod
    def from_query(cls, query: QueryDict) -> Self:
        """Return what `query` asks for; a state or an import that cannot be counts as not given."""
        state, run = query.get("state", OPEN), query.get("run", "")
        return cls(
            state if state in STATES else OPEN,
            query.get("billing", "").strip(),
            run if run.isascii() and run.isdigit() and len(run) < 19 else "",
            query.get("field", "").strip(),
        )

    def query(self, **changes: str) -> str:
        """Return the query string of this filter with `changes`."""
        return urlencode({name: value for name, value in (asdict(self) | changes).items() if value})

    def invoices(self) -> QuerySet[HeldBackInvoice]:
        """Return what fits."""
        return self.of_any_state().filter(_OF_STATE[self.state])

    def of_any_state(self) -> QuerySet[HeldBackInvoice]:
        """Return what fits but for its state."""
        found = HeldBackInvoice.objects.select_related("run", "resolved_by", "closed_by")
        if self.billing:
            found = found.filter(billing_id=self.billing)
        if self.run:
            found = found.filter(run=int(self.run))
        if self.field:
            found = found.filter(
                Exists(_reasons().filter(run=OuterRef("run"), invoice_number=OuterRef("number"), field=self.field))
            )
        return found

    def counts(self) -> dict[str, int]:
        """Return how many there are of each state."""
        counted = {state: Count("pk", filter=_OF_STATE[state]) for state in STATES if state != ALL}
        counts: dict[str, int] = self.of_any_state().order_by().aggregate(**counted, all=Count("pk"))
        return {state: counts[state] for state in STATES}


def count_open() -> int:
    """Return how many invoices wait for a file that has them right."""
    return HeldBackInvoice.objects.filter(resolved_at=None).count()


def billing_ids() -> list[str]:
    """Return the BillingIds of which invoices were held back, newest first."""
    found = HeldBackInvoice.objects.exclude(billing_id="").order_by("-billing_id")
    return list(found.values_list("billing_id", flat=True).distinct())


def fields() -> list[str]:
    """Return the fields for which invoices were held back."""
    return list(_reasons().exclude(field="").order_by("field").values_list("field", flat=True).distinct())


def reasons_of(invoices: Iterable[HeldBackInvoice]) -> dict[tuple[int, str], list[ImportFinding]]:
    """Return why each was held back, by its import's id and its number."""
    asked = {(each.run_id, each.number) for each in invoices}
    found = _reasons().filter(run__in={run for run, _ in asked}, invoice_number__in={number for _, number in asked})
    reasons: dict[tuple[int, str], list[ImportFinding]] = defaultdict(list)
    for each in found.order_by("row", "pk"):
        reasons[each.run_id, each.invoice_number].append(each)
    return reasons


def _reasons() -> QuerySet[ImportFinding]:
    return ImportFinding.objects.filter(kind=ImportFinding.Kind.HELD_BACK)


def held_back_csv(chosen: HeldBackFilter) -> Iterator[str]:
    """Yield one row for each reason."""
    invoices = chosen.invoices().iterator(_AT_ONCE)
    rows = (row for batch in itertools.batched(invoices, _AT_ONCE) for row in _rows(batch))
    return as_csv(COLUMNS, rows)


def _state(held: HeldBackInvoice) -> str:
    if held.close_reason:
        return f"{STATES[CLOSED]}: {held.close_reason}"
    if not held.resolved_at:
        return STATES[OPEN]
    return f"Came in with import {held.resolved_by_id}" if held.resolved_by_id else SUPERSEDED


def _rows(batch: tuple[HeldBackInvoice, ...]) -> Iterator[list[Cell]]:
    reasons = reasons_of(batch)
    for each in batch:
        facts: list[Cell] = [each.number, each.customer_name, each.currency, each.total, each.billing_id]
        facts += [each.run_id, each.run.file_name]
        state = _state(each)
        for reason in reasons.get((each.run_id, each.number), []):
            yield [*facts, reason.row, reason.field, reason.reason, state]
        if (each.run_id, each.number) not in reasons:
            yield [*facts, None, "", "", state]
