"""What reading gives: a header and rows of text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from invoices.reading.errors import RowError

Kind = Literal["CSV", "JSON", "Excel"]


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a person decided about a file; "" is found out from the file.

    `columns` are further names of a JSON list's fields, which its first objects do not have.
    """

    encoding: str = ""
    sheet: str = ""
    columns: tuple[str, ...] = ()


class TableRow(NamedTuple):
    """A row's cells in the header's order, stripped, "" where there is nothing.

    `number` is the row a spreadsheet shows, or the place in a JSON list from 1. A row whose cells cannot be told apart
    has none and says so in `errors`.
    """

    number: int
    cells: list[str]
    errors: tuple[RowError, ...] = ()


@dataclass(slots=True)
class Table:
    """An opened file.

    `rows` can be read once and raises FileRefused. `notes` (for people), `ends_without_newline` (a CSV may be cut off
    there) and `last_row` (its number) and `late` (fields of a JSON list that its first objects do not
    have, left out) are complete when the rows have been read. A CSV's cells are already without the
    apostrophes that `spreadsheet_cells.protect` puts there; names and cells are otherwise the file's own, cleaned of
    nothing. A column without a name is called as a spreadsheet calls it, "Column C". Errors of a row may be about
    columns that nobody uses. A guessed encoding must be confirmed by a person; `other_encodings` are further guesses.
    `sheets` are the sheets of a workbook, or the lists in a JSON object, that one could choose from. `height`
    is about how many rows a sheet has that is read at once, 0 where the place in the file says how far its reading is.
    """

    kind: Kind
    header: tuple[str, ...]
    rows: Iterator[TableRow]
    encoding: str = ""
    encoding_is_guessed: bool = False
    other_encodings: tuple[str, ...] = ()
    sheets: tuple[str, ...] = ()
    sheet: str = ""
    notes: list[str] = field(default_factory=list)
    ends_without_newline: bool = False
    last_row: int = 0
    height: int = 0
    late: list[str] = field(default_factory=list)
