"""From a table's cells to the fields of invoice lines, by a profile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from operator import itemgetter
from typing import NamedTuple

from invoices.matching.column_profile import ColumnProfile, columns_in
from invoices.matching.computing import NotCertain, computations, in_words
from invoices.matching.meanings import DATES, FIELDS, LABELS, NUMBERS
from invoices.matching.new_columns import brings_something
from invoices.matching.values import REMEMBERED, Column, DateColumn, FractionColumn, NumberColumn, PlainColumn
from invoices.matching.written_numbers import Mark, decides
from invoices.reading.errors import FileRefused, RowError
from invoices.reading.rows import Table
from invoices.reading.totals import is_label

# Who is billed, as C3 writes it.
CUSTOMER, RESELLER = "Customer", "Reseller"
ROWS_NAMED = 5
SHOWN = 60
_BLANK = dict.fromkeys(FIELDS, "")
_NOTHING: Mapping[str, str] = {}


class FormatsDiffer(FileRefused):
    """Numbers or dates of the file are written otherwise than its profile says: its columns have to be matched
    again."""


class LateColumns(FileRefused):
    """Columns that matter are in none of a JSON list's first objects: the file has to be opened anew with these
    `names`."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__("Some of its columns are only in later rows.")
        self.names = tuple(names)


class RawRow(NamedTuple):
    """A row's cells under all names of `FIELDS`, stripped, "" where there is nothing; `extra` are those of columns that
    mean nothing to us.

    `number` is the row a spreadsheet shows (a CSV's header is row 1), or the place in a JSON list from 1.
    """

    number: int
    cells: dict[str, str]
    errors: tuple[RowError, ...] = ()
    extra: Mapping[str, str] = _NOTHING


@dataclass(slots=True)
class Cleaning:
    """How many cells were cleaned or computed, and the rows of the first ones."""

    count: int = 0
    rows: list[int] = field(default_factory=list)

    def add(self, row: int) -> None:
        self.count += 1
        if len(self.rows) < ROWS_NAMED:
            self.rows.append(row)


@dataclass(slots=True)
class Source:
    """An opened file in our fields.

    `rows` can be read once and raises FileRefused. `ignored` are the columns that mean nothing to us. `cleanings`, by
    what was done to which field, and `notes` are complete when the rows were read. `computed` are the fields that the
    file does not have and that come of others, by what each comes of.
    """

    table: Table
    rows: Iterator[RawRow]
    ignored: list[str]
    cleanings: dict[tuple[str, str], Cleaning]
    computed: Mapping[str, tuple[str, ...]]

    @property
    def notes(self) -> list[str]:
        """Return what people should know of how the file was read, a sentence each."""
        return [*self.table.notes, *(_sentence(*what, found) for what, found in self.cleanings.items())]


def convert(
    table: Table, profile: ColumnProfile, constants: Mapping[str, str] = _NOTHING, rates: Sequence[Decimal] = ()
) -> Source:
    """Return the rows of `table` in our fields.

    `constants` are fields of the whole file that have no column: its billing period; `rates` the tax rates that its
    lines tell, where they say none. Raises FileRefused when a column of the profile is missing; the rows raise
    FormatsDiffer and LateColumns at their end.
    """
    columns = columns_in(profile, table.header)
    missing = [column for name, column in profile.columns.items() if name not in columns]
    if missing:
        raise FileRefused(f"Columns are missing: {', '.join(missing)}. Match the columns of the file again.")
    conversion = _Conversion(table, profile, columns, constants, rates)
    computed = {each.field: each.needs for each in conversion.computed}
    return Source(table, conversion.rows(), conversion.ignored, conversion.cleanings, computed)


