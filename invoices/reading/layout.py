"""Where in a sheet the table is: rows of titles above its header, rows of totals among its lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from c3portal.http.spreadsheet_cells import unprotect
from invoices.reading.budget import header_of
from invoices.reading.errors import RowError
from invoices.reading.lookahead import look_ahead
from invoices.reading.rows import TableRow
from invoices.reading.totals import LEAST_EMPTY, is_totals_row

# The header is among so many filled rows, of so many characters together.
ROWS_TO_JUDGE, CHARACTERS_TO_JUDGE = 50, 200_000
# A header fills so much of its row, measured by the row that is filled most, and so little of it is a value.
LEAST_FILLED, MOST_VALUES = 0.6, 0.2
ROWS_TO_NAME = 10

_VALUE = re.compile(r"(?=.*\d)[\d\s.,'’%()+\-/:$€£¥TZ]+")


@dataclass(slots=True)
class Progress:
    """How far the reading of a file is: the number of the row, and what was seen so far."""

    row: int = 0
    may_be_protected: bool = False
    ends_without_newline: bool = False


@dataclass(slots=True)
class Layout:
    """A sheet's table. `rows` can be read once; `notes` are complete when they are read.

    `raw` are the rows under the header, which is row `header_row` of the sheet. `is_positional`: each cell stands under
    its header whatever else the row holds (Excel); in a CSV one cell too many or too few may move all others.
    `height` is about how many rows there are, 0 where that is not known.
    """

    header: tuple[str, ...]
    header_row: int
    raw: Iterator[list[str]]
    names: list[str]
    is_positional: bool
    progress: Progress
    has_lines: bool = False
    notes: list[str] = field(default_factory=list)
    totals: list[int] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)
    short: int = 0
    height: int = 0

    def rows(self) -> Iterator[TableRow]:
        """Yield the lines of the table: neither blank nor of totals, nor the header once more."""
        width, first_name, progress, strip, new = (
            len(self.header),
            self.names[0],
            self.progress,
            str.strip,
            tuple.__new__,
        )
        sparse = -(-width // LEAST_EMPTY)
        for number, raw in enumerate(self.raw, start=self.header_row + 1):
            cells = list(map(strip, raw))
            progress.row = number
            if progress.may_be_protected and "'" in "".join(cells):
                cells = list(map(unprotect, cells))
            if len(cells) == width and cells.count("") < sparse and cells[0] != first_name:
                # A million times: half of what TableRow() takes.
                yield new(TableRow, (number, cells, ()))
            elif row := self._judged(number, cells):
                yield row
        self._close()

    def _judged(self, number: int, cells: list[str]) -> TableRow | None:
        """Return the row unless it is no line of the table."""
        width = len(self.header)
        if not any(cells):
            return None
        if len(cells) != width and (self.is_positional or not any(cells[width:])):
            cells = cells[:width]
        if is_totals_row(cells, width):
            self.totals.append(number)
        elif len(cells) != width:
            return self._misfit(number, cells)
        elif cells == self.names:
            self.repeated.append(number)
        else:
            return TableRow(number, cells)
        return None

    def _misfit(self, number: int, cells: list[str]) -> TableRow:
        width = len(self.header)
        self.short = number if len(cells) < width else self.short
        reason = f"has {len(cells)} cells where the header has {width}"
        return TableRow(number, [], (RowError(number, "", reason),))

    def _close(self) -> None:
        for numbers, what in ((self.totals, "of totals"), (self.repeated, "with the header again")):
            if numbers:
                self.notes.append(f"{_rows(numbers)} {what} left out.")

    @property
    def ends_in_a_short_row(self) -> bool:
        """Whether the last row had fewer cells than the header."""
        return bool(self.short) and self.short == self.progress.row


def lay_out(raw: Iterator[list[str]], progress: Progress, is_positional: bool = False) -> Layout:
    """Find the header among the first of the rows `raw`. Raises FileRefused over MOST_COLUMNS."""
    first, raw = look_ahead(raw, _size, CHARACTERS_TO_JUDGE)
    stripped = [list(map(str.strip, cells)) for cells in first]
    filled = [place for place, cells in enumerate(stripped) if any(cells)]
    if not filled:
        return Layout(("",), 1, iter(()), [""], is_positional, progress)
    above = header_place([stripped[place] for place in filled])
    place = filled[above]
    names = _names(stripped[place], stripped[place + 1 :])
    header = header_of([_named(name, index) for index, name in enumerate(names)])
    layout = Layout(header, place + 1, raw, names, is_positional, progress, has_lines=place < filled[-1])
    if above:
        layout.notes.append(f"{_rows([number + 1 for number in filled[:above]])} above the header left out.")
    for _ in range(place + 1):
        next(raw)
    return layout


def header_place(rows: Sequence[Sequence[str]]) -> int:
    """Return which of `rows`, none of them blank, is the header: well filled, and with names rather than values."""
    filled = [len(cells) - cells.count("") for cells in rows]
    candidates = [place for place, count in enumerate(filled) if count >= LEAST_FILLED * max(filled)]
    has_values = [_values(cells) > MOST_VALUES * count for cells, count in zip(rows, filled, strict=True)]
    if not any(has_values):
        return candidates[0]
    # Of titles and header, all of them above the first line, the header has the most cells.
    above = [place for place in candidates if place < has_values.index(True)]
    return max(above, key=lambda place: filled[place]) if above else candidates[0]


def _values(cells: Sequence[str]) -> int:
    return sum(1 for cell in cells if _VALUE.fullmatch(cell))


def _size(cells: Sequence[str]) -> int:
    # A blank row costs little, and a filled one at least what lets so many in.
    return max(sum(map(len, cells)), CHARACTERS_TO_JUDGE // ROWS_TO_JUDGE if any(cells) else 1)


def _names(cells: list[str], below: Sequence[Sequence[str]]) -> list[str]:
    """Return the header's cells without those at the end that have neither a name nor anything below."""
    width = len(cells)
    while width > 1 and not cells[width - 1] and not any(any(row[width - 1 : len(cells)]) for row in below):
        width -= 1
    return cells[:width]


def _named(name: str, index: int) -> str:
    return name or f"Column {column_letters(index)}"


def column_letters(index: int) -> str:
    """Return a spreadsheet's name of the column at `index` from 0: A, Z, AA."""
    letters = ""
    index += 1
    while index:
        index, letter = divmod(index - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


def _rows(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"Row {numbers[0]}"
    shown = ", ".join(map(str, numbers[:ROWS_TO_NAME])) + (" …" if len(numbers) > ROWS_TO_NAME else "")
    return f"{len(numbers):,} rows ({shown})"
