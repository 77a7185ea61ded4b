"""From the bytes of a JSON or CSV file to rows of text, one in memory at a time."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, BinaryIO, Literal, NamedTuple

import ijson

from c3portal.http.spreadsheet_cells import unprotect
from invoices.matching.meanings import FIELDS, REQUIRED, TEXTS
from invoices.reading.errors import FileRefused, RowError
from invoices.reading.hashing import HashingFile

__all__ = ("ROW_LIMIT", "FileRefused", "HashingFile", "RawRow", "RowError", "Source", "open_source")

WANTED = "The import takes C3's invoice line download, as JSON or CSV."
ROW_LIMIT = 1_000_000
# C3's download has 39.
MOST_COLUMNS = 1_000
CHUNK = 65_536
# The JSON reader's time grows with the square of the depth: so many characters count for each opened level.
OPENING_COST = 100
# The JSON reader dies with its whole process of a number of more than 4,300 digits (ijson 3.6).
MOST_DIGITS = 1_000

# Behind a quotation mark a text begins, which is judged by its column.
_TOO_MANY_DIGITS = re.compile(rb'(?<![\d"])\d{%d}' % (MOST_DIGITS + 1))
_SIGNATURES = (
    (b"%PDF", "a PDF file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Office file"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"PAR1", "a Parquet file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"<?xml", "an XML file"),
    (b"<!doctype html", "a web page, perhaps a sign-in page that was saved in place of the download"),
    (b"<html", "a web page, perhaps a sign-in page that was saved in place of the download"),
)
_MICROSOFT_FILES = (
    (
        frozenset({"usagedate", "meterid", "billingpretaxtotal"}),
        "This is Microsoft's daily rated usage file: what Microsoft charges the partner for Azure, day by day.",
    ),
    (
        frozenset({"termandbillingcycle", "billablequantity", "orderid"}),
        "This is Microsoft's reconciliation file for new-commerce licenses: what Microsoft charges the partner.",
    ),
    (
        frozenset({"partnerid", "mpnid"}),
        "This is a file of Microsoft's Partner Center: what Microsoft charges the partner.",
    ),
)
_BY_FOLDED_NAME = {name.casefold(): name for name in FIELDS}
_BLANK = dict.fromkeys(FIELDS, "")


class RawRow(NamedTuple):
    """A row's cells under all names of `FIELDS`, stripped, "" where there is nothing.

    `number` is the row a spreadsheet shows (a CSV's header is row 1), or the place in a JSON list from 1.
    """

    number: int
    cells: dict[str, str]
    errors: tuple[RowError, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """An opened file. `rows` can be read once and raises FileRefused; `ignored` are unknown columns."""

    kind: Literal["JSON", "CSV"]
    rows: Iterator[RawRow]
    ignored: list[str]


def open_source(stream: BinaryIO) -> Source:
    """Return the rows of `stream` (seekable, at its start). Raises FileRefused.

    Reads UTF-8 and, with a byte order mark, UTF-16; a CSV's cells are parted by comma, semicolon or tab.
    """
    head = stream.read(CHUNK)
    stream.seek(0)
    _refuse_other_kinds(head)
    encoding = "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    start = head.decode(encoding, "ignore").lstrip()
    text = io.TextIOWrapper(stream, encoding, newline="")
    ignored: list[str] = []
    if start[:1] in ("{", "["):
        rows = _json_rows(text, "Data.item" if start[0] == "{" else "item", ignored)
        return Source("JSON", _worded(rows, "JSON"), ignored)
    return Source("CSV", _worded(_csv_rows(text, start, ignored), "CSV"), ignored)


def _refuse_other_kinds(head: bytes) -> None:
    if not head.strip():
        raise FileRefused(f"The file is empty. {WANTED}")
    if head.startswith(b"PK\x03\x04"):
        if b"xl/" in head or b"[Content_Types].xml" in head:
            raise FileRefused(
                "This is an Excel file; save it as “CSV UTF-8”, or better import the download as it comes from C3."
            )
        raise FileRefused(f"This is a zip archive; unpack it first. {WANTED}")
    start = head.lstrip().lower()
    for signature, what in _SIGNATURES:
        if start.startswith(signature.lower()):
            raise FileRefused(f"This is {what}. {WANTED}")
    if b"\0" in head[:64] and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FileRefused(f"This is not a text file, or one in an encoding other than UTF-8. {WANTED}")


def _worded(rows: Iterator[RawRow], kind: str) -> Iterator[RawRow]:
    """Raises FileRefused for whatever the readers raise, saying where."""
    last = 0
    try:
        for row in rows:
            last = row.number
            yield row
    except UnicodeError as error:
        raise FileRefused(
            f"The file is not in UTF-8: it cannot be read {_where(last)}. Save it again as UTF-8 "
            "(in Excel: “CSV UTF-8”), or import the download as it comes from C3."
        ) from error
    except csv.Error as error:
        raise FileRefused(f"The CSV cannot be read {_where(last)}: {error}.") from error
    except (ijson.JSONError, ValueError, ArithmeticError) as error:
        what = "ends in the middle" if "premature EOF" in str(error) else "cannot be read"
        raise FileRefused(f"The {kind} {what}, {_where(last)}. Please download it again.") from error
    if not last:
        raise FileRefused(f"The file holds no invoice lines. {WANTED}")


def _where(last: int) -> str:
    return f"after row {last}" if last else "from its first row on"


def _check_header(names: Sequence[str], ignored: list[str]) -> None:
    """Raises FileRefused unless `names` are C3's columns; unknown ones go into `ignored`."""
    if len(names) > MOST_COLUMNS:
        raise FileRefused(f"The file has more than {MOST_COLUMNS:,} columns. {WANTED}")
    folded = [name.casefold() for name in names]
    for marks, what in _MICROSOFT_FILES:
        if marks.issubset(folded):
            raise FileRefused(f"{what} {WANTED} That is what the partner charges its own customers.")
    missing = [name for name in REQUIRED if name.casefold() not in folded]
    if len(missing) == len(REQUIRED):
        raise FileRefused(f"None of the columns is one of the invoice line download. {WANTED}")
    if missing:
        raise FileRefused(f"Columns are missing: {', '.join(missing)}. {WANTED}")
    times = Counter(folded)
    twice = sorted(name for each, name in _BY_FOLDED_NAME.items() if times[each] > 1)
    if twice:
        raise FileRefused(f"A column is there twice: {', '.join(twice)}.")
    ignored.extend(name[:100] for name in names if name and name.casefold() not in _BY_FOLDED_NAME)


class _RowBudget:
    """Keeps a file without rows from filling the memory: FileRefused over ROW_LIMIT characters a row."""

    def __init__(self) -> None:
        self.left = ROW_LIMIT

    def spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise FileRefused(
                f"More than {ROW_LIMIT:,} characters, or too many brackets, without the end of a row. {WANTED}"
            )

    def row_done(self) -> None:
        self.left = ROW_LIMIT


def _csv_rows(text: io.TextIOWrapper, start: str, ignored: list[str]) -> Iterator[RawRow]:
    budget = _RowBudget()
    reader = csv.reader(_lines(text, budget), delimiter=_delimiter(start), strict=True)
    header = [name.strip() for name in next(reader, [])]
    _check_header(header, ignored)
    known = [(index, name) for index, cell in enumerate(header) if (name := _BY_FOLDED_NAME.get(cell.casefold()))]
    for number, cells in enumerate(reader, start=2):
        budget.row_done()
        if len(cells) != len(header):
            if not any(cells):
                continue
            reason = f"has {len(cells)} cells where the header has {len(header)}"
            yield RawRow(number, _BLANK, (RowError(number, "", reason),))
            continue
        row = _BLANK.copy()
        for index, name in known:
            row[name] = cells[index].strip()
        if "'" in "".join(cells):
            row.update((name, unprotect(row[name])) for name in TEXTS)
        if any(row.values()):
            yield RawRow(number, row)


def _lines(text: io.TextIOWrapper, budget: _RowBudget) -> Iterator[str]:
    while line := text.readline(ROW_LIMIT + 1):
        budget.spend(len(line))
        yield line


def _delimiter(start: str) -> str:
    header = start.partition("\n")[0]
    return max(",;\t", key=header.count)


def _json_rows(text: io.TextIOWrapper, prefix: str, ignored: list[str]) -> Iterator[RawRow]:
    budget = _RowBudget()
    number = 0
    for item in _json_items(text, prefix, budget):
        number += 1
        budget.row_done()
        if not isinstance(item, Mapping):
            yield RawRow(number, _BLANK, (RowError(number, "", "is not an object with named fields"),))
            continue
        if number == 1:
            _check_header(list(item), ignored)
        yield _json_row(number, item)


def _json_items(text: io.TextIOWrapper, prefix: str, budget: _RowBudget) -> Iterator[Any]:
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
        yield from found
        found.clear()
    for reader in readers:
        reader.close()
    if envelope:
        envelope.check()


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


def _json_row(number: int, item: Mapping[str, Any]) -> RawRow:
    row = _BLANK.copy()
    errors = []
    for key, value in item.items():
        name = _BY_FOLDED_NAME.get(key.casefold())
        if not name or value is None:
            continue
        text = _json_text(value)
        if text is None:
            errors.append(RowError(number, name, "is neither text nor a number that fits"))
        else:
            row[name] = text.strip()
    return RawRow(number, row, tuple(errors))


def _json_text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < 512:
        return str(value)
    return None
