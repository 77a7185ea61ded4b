"""One spelling for each number, however a file writes it."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache


@lru_cache(maxsize=16_384)
def plain(number: str | Decimal) -> str:
    """Return a valid number in its shortest spelling, without exponent: "1.50E1" becomes "15"."""
    text = format(Decimal(number), "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text
