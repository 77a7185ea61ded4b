"""Reading Xero's answers: whatever they leave out, reorder or garble, no invoice is taken for another."""

import string
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices.models import DocumentType
from invoices.posting.responses import KINDS, NO_ID, Recorded, amount, read_results, recorded
from xero_integration.client import refusals
from xero_integration.client.refusals import Refusal

KIND = KINDS[DocumentType.INVOICE]
NUMBERS = {11: "Invoice_A", 12: "Invoice_B", 13: "Invoice_C", 14: "Invoice_D"}


def element(number: str | None, **facts: Any) -> dict[str, Any]:
    """As Xero has it: the id tells which document it is."""
    row = {"InvoiceID": f"id of {number}", "InvoiceNumber": number, "Status": "DRAFT", "Total": Decimal("110.00")}
    return row | facts


def refusal(number: str | None, *words: str) -> dict[str, Any]:
    return element(
        number,
        InvoiceID=NO_ID,
        HasErrors=True,
        StatusAttributeString="ERROR",
        ValidationErrors=[{"Message": each} for each in words],
    )


def ids(rows: list[dict[str, Any]]) -> dict[int, str]:
    return {pk: document.xero_id for pk, document in read_results(KIND, NUMBERS, rows).recorded.items()}


ALL = {pk: f"id of {number}" for pk, number in NUMBERS.items()}
ROWS = [element(number) for number in NUMBERS.values()]


def test_an_answer_in_order_is_read() -> None:
    results = read_results(KIND, NUMBERS, ROWS)
    assert results.recorded[11] == Recorded("id of Invoice_A", "DRAFT", Decimal("110.00"))
    assert ids(ROWS) == ALL
    assert results.refused == {}


def test_a_shuffled_answer_is_matched_by_number() -> None:
    assert ids(ROWS[::-1]) == ALL


def test_what_a_shortened_answer_leaves_out_stays_unknown() -> None:
    results = read_results(KIND, NUMBERS, ROWS[1::2])
    assert list(results.recorded) == [12, 14]
    assert results.refused == {}


def test_elements_of_others_are_passed_over() -> None:
    assert ids([element("Invoice_X"), *ROWS]) == ALL


def test_an_element_without_a_number_counts_by_its_place() -> None:
    rows = [*ROWS[:1], element(None, InvoiceID="id of Invoice_B"), *ROWS[2:]]
    assert ids(rows) == ALL


def test_places_do_not_count_in_an_answer_that_was_shuffled() -> None:
    rows = [element(None, InvoiceID="id of Invoice_D"), ROWS[2], ROWS[1], element(None, InvoiceID="id of Invoice_A")]
    assert ids(rows) == {12: "id of Invoice_B", 13: "id of Invoice_C"}


def test_places_do_not_count_in_an_answer_of_another_length() -> None:
    assert ids([element(None), *ROWS[:2]]) == {11: "id of Invoice_A", 12: "id of Invoice_B"}


def test_of_two_documents_with_one_number_neither_is_believed() -> None:
    rows = [*ROWS[:3], element("Invoice_A", InvoiceID="another")]
    assert ids(rows) == {12: "id of Invoice_B", 13: "id of Invoice_C"}


def test_of_two_invoices_with_one_id_neither_is_believed() -> None:
    rows = [*ROWS[:3], element("Invoice_D", InvoiceID="id of Invoice_A")]
    assert ids(rows) == {12: "id of Invoice_B", 13: "id of Invoice_C"}


def test_a_refused_one_keeps_xeros_words_and_its_mates_are_recorded() -> None:
    rows = [ROWS[0], refusal("Invoice_B", "First.", "Second.", "First."), *ROWS[2:]]
    results = read_results(KIND, NUMBERS, rows)
    assert results.refused == {12: Refusal("First.; Second.")}
    assert list(results.recorded) == [11, 13, 14]


