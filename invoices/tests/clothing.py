"""One table of texts in every clothing that files of invoice lines come in."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import xlsxwriter

CSV, EXCEL, ARRAY, ENVELOPE, OTHER_ENVELOPE, JSON_LINES = "CSV", "Excel", "array", "envelope", "other", "JSON lines"
KINDS = (CSV, EXCEL, ARRAY, ENVELOPE, OTHER_ENVELOPE, JSON_LINES)
DELIMITERS = ",;\t|"
# How a number stands in a JSON text until its quotes are taken away.
_NUMBER, _UNQUOTED = "@number {}@", re.compile(r'"@number ([^"@]*)@"')
_PLAIN = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
UNICODE = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")


@dataclass(frozen=True, slots=True)
class Clothing:
    """How a table is written. The fields behind `encoding` matter to CSV alone, `titles` and `totals` to Excel too."""

    kind: str = CSV
    encoding: str = "utf-8"
    delimiter: str = ","
    sep_line: bool = False
    quote_all: bool = False
    line_end: str = "\r\n"
    ends_with_newline: bool = True
    titles: Sequence[Sequence[str]] = ()
    # Columns whose plain numbers Excel and JSON hold as numbers.
    numbers: Collection[str] = ()
    blank_rows: bool = False
    totals: bool = False


def write(header: Sequence[str], rows: Sequence[Sequence[str]], clothing: Clothing) -> bytes:
    """Return the file; `rows` have as many cells as `header`."""
    if clothing.kind == EXCEL:
        numbers = {column for column, name in enumerate(header) if name in clothing.numbers}
        return _excel(_sheet(header, rows, clothing), numbers)
    if clothing.kind == CSV:
        return _csv(_sheet(header, rows, clothing), clothing).encode(clothing.encoding)
    objects = [
        {
            name: _NUMBER.format(text) if name in clothing.numbers else text
            for name, text in zip(header, row, strict=True)
        }
        for row in rows
    ]
    return _UNQUOTED.sub(r"\1", _json(objects, clothing.kind)).encode(clothing.encoding)


def _sheet(header: Sequence[str], rows: Sequence[Sequence[str]], clothing: Clothing) -> list[Sequence[str]]:
    width = len(header)
    blank = [[""] * width] if clothing.blank_rows else []
    total = [["Total", *[""] * (width - 2), "12.50"]] if clothing.totals else []
    titles = [[*title, *[""] * (width - len(title))] for title in clothing.titles]
    return [*titles, *blank, header, *rows[:1], *blank, *total, *rows[1:], *total, *blank]


def _csv(sheet: Sequence[Sequence[str]], clothing: Clothing) -> str:
    out = io.StringIO(newline="")
    quoting = csv.QUOTE_ALL if clothing.quote_all else csv.QUOTE_MINIMAL
    writer = csv.writer(out, delimiter=clothing.delimiter, quoting=quoting, lineterminator=clothing.line_end)
    writer.writerows(sheet)
    text = out.getvalue()
    if not clothing.ends_with_newline:
        text = text.removesuffix(clothing.line_end)
    return (f"sep={clothing.delimiter}{clothing.line_end}" if clothing.sep_line else "") + text


def _excel(sheet: Sequence[Sequence[str]], numbers: Collection[int] = ()) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        lines = book.add_worksheet("Lines")
        for number, row in enumerate(sheet):
            for column, text in enumerate(row):
                if column in numbers and _PLAIN.fullmatch(text):
                    lines.write_number(number, column, float(text))
                else:
                    lines.write_string(number, column, text)
    return out.getvalue()


def _json(rows: Sequence[dict[str, str]], kind: str) -> str:
    if kind == JSON_LINES:
        return "\n".join(map(json.dumps, rows))
    if kind == ENVELOPE:
        return json.dumps({"OperationType": None, "Status": "Success", "ErrorMessage": None, "Data": rows})
    if kind == OTHER_ENVELOPE:
        return json.dumps({"count": len(rows), "result": {"page": 1, "lines": rows}}, indent=1, ensure_ascii=False)
    return json.dumps(rows, ensure_ascii=False)
