"""Excel workbooks are read as they look, and none of them ends the process that reads it."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import xlsxwriter

from invoices.reading import workbook_limits
from invoices.reading.errors import FileRefused
from invoices.reading.tests.reading import cells_of, opened, refusal_of

HEADER = ["Number", "Customer", "Net"]
LINE = ["I-1", "Müller", 6.5]
# Excel knows no time zones.
DAY = dt.datetime(2026, 9, 18)  # noqa: DTZ001
NOON = DAY.replace(hour=12, minute=30)


def workbook(*sheets: list[list[Any]], hidden: int = -1, **options: Any) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"default_date_format": "yyyy-mm-dd hh:mm", **options})
    for place, rows in enumerate(sheets):
        sheet = book.add_worksheet(f"Sheet {place + 1}")
        if place == hidden:
            sheet.hide()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    book.close()
    return out.getvalue()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        (21.9, "21.9"),
        (0.1 + 0.2, "0.3"),
        (0.0257076639, "0.0257076639"),
        (-139.84, "-139.84"),
        (0.00000001, "0.00000001"),
        (1e15, "1000000000000000"),
        (9007199254740991, "9007199254740991"),
        (20260918, "20260918"),
        (True, "true"),
        (None, ""),
        (" a\nb ", "a\nb"),
        ("a\r\nb", "a\r\nb"),
        ("0001", "0001"),
        (DAY, "2026-09-18"),
        (NOON, "2026-09-18T12:30:00"),
    ],
)
def test_a_cell_is_what_a_person_sees(value: Any, text: str) -> None:
    table = opened(workbook([["A", "B", "C"], ["x", value, "y"]]))
    assert cells_of(table) == [["x", text, "y"]]
    assert table.kind == "Excel"


def test_days_are_right_in_a_workbook_that_counts_from_1904() -> None:
    content = workbook([HEADER, ["I-1", DAY, 1]], date_1904=True)
    assert cells_of(opened(content)) == [["I-1", "2026-09-18", "1"]]


def test_titles_blank_rows_and_totals_are_no_lines() -> None:
    rows = [["Invoice lines", None, "by finance"], [], HEADER, LINE, ["Total", None, 6.5], [], LINE]
    table = opened(workbook(rows))
    assert table.header == tuple(HEADER)
    assert [(row.number, row.cells[2]) for row in table.rows] == [(4, "6.5"), (7, "6.5")]
    assert table.notes == ["Row 1 above the header left out.", "Row 5 of totals left out."]


def test_what_stands_beside_the_table_stops_nothing() -> None:
    rows = [HEADER, *[LINE] * 60, [*LINE, "a remark"]]
    assert len(cells_of(opened(workbook(rows)))) == 61


def test_the_first_sheet_with_a_table_is_read_and_the_others_are_offered() -> None:
    content = workbook([["Partner", "Contoso"]], [HEADER, ["hidden", "x", 1]], [HEADER, LINE], [HEADER, LINE], hidden=1)
    table = opened(content)
    assert (table.sheet, table.sheets) == ("Sheet 3", ("Sheet 1", "Sheet 3", "Sheet 4"))
    assert cells_of(table) == [["I-1", "Müller", "6.5"]]
    assert opened(content, sheet="Sheet 4").sheet == "Sheet 4"
    with pytest.raises(FileRefused, match="no sheet “Sheet 9”"):
        opened(content, sheet="Sheet 9")


def test_an_error_of_excels_is_said() -> None:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, HEADER)
    sheet.write_row(1, 0, LINE)
    sheet.write_formula(1, 2, "=1/0", None, "#DIV/0!")
    book.close()
    table = opened(out.getvalue())
    assert cells_of(table) == [["I-1", "Müller", ""]]
    assert table.notes == ["Cells with an error of Excel's, such as #REF!, are read as empty: 1."]


def test_a_workbook_without_lines_is_refused() -> None:
    assert "no invoice lines" in refusal_of(workbook([]))
    assert "no invoice lines" in refusal_of(workbook([HEADER]))


# What is made to break the reader


def repacked(change: Callable[[str, bytes], bytes], rows: list[list[Any]] | None = None) -> bytes:
    """Return a workbook whose parts went through `change`."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook(rows or [HEADER, LINE]))) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            target.writestr(name, change(name, source.read(name)))
    return out.getvalue()


