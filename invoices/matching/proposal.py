"""Which column of a file means what: proposed by names, kinds of value, and arithmetic over all of its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from invoices.matching.amounts import best_amounts
from invoices.matching.arithmetic import FRACTION, MOST_COLUMNS, PRODUCT, RATE, SUM, Arithmetic, Reading, Relation
from invoices.matching.column_facts import CURRENCY, DATE, EMAIL, NUMBER, SERIAL, ColumnFacts
from invoices.matching.column_profile import field_of
from invoices.matching.meanings import DATES, MEANINGS, NUMBERS
from invoices.matching.synonyms import includes_tax, likeness
from invoices.matching.written_dates import Order
from invoices.matching.written_numbers import Mark
from invoices.reading.rows import Table

CERTAIN, LIKELY, UNSURE = "certain", "likely", "unsure"
# A person has to say whether tax is in the amounts.
ASKED = "asked"
# What a name has to be like at least.
_LEAST = 0.45
_CLEAR = 0.9
_WORDS = {
    PRODUCT: "quantity × unit price = net",
    SUM: "net + tax = gross",
    RATE: "net × rate ÷ 100 = tax",
    FRACTION: "net × rate = tax",
}
_AMOUNTS = {
    PRODUCT: ("Quantity", "UnitPriceOfProduct", "SubTotal"),
    SUM: ("SubTotal", "TaxAmount", "Total"),
    RATE: ("SubTotal", "TaxPercentage", "TaxAmount"),
    FRACTION: ("SubTotal", "TaxPercentage", "TaxAmount"),
}


@dataclass(slots=True)
class ColumnSeen:
    """A column as people see it when they match it.

    `mark` and `order` are how its numbers and dates are written, None when its values do not tell and a person has to
    say; `suggested_mark` and `suggested_order` are what the other columns have. `is_fraction` is whether rates in it
    are parts of one, None when that is to be asked. `values` are its distinct values with their counts, None when they
    are many.
    """

    name: str
    samples: list[str]
    filled: int
    is_number: bool
    is_date: bool
    mark: str | None = ""
    order: str | None = ""
    suggested_mark: str = ""
    suggested_order: str = ""
    is_fraction: bool | None = False
    values: dict[str, int] | None = None


@dataclass(slots=True)
class Proposed:
    """The column proposed for a field, "" for none; how sure, and why."""

    meaning: str
    column: str = ""
    sureness: str = ""
    evidence: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Proposal:
    """What is known of a file before people have matched its columns."""

    rows: int
    columns: list[ColumnSeen]
    fields: dict[str, Proposed]
    kind: str
    encoding: str
    encoding_is_guessed: bool
    other_encodings: list[str]
    sheets: list[str]
    sheet: str
    notes: list[str]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Proposal:
        """Return what `as_json` gave."""
        columns = [ColumnSeen(**each) for each in stored["columns"]]
        fields = {name: Proposed(**each) for name, each in stored["fields"].items()}
        return cls(**{**stored, "columns": columns, "fields": fields})

    def column(self, name: str) -> ColumnSeen | None:
        return next((each for each in self.columns if each.name == name), None)

    @property
    def undecided(self) -> list[str]:
        """Return the proposed columns whose numbers or dates can be read in two ways."""
        return [
            each.column
            for each in self.fields.values()
            if (seen := self.column(each.column))
            and (
                (each.meaning in NUMBERS and seen.mark is None)
                or (each.meaning in DATES and seen.order is None)
                or (each.meaning == "TaxPercentage" and seen.is_fraction is None)
            )
        ]


def propose(open_again: Callable[[], Table]) -> Proposal:
    """Return the proposal for a file. `open_again` opens it, twice: all rows are read to see what kinds of value the
    columns hold, and again to calculate with them. Raises FileRefused."""
    table = open_again()
    facts = [ColumnFacts(name) for name in table.header]
    rows = 0
    for row in table.rows:
        if row.cells:
            rows += 1
            for column, text in zip(facts, row.cells, strict=True):
                column.add(text, row.number)
    arithmetic = Arithmetic(_readings(facts, table.kind))
    for row in open_again().rows if arithmetic.readings else ():
        if row.cells:
            arithmetic.add(row.cells)
    return _Proposing(table, facts, arithmetic, rows).proposal()


def _readings(facts: Sequence[ColumnFacts], kind: str) -> list[Reading]:
    """Return the numeric columns with the decimal marks they may have: those named like an amount first."""
    numeric = [(index, column) for index, column in enumerate(facts) if column.is_(NUMBER)]
    numeric.sort(key=lambda pair: -max(likeness(name, pair[1].name) for name in NUMBERS))
    return [
        Reading(index, mark)
        for index, column in sorted(numeric[:MOST_COLUMNS])
        for mark in _possible_marks(column, kind)
    ]


def _possible_marks(column: ColumnFacts, kind: str) -> list[Mark]:
    decided = _mark_of(column, kind)
    return [Mark.POINT, Mark.COMMA] if decided is None else [decided]


def _mark_of(column: ColumnFacts, kind: str) -> Mark | None:
    """Return how the numbers of a column are written, None when its values do not tell."""
    if len(column.first_marks) > 1:
        return None
    if kind != "CSV" and column.is_plain and (column.first_marks or not column.ambiguous_numbers):
        return Mark.PLAIN
    if column.first_marks:
        return next(iter(column.first_marks))
    return None if column.ambiguous_numbers else Mark.UNKNOWN


def _order_of(column: ColumnFacts) -> Order | None:
    """Return the order of a column's dates, None when its values do not tell."""
    if not column.is_(DATE) and column.is_(SERIAL):
        return Order.SERIAL
    if len(column.first_orders) > 1:
        return None
    if column.first_orders:
        return next(iter(column.first_orders))
    return None if column.ambiguous_dates else Order.UNKNOWN


