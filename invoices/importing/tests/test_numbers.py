from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c3portal.http.spreadsheet_cells import protect, unprotect
from invoices.importing.numbers import xero_number


@pytest.mark.parametrize("number", ["Invoice_Tailspin_ERP1036_20260918_AUD", "O'Brien & Sons #1 ~", "x" * 255])
def test_it_keeps_a_number_that_xero_takes(number: str) -> None:
    assert xero_number(number) == number


def test_it_spells_other_scripts_in_ascii_and_marks_which_number_it_was() -> None:
    assert xero_number("Invoice_CaféÅse_1") == "Invoice_CafeAse_1-9a375e15"


def test_two_numbers_that_are_spelt_alike_stay_two() -> None:
    numbers = {"Invoice_Müller", "Invoice_Muller", "Invoice_Mülleŕ"}

    assert len({xero_number(number) for number in numbers}) == 3


@given(st.text(max_size=300))
def test_whatever_the_number_xero_gets_printable_ascii_of_at_most_255_characters(number: str) -> None:
    spelt = xero_number(number)

    assert 0 < len(spelt) <= 255
    assert spelt.isascii()
    assert spelt.isprintable()
    assert xero_number(number) == spelt


@pytest.mark.parametrize("text", ["=1+1", "+61 2", "-5", "@name", "'=1+1", "''-x", "\tx", "＝1"])
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert protect(text) == f"'{text}"


@pytest.mark.parametrize("text", ["Tailspin", "O'Brien", "'t Hoen", "", "'", "1-2", "a=b"])
def test_an_ordinary_text_stays_as_it_is(text: str) -> None:
    assert protect(text) == text
    assert unprotect(text) == text


@given(st.text("'=+-@ab\t", max_size=6) | st.text())
def test_what_was_protected_is_read_back_as_it_was(text: str) -> None:
    assert unprotect(protect(text)) == text
