"""Lists of objects in JSON: an array, C3's envelope."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import ijson

from invoices.reading.budget import RowBudget, header_of
from invoices.reading.errors import WANTED, FileRefused, RowError
from invoices.reading.rows import Table, TableRow

CHUNK = 65_536
# The JSON reader's time grows with the square of the depth: so many characters count for each opened level.
OPENING_COST = 100
# The JSON reader dies with its whole process of a number of more than 4,300 digits (ijson 3.6).
MOST_DIGITS = 1_000
# Of so many objects at the start, with so many values together, the names make the header.
ROWS_FOR_HEADER, VALUES_FOR_HEADER = 1_000, 100_000

# Behind a quotation mark a text begins, which is judged by its column.
_TOO_MANY_DIGITS = re.compile(rb'(?<![\d"])\d{%d}' % (MOST_DIGITS + 1))


def open_json(text: io.TextIOWrapper, start: str, encoding: str) -> Table:
    """Return the table in `text`, which begins with `start`. Raises FileRefused."""
    items = _items(text, "Data.item" if start[0] == "{" else "item", RowBudget())
    first: list[Any] = []
    values = 0
    for item in itertools.islice(items, ROWS_FOR_HEADER):
        first.append(item)
        values += len(item) if isinstance(item, Mapping) else 1
        if values > VALUES_FOR_HEADER:
            break
    names = dict.fromkeys(name for item in first if isinstance(item, Mapping) for name in item)
    header = header_of(list(names))
    return Table("JSON", header, _rows(itertools.chain(first, items), header), encoding)


def _rows(items: Iterator[Any], header: tuple[str, ...]) -> Iterator[TableRow]:
    for number, item in enumerate(items, start=1):
        if isinstance(item, Mapping):
            yield _row(number, item, header)
        else:
            yield TableRow(number, [], (RowError(number, "", "is not an object with named fields"),))


def _row(number: int, item: Mapping[str, Any], header: tuple[str, ...]) -> TableRow:
    cells, errors = [], []
    for name in header:
        text = _text(item.get(name))
        if text is None:
            errors.append(RowError(number, name, "is neither text nor a number that fits"))
        cells.append((text or "").strip())
    return TableRow(number, cells, tuple(errors))


def _text(value: Any) -> str | None:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < 512:
        return str(value)
    return None


def _items(text: io.TextIOWrapper, prefix: str, budget: RowBudget) -> Iterator[Any]:
    """Yield what stands at `prefix`. Raises FileRefused when Status is not Success."""
    found = ijson.sendable_list()
    readers = [ijson.items_coro(found, prefix, use_float=False)]
    # The envelope may say its Status behind its Data, so it is judged at the end of the file.
    envelope = _Envelope() if prefix != "item" else None
    before = b""
    while chunk := text.read(CHUNK).encode():
        budget.spend(len(chunk) + OPENING_COST * (chunk.count(b"[") + chunk.count(b"{")))
        if _TOO_MANY_DIGITS.search(before + chunk):
            raise FileRefused(f"The JSON holds more than {MOST_DIGITS:,} digits in a row. {WANTED}")
        before = chunk[-MOST_DIGITS:]
        for reader in readers:
            reader.send(chunk)
        if envelope:
            envelope.read(chunk)
        for item in found:
            budget.row_done()
            yield item
        found.clear()
    for reader in readers:
        _close(reader)
    if envelope:
        envelope.check()


def _close(reader: Any) -> None:
    try:
        reader.close()
    except ijson.JSONError as error:
        raise EndsInTheMiddle from error


class EndsInTheMiddle(Exception):
    """The file ends before its JSON does."""


class _Envelope:
    def __init__(self) -> None:
        self.statuses, self.messages = ijson.sendable_list(), ijson.sendable_list()
        self.readers = [ijson.items_coro(self.statuses, "Status"), ijson.items_coro(self.messages, "ErrorMessage")]

    def read(self, chunk: bytes) -> None:
        # Once it is Success, nothing else of the envelope matters.
        if self.statuses != ["Success"]:
            for reader in self.readers:
                reader.send(chunk)

    def check(self) -> None:
        if not self.statuses:
            raise FileRefused(f"The JSON has no Status, so it is not an answer of C3. {WANTED}")
        if self.statuses[-1] != "Success":
            message = next((str(text) for text in self.messages if text), "no message")
            raise FileRefused(f"C3 answered {str(self.statuses[-1])[:50]} instead of Success: {message[:500]}")
