from __future__ import annotations

import pytest

from invoices.matching.written_numbers import Ambiguous, Mark, OtherMark, decides, is_ambiguous, plain_number


@pytest.mark.parametrize(
    ("text", "mark", "plain"),
    [
        ("1,234.56", ".", "1234.56"),
        ("1.234,56", ",", "1234.56"),
        ("1 234,56", ",", "1234.56"),
        ("1\u00a0234,56", ",", "1234.56"),
        ("1\u202f234\u202f567,8", ",", "1234567.8"),
        ("1'234.56", ".", "1234.56"),
        ("1’234’567.80", ".", "1234567.80"),
        ("12,34,567.89", ".", "1234567.89"),
        ("(12.00)", ".", "-12.00"),
        ("($1,234.50)", ".", "-1234.50"),
        ("12.00-", ".", "-12.00"),
        ("−12,5", ",", "-12.5"),
        ("+7", "", "7"),
        ("€ 12,00", ",", "12.00"),
        ("12,00 €", ",", "12.00"),
        ("-€12.50", ".", "-12.50"),
        ("A$12.50", ".", "12.50"),
        ("EUR 12,50", ",", "12.50"),
        ("12,50 zł", ",", "12.50"),
        ("CHF 1'200.00", ".", "1200.00"),
        ("19 %", "", "19"),
        ("19,0%", ",", "19.0"),
        (".5", ".", ".5"),
        (",5", ",", "0.5"),
        ("12.", ".", "12."),
        ("1,234", ".", "1234"),
        ("1,234", ",", "1.234"),
        ("1.234", ",", "1234"),
        ("0.123456789012345678", ".", "0.123456789012345678"),
        ("1E-7", "plain", "1E-7"),
        ("1E-7", ".", "1E-7"),
        # Read in one way only, so the column need not be known.
        ("1.5", "", "1.5"),
        ("1,5", "", "1.5"),
        ("1.234.567", "", "1234567"),
        ("1,234.5", "", "1234.5"),
        ("1 234", "", "1234"),
    ],
)
def test_it_reads_a_number_by_the_mark_of_its_column(text: str, mark: str, plain: str) -> None:
    assert plain_number(text, Mark(mark)) == plain


@pytest.mark.parametrize("text", ["1,234", "1.234", "-12.345", "€ 1.000"])
def test_what_could_be_two_numbers_is_not_guessed(text: str) -> None:
    assert is_ambiguous(text)
    assert decides(text) is None
    with pytest.raises(Ambiguous):
        plain_number(text, Mark.UNKNOWN)


@pytest.mark.parametrize(("text", "mark"), [("1,5", "."), ("1.234,5", "."), ("1.5", ","), ("1,5", "plain")])
def test_what_is_written_with_the_other_mark_is_told_apart_from_what_is_no_number(text: str, mark: str) -> None:
    with pytest.raises(OtherMark):
        plain_number(text, Mark(mark))


@pytest.mark.parametrize("mark", list(Mark))
@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "x",
        "12 pieces",
        "INV-1",
        "1 ABC",
        "1.2.3",
        "1,23.4",
        "12..5",
        "1 23",
        "(-5)",
        "--5",
        "٣",
        "NaN",
        "9" * 65,
        "1.234'567",
    ],
)
def test_what_is_no_number_is_refused(text: str, mark: Mark) -> None:
    with pytest.raises(ValueError):
        plain_number(text, mark)
    assert decides(text) is None
