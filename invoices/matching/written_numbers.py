"""How numbers are written: from "1.234,56 €" to 1234.56, by the decimal mark of the column. Never through a float."""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Iterator

from babel.core import get_global

LONGEST = 64


class Mark(enum.StrEnum):
    """What a column's decimal mark is known to be."""

    # A plain number with a decimal point, as JSON and C3 have them: nothing parts the thousands.
    PLAIN = "plain"
    POINT = "."
    COMMA = ","
    # Only what can be read in one way is read.
    UNKNOWN = ""


class Ambiguous(ValueError):
    """Could be read with a decimal point and with a decimal comma, as two different numbers."""


class OtherMark(ValueError):
    """Is a number only when it is written with the other decimal mark."""


# Parts of thousands: three digits each, or in India two behind the first three. One separator for the whole number.
_SPACES = " \u00a0\u2007\u2009\u202f"
_PLAIN = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)


def _grouped(separators: str, decimal: str) -> re.Pattern[str]:
    thousands = rf"\d{{1,3}}(?:([{separators}])\d{{3}}(?:\1\d{{3}})*)?|\d{{1,2}}(?:,\d\d)+,\d{{3}}"
    if decimal == ",":
        thousands = thousands.partition("|")[0]
    return re.compile(rf"(?:{thousands}|\d+)(?:[{decimal}]\d*)?|[{decimal}]\d+", re.ASCII)


_BY_MARK = {
    Mark.POINT: _grouped(rf",'’_{_SPACES}", "."),
    Mark.COMMA: _grouped(rf".'’_{_SPACES}", ","),
}
_GROUPS = {Mark.POINT: re.compile(rf"[,'’_{_SPACES}]"), Mark.COMMA: re.compile(rf"[.'’_{_SPACES}]")}
_MINUS = "-−–"
# A currency's sign or code before or behind the digits, with or without a space.
CURRENCIES = frozenset(get_global("all_currencies"))
# Of currencies alone: INV-1 is no amount.
_CODES = rf"{'|'.join(sorted(CURRENCIES))}|[A-Z]{{0,3}}\$|Fr\.?|kr\.?|zł|Kč|Ft|lei|лв\.?|Rs\.?|R"
_BEFORE = re.compile(rf"^(?:{_CODES})(?=[\s\d.,(+\-−–])")
_BEHIND = re.compile(rf"(?<=[\s\d.,)\-−–])(?:{_CODES})$")


def plain_number(text: str, mark: Mark) -> str:
    """Return the number as plain digits with a decimal point: "(1.234,50)" with a decimal comma is "-1234.50".

    Raises Ambiguous or OtherMark, and ValueError when it is no number at all.
    """
    digits, is_negative = _bare(text)
    return ("-" if is_negative else "") + _digits(digits, mark)


def marks_of(text: str) -> frozenset[Mark]:
    """Return the decimal marks with which `text` is a number; both, when it is the same number with either, is no
    evidence. Empty when it is none."""
    try:
        digits, _ = _bare(text)
    except ValueError:
        return frozenset()
    return frozenset(mark for mark in _BY_MARK if _read(digits, mark) is not None)


def decides(text: str) -> Mark | None:
    """Return the one decimal mark with which `text` is a number, None when it does not tell."""
    marks = marks_of(text)
    return next(iter(marks)) if len(marks) == 1 else None


def is_ambiguous(text: str) -> bool:
    """Whether `text` is two different numbers, by the decimal mark."""
    try:
        digits, _ = _bare(text)
    except ValueError:
        return False
    return len(set(_readings(digits))) == 2


def _digits(digits: str, mark: Mark) -> str:
    if mark is Mark.PLAIN:
        if _PLAIN.fullmatch(digits):
            return digits
        if _read(digits, Mark.COMMA) is not None:
            raise OtherMark("is not a number with a decimal point and nothing between the thousands")
        raise ValueError("is not a number")
    found = list(_readings(digits)) if mark is Mark.UNKNOWN else list(filter(None, [_read(digits, mark)]))
    if len(set(found)) > 1:
        raise Ambiguous("can be read with a decimal point and with a decimal comma")
    if found:
        return found[0]
    if mark is not Mark.UNKNOWN and any(_readings(digits)):
        raise OtherMark(f"is not a number with a decimal {'comma' if mark is Mark.COMMA else 'point'}")
    raise ValueError("is not a number")


def _readings(digits: str) -> Iterator[str]:
    return (read for mark in _BY_MARK if (read := _read(digits, mark)) is not None)


def _read(digits: str, mark: Mark) -> str | None:
    if _PLAIN.fullmatch(digits) and mark is Mark.POINT:
        return digits
    if not _BY_MARK[mark].fullmatch(digits):
        return None
    text = _GROUPS[mark].sub("", digits).replace(",", ".")
    return f"0{text}" if text.startswith(".") else text.removesuffix(".")


def _bare(text: str) -> tuple[str, bool]:
    """Return the digits and separators, and whether they are negative. Raises ValueError when it cannot be a number."""
    text = text.strip()
    if not text or len(text) > LONGEST:
        raise ValueError("is not a number")
    text = _without_currency(text)
    is_negative = False
    if text.startswith("(") and text.endswith(")"):
        text, is_negative = _without_currency(text[1:-1].strip()), True
    text, minus = _without_minus(text)
    if minus and is_negative:
        raise ValueError("is not a number")
    return _without_currency(text.removeprefix("+").strip()), is_negative or minus


def _without_minus(text: str) -> tuple[str, bool]:
    if text and text[0] in _MINUS:
        return text[1:].strip(), True
    if text and text[-1] in _MINUS:
        return text[:-1].strip(), True
    return text, False


def _without_currency(text: str) -> str:
    text = text.removesuffix("%").strip()
    if text and unicodedata.category(text[0]) == "Sc":
        text = text[1:].strip()
    elif text and unicodedata.category(text[-1]) == "Sc":
        text = text[:-1].strip()
    return _BEHIND.sub("", _BEFORE.sub("", text)).strip()
