"""A CSV file as an answer, row by row."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import batched

from c3portal.http.spreadsheet_cells import protect

Cell = str | int | Decimal | dt.date | None


ROWS_AT_ONCE = 200


class _Echo:
    def write(self, text: str) -> str:
        return text


def csv_rows(header: Iterable[str], rows: Iterable[Iterable[Cell]]) -> Iterator[str]:
    """Yield the text of a CSV file, its cells as they are."""
    writer = csv.writer(_Echo())
    # A byte order mark, without which Excel takes customers' names for another encoding.
    yield "﻿" + writer.writerow(header)
    for batch in batched(rows, ROWS_AT_ONCE):
        yield "".join(writer.writerow(row) for row in batch)


def as_csv(header: Iterable[str], rows: Iterable[Iterable[Cell]]) -> Iterator[str]:
    """The same, with cells of text safe for a spreadsheet."""
    return csv_rows(header, ([protect(cell) if isinstance(cell, str) else cell for cell in row] for row in rows))
