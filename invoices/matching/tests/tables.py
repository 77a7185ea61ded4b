"""Lines of invoices in the clothes of other systems, for the tests of matching."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from invoices.importing.parser import Line, parse_row
from invoices.matching.confirming import Choice, problems, profile_from, proposed_choice
from invoices.matching.conversion import Source, convert
from invoices.matching.proposal import Proposal, propose
from invoices.reading.table import open_table
from xero_integration.payloads import to_cents

FILES = Path(__file__).with_name("files")
TOTALS: dict[str, str] = json.loads((FILES / "totals.json").read_text())
PERIOD = {
    "BillingId": "20260518",
    "BillingPeriodStartDate": "2026-04-16",
    "BillingPeriodEndDate": "2026-05-15",
}
Rows = list[dict[str, str]]


def documented_lines() -> Rows:
    """Return the 82 lines of C3's documented shape, as texts."""
    data = json.loads((FILES / "1-documented-c3.json").read_text(), parse_float=str, parse_int=str)["Data"]
    return [{name: value or "" for name, value in line.items()} for line in data]


def as_csv(rows: Iterable[Mapping[str, str]], delimiter: str = ",") -> bytes:
    rows, out = list(rows), io.StringIO()
    writer = csv.DictWriter(out, rows[0], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def dressed(columns: Mapping[str, str | Callable[[dict[str, str]], str]], rows: Rows | None = None) -> Rows:
    """Return the documented lines under other names: each column is a field's name or made from the line."""
    return [
        {name: made(line) if callable(made) else line[made] for name, made in columns.items()}
        for line in rows or documented_lines()
    ]


def proposal_of(content: bytes) -> Proposal:
    return propose(lambda: open_table(io.BytesIO(content)))


def source_of(content: bytes, proposal: Proposal, choice: Choice) -> Source:
    return convert(open_table(io.BytesIO(content)), profile_from("Test", proposal, choice), choice.constants)


def totals_of(content: bytes, **answers: Any) -> dict[str, str]:
    """Return the gross total of each invoice as the proposal, confirmed with `answers`, has it."""
    proposal = proposal_of(content)
    choice = Choice(proposed_choice(proposal).columns, **{"constants": PERIOD} | answers)
    assert problems(proposal, choice) == []
    totals: dict[str, Decimal] = {}
    for raw in source_of(content, proposal, choice).rows:
        line = parse_row(raw)  # type: ignore[arg-type]
        assert isinstance(line, Line), line
        number = line.header.number
        totals[number] = totals.get(number, Decimal(0)) + to_cents(line.subtotal) + to_cents(line.tax)
    return {number: str(total) for number, total in sorted(totals.items())}
