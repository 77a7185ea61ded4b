"""Which numeric columns are quantity, price, net, tax and gross, by what adds up and multiplies over all rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
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
# What has told nothing for so long is no evidence: ones times anything.
_TRIAL_ROWS = 1_000
# Which cells hold something differs from row to row in few ways; of a file where it does not, the first are remembered.
_MOST_PATTERNS = 4_096
_HUNDRED = Decimal(100)


class Reading(NamedTuple):
    """A column, read with a decimal mark."""

    column: int
    mark: Mark


@dataclass(slots=True)
class Relation:
    """Three readings that were tried together: in `rows` rows it could be told, in `hits` it held, in `telling` of them
    not just because something was nothing or one.

    Rows where it holds because of zeros alone are in `trivial`, and in neither of the others.
    """

    kind: str
    a: Reading
    b: Reading
    c: Reading
    rows: int = 0
    hits: int = 0
    telling: int = 0
    trivial: int = 0

    @property
    def strength(self) -> float:
        """Return the share of rows in which it holds, 0 when no row tells."""
        return self.hits / self.rows if self.telling and self.rows else 0.0

    @property
    def has_failed(self) -> bool:
        failures = self.rows - self.hits
        return failures > _PATIENCE + self.rows * _LARGEST_SHARE or (self.rows > _TRIAL_ROWS and not self.telling)

    def try_on(self, values: Sequence[Decimal | None], a: int, b: int, c: int) -> None:
        """Count a row in whose values, at the places of the readings, are all numbers."""
        of = values[a], values[b], values[c]
        self.rows += 1
        if _TRIALS[self.kind](*of):  # type: ignore[arg-type]  # the pattern of the row says that they are numbers
            self.hits += 1
            self.telling += _TELLING[self.kind](*of)  # type: ignore[arg-type]


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


@dataclass(slots=True)
class _Triple:
    """Three columns and all relations that they may have. `mask` has a bit for the place of each."""

    mask: int
    relations: list[tuple[Relation, int, int, int]]

    def try_on(self, values: Sequence[Decimal | None]) -> None:
        failed = False
        for relation, a, b, c in self.relations:
            relation.try_on(values, a, b, c)
            failed = failed or relation.has_failed
        if failed:
            self.relations = [each for each in self.relations if not each[0].has_failed]


@dataclass(slots=True)
class _Pattern:
    """The rows whose numbers, and whose numbers other than zero, are in the same columns."""

    triples: list[_Triple]
    rows: int = 0


@dataclass(slots=True)
class Arithmetic:
    """Tries all triples of the given readings, row by row, and drops those that fail.

    Of zeros nothing is learnt: a triple is tried on the rows where at least two of its numbers are something else.
    """

    readings: list[Reading]
    sizes: dict[Reading, Decimal] = field(init=False)
    whole: dict[Reading, int] = field(init=False)
    largest: dict[Reading, Decimal] = field(init=False)
    _triples: list[_Triple] = field(init=False)
    _patterns: dict[tuple[int, int], _Pattern] = field(default_factory=dict)
    _values: list[dict[str, Decimal | None]] = field(init=False)

    def __post_init__(self) -> None:
        self.sizes = dict.fromkeys(self.readings, Decimal(0))
        self.whole = dict.fromkeys(self.readings, 0)
        self.largest = dict.fromkeys(self.readings, Decimal(0))
        self._triples = list(_all_triples(self.readings))
        self._values = [{} for _ in self.readings]

    def add(self, cells: Sequence[str]) -> None:
        """Try the relations on a row."""
        numbers = something = 0
        values = [self._value(place, cells[reading.column]) for place, reading in enumerate(self.readings)]
        for place, value in enumerate(values):
            if value is not None:
                numbers |= 1 << place
                if value:
                    something |= 1 << place
                self._measure(self.readings[place], value)
        pattern = self._pattern(numbers, something)
        pattern.rows += 1
        for triple in pattern.triples:
            triple.try_on(values)
        if not all(triple.relations for triple in pattern.triples):
            pattern.triples = [triple for triple in pattern.triples if triple.relations]

    def found(self, kind: str) -> list[Relation]:
        """Return the relations of a kind that hold in most rows."""
        alive = [each for triple in self._triples for each in triple.relations if each[0].kind == kind]
        return [self._settled(*each) for each in alive if each[0].strength > 0.5]

    def _measure(self, reading: Reading, value: Decimal) -> None:
        size = abs(value)
        self.sizes[reading] = EXACT.add(self.sizes[reading], size)
        self.whole[reading] += value == value.to_integral_value()
        self.largest[reading] = max(self.largest[reading], size)

    def _pattern(self, numbers: int, something: int) -> _Pattern:
        pattern = self._patterns.get((numbers, something))
        if pattern is None:
            pattern = _Pattern([triple for triple in self._triples if _can_tell(triple.mask, numbers, something)])
            if len(self._patterns) < _MOST_PATTERNS:
                self._patterns[numbers, something] = pattern
        return pattern

    def _settled(self, relation: Relation, a: int, b: int, c: int) -> Relation:
        """Return the relation with the rows on which it was not tried: those with one number at most that is not
        zero."""
        settled = Relation(relation.kind, relation.a, relation.b, relation.c)
        settled.rows, settled.hits, settled.telling = relation.rows, relation.hits, relation.telling
        mask, result = 1 << a | 1 << b | 1 << c, 1 << c
        for (numbers, something), pattern in self._patterns.items():
            if mask & numbers != mask or _can_tell(mask, numbers, something):
                continue
            there = mask & something
            if there == result or (there and relation.kind == SUM):
                settled.rows += pattern.rows
            else:
                settled.trivial += pattern.rows
        return settled

    def _value(self, place: int, text: str) -> Decimal | None:
        if not text:
            return None
        known = self._values[place]
        if text not in known:
            if len(known) >= REMEMBERED:
                known.clear()
            known[text] = _number(text, self.readings[place].mark)
        return known[text]


def _can_tell(mask: int, numbers: int, something: int) -> bool:
    return mask & numbers == mask and (mask & something).bit_count() >= 2


def _number(text: str, mark: Mark) -> Decimal | None:
    try:
        value = Decimal(written_numbers.plain_number(text, mark))
    except (ValueError, ArithmeticError):
        return None
    return value if abs(value.adjusted()) <= 20 else None


def _all_triples(readings: Sequence[Reading]) -> Iterable[_Triple]:
    for places in itertools.combinations(range(len(readings)), 3):
        if len({readings[place].column for place in places}) == 3:
            yield _Triple(sum(1 << place for place in places), list(_relations(readings, places)))


def _relations(readings: Sequence[Reading], places: tuple[int, ...]) -> Iterable[tuple[Relation, int, int, int]]:
    for a, b, c in itertools.permutations(places):
        kinds = (PRODUCT, SUM, RATE, FRACTION) if a < b else (RATE, FRACTION)
        for kind in kinds:
            yield Relation(kind, readings[a], readings[b], readings[c]), a, b, c
