"""JSON as C3 answers it, and as other systems do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from invoices.reading.tests.reading import cells_of, opened, refusal_of

ROWS = [{"Number": "I-1", "Net": 6}, {"Number": "I-2", "Net": 7}]
CELLS = [["I-1", "6"], ["I-2", "7"]]


def read(data: Any, **options: str) -> tuple[tuple[str, ...], list[list[str]]]:
    table = opened(data if isinstance(data, bytes) else json.dumps(data, indent=1).encode(), **options)
    return table.header, cells_of(table)


@pytest.mark.parametrize(
    "data",
    [
        ROWS,
        {"OperationType": None, "Status": "Success", "Data": ROWS},
        {"Data": ROWS, "Status": "Success"},
        {"value": ROWS},
        {"count": 2, "result": {"page": [1, 2], "lines": ROWS}},
        {"Status": "ok", "lines": ROWS},
        "\n".join(map(json.dumps, ROWS)).encode(),
        "\r\n\r\n".join(map(json.dumps, ROWS)).encode() + b"\n",
        json.dumps(ROWS).encode("utf-16"),
        json.dumps(ROWS).encode("utf-8-sig"),
    ],
)
def test_a_list_of_objects_is_a_table_whatever_stands_around_it(data: Any) -> None:
    assert read(data) == (("Number", "Net"), CELLS)


def test_of_several_lists_one_can_be_chosen() -> None:
    data = json.dumps({"customers": [{"Name": "Fabrikam"}], "lines": ROWS}).encode()
    table = opened(data)
    assert (table.sheets, table.sheet) == (("lines", "customers"), "lines")
    assert cells_of(table) == CELLS
    assert read(data, sheet="customers") == (("Name",), [["Fabrikam"]])


@pytest.mark.parametrize("code", ['"Data": []', '"Data": null', '"Data": [{"a": 1}]', '"x": 1'])
def test_an_error_of_c3_is_refused_in_its_words(code: str) -> None:
    content = '{"Status": "Error", "RequestCorrelationID": "c0", "ErrorMessage": "No period", "ErrorDetail": "99", %s}'
    refusal = refusal_of((content % code).encode())
    assert "Error instead of Success: No period 99 (RequestCorrelationID c0)" in refusal


def test_the_details_of_an_error_of_c3_may_be_a_list() -> None:
    content = (
        b'{"Status": "Error", "ErrorMessage": null, "ErrorDetail": [{"Code": 7}, "No period"], "Data": [{"a": "x"}]}'
    )
    assert "Error instead of Success: 7 No period" in refusal_of(content)


def test_numbers_are_their_digits() -> None:
    content = b'[{"a": 6.00000000, "b": 0.00000000, "c": 0.10, "d": -7, "e": 12345678901234567890.5, "f": 1E-7}]'
    assert read(content)[1] == [["6.00000000", "0.00000000", "0.10", "-7", "12345678901234567890.5", "0.0000001"]]


def test_what_is_no_cell_is_kept_as_json_and_an_error_of_its_column() -> None:
    content = b'[{"a": true, "b": null, "c": {"TagKey": "x", "n": [1.50, null, false]}, "d": [], "e": " y "}]'
    (row,) = opened(content).rows
    assert row.cells == ["true", "", '{"TagKey": "x", "n": [1.50, null, false]}', "[]", "y"]
    assert [error.field for error in row.errors] == ["a", "c", "d"]


def test_a_field_may_be_absent_and_come_in_any_order() -> None:
    assert read([{"a": 1}, {"b": 2, "a": 3}, {}]) == (("a", "b"), [["1", ""], ["3", "2"], ["", ""]])


def test_a_field_that_comes_late_is_said() -> None:
    table = opened(json.dumps([{"a": 1}] * 1500 + [{"a": 1, "late": 2}] * 2).encode())
    assert cells_of(table)[-1] == ["1"]
    assert table.notes == ["“late” is first there in row 1501 and left out."]


def test_what_is_no_object_is_an_error_of_its_row() -> None:
    rows = list(opened(b'[{"a": 1}, 7, {"a": 2}]').rows)
    assert [(row.number, row.cells) for row in rows if not row.errors] == [(1, ["1"]), (3, ["2"])]


def test_a_file_that_is_cut_off_is_refused_with_the_place() -> None:
    whole = json.dumps(ROWS * 3).encode()
    assert "ends in the middle, after row 5" in refusal_of(whole[:-5])
    assert "ends in the middle, from its first row on" in refusal_of(whole[:10])
    assert "cannot be read, after row 1" in refusal_of(whole.replace(b"}, {", b"} {", 1))