def test_a_refusal_without_words_is_still_a_refusal() -> None:
    assert refusals.read(element("A", HasErrors=True)) == Refusal("Xero refused it without saying why.")
    assert refusals.read(element("A", StatusAttributeString="ERROR")) == Refusal("Xero refused it without saying why.")
    assert refusals.read(element("A", StatusAttributeString="WARNING", HasErrors=False)) is None


@pytest.mark.parametrize("xero_id", [NO_ID, None, ""])
def test_without_an_id_nothing_is_recorded(xero_id: str | None) -> None:
    assert recorded(KIND, element("A", InvoiceID=xero_id)) is None
    assert ids([element("Invoice_A", InvoiceID=xero_id), *ROWS[1:]]) == {12: ALL[12], 13: ALL[13], 14: ALL[14]}


def test_nulls_and_words_that_no_documentation_lists_lose_nothing() -> None:
    odd = {"Status": "PARKED", "Total": None, "Warnings": None, "ValidationErrors": None, "HasErrors": None}
    results = read_results(KIND, NUMBERS, [row | odd for row in ROWS])
    assert results.recorded[14] == Recorded("id of Invoice_D", "PARKED", None)


def test_warnings_are_kept_with_what_was_recorded() -> None:
    warned = element("Invoice_A", Warnings=[{"Message": "Mind the tax."}, {"Message": None}, "odd", {}])
    assert read_results(KIND, NUMBERS, [warned]).recorded[11].message == "Mind the tax."


@pytest.mark.parametrize("value", [None, True, "much", "NaN", float("inf"), [], Decimal(10) ** 13])
def test_what_is_no_amount_is_none(value: object) -> None:
    assert amount(value) is None


def test_a_credit_note_is_read_under_its_own_names() -> None:
    rows = [{"CreditNoteID": "id", "CreditNoteNumber": "CN", "Status": "DRAFT", "Total": 5}]
    results = read_results(KINDS[DocumentType.CREDIT_NOTE], {1: "CN"}, rows)
    assert results.recorded == {1: Recorded("id", "DRAFT", Decimal(5))}


numbers = st.lists(st.text(string.ascii_letters, min_size=1, max_size=3), min_size=1, max_size=8, unique=True)


@given(numbers=numbers, data=st.data())
def test_it_never_mixes_two_numbers_up(numbers: list[str], data: st.DataObject) -> None:
    sent = dict(enumerate(numbers))
    rows = data.draw(st.permutations([element(number) for number in numbers]))
    kept = data.draw(st.lists(st.sampled_from(rows), unique_by=lambda row: str(row["InvoiceNumber"])))
    refused = data.draw(st.sets(st.sampled_from(numbers)))
    answer = [
        refusal(row["InvoiceNumber"], row["InvoiceNumber"]) if row["InvoiceNumber"] in refused else row for row in kept
    ]
    results = read_results(KIND, sent, answer)
    answered = {row["InvoiceNumber"] for row in kept}
    assert {sent[pk]: why.words for pk, why in results.refused.items()} == {
        number: number for number in answered & refused
    }
    assert {sent[pk]: each.xero_id for pk, each in results.recorded.items()} == {
        number: f"id of {number}" for number in answered - refused
    }


odd_values = st.sampled_from(
    [None, True, 0, 5.5, "", "Invoice_A", "Invoice_B", NO_ID, "an id", "ERROR", [], {}, [None], [{"Message": None}]]
)
KEYS = ["InvoiceID", "InvoiceNumber", "Status", "Total", "HasErrors", "StatusAttributeString", "ValidationErrors"]


@given(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys([*KEYS, "Warnings"], odd_values)), max_size=5))
def test_no_answer_can_break_the_reading_or_be_taken_for_two_outcomes(rows: list[dict[str, Any]]) -> None:
    results = read_results(KIND, NUMBERS, rows)
    assert not results.recorded.keys() & results.refused.keys()
    xero_ids = [each.xero_id for each in results.recorded.values()]
    assert len(set(xero_ids)) == len(xero_ids)
    assert not {"", NO_ID} & set(xero_ids)
