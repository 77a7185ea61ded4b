"""From the bytes of a file to a header and rows of text, one row in memory at a time."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import astuple, replace
from pathlib import Path
from typing import BinaryIO

import ijson

from invoices.reading.delimited import open_delimited
from invoices.reading.encodings import WORDS, encoding_of
from invoices.reading.errors import WANTED, EndsInTheMiddle, FileRefused
from invoices.reading.file_kinds import is_archive, refuse_other_kinds
from invoices.reading.json_lists import open_json
from invoices.reading.microsoft import refuse_header
from invoices.reading.rows import Kind, ReadOptions, Table, TableRow
from invoices.reading.workbook_limits import MOST_PACKED
from invoices.reading.workbooks import headers_of_sheets, open_workbook

__all__ = ("ReadOptions", "Table", "TableRow", "open_table")

BLOCK = 32_768
# The whole file is read to find each of them.
MOST_LISTS = 5
_UNREADABLE = (UnicodeError, csv.Error, ijson.JSONError, EndsInTheMiddle, ValueError, ArithmeticError)


def open_table(source: Path | str | BinaryIO, options: ReadOptions = ReadOptions()) -> Table:  # noqa: B008 - frozen
    """Return the table in the file at a path, or in a stream (seekable, at its start). Raises FileRefused.

    A file that is opened by its path is closed when its rows have been read.
    """
    with ExitStack() as closing:
        if isinstance(source, Path | str):
            source = closing.enter_context(Path(source).open("rb"))
        table = _opened(source, options)
        refuse_header(table.header)
        table.rows = _worded(table, table.rows, closing.pop_all())
    return table


def headers_of(path: Path, table: Table, options: ReadOptions) -> dict[str, tuple[str, ...]]:
    """Return the headers of the sheets from which `table` of the same file was chosen, by name, as far as they hold
    lines. Raises FileRefused, OSError."""
    with path.open("rb") as stream:
        if table.kind == "Excel":
            return headers_of_sheets(stream.read(MOST_PACKED + 1))
        headers = {}
        for name in table.sheets[:MOST_LISTS]:
            stream.seek(0)
            headers[name] = open_table(stream, replace(options, sheet=name)).header
        return headers


def _opened(stream: BinaryIO, options: ReadOptions) -> Table:
    head = stream.read(BLOCK)
    stream.seek(0)
    if is_archive(head):
        return open_workbook(stream.read(MOST_PACKED + 1), options.sheet)
    refuse_other_kinds(head)
    encoding = encoding_of(stream, head, options.encoding)
    start = head.decode(encoding.name, "ignore").lstrip()

    def blocks() -> Iterator[str]:
        stream.seek(0)
        return codecs.iterdecode(iter(lambda: stream.read(BLOCK), b""), encoding.name)

    kind: Kind = "JSON" if start[:1] in ("{", "[") else "CSV"
    try:
        table = (
            open_delimited(blocks(), start)
            if kind == "CSV"
            else open_json(blocks, start, options.sheet, options.columns)
        )
    except _UNREADABLE as error:
        raise _refusal(error, kind, 0, encoding.name) from error
    table.encoding, table.encoding_is_guessed, table.other_encodings = astuple(encoding)
    return table


def _worded(table: Table, rows: Iterator[TableRow], closing: ExitStack) -> Iterator[TableRow]:
    """Raises FileRefused for whatever the readers raise, saying where."""
    with closing:
        try:
            if not (first := next(rows, None)):
                raise FileRefused(f"The file holds no invoice lines. {WANTED}")
            yield first
            yield from rows
        except _UNREADABLE as error:
            raise _refusal(error, table.kind, table.last_row, table.encoding) from error


def _refusal(error: Exception, kind: Kind, last: int, encoding: str) -> FileRefused:
    where = f"after row {last}" if last else "from its first row on"
    if isinstance(error, UnicodeError):
        return FileRefused(
            f"The file is not in {WORDS.get(encoding, encoding)}: it cannot be read {where}. Save it again as UTF-8 "
            "(in Excel: “CSV UTF-8”), or import the download as it comes from C3."
        )
    if isinstance(error, csv.Error):
        return FileRefused(f"The CSV cannot be read {where}: {error}.")
    what = "ends in the middle" if isinstance(error, EndsInTheMiddle) else "cannot be read"
    return FileRefused(f"The {kind} {what}, {where}. Please download it again.")