class _Conversion:
    """One file on its way; `places` are the columns of the fields."""

    def __init__(
        self,
        table: Table,
        profile: ColumnProfile,
        columns: Mapping[str, str],
        constants: Mapping[str, str],
        rates: Sequence[Decimal],
    ) -> None:
        self.table, self.profile = table, profile
        place = {name: index for index, name in enumerate(table.header)}
        places = {name: place[column] for name, column in columns.items()}
        self.places = dict(sorted(places.items(), key=itemgetter(1)))
        fixed = {**profile.formats.fixed, **constants}
        self.base = _BLANK | {name: text for name, text in fixed.items() if name not in self.places}
        self.computed = computations([*self.places, *(name for name, text in self.base.items() if text)], rates)
        self.cleanings: dict[tuple[str, str], Cleaning] = {}
        used = {*self.places.values()}
        self.unknown = [(index, name) for index, name in enumerate(table.header) if index not in used]
        self.ignored = [name[:100] for _, name in self.unknown if name]
        dates = {name: DateColumn(profile.formats.order(name)) for name in DATES if name in self.places}
        numbers = {name: self._number_column(name) for name in NUMBERS if name in self.places}
        self.columns: dict[str, Column] = dates | numbers
        # Most rows show at a glance that nothing is to be done: their numbers stand as they are, their dates were seen.
        self.as_is = [name for name, column in numbers.items() if column.takes_as_is]
        self.repeated = list(dates)
        self.is_simple = len(self.as_is) == len(numbers) and not self.computed
        self.seen: set[tuple[str, ...]] = set()
        self.saw_point = False

    def _number_column(self, name: str) -> Column:
        mark = self.profile.formats.mark(name)
        if name == "TaxPercentage" and self.profile.formats.rate_is_fraction:
            return FractionColumn(mark)
        return PlainColumn() if mark is Mark.PLAIN else NumberColumn(mark)

    def rows(self) -> Iterator[RawRow]:
        names, pick = tuple(self.places), _picker(self.places.values())
        numbers_of = _picker(self.places[name] for name in self.as_is)
        repeated_of = _picker(self.places[name] for name in self.repeated)
        # For who is billed "Reseller" holds where a line names one.
        names_resellers = self.base["InvoiceEntity"] == RESELLER
        base, seen, unknown, is_simple = self.base, self.seen, self.unknown, self.is_simple
        for number, texts, errors in self.table.rows:
            if errors:
                errors = self._of_fields(errors)
            if not texts:
                yield RawRow(number, _BLANK, errors)
                continue
            if not any(picked := pick(texts) if unknown else texts):
                continue
            cells = base.copy()
            cells.update(zip(names, picked, strict=False))
            if names_resellers and not cells["ResellerName"]:
                cells["InvoiceEntity"] = ""
            if not cells["CustomerName"] and self._is_of_totals(cells):
                self._note("a row of totals was left out", "InvoiceNumber", number)
                continue
            extra = {name: texts[index] for index, name in unknown if texts[index]} if unknown else _NOTHING
            if is_simple and repeated_of(texts) in seen and "," not in (digits := "".join(numbers_of(texts))):
                self.saw_point = self.saw_point or ("." in digits and _has_point(numbers_of(texts)))
            else:
                errors = self._convert(number, cells, errors)
            yield RawRow(number, cells, errors, extra)
        if self.table.late and brings_something(self.profile, self.table.header, self.table.late):
            raise LateColumns(self.table.late)
        self._check_formats()

    def _convert(self, number: int, cells: dict[str, str], before: tuple[RowError, ...]) -> tuple[RowError, ...]:
        """Bring the row's numbers and dates into our form, and compute what it does not say. Returns its errors."""
        errors = [*before]
        repeated = tuple(cells[name] for name in self.repeated)
        for name, column in self.columns.items():
            if text := cells[name]:
                try:
                    cells[name] = column[text]
                except ValueError as error:
                    errors.append(RowError(number, name, f"“{shown(text)}” {error}"))
        if not errors and repeated == tuple(cells[name] for name in self.repeated):
            self._remember(repeated)
        if self.computed and not errors:
            self._compute(number, cells, errors)
        return tuple(errors)

    def _of_fields(self, errors: tuple[RowError, ...]) -> tuple[RowError, ...]:
        """Return reading's errors by our fields: what is wrong with a column that nobody uses is nobody's error."""
        names = {self.table.header[place]: name for name, place in self.places.items()} | {"": ""}
        return tuple(RowError(each.row, names[each.field], each.reason) for each in errors if each.field in names)

    def _is_of_totals(self, cells: dict[str, str]) -> bool:
        """Whether the row has nothing but amounts and a label that says that they are totals."""
        texts = {cells[name] for name in self.places if name not in (*NUMBERS, "CurrencyCode")} - {""}
        return bool(texts) and all(map(is_label, texts))

    def _remember(self, texts: tuple[str, ...]) -> None:
        """Note texts that stand as they are."""
        if len(self.seen) >= REMEMBERED:
            self.seen.clear()
        self.seen.add(texts)

    def _compute(self, number: int, cells: dict[str, str], errors: list[RowError]) -> None:
        amounts = {}
        try:
            for each in self.computed:
                for name in each.needs:
                    amounts[name] = Decimal(cells[name])
                amounts[each.field] = each.compute(amounts)
                cells[each.field] = format(amounts[each.field], "f")
                self._note(in_words(each), each.field, number)
        except NotCertain as reason:
            errors.append(RowError(number, each.field, str(reason)))
        except ArithmeticError:
            # No number, or an endless one: the parser says so of the field itself.
            return

    def _note(self, what: str, name: str, number: int) -> None:
        self.cleanings.setdefault((what, name), Cleaning()).add(number)

    def _check_formats(self) -> None:
        """Raises FormatsDiffer when a column was written in the other format alone."""
        for name, column in self.columns.items():
            is_confirmed = column.is_confirmed or (self.saw_point and name in self.as_is)
            if column.contradicting and not is_confirmed:
                raise FormatsDiffer(
                    f"{self.profile.columns.get(name, name)}: {column.contradicting:,} values are written otherwise "
                    f"than the profile “{self.profile.name}” says. Match the columns of the file again."
                )


def _has_point(numbers: Iterable[str]) -> bool:
    """Whether a number can be read with a decimal point alone; 10.000 may be ten thousand."""
    return any(decides(text) is Mark.POINT for text in numbers)


def _picker(places: Iterable[int]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    indexes = tuple(places)
    if len(indexes) > 1:
        return itemgetter(*indexes)
    return lambda cells: tuple(cells[index] for index in indexes)


def shown(text: str) -> str:
    """Return what may be shown of a cell."""
    cut = text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in cut)


def _sentence(what: str, name: str, found: Cleaning) -> str:
    rows = ", ".join(map(str, found.rows)) + (" and others" if found.count > len(found.rows) else "")
    return f"{LABELS.get(name, name)}: {what}, {found.count:,} times (rows {rows})."
