"""How C3 writes JSON: numbers of eight decimals, which no float has passed through."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

FEWEST_DECIMALS = 8


class NotJson(ValueError):
    """What was sent cannot be read as JSON."""


def number(text: str | Decimal) -> Decimal:
    """Return the number as C3 writes it: eight decimals, more only where its own digits go on."""
    value = Decimal(text).normalize()
    exponent = value.as_tuple().exponent
    places = max(FEWEST_DECIMALS, -exponent if isinstance(exponent, int) else 0)
    return value.quantize(Decimal(1).scaleb(-places))


def decode(body: bytes) -> Any:
    """Read JSON with every fraction as Decimal. Raises NotJson."""
    try:
        return json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise NotJson(str(error)) from error


def encode(value: Any) -> str:
    """Write JSON. The standard encoder turns Decimal away, and a float would lose digits."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)}: {encode(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(encode, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
