"""Someone else's JSON as plain values that every database can hold."""

from __future__ import annotations

import json
import re
from decimal import Context, Inexact, InvalidOperation, Overflow
from typing import Any

# A document of Xero's is five deep.
DEEPEST = 32
# Values in one answer. A thousand documents of thirty fields each are far below this.
MOST_PARTS = 2_000_000
# Digits of a number before its noughts. Amounts have seventeen at most.
MOST_DIGITS = 20
# Escapes of NUL and of halves of a pair: what UTF-8 cannot hold can only come by an escape.
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


class Unreadable(ValueError):
    """It is no JSON, or none that can be worked with."""


def parse(content: bytes) -> Any:
    """Return the value, with Decimal for numbers that are no integers. Raises Unreadable for other encodings than
    UTF-8, a name twice in an object, NaN, Infinity, NUL, halves of characters, and what is beyond the bounds above."""
    if sum(content.count(mark) for mark in (b",", b"[", b"{")) > MOST_PARTS:
        raise Unreadable("It has too many parts.")
    try:
        value = _DECODER.decode(content.decode("utf-8-sig"))
        _require_depth(value)
        if _SUSPECT.search(content):
            _require_texts(value)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise Unreadable("It cannot be read.") from error
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("A name stands twice in an object.")
    return found


def _integer(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise Unreadable("A number is beyond all bounds.")
    return int(text)


def _constant(text: str) -> None:
    raise Unreadable(f"{text} is no number.")


# Raises for what has more digits or a larger exponent than that: it rounds nothing.
_NUMBERS = Context(prec=MOST_DIGITS, Emin=-MOST_DIGITS, Emax=MOST_DIGITS, traps=[InvalidOperation, Overflow, Inexact])
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_float=_NUMBERS.create_decimal,
    parse_int=_integer,
    parse_constant=_constant,
)


def _require_depth(value: Any) -> None:
    # Level by level, since every answer is looked through.
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEEPEST + 1):
        parts = (part.values() if type(part) is dict else part for part in level)
        level = [each for found in parts for each in found if type(each) is dict or type(each) is list]
        if not level:
            return
    raise Unreadable("It is nested too deep.")


def _require_texts(value: Any) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise Unreadable("A text has NUL in it.")
        # Raises UnicodeEncodeError, a ValueError, for half a character.
        value.encode()
    elif isinstance(value, dict):
        for pair in value.items():
            _require_texts(list(pair))
    elif isinstance(value, list):
        for part in value:
            _require_texts(part)
