"""CSV files and their like: cells parted by a comma, a semicolon, a tab or a bar."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from c3portal.http.spreadsheet_cells import unprotect
from invoices.reading.budget import ROW_LIMIT, RowBudget, header_of
from invoices.reading.errors import RowError
from invoices.reading.rows import Table, TableRow

DELIMITERS = ",;\t|"


def open_delimited(text: io.TextIOWrapper, start: str, encoding: str) -> Table:
    """Return the table in `text`, which begins with `start`. Raises FileRefused."""
    budget = RowBudget()
    reader = csv.reader(_lines(text, budget), delimiter=_delimiter(start), strict=True)
    header = header_of([name.strip() for name in next(reader, [])])
    return Table("CSV", header, _rows(reader, len(header), budget), encoding)


def _rows(reader: Iterator[list[str]], width: int, budget: RowBudget) -> Iterator[TableRow]:
    for number, raw in enumerate(reader, start=2):
        budget.row_done()
        cells = list(map(str.strip, raw))
        if not any(cells):
            continue
        if len(cells) != width:
            reason = f"has {len(cells)} cells where the header has {width}"
            yield TableRow(number, [], (RowError(number, "", reason),))
            continue
        if "'" in "".join(cells):
            cells = list(map(unprotect, cells))
        yield TableRow(number, cells)


def _lines(text: io.TextIOWrapper, budget: RowBudget) -> Iterator[str]:
    while line := text.readline(ROW_LIMIT + 1):
        budget.spend(len(line))
        yield line


def _delimiter(start: str) -> str:
    header = start.partition("\n")[0]
    return max(DELIMITERS, key=header.count)