class _Proposing:
    def __init__(self, table: Table, facts: list[ColumnFacts], arithmetic: Arithmetic, rows: int) -> None:
        self.table, self.facts, self.arithmetic, self.rows = table, facts, arithmetic, rows
        self.amounts = best_amounts(arithmetic, lambda name, reading: _claim(name, facts[reading.column].name))

    def proposal(self) -> Proposal:
        fields = {meaning.field: Proposed(meaning.field) for meaning in MEANINGS}
        for name, reading in self.amounts.fields.items():
            fields[name] = self._by_arithmetic(name, reading)
        self._by_name(fields)
        self._by_kind_of_value(fields)
        self._ask_for_tax_in_the_only_amount(fields)
        return Proposal(
            rows=self.rows,
            columns=self._columns(),
            fields=fields,
            kind=self.table.kind,
            encoding=self.table.encoding,
            encoding_is_guessed=self.table.encoding_is_guessed,
            other_encodings=list(self.table.other_encodings),
            sheets=list(self.table.sheets),
            sheet=self.table.sheet,
            notes=list(self.table.notes),
        )

    def _by_arithmetic(self, name: str, reading: Reading) -> Proposed:
        column = self.facts[reading.column]
        relations = [each for each in self.amounts.relations if name in _AMOUNTS[each.kind]]
        evidence = [in_words(each) for each in relations]
        always = all(each.hits == each.rows for each in relations)
        is_named = likeness(name, column.name) >= _LEAST
        if not is_named:
            evidence.append("its name does not say so")
        return Proposed(name, column.name, CERTAIN if is_named or always else LIKELY, evidence)

    def _by_name(self, fields: dict[str, Proposed]) -> None:
        """Give each field that is left the column whose name is most like it, the surest first."""
        taken = {each.column for each in fields.values() if each.column}
        likely = [
            (likeness(name, column.name) * _suits(name, column), -order, name, column.name)
            for order, name in enumerate(fields)
            for column in self.facts
            if not fields[name].column and column.name not in taken
        ]
        for score, _, name, column_name in sorted(likely, reverse=True):
            if score < _LEAST:
                break
            if fields[name].column or column_name in taken:
                continue
            taken.add(column_name)
            fields[name] = _named(name, next(each for each in self.facts if each.name == column_name))

    def _by_kind_of_value(self, fields: dict[str, Proposed]) -> None:
        """Give the only column of currencies or e-mail addresses its field, whatever its name."""
        taken = {each.column for each in fields.values() if each.column}
        for name, kind, what in (
            ("CurrencyCode", CURRENCY, "all its values are currency codes"),
            ("CustomerEmail", EMAIL, "all its values are e-mail addresses"),
        ):
            found = [each for each in self.facts if each.is_(kind) and each.name not in taken]
            if not fields[name].column and len(found) == 1:
                fields[name] = Proposed(name, found[0].name, UNSURE, [what])

    def _ask_for_tax_in_the_only_amount(self, fields: dict[str, Proposed]) -> None:
        """Have a person say whether tax is in the only amount of taxed lines, where neither its name nor arithmetic
        does."""
        found = [fields[name] for name in ("SubTotal", "Total") if fields[name].column]
        if len(found) != 1 or not self._is_taxed(fields):
            return
        (only,) = found
        said = includes_tax(only.column)
        if said is not None and said == (only.meaning == "Total"):
            return
        if said is None and only.meaning in self.amounts.fields:
            return
        only.sureness = ASKED
        only.evidence.append("its name says otherwise" if said is not None else "its name does not say if tax is in it")

    def _is_taxed(self, fields: dict[str, Proposed]) -> bool:
        taxes = {fields[name].column for name in ("TaxPercentage", "TaxAmount")}
        largest = self.arithmetic.largest.items()
        return any(size for reading, size in largest if self.facts[reading.column].name in taxes)

    def _columns(self) -> list[ColumnSeen]:
        marks = [self._mark(index) for index in range(len(self.facts))]
        orders = [_order_of(each) if each.is_(DATE) or each.is_(SERIAL) else Order.UNKNOWN for each in self.facts]
        mark = _only({each for each in marks if each in (Mark.POINT, Mark.COMMA)})
        order = _only({each for each in orders if each in (Order.DAY_FIRST, Order.MONTH_FIRST)})
        return [
            ColumnSeen(
                name=column.name,
                samples=column.samples,
                filled=column.filled,
                is_number=column.is_(NUMBER),
                is_date=column.is_(DATE) or column.is_(SERIAL),
                mark=marks[index],
                order=orders[index],
                suggested_mark=mark,
                suggested_order=order,
                is_fraction=self._is_fraction(index, marks[index]),
                values=column.distinct,
            )
            for index, column in enumerate(self.facts)
        ]

    def _mark(self, index: int) -> Mark | None:
        decided = self._decided(index)
        return self._mark_beside_others(index) if decided is None else decided

    def _decided(self, index: int) -> Mark | None:
        return _mark_of(self.facts[index], self.table.kind)

    def _mark_beside_others(self, index: int) -> Mark | None:
        """Return the mark that makes a relation hold whose other columns tell their own."""
        # Of columns that tell nothing themselves it holds at a thousandth just as well.
        for relation in self.amounts.relations:
            marks = {each.column: each.mark for each in (relation.a, relation.b, relation.c)}
            if index in marks and all(self._decided(other) is not None for other in marks.keys() - {index}):
                return marks[index]
        return None

    def _is_fraction(self, index: int, mark: Mark | None) -> bool | None:
        rate = self.amounts.fields.get("TaxPercentage")
        if rate and rate.column == index:
            return self.amounts.rate_is_fraction
        largest = self.arithmetic.largest.get(Reading(index, mark)) if mark is not None else None
        if largest is None or not 0 < largest <= 1:
            return False
        return False if any("%" in text for text in self.facts[index].samples) else None


