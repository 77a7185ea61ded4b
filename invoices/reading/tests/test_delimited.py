"""CSV files as people and systems write them."""

from __future__ import annotations

import pytest

from invoices.reading.delimited import delimiter_of
from invoices.reading.tests.reading import cells_of, opened, refusal_of

HEADER = "Number,Customer,Issued,Net,Gross"
LINE = "I-1,Fabrikam,2026-09-18,6.00,6.60"
CELLS = LINE.split(",")


def table_of(*lines: str, end: str = "\n") -> tuple[tuple[str, ...], list[list[str]], list[str]]:
    table = opened(("\n".join(lines) + end).encode())
    return table.header, cells_of(table), table.notes


@pytest.mark.parametrize("delimiter", ",;\t|")
@pytest.mark.parametrize("title", ["", "Invoices, for finance; September | 2026\n\n"])
def test_the_delimiter_is_the_one_whose_rows_agree_with_their_header(delimiter: str, title: str) -> None:
    rows = [["Number", "Customer", "Net", "Tax"], ["I-1", "A, B; C", "5,00", "0,50"], ["I-2", "Müller", "6,00", "0,60"]]
    text = title + "\n".join(delimiter.join(f'"{cell}"' if delimiter in cell else cell for cell in row) for row in rows)
    assert delimiter_of(text) == delimiter
    table = opened(text.encode())
    assert (list(table.header), cells_of(table)) == (rows[0], rows[1:])


@pytest.mark.parametrize("sep", ["sep=;", '"sep=;"', "SEP=;"])
def test_a_sep_line_says_the_delimiter_and_is_no_row(sep: str) -> None:
    table = opened(f"{sep}\r\nA,B;C\r\n1;2\r\n".encode())
    assert table.header == ("A,B", "C")
    assert [(row.number, row.cells) for row in table.rows] == [(2, ["1", "2"])]


def test_titles_above_the_header_are_left_out_and_said() -> None:
    header, cells, notes = table_of("Invoice lines,,,,", "Partner,Contoso,,,", "", HEADER, LINE)
    assert header == tuple(HEADER.split(","))
    assert cells == [CELLS]
    assert notes == ["2 rows (1, 2) above the header left out."]


def test_a_row_is_known_by_its_number_in_a_spreadsheet() -> None:
    table = opened(f'Title\n\n{HEADER}\n\n"I-0\nx",Y,2026-09-18,1,1\n{LINE}\n'.encode())
    assert [row.number for row in table.rows] == [5, 6]


@pytest.mark.parametrize(
    "totals",
    [
        "Total,,,6.00,6.60",
        "Zwischensumme Fabrikam:,,,6.00,",
        "Fabrikam Total,,,,6.60",
        "Total (AUD),,,,6.60",
        ',"Total général",,"6,00 €","6,60 €"',
        "合計,,,6.00,6.60",
        "Total,,AUD,,6.60",
        "Total,6.60",
    ],
)
def test_a_row_of_totals_is_left_out_and_said(totals: str) -> None:
    _, cells, notes = table_of(HEADER, LINE, totals, LINE, totals)
    assert cells == [CELLS, CELLS]
    assert notes == ["2 rows (3, 5) of totals left out."]


@pytest.mark.parametrize(
    "line",
    [
        "I-2,Total,2026-09-18,6.00,6.60",
        "Total,Total Wine,2026-09-18,6.00,6.60",
        "I-3,,,6.00,6.60",
        "Total,,2026-09-18,,6.60",
        "Total,,,,",
        "Totally,,,6.00,6.60",
        "Sumatra,,,6.00,6.60",
    ],
)
def test_a_row_that_may_be_a_line_is_never_taken_for_totals(line: str) -> None:
    assert table_of(HEADER, LINE, line)[1] == [CELLS, line.split(",")]


def test_a_header_that_comes_again_is_left_out_and_said() -> None:
    _, cells, notes = table_of(HEADER, LINE, HEADER, LINE)
    assert cells == [CELLS, CELLS]
    assert notes == ["Row 3 with the header again left out."]


def test_names_that_are_there_twice_or_not_at_all_are_told_apart() -> None:
    header, cells, _ = table_of("Net,Net,,Total,,", "1,2,3,4,,", "1,2,3,4,,")
    assert header == ("Net", "Net (2)", "Column C", "Total")
    assert cells == [["1", "2", "3", "4"]] * 2


def test_a_cell_too_many_or_too_few_is_an_error_of_its_row_alone() -> None:
    rows = list(opened(f"{HEADER}\n{LINE},\n{LINE},x\nI-2,Fabrikam\n{LINE}\n".encode()).rows)
    assert [row.number for row in rows if not row.errors] == [2, 5]
    assert [row.errors[0].reason for row in rows if row.errors] == [
        "has 6 cells where the header has 5",
        "has 2 cells where the header has 5",
    ]


def test_a_file_that_ends_in_a_short_row_was_cut_off() -> None:
    assert "ends in the middle, after row 3" in refusal_of(f"{HEADER}\n{LINE}\nI-2,Fabr".encode())
    assert "cannot be read after row 2" in refusal_of(f'{HEADER}\n{LINE}\nI-2,"Fabr'.encode())


@pytest.mark.parametrize(("end", "ends_without"), [("\n", False), ("\r\n", False), ("\r", False), ("", True)])
def test_it_says_that_a_file_ends_without_a_line_break(end: str, ends_without: bool) -> None:
    table = opened(f"{HEADER}\n{LINE}{end}".encode())
    assert cells_of(table) == [CELLS]
    assert table.ends_without_newline is ends_without
    assert len(table.notes) == ends_without


def test_a_line_break_inside_of_a_cell_stays() -> None:
    assert table_of(HEADER, 'I-1,"Managed\r\nDesk",2026-09-18,6.00,6.60')[1][0][1] == "Managed\r\nDesk"


def test_what_the_portal_protects_in_its_own_files_comes_back_as_it_was() -> None:
    assert table_of(HEADER, "'=1+1,'t Hoen,2026-09-18,6.00,6.60")[1][0][:2] == ["=1+1", "'t Hoen"]


def test_a_file_without_lines_is_refused() -> None:
    for content in (b"", b"  \n", HEADER.encode(), f"{HEADER}\n\n,,,,\n".encode()):
        assert refusal_of(content)
