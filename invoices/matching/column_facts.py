"""What kinds of value a column holds, by all of its rows, in memory that does not grow with them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from invoices.matching import written_dates, written_numbers
from invoices.matching.values import REMEMBERED
from invoices.matching.written_dates import Order
from invoices.matching.written_numbers import Mark

SAMPLES = 3
# A column of more distinct values is none to be mapped value by value.
MOST_DISTINCT = 60
# What nearly all values are, the column is: people write remarks into cells.
NEARLY_ALL = 0.95
# After so many rows a kind that fits fewer than half of them is no longer looked for.
PRUNED_EVERY = 256

_GUID = re.compile(r"\{?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}?", re.IGNORECASE)
_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+")
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)

NUMBER, DATE, SERIAL, GUID, EMAIL, CURRENCY = "number", "date", "serial", "guid", "email", "currency"
_TESTS: dict[str, Callable[[str], object]] = {
    NUMBER: written_numbers.marks_of,
    DATE: written_dates.orders_of,
    SERIAL: written_dates.is_serial,
    GUID: _GUID.fullmatch,
    EMAIL: _EMAIL.fullmatch,
    CURRENCY: written_numbers.CURRENCIES.__contains__,
}


@dataclass(slots=True)
class ColumnFacts:
    """One column. The `first_…` are the rows of the first values that can be read in one way only, by that way."""

    name: str
    filled: int = 0
    samples: list[str] = field(default_factory=list)
    # None when there are more than MOST_DISTINCT.
    distinct: dict[str, int] | None = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_TESTS, 0))
    first_marks: dict[Mark, int] = field(default_factory=dict)
    first_orders: dict[Order, int] = field(default_factory=dict)
    ambiguous_numbers: int = 0
    ambiguous_dates: int = 0
    is_plain: bool = True
    _tests: dict[str, Callable[[str], object]] = field(default_factory=lambda: dict(_TESTS))
    _known: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def add(self, text: str, row: int) -> None:
        """Count a value in."""
        if not text:
            return
        self.filled += 1
        if self.distinct is not None:
            self._count(text, self.distinct)
        kinds = self._known.get(text)
        if kinds is None:
            kinds = self._look_at(text, row)
        for kind in kinds:
            self.counts[kind] += 1
        if not self.filled % PRUNED_EVERY:
            self._prune()

    def is_(self, kind: str) -> bool:
        """Whether nearly all values are of the kind."""
        return self.filled > 0 and self.counts[kind] >= self.filled * NEARLY_ALL

    def _count(self, text: str, distinct: dict[str, int]) -> None:
        distinct[text] = distinct.get(text, 0) + 1
        if len(self.samples) < SAMPLES and text not in self.samples:
            self.samples.append(text)
        if len(distinct) > MOST_DISTINCT:
            self.distinct = None

    def _look_at(self, text: str, row: int) -> tuple[str, ...]:
        kinds = tuple(kind for kind, test in self._tests.items() if test(text))
        if NUMBER in kinds:
            self._look_at_number(text, row)
        if DATE in kinds:
            self._look_at_date(text, row)
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[text] = kinds
        return kinds

    def _look_at_number(self, text: str, row: int) -> None:
        self.is_plain = self.is_plain and bool(_PLAIN.fullmatch(text))
        if mark := written_numbers.decides(text):
            self.first_marks.setdefault(mark, row)
        elif written_numbers.is_ambiguous(text):
            self.ambiguous_numbers += 1

    def _look_at_date(self, text: str, row: int) -> None:
        if order := written_dates.decides(text):
            self.first_orders.setdefault(order, row)
        elif written_dates.is_ambiguous(text):
            self.ambiguous_dates += 1

    def _prune(self) -> None:
        self._tests = {kind: test for kind, test in self._tests.items() if self.counts[kind] * 2 >= self.filled}
        if not self._tests:
            # Nothing is left to be found out of a text.
            self._known.clear()
