"""A file of any supported kind is a header and rows of text."""

from __future__ import annotations

import io

import pytest

from invoices.reading.errors import FileRefused
from invoices.reading.table import open_table


def read(content: bytes) -> tuple[tuple[str, ...], list[list[str]]]:
    table = open_table(io.BytesIO(content))
    return table.header, [row.cells for row in table.rows]


@pytest.mark.parametrize(
    "content",
    [
        b"Number,Net\r\nI-1,6.00\r\nI-2,-7.10\r\n",
        b"Number;Net\nI-1;6.00\n\nI-2;-7.10",
        b"Number\tNet\nI-1\t6.00\nI-2\t-7.10\n",
        b'[{"Number": "I-1", "Net": 6.00}, {"Net": -7.10, "Number": "I-2"}]',
        b'{"Data": [{"Number": "I-1", "Net": 6.00}, {"Number": "I-2", "Net": -7.10}], "Status": "Success"}',
    ],
)
def test_a_table_is_the_same_in_any_clothing(content: bytes) -> None:
    assert read(content) == (("Number", "Net"), [["I-1", "6.00"], ["I-2", "-7.10"]])


def test_an_answer_of_c3_that_is_an_error_is_refused_in_its_words() -> None:
    with pytest.raises(FileRefused, match="No such period"):
        read(b'{"Status": "Error", "ErrorMessage": "No such period", "Data": [{"a": 1}]}')


def test_a_name_that_is_there_twice_is_told_apart() -> None:
    assert read(b"Total,Total,Total (2)\n1,2,3\n")[0] == ("Total", "Total (3)", "Total (2)")
