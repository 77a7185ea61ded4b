"""CSV files and their like: cells parted by a comma, a semicolon, a tab or a bar."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator

from invoices.reading.budget import ROW_LIMIT, row_without_end
from invoices.reading.errors import EndsInTheMiddle
from invoices.reading.layout import Layout, Progress, header_place, lay_out
from invoices.reading.rows import Table, TableRow

DELIMITERS = ",;\t|"
ROWS_FOR_DELIMITER = 30
# So many of the rows have as many cells as their header, or the delimiter is another.
MOST_AGREE = 0.8
ENDS_WITHOUT_NEWLINE = "The file ends without a line break. If the last cell is not whole, the download was cut off."

_NO_ENDS = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
# What may be an apostrophe of `spreadsheet_cells.protect`, across cells: names with one are left in peace.
_MAY_BE_PROTECTED = re.compile(r"""'(?:(?<=[\t\r\n]')|(?=[\s"']*+[=+\-@\uff1d\uff0b\uff0d\uff20])|(?=[\t\r\n]))""")
# What Excel takes for the delimiter, and shows no row for.
_SEP_LINE = re.compile(r'"?sep=([^\w\s"]|\t)"?\r?(?:\n|$)', re.IGNORECASE)


def open_delimited(blocks: Iterator[str], start: str) -> Table:
    """Return the table in the text of `blocks`, which begins with `start`."""
    progress = Progress()
    lines = itertools.chain.from_iterable(_lines(blocks, progress))
    sep = _SEP_LINE.match(start)
    if sep:
        next(lines)
    reader = csv.reader(lines, delimiter=sep[1] if sep else delimiter_of(start), strict=True)
    layout = lay_out(reader, progress)
    table = Table("CSV", layout.header, iter(()), notes=layout.notes)
    table.rows = _rows(table, layout)
    return table


def _rows(table: Table, layout: Layout) -> Iterator[TableRow]:
    try:
        yield from layout.rows()
    finally:
        table.last_row = layout.progress.row
    table.ends_without_newline = layout.progress.ends_without_newline
    if table.ends_without_newline and layout.ends_in_a_short_row:
        raise EndsInTheMiddle
    if table.ends_without_newline:
        table.notes.append(ENDS_WITHOUT_NEWLINE)


def _lines(blocks: Iterator[str], progress: Progress) -> Iterator[list[str]]:
    """Yield the lines of one block after another: asked for one by one they would take longer."""
    rest, row, left = "", 0, ROW_LIMIT
    for block in blocks:
        left = ROW_LIMIT if progress.row != row else left - len(block)
        row = progress.row
        if left < 0:
            raise row_without_end()
        block = rest + block
        progress.may_be_protected = progress.may_be_protected or _may_be_protected(block)
        # A return at the very end may be half of a line break.
        end = max(block.rfind("\n"), block.rfind("\r", 0, len(block) - 1)) + 1
        rest = block[end:]
        yield _split(block[:end])
    progress.ends_without_newline = not rest.endswith("\r") and rest != ""
    yield [rest] if rest else []


def _may_be_protected(text: str) -> bool:
    # What stands before its beginning is not seen.
    return text.startswith("'") or bool(_MAY_BE_PROTECTED.search(text))


def _split(text: str) -> list[str]:
    """Return the lines of `text` with their ends."""
    # Python knows more ends of lines than a file has, and finds them in half of the time.
    if any(end in text for end in _NO_ENDS):
        return list(io.StringIO(text, newline=""))
    return text.splitlines(keepends=True)


def delimiter_of(start: str) -> str:
    """Return what parts the cells of a text that begins with `start`.

    With the right one the rows have as many cells as their header, which stands above them; a comma in a title, or in
    amounts and names below, agrees with neither.
    """
    lines = list(io.StringIO(start, newline=""))
    found = [(*_fit(lines, delimiter), -DELIMITERS.index(delimiter), delimiter) for delimiter in DELIMITERS]
    return max(found)[-1]


def _fit(lines: list[str], delimiter: str) -> tuple[bool, int, int]:
    """Return how well `delimiter` parts `lines`: whether rows agree, how early their header comes, its cells."""
    rows = []
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            if any(row):
                rows.append(row)
            if len(rows) == ROWS_FOR_DELIMITER:
                break
    except csv.Error:
        return False, -ROWS_FOR_DELIMITER, 0
    if not rows:
        return False, -ROWS_FOR_DELIMITER, 0
    place = header_place(rows)
    width = len(rows[place])
    below = rows[place + 1 : -1] or rows[place + 1 :]
    agreeing = sum(1 for row in below if len(row) == width)
    return width > 1 and agreeing >= MOST_AGREE * len(below), -place, width