def _named(name: str, column: ColumnFacts) -> Proposed:
    is_clear = likeness(name, column.name) >= _CLEAR
    evidence = ["its name says so" if is_clear else "its name is like it"]
    if not column.filled:
        evidence.append("it is empty in every row")
    if not is_clear:
        return Proposed(name, column.name, UNSURE, evidence)
    return Proposed(name, column.name, LIKELY if name in NUMBERS else CERTAIN, evidence)


def in_words(relation: Relation) -> str:
    """Return "net + tax = gross in 782 of 782 rows"."""
    hits, rows = relation.hits + relation.trivial, relation.rows + relation.trivial
    return f"{_WORDS[relation.kind]} in {hits:,} of {rows:,} rows"


def _claim(name: str, column: str) -> float:
    """Return how much more a column's name says that it is this amount than that it is any other one."""
    return likeness(name, column) - max(likeness(other, column) for other in NUMBERS if other != name)


def _suits(name: str, column: ColumnFacts) -> float:
    """Return how well the kind of a column's values suits a field, from 0 to 1."""
    if not column.filled:
        return 0.6
    if field_of(column.name) == name and name not in (*NUMBERS, *DATES):
        return 1.0
    if name in NUMBERS:
        return float(column.is_(NUMBER))
    if name in DATES:
        return float(column.is_(DATE) or column.is_(SERIAL))
    if name == "CurrencyCode":
        return 1.0 if column.is_(CURRENCY) else 0.3
    if name == "CustomerEmail":
        return 1.0 if column.is_(EMAIL) else 0.6
    if name == "TaxName":
        return 0.0 if column.is_(NUMBER) else 1.0
    if name == "CustomerName":
        return 0.3 if column.is_(NUMBER) or column.is_(EMAIL) else 1.0
    return 1.0


def _only(found: set[Any]) -> str:
    return str(next(iter(found))) if len(found) == 1 else ""
