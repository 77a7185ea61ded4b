"""How large a workbook is when it is unpacked, before anything unpacks it in earnest.

A few kilobytes can unpack to gigabytes, and python-calamine ends the whole process over one cell in the last corner of
a sheet, since it makes room for all cells between (0.9). What a file says of its own size is not believed.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from invoices.reading.errors import WANTED, FileRefused

MB = 1_000_000
MOST_PACKED, MOST_UNPACKED = 64 * MB, 256 * MB
# 128,000 lines of 39 columns: half a gigabyte in memory.
MOST_CELLS = 5 * MB
MOST_PARTS = 10_000
MOST_ROWS, MOST_LETTERS = 1_048_576, 3
PIECE = 1 * MB
# Excel's longest text is 32,767 characters.
LONGEST_ELEMENT = 4 * MB

_TOO_LARGE = "Save its sheet as “CSV UTF-8” and import that."
_BETWEEN, _QUOTED = rb"""(?:[^<>"'/]|/(?!>))*+""", rb"""(?:"[^"]*"|'[^']*')"""
# Where a row or a cell stands, unless its element is empty: those that are only painted take no room.
_PLACE = re.compile(rb"""\sr\s*=\s*["']\s*([A-Za-z]*)(\d+)\s*["'](?!%b(?:%b%b)*+/>)""" % (_BETWEEN, _QUOTED, _BETWEEN))
_ERROR = b' t="e"'


class Contents(NamedTuple):
    """What was seen of a workbook: cells that hold an error of Excel's such as #REF!."""

    errors: int


def look_into(content: bytes) -> Contents:
    """Raises FileRefused when `content`, a zip archive, is no .xlsx workbook, or one that is too large to read."""
    if len(content) > MOST_PACKED or content.count(b"PK\x01\x02") > MOST_PARTS:
        raise FileRefused(f"The workbook is larger than {MOST_PACKED // MB} MB. {_TOO_LARGE}")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
        _refuse_other_archives({part.filename for part in parts})
        return _measured(content, parts)
    except (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, ValueError) as error:
        if b"xl/" not in content:
            raise FileRefused(f"This is a zip archive; unpack it first. {WANTED}") from error
        raise FileRefused("The Excel file is damaged. Please download it again.") from error


def _refuse_other_archives(names: set[str]) -> None:
    if "xl/workbook.xml" in names:
        return
    if "xl/workbook.bin" in names:
        raise FileRefused("This is a binary Excel workbook (.xlsb); save it as .xlsx.")
    if {"content.xml", "mimetype"} <= names:
        raise FileRefused("This is an OpenDocument file; save it as .xlsx or as “CSV UTF-8”.")
    raise FileRefused(f"This is a zip archive; unpack it first. {WANTED}")


def _measured(content: bytes, parts: list[zipfile.ZipInfo]) -> Contents:
    left, errors = MOST_UNPACKED, 0
    for part in parts:
        rows = columns = 0
        for text in _whole_elements(_unpacked(content, part)):
            left -= len(text)
            if left < 0:
                raise FileRefused(f"The workbook is larger than {MOST_UNPACKED // MB} MB unpacked. {_TOO_LARGE}")
            errors += text.count(_ERROR)
            places = _PLACE.findall(text)
            rows = max(rows, *(int(row[:8]) for row in {row for _, row in places}), 0)
            columns = max(columns, *map(_column, {letters for letters, _ in places}), 0)
            if rows * max(columns, 1) > MOST_CELLS or rows > MOST_ROWS:
                raise FileRefused(f"A sheet of the workbook has more than {MOST_CELLS:,} cells. {_TOO_LARGE}")
    return Contents(errors)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper()[: MOST_LETTERS + 1]:
        number = number * 26 + letter - ord("A") + 1
    return number


def _unpacked(content: bytes, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield all that `part` unpacks to, whatever it says of its size."""
    start = part.header_offset + 30 + sum(struct.unpack_from("<HH", content, part.header_offset + 26))
    packed = memoryview(content)[start : start + part.compress_size]
    if part.flag_bits & 1:
        raise FileRefused("The workbook has a password; save it without one.")
    if part.compress_type == zipfile.ZIP_STORED:
        for place in range(0, len(packed), PIECE):
            yield bytes(packed[place : place + PIECE])
        return
    if part.compress_type != zipfile.ZIP_DEFLATED:
        raise zipfile.BadZipFile
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    rest: bytes | memoryview = packed
    while not unpacker.eof:
        piece = unpacker.decompress(rest, PIECE)
        rest = unpacker.unconsumed_tail
        if not piece and not rest:
            return
        yield piece


def _whole_elements(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield `pieces` cut where an element begins, so that none is seen in halves. Raises FileRefused."""
    rest = b""
    for piece in pieces:
        text = rest + piece
        end = text.rfind(b"<") if b"<" in piece else 0
        if len(text) - end > LONGEST_ELEMENT:
            raise FileRefused(f"The workbook holds what Excel never writes. {_TOO_LARGE}")
        rest = text[end:]
        yield text[:end]
    yield rest
