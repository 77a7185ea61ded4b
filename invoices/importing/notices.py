"""What is noticed in a file and refuses nothing, counted and said in a sentence each."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

ROWS_NAMED = 5
EXAMPLES_NAMED = 10


class Notice(enum.Enum):
    """The sentence for each, with {count} and {rows} and, where wanted, {examples}."""

    NO_PRODUCT = (
        "Lines whose SubTotal is not Quantity × UnitPriceOfProduct: {count} ({rows}). "
        "Their SubTotal is what is invoiced."
    )
    NO_KIND = (
        "Lines of a category that has no kind yet: {count} ({rows}): {examples}. "
        "Their invoices come in and cannot be posted until the category has its kind."
    )
    CUT = (
        "Descriptions longer than the 4,000 characters that Xero takes: {count} ({rows}). "
        "They are cut there; the line keeps the whole text."
    )
    ORDERS = "Lines with another purchase order number than the first of their invoice: {count} ({rows}): {examples}."
    EMAIL = "E-mail addresses longer than 255 characters: {count} ({rows}). They are left out."


@dataclass(slots=True)
class _Noticed:
    count: int = 0
    rows: list[int] = field(default_factory=list)
    examples: dict[str, None] = field(default_factory=dict)


class Notices:
    """Counts each notice, with its first rows and examples."""

    def __init__(self) -> None:
        self._noticed: dict[Notice, _Noticed] = {}

    def add(self, notice: Notice, row: int, example: str = "") -> None:
        """Count a row."""
        noticed = self._noticed.setdefault(notice, _Noticed())
        noticed.count += 1
        if len(noticed.rows) < ROWS_NAMED:
            noticed.rows.append(row)
        if example and len(noticed.examples) < EXAMPLES_NAMED:
            noticed.examples[example] = None

    def sentences(self) -> list[str]:
        """Return a sentence for each that was noticed."""
        return [
            notice.value.format(
                count=f"{noticed.count:,}",
                rows=rows_named(noticed.rows, noticed.count),
                examples=", ".join(noticed.examples),
            )
            for notice, noticed in self._noticed.items()
        ]


def rows_named(rows: list[int], count: int) -> str:
    """Return "row 2", or "rows 2, 3 and others"."""
    if count == 1:
        return f"row {rows[0]}"
    more = " and others" if count > len(rows) else ""
    return f"rows {', '.join(str(row) for row in rows[:ROWS_NAMED])}{more}"
