"""Lists of objects in JSON: an array, C3's envelope or another one, an object on each line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import ijson

from invoices.reading.budget import RowBudget, header_of
from invoices.reading.errors import WANTED, EndsInTheMiddle, FileRefused, RowError
from invoices.reading.json_envelopes import C3_LIST, C3_STATUS, Envelope, lists_of_objects, top_level_names
from invoices.reading.lookahead import look_ahead
from invoices.reading.rows import Table, TableRow

# The JSON reader's time grows with the square of the depth: so many characters count for each opened level.
OPENING_COST = 200
# The JSON reader dies with its whole process of a number of more than 4,300 digits (ijson 3.6).
MOST_DIGITS = 1_000
# So much in so many objects at the start is enough for the names in the header.
ROWS_FOR_HEADER, CHARACTERS_FOR_HEADER = 1_000, 1_000_000
# Nobody means to read a list in a list in a list.
DEEPEST = 20

# Behind a quotation mark a text begins, which is judged by its column.
_TOO_MANY_DIGITS = re.compile(rb'(?<![\d"])\d{%d}' % (MOST_DIGITS + 1))
_FIRST_OF_JSON_LINES = re.compile(r"\{.*\}[ \t]*\r?\n\s*\{")
_IS_NOT_A_CELL = "is neither text nor a number that fits"


type Blocks = Callable[[], Iterator[str]]


def open_json(blocks: Blocks, start: str, sheet: str = "", columns: Sequence[str] = ()) -> Table:
    """Return the table in a text that begins with `start`; `blocks` reads it anew. `columns` are in its header whether
    or not its first objects have them. Raises FileRefused."""
    _refuse_long_numbers(start.encode())
    if start[0] == "[":
        return _table(_items(blocks, "item"), columns)
    if _FIRST_OF_JSON_LINES.match(start):
        return _table(_items(blocks, "", multiple_values=True), columns)
    names = top_level_names(start)
    sheets = (C3_LIST,) if C3_LIST in names else lists_of_objects(_chunks(blocks))
    if C3_LIST in sheets:
        return _table(_items(blocks, f"{C3_LIST}.item", envelope=Envelope()), columns)
    if not sheets:
        envelope = Envelope() if C3_STATUS in names else None
        return _table(_items(blocks, "", multiple_values=True, envelope=envelope), columns)
    sheet = sheet if sheet in sheets else sheets[0]
    table = _table(_items(blocks, f"{sheet}.item"), columns)
    table.sheets, table.sheet = sheets, sheet
    return table


def _table(items: Iterator[Any], columns: Sequence[str]) -> Table:
    first, items = look_ahead(items, _size, CHARACTERS_FOR_HEADER)
    names = list(dict.fromkeys([*(name for item in first if isinstance(item, Mapping) for name in item), *columns]))
    table = Table("JSON", header_of([name.strip() for name in names]), iter(()))
    table.rows = _rows(table, names, items)
    return table


def _size(item: Any) -> int:
    values = item.values() if isinstance(item, Mapping) else [item]
    size = sum(len(value) if isinstance(value, str) else 10 for value in values)
    return max(size, CHARACTERS_FOR_HEADER // ROWS_FOR_HEADER)


def _rows(table: Table, names: list[str], items: Iterator[Any]) -> Iterator[TableRow]:
    known, late = set(names), set[str]()
    for number, item in enumerate(items, start=1):
        table.last_row = number
        if not isinstance(item, Mapping):
            yield TableRow(number, [], (RowError(number, "", "is not an object with named fields"),))
            continue
        for name in item.keys() - known - late if len(late) < ROWS_FOR_HEADER else ():
            late.add(name)
            table.late.append(name)
            table.notes.append(f"“{name[:100]}” is first there in row {number} and left out.")
        yield _row(number, [item.get(name) for name in names], table.header)


def _row(number: int, values: list[Any], header: tuple[str, ...]) -> TableRow:
    """Return the row; what is no cell is kept as JSON, and is an error to whoever uses its column."""
    cells, errors = [], []
    for name, value in zip(header, values, strict=True):
        if isinstance(value, str):
            cells.append(value.strip())
            continue
        text = _text(value)
        if text is None or isinstance(value, bool | list | Mapping):
            errors.append(RowError(number, name, _IS_NOT_A_CELL))
        cells.append(text or "")
    return TableRow(number, cells, tuple(errors))


def _text(value: Any) -> str | None:
    """Return a value that is no text as the file has it, "" for null, None when it is beyond reading."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return _digits(value)
    if isinstance(value, int):
        return str(value) if value.bit_length() < 512 else None
    try:
        return _nested(value, DEEPEST)
    except RecursionError:
        return None


def _digits(value: Decimal) -> str:
    exponent = value.as_tuple().exponent
    # 0.00000000 would be 0E-8 otherwise; and a power is written out only where that is short.
    return format(value, "f") if isinstance(exponent, int) and -30 <= exponent <= 0 else str(value)


def _nested(value: Any, deepest: int) -> str:
    """Return a list or an object as JSON, its numbers digit for digit. Raises RecursionError below `deepest`."""
    if not deepest:
        raise RecursionError
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_quoted(k)}: {_nested(v, deepest - 1)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_nested(each, deepest - 1) for each in value) + "]"
    if isinstance(value, str):
        return _quoted(value)
    text = _text(value)
    if text is None:
        raise RecursionError
    return text or "null"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _chunks(blocks: Blocks) -> Iterator[bytes]:
    """Yield the file in pieces. Raises FileRefused for what the JSON reader would die of."""
    before = b""
    for chunk in map(str.encode, blocks()):
        _refuse_long_numbers(before + chunk)
        before = chunk[-MOST_DIGITS:]
        yield chunk


def _refuse_long_numbers(text: bytes) -> None:
    if _TOO_MANY_DIGITS.search(text):
        raise FileRefused(f"The JSON holds more than {MOST_DIGITS:,} digits in a row. {WANTED}")


def _items(
    blocks: Blocks, prefix: str, multiple_values: bool = False, envelope: Envelope | None = None
) -> Iterator[Any]:
    """Yield what stands at `prefix`. Raises FileRefused when the envelope's Status is not Success."""
    found = ijson.sendable_list()
    budget = RowBudget()
    reader = ijson.items_coro(found, prefix, use_float=False, multiple_values=multiple_values)
    for chunk in _chunks(blocks):
        budget.spend(len(chunk) + OPENING_COST * (chunk.count(b"[") + chunk.count(b"{")))
        failure = _fed(reader, chunk)
        # It may say its Status behind its Data, so it is judged at the end of the file.
        if envelope:
            envelope.read(chunk)
        for item in found:
            budget.row_done()
            yield item
        found.clear()
        if failure:
            raise failure
    _close(reader)
    yield from found
    if envelope:
        envelope.check()


def _fed(reader: Any, chunk: bytes) -> Exception | None:
    """Return what is wrong with `chunk`, so that what stands before it is read first."""
    try:
        reader.send(chunk)
    except (ijson.JSONError, ValueError, ArithmeticError) as error:
        return error
    return None


def _close(reader: Any) -> None:
    try:
        reader.close()
    except ijson.JSONError as error:
        raise EndsInTheMiddle from error
