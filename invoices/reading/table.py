"""From the bytes of a file to a header and rows of text, one row in memory at a time."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import ijson

from invoices.reading.delimited import open_delimited
from invoices.reading.errors import WANTED, FileRefused
from invoices.reading.file_kinds import refuse_other_kinds
from invoices.reading.json_lists import EndsInTheMiddle, open_json
from invoices.reading.rows import Kind, ReadOptions, Table, TableRow

__all__ = ("ReadOptions", "Table", "TableRow", "open_table")

CHUNK = 65_536
_UNREADABLE = (UnicodeError, csv.Error, ijson.JSONError, EndsInTheMiddle, ValueError, ArithmeticError)


def open_table(source: Path | str | BinaryIO, options: ReadOptions = ReadOptions()) -> Table:  # noqa: B008 - frozen
    """Return the table in the file at a path, or in a stream (seekable, at its start). Raises FileRefused."""
    stream: BinaryIO = Path(source).open("rb") if isinstance(source, Path | str) else source  # noqa: SIM115 - read lazily
    head = stream.read(CHUNK)
    stream.seek(0)
    refuse_other_kinds(head)
    encoding = "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    start = head.decode(encoding, "ignore").lstrip()
    text = io.TextIOWrapper(stream, encoding, newline="")
    kind: Kind = "JSON" if start[:1] in ("{", "[") else "CSV"
    opener = open_json if kind == "JSON" else open_delimited
    try:
        table = opener(text, start, encoding)
    except _UNREADABLE as error:
        raise _refusal(error, kind, 0) from error
    table.rows = _worded(table.rows, kind)
    return table


def _worded(rows: Iterator[TableRow], kind: Kind) -> Iterator[TableRow]:
    """Raises FileRefused for whatever the readers raise, saying where."""
    last = 0
    try:
        for row in rows:
            last = row.number
            yield row
    except _UNREADABLE as error:
        raise _refusal(error, kind, last) from error
    if not last:
        raise FileRefused(f"The file holds no invoice lines. {WANTED}")


def _refusal(error: Exception, kind: Kind, last: int) -> FileRefused:
    where = f"after row {last}" if last else "from its first row on"
    if isinstance(error, UnicodeError):
        return FileRefused(
            f"The file is not in UTF-8: it cannot be read {where}. Save it again as UTF-8 "
            "(in Excel: “CSV UTF-8”), or import the download as it comes from C3."
        )
    if isinstance(error, csv.Error):
        return FileRefused(f"The CSV cannot be read {where}: {error}.")
    what = "ends in the middle" if isinstance(error, EndsInTheMiddle) else "cannot be read"
    return FileRefused(f"The {kind} {what}, {where}. Please download it again.")
