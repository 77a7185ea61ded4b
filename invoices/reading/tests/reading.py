"""What the tests of reading share."""

from __future__ import annotations

import io

import pytest

from invoices.reading.errors import FileRefused
from invoices.reading.table import ReadOptions, Table, open_table


def opened(content: bytes, encoding: str = "", sheet: str = "") -> Table:
    return open_table(io.BytesIO(content), ReadOptions(encoding, sheet))


def cells_of(table: Table) -> list[list[str]]:
    return [row.cells for row in table.rows]


def refusal_of(content: bytes) -> str:
    with pytest.raises(FileRefused) as refused:
        list(opened(content).rows)
    return str(refused.value)