def in_the_sheet(old: bytes, new: bytes) -> bytes:
    def change(name: str, content: bytes) -> bytes:
        assert "sheet1" not in name or old in content
        return content.replace(old, new) if name == "xl/worksheets/sheet1.xml" else content

    return repacked(change)


@pytest.mark.parametrize(
    "place",
    [
        b' r="XFD1048576"',
        b" r='XFD1048576'",
        b'\n\tr\n =\n " XFD1048576"',
        b' r="xfd1048576"',
        b' x="/>" r="XFD1048576"',
        b' r="XFD1048576" x="/>"',
        b' r="XFD1048576" x=\'"/>\'',
        b' r="ZZZZ999"',
        b' r="A99999999999999999999"',
        b' r="A1048577"',
        b" " * 3_000_000 + b'r="XFD1048576"',
        b" r" + b" " * 1_500_000 + b'="XFD1048576"',
    ],
)
def test_a_cell_in_the_last_corner_never_ends_the_process(place: bytes) -> None:
    assert "more than 5,000,000 cells" in refusal_of(in_the_sheet(b' r="C2"', place))


def test_an_element_without_end_hides_no_cell() -> None:
    hidden = in_the_sheet(b' r="C2"', b" r" + b" " * 6_000_000 + b'="XFD1048576"')
    assert "Excel never writes" in refusal_of(hidden)


def test_a_row_far_below_never_ends_the_process() -> None:
    wide = in_the_sheet(b'<row r="2"', b'<row r="1048576"').replace(b"", b"")
    assert "more than 5,000,000 cells" in refusal_of(
        repacked(
            lambda name, content: (
                content.replace(b'<row r="2"', b'<row r="1048576"').replace(b' r="C1"', b' r="ZZ1"')
                if "sheet1" in name
                else content
            )
        )
    )
    assert wide


def test_cells_that_are_only_painted_take_no_room() -> None:
    painted = in_the_sheet(
        b"</sheetData>", b'<row r="1048576" ht="3"/><row r="9"><c r="XFD9" s="1"/></row></sheetData>'
    )
    assert cells_of(opened(painted)) == [["I-1", "Müller", "6.5"]]


def test_a_workbook_that_unpacks_to_more_than_it_may_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_limits, "MOST_UNPACKED", 5_000_000)
    bomb = repacked(lambda name, content: content + b"<x/>" * 1_500_000 if "styles" in name else content)
    assert len(bomb) < 50_000
    assert "MB unpacked" in refusal_of(bomb)


def test_a_workbook_that_lies_about_its_size_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_limits, "MOST_UNPACKED", 5_000_000)
    honest = repacked(lambda name, content: content + b"<x/>" * 1_500_000 if "sheet1" in name else content)
    with zipfile.ZipFile(io.BytesIO(honest)) as archive:
        part = archive.getinfo("xl/worksheets/sheet1.xml")
        start = zlib.crc32(archive.read(part)[:1000])
    size, check = part.file_size.to_bytes(4, "little"), part.CRC.to_bytes(4, "little")
    lying = honest.replace(size, (1000).to_bytes(4, "little")).replace(check, start.to_bytes(4, "little"))
    assert lying != honest
    assert "MB unpacked" in refusal_of(lying)


def test_an_archive_of_very_many_parts_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(workbook_limits.MOST_PARTS + 1):
            archive.writestr(str(number), b"")
    assert "larger than" in refusal_of(out.getvalue())


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["xl/workbook.bin"], "save it as .xlsx"),
        (["mimetype", "content.xml"], "OpenDocument"),
        (["lines.csv"], "zip archive; unpack it first"),
        (["word/document.xml", "[Content_Types].xml"], "zip archive"),
        (["xl/workbook.xml"], "cannot be read"),
    ],
)
def test_an_archive_that_is_no_xlsx_is_refused_in_words(names: list[str], words: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    assert words in refusal_of(out.getvalue())


def test_an_old_workbook_is_refused_in_words() -> None:
    assert "save it as .xlsx" in refusal_of(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600)


def test_a_damaged_workbook_is_refused_wherever_the_damage_is() -> None:
    content = workbook([HEADER, *[LINE] * 20])
    for place in range(0, len(content), 97):
        for damaged in (content[:place], content[:place] + b"\xff\x00\x55" + content[place + 3 :]):
            with contextlib.suppress(FileRefused):
                list(opened(damaged).rows)
