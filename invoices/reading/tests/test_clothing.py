"""Any table of texts comes back as it was, whatever it was written in."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from invoices.reading.tests.reading import opened
from invoices.tests.clothing import CSV, DELIMITERS, EXCEL, KINDS, UNICODE, Clothing, write

# A cell may hold anything but what no encoding has, and what Excel and JSON cannot; it comes back stripped.
LETTERS = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff\ufffe\uffff")
TEXTS = (
    st.text(LETTERS | st.sampled_from(",;|'\"\n{[="), max_size=20).map(str.strip)
    | st.sampled_from(["", "5,00", "1.234,56", "2026-09-18", "O'Brien", '"', "a\nb", "0", "Total"])
).filter(lambda text: not text.startswith("'"))
NAMES = st.from_regex(r"[A-Za-zÄÖÜé][A-Za-z ß°]{0,10}[a-zü]", fullmatch=True)
TITLES = st.lists(st.lists(NAMES | st.just("September 2026"), min_size=1, max_size=2), max_size=3)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    header = draw(st.lists(NAMES, min_size=4, max_size=8, unique=True))
    cells = st.lists(TEXTS, min_size=len(header) - 1, max_size=len(header) - 1)
    # Each line has a number, as invoice lines do.
    lines = draw(st.lists(cells, min_size=1, max_size=6))
    return header, [[f"I-{number}", *cells] for number, cells in enumerate(lines)]


clothings = st.builds(
    Clothing,
    kind=st.sampled_from((CSV, *KINDS)),
    encoding=st.sampled_from(UNICODE),
    delimiter=st.sampled_from(DELIMITERS),
    sep_line=st.booleans(),
    quote_all=st.booleans(),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    ends_with_newline=st.booleans(),
    titles=TITLES,
    blank_rows=st.booleans(),
    totals=st.booleans(),
)


@given(tables(), clothings)
@example((["A", "B", "C", "D"], [["I-0", "x", "", ""]]), Clothing(titles=(("September 2026",),), totals=True))
def test_any_table_comes_back_from_any_clothing(table: tuple[list[str], list[list[str]]], clothing: Clothing) -> None:
    header, lines = table
    if clothing.sep_line and clothing.titles:
        clothing = Clothing(clothing.kind, clothing.encoding, clothing.delimiter, sep_line=True)
    read = opened(write(header, lines, clothing))
    assert list(read.header) == header
    assert [row.cells for row in read.rows] == lines
    assert not read.encoding_is_guessed
    if clothing.kind == CSV:
        assert read.ends_without_newline is not (clothing.ends_with_newline)


@pytest.mark.parametrize("encoding", ["cp1252", "cp1250", "cp1251", "cp1253", "cp932"])
@pytest.mark.parametrize("kind", [CSV, KINDS[2]])
def test_a_chosen_encoding_is_read_as_any_other(encoding: str, kind: str) -> None:
    names = {"cp1252": "Größe €", "cp1250": "Łódź", "cp1251": "Москва", "cp1253": "Αθήνα", "cp932": "東京"}
    header, lines = ["Number", "Customer", "Net", "Tax"], [["I-1", names[encoding], "5,00", "0,50"]]
    read = opened(write(header, lines, Clothing(kind, encoding, ";")), encoding=encoding)
    assert [row.cells for row in read.rows] == lines


def test_the_rows_are_numbered_as_a_spreadsheet_shows_them() -> None:
    header, lines = ["Number", "Customer", "Net", "Tax"], [["I-1", "x", "5", "1"], ["I-2", "x", "5", "1"]]
    for kind in (CSV, EXCEL):
        clothing = Clothing(kind, titles=(("Invoices",),), blank_rows=True, totals=True)
        assert [row.number for row in opened(write(header, lines, clothing)).rows] == [4, 7]
