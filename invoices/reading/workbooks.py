"""Excel workbooks: the first sheet that holds a table, or the one that a person chose."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from invoices.reading.errors import FileRefused
from invoices.reading.layout import Layout, Progress, lay_out
from invoices.reading.rows import Table, TableRow
from invoices.reading.workbook_limits import look_into

# Fewer columns are a cover sheet.
LEAST_COLUMNS = 3
# Excel counts with so many digits and shows no more; what floating point adds behind them is nobody's amount.
# https://support.microsoft.com/office/excel-specifications-and-limits-1672b34d-7043-467e-8e27-269d656771c3
DIGITS = 15
# From here on floating point leaves out whole numbers.
LARGEST_WHOLE = 2**53

_UNREADABLE = "The Excel file cannot be read. Open it in Excel and save it again as .xlsx."


def open_workbook(content: bytes, sheet: str = "") -> Table:
    """Return the table in an .xlsx workbook. Raises FileRefused."""
    seen = look_into(content)
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        names = _sheets(workbook)
        name, layout = _chosen(workbook, names, sheet) if sheet else _first_with_a_table(workbook, names)
    except CalamineError as error:
        raise FileRefused(_UNREADABLE) from error
    if seen.errors:
        layout.notes.append(f"Cells with an error of Excel's, such as #REF!, are read as empty: {seen.errors:,}.")
    table = Table("Excel", layout.header, iter(()), sheets=names, sheet=name, notes=layout.notes)
    table.height = layout.height
    table.rows = _rows(table, layout)
    return table


def headers_of_sheets(content: bytes) -> dict[str, tuple[str, ...]]:
    """Return the headers of an .xlsx workbook's sheets that hold a table with lines. Raises FileRefused."""
    look_into(content)
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        layouts = {name: _laid_out(workbook.get_sheet_by_name(name)) for name in _sheets(workbook)}
    except CalamineError as error:
        raise FileRefused(_UNREADABLE) from error
    return {name: layout.header for name, layout in layouts.items() if _is_table(layout)}


def _is_table(layout: Layout) -> bool:
    return layout.has_lines and len(layout.header) >= LEAST_COLUMNS


def _sheets(workbook: CalamineWorkbook) -> tuple[str, ...]:
    sheets = [each for each in workbook.sheets_metadata if each.typ == SheetTypeEnum.WorkSheet]
    visible = [each for each in sheets if each.visible == SheetVisibleEnum.Visible]
    return tuple(each.name for each in visible or sheets)


def _chosen(workbook: CalamineWorkbook, names: tuple[str, ...], name: str) -> tuple[str, Layout]:
    if name not in names:
        raise FileRefused(f"The workbook has no sheet “{name[:100]}”.")
    return name, _laid_out(workbook.get_sheet_by_name(name))


def _first_with_a_table(workbook: CalamineWorkbook, names: tuple[str, ...]) -> tuple[str, Layout]:
    first = None
    for name in names:
        layout = _laid_out(workbook.get_sheet_by_name(name))
        if _is_table(layout):
            return name, layout
        first = first or (name, layout)
    if not first:
        raise FileRefused("The workbook has no sheet.")
    return first


def _laid_out(sheet: CalamineSheet) -> Layout:
    rows = sheet.iter_rows() if sheet.start else iter(())
    layout = lay_out(([_TEXT[type(value)](value) for value in row] for row in rows), Progress(), is_positional=True)
    layout.height = sheet.height
    return layout


def _rows(table: Table, layout: Layout) -> Iterator[TableRow]:
    try:
        yield from layout.rows()
    finally:
        table.last_row = layout.progress.row


def _number(value: float) -> str:
    if value.is_integer() and abs(value) < LARGEST_WHOLE:
        return str(int(value))
    return format(Decimal(f"{value:.{DIGITS}g}"), "f")


def _moment(value: dt.datetime) -> str:
    return value.isoformat(timespec="seconds")


def _duration(value: dt.timedelta) -> str:
    minutes, seconds = divmod(round(value.total_seconds()), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


_TEXT: dict[type, Callable[[Any], str]] = {
    str: str,
    int: str,
    float: _number,
    bool: lambda value: str(value).lower(),
    dt.datetime: _moment,
    dt.date: dt.date.isoformat,
    dt.time: lambda value: value.isoformat(timespec="seconds"),
    dt.timedelta: _duration,
}
