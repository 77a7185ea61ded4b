"""A workbook as it is sent: numbers are numbers, days are days, and no text is ever a formula."""

from __future__ import annotations

import datetime as dt
import io
import re
import tracemalloc
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from c3portal.http.csv_response import Cell
from c3portal.http.tests.test_csv_response import FORMULAS
from c3portal.http.xlsx_response import LARGEST, LONGEST_TEXT, as_xlsx


def made(*rows: list[Cell]) -> bytes:
    return b"".join(as_xlsx("Invoices", [f"Column {place}" for place in range(max(map(len, rows), default=1))], rows))


def cells(content: bytes) -> list[list[Any]]:
    """Return the rows below the header."""
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()[1:]


def part(content: bytes, name: str) -> str:
    return zipfile.ZipFile(io.BytesIO(content)).read(f"xl/{name}.xml").decode()


def test_each_kind_of_cell_is_what_it_says() -> None:
    read_at = dt.datetime(2026, 9, 18, 22, 30, tzinfo=dt.timezone(dt.timedelta(hours=10)))
    row: list[Cell] = ["007", Decimal("-1234.50"), Decimal("0.10"), dt.date(2026, 9, 18), read_at, 12, None, ""]
    (found,) = cells(made(row))
    assert found[:6] == ["007", -1234.5, 0.1, dt.date(2026, 9, 18), read_at.astimezone(dt.UTC).replace(tzinfo=None), 12]
    assert found[6:] in ([], ["", ""])


def test_amounts_have_two_decimals_and_days_are_written_as_everywhere() -> None:
    content = made([Decimal("5"), dt.date(2026, 9, 18)])
    formats = set(re.findall(r'formatCode="([^"]*)"', part(content, "styles")))
    assert formats >= {"#,##0.00", "yyyy-mm-dd"}


@pytest.mark.parametrize("text", [*FORMULAS, "{=1+1}", "http://evil.example", "mailto:a@b.example", "1e5", "TRUE"])
def test_a_text_stays_that_text_and_never_runs(text: str) -> None:
    content = made([text])
    assert cells(content) == [[text]]
    sheet = part(content, "worksheets/sheet1")
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet


@pytest.mark.parametrize("text", ["\x00\x0b\x1f", "\ud800", "\ufffe\uffff", "<&>\"'", "_x0041_", "  a  ", "a\nb"])
def test_what_xml_cannot_hold_breaks_no_workbook(text: str) -> None:
    (row,) = cells(made([text, "after"]))
    assert row[1] == "after"


def test_what_excel_cannot_hold_is_cut_or_kept_as_text() -> None:
    (row,) = cells(made(["x" * (LONGEST_TEXT + 5), LARGEST + 1]))
    assert row == ["x" * LONGEST_TEXT, str(LARGEST + 1)]


def test_an_empty_one_opens_too() -> None:
    assert cells(made()) == []


def test_memory_does_not_grow_with_the_rows() -> None:
    def rows(count: int) -> Iterator[list[Cell]]:
        return ([f"INV-{number}", "Contoso", Decimal(number), dt.date(2026, 9, 18)] for number in range(count))

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            assert sum(map(len, as_xlsx("x", ["a", "b", "c", "d"], rows(count)))) > count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)
    assert peak(6_000) < peak(1_000) * 1.3
