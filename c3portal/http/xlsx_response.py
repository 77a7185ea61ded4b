"""An Excel workbook as an answer: one sheet, written a row at a time into a file of its own and sent from there."""

from __future__ import annotations

import datetime as dt
import re
import tempfile
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import IO, Any

from c3portal.http.csv_response import Cell

CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PIECE = 64 * 1024
# Excel's own limits: of a sheet, and of a cell's text (support.microsoft.com, "Excel specifications and limits").
MOST_ROWS = 1_048_575
LONGEST_TEXT = 32_767
# Excel holds 15 digits of a number; a longer one is written as text, so that none is lost.
LARGEST = Decimal("9999999999999.99")
WIDTHS = (9, 40)
# What a workbook's XML cannot hold; the writer escapes the control characters itself.
_NOT_XML = re.compile("[\ud800-\udfff\ufffe\uffff]")


def as_xlsx(title: str, header: Iterable[str], rows: Iterable[Iterable[Cell]]) -> Iterator[bytes]:
    """Yield a workbook whose one sheet has the header and the rows: amounts as numbers with two decimals, days as days,
    times in UTC, and texts as texts, whatever they look like. Memory does not grow with the rows."""
    with tempfile.TemporaryFile() as file:
        _write(file, title, [*header], rows)
        file.seek(0)
        while piece := file.read(PIECE):
            yield piece


def _write(file: IO[bytes], title: str, header: list[str], rows: Iterable[Iterable[Cell]]) -> None:
    # Only who makes a workbook needs it: it costs each process a tenth of a second.
    from xlsxwriter import Workbook

    with Workbook(file, {"constant_memory": True, "default_date_format": "yyyy-mm-dd"}) as book:
        sheet = book.add_worksheet(title)
        bold = book.add_format({"bold": True})
        formats = {
            Decimal: book.add_format({"num_format": "#,##0.00"}),
            dt.date: book.add_format({"num_format": "yyyy-mm-dd"}),
            dt.datetime: book.add_format({"num_format": 'yyyy-mm-dd hh:mm:ss" UTC"'}),
        }
        sheet.freeze_panes(1, 1)
        for place, name in enumerate(header):
            least, most = WIDTHS
            sheet.set_column(place, place, min(max(len(name) + 2, least), most))
            sheet.write_string(0, place, name, bold)
        last = 0
        for last, row in enumerate(rows, start=1):
            if last > MOST_ROWS:
                raise ValueError(f"A sheet holds {MOST_ROWS:,} rows.")
            _write_row(sheet, last, row, formats)
        sheet.autofilter(0, 0, last, len(header) - 1)


def _write_row(sheet: Any, number: int, row: Iterable[Cell], formats: dict[type, Any]) -> None:
    for place, cell in enumerate(row):
        if cell is None or cell == "":
            continue
        if isinstance(cell, str):
            sheet.write_string(number, place, _NOT_XML.sub("\ufffd", cell)[:LONGEST_TEXT])
        elif isinstance(cell, Decimal) and abs(cell) > LARGEST:
            sheet.write_string(number, place, str(cell))
        elif isinstance(cell, dt.datetime):
            sheet.write_datetime(number, place, cell.astimezone(dt.UTC).replace(tzinfo=None), formats[dt.datetime])
        elif isinstance(cell, dt.date):
            sheet.write_datetime(number, place, cell, formats[dt.date])
        else:
            sheet.write_number(number, place, cell, formats.get(type(cell)))
