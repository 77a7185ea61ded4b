"""Which numeric columns are quantity, price, net, tax and gross, by what adds up and multiplies over all rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from invoices.matching import written_numbers
from invoices.matching.computing import CENT, EXACT
from invoices.matching.values import REMEMBERED
from invoices.matching.written_numbers import Mark

# Triples grow with the cube of the columns; a table of lines has some ten of numbers.
MOST_COLUMNS = 20
# A relation may fail in discounted lines, but not more often than it holds.
_PATIENCE = 20
_LARGEST_SHARE = 0.4
# What has told nothing for so long is no evidence: zeros times anything.
_TRIAL_ROWS = 1_000
_HUNDRED = Decimal(100)


class Reading(NamedTuple):
    """A column, read with a decimal mark."""

    column: int
    mark: Mark


@dataclass(slots=True)
class Relation:
    """Three readings that were tried together: in `rows` rows it could be told, in `hits` it held, in `telling` of them
    not just because something was nothing or one."""

    kind: str
    a: Reading
    b: Reading
    c: Reading
    rows: int = 0
    hits: int = 0
    telling: int = 0

    @property
    def strength(self) -> float:
        """Return the share of rows in which it holds, 0 when no row tells."""
        return self.hits / self.rows if self.telling and self.rows else 0.0

    @property
    def has_failed(self) -> bool:
        failures = self.rows - self.hits
        return failures > _PATIENCE + self.rows * _LARGEST_SHARE or (self.rows > _TRIAL_ROWS and not self.telling)

    def try_on(self, values: dict[Reading, Decimal]) -> None:
        a, b, c = values.get(self.a), values.get(self.b), values.get(self.c)
        if a is None or b is None or c is None:
            return
        self.rows += 1
        if _TRIALS[self.kind](a, b, c):
            self.hits += 1
            self.telling += _TELLING[self.kind](a, b, c)


PRODUCT, SUM, RATE, FRACTION = "product", "sum", "rate", "fraction"
_TRIALS: dict[str, Callable[[Decimal, Decimal, Decimal], bool]] = {
    # To the cent. A product is what `Line.is_product` calls so.
    PRODUCT: lambda a, b, c: abs(EXACT.multiply(a, b) - c) <= CENT,
    SUM: lambda a, b, c: abs(EXACT.add(a, b) - c) < CENT,
    RATE: lambda a, b, c: 0 <= b <= _HUNDRED and abs(EXACT.multiply(a, b) / _HUNDRED - c) <= CENT,
    FRACTION: lambda a, b, c: 0 <= b < 1 and abs(EXACT.multiply(a, b) - c) <= CENT,
}
_TELLING: dict[str, Callable[[Decimal, Decimal, Decimal], bool]] = {
    PRODUCT: lambda a, b, c: abs(c) > 1 and a not in (0, 1) and b not in (0, 1),
    SUM: lambda a, b, c: abs(a) > CENT and abs(b) > CENT,
    RATE: lambda a, b, c: abs(c) > CENT * 10,
    FRACTION: lambda a, b, c: abs(c) > CENT * 10,
}


class Arithmetic:
    """Tries all triples of the given readings, row by row, and drops those that fail."""

    def __init__(self, readings: Sequence[Reading]) -> None:
        self.readings = list(readings)
        self.relations = list(_all_relations(self.readings))
        self._values: dict[Reading, dict[str, Decimal | None]] = {reading: {} for reading in self.readings}
        self.sizes = dict.fromkeys(self.readings, Decimal(0))
        self.whole = dict.fromkeys(self.readings, 0)
        self.largest = dict.fromkeys(self.readings, Decimal(0))

    def add(self, cells: Sequence[str]) -> None:
        """Try the relations on a row."""
        values = {}
        for reading in self.readings:
            value = self._value(reading, cells[reading.column])
            if value is not None:
                values[reading] = value
                self.sizes[reading] = EXACT.add(self.sizes[reading], abs(value))
                self.whole[reading] += value == value.to_integral_value()
                self.largest[reading] = max(self.largest[reading], abs(value))
        failed = False
        for relation in self.relations:
            relation.try_on(values)
            failed = failed or relation.has_failed
        if failed:
            self.relations = [relation for relation in self.relations if not relation.has_failed]

    def found(self, kind: str) -> list[Relation]:
        """Return the relations of a kind that hold in most rows."""
        return [each for each in self.relations if each.kind == kind and each.strength > 0.5]

    def _value(self, reading: Reading, text: str) -> Decimal | None:
        if not text:
            return None
        known = self._values[reading]
        if text not in known:
            if len(known) >= REMEMBERED:
                known.clear()
            known[text] = _number(text, reading.mark)
        return known[text]


def _number(text: str, mark: Mark) -> Decimal | None:
    try:
        value = Decimal(written_numbers.plain_number(text, mark))
    except (ValueError, ArithmeticError):
        return None
    return value if abs(value.adjusted()) <= 20 else None


def _all_relations(readings: Sequence[Reading]) -> Iterable[Relation]:
    for a, b, c in itertools.permutations(readings, 3):
        if len({a.column, b.column, c.column}) < 3:
            continue
        if a < b:
            yield Relation(PRODUCT, a, b, c)
            yield Relation(SUM, a, b, c)
        yield Relation(RATE, a, b, c)
        yield Relation(FRACTION, a, b, c)
