"""How values look on the wire: exact decimals as JSON numbers, Microsoft dates, and minimal XML."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from json.encoder import encode_basestring
from typing import Any
from urllib.parse import SplitResult, urlsplit
from uuid import UUID
from xml.sax.saxutils import escape

ZERO_ID = UUID(int=0)
TOO_LARGE = Decimal(10) ** 15


class Raw(str):
    """Text that is JSON already."""

    __slots__ = ()


class NotJson(ValueError):
    """What was sent cannot be read as JSON."""


def decode(body: bytes) -> Any:
    """Read JSON with every fraction as Decimal. Raises NotJson."""
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise NotJson(str(error)) from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def encode(value: Any) -> str:
    """Write JSON. The standard encoder turns Decimal away, and a float would lose the exact cents."""
    parts: list[str] = []
    _write(value, parts.append)
    return "".join(parts)


def _write(value: Any, add: Any) -> None:
    if type(value) is str:
        add(encode_basestring(value))
    elif value is None:
        add("null")
    elif value is True or value is False:
        add("true" if value else "false")
    elif isinstance(value, Raw):
        add(value)
    elif isinstance(value, Decimal):
        add(format(value, "f"))
    elif isinstance(value, int | float):
        add(repr(value))
    elif isinstance(value, Mapping):
        _write_mapping(value, add)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        _write_list(value, add)
    else:
        add(encode_basestring(_words(value)))


def _write_mapping(value: Mapping[str, Any], add: Any) -> None:
    mark = "{"
    for key, item in value.items():
        add(mark + encode_basestring(key) + ":")
        _write(item, add)
        mark = ","
    add("}" if mark == "," else "{}")


def _write_list(value: Sequence[Any], add: Any) -> None:
    mark = "["
    for item in value:
        add(mark)
        _write(item, add)
        mark = ","
    add("]" if mark == "," else "[]")


def _words(value: Any) -> str:
    if isinstance(value, date):
        return ms_date(value)
    return str(value)


def ms_date(value: date) -> str:
    """Return `/Date(milliseconds+0000)/`; a plain date means its midnight in UTC."""
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    return f"/Date({int(value.timestamp() * 1000)}+0000)/"


def iso_midnight(value: date) -> str:
    """Return the ISO twin that invoices carry beside each Microsoft date."""
    return f"{value.isoformat()}T00:00:00"


def parse_date(value: Any) -> date | None:
    """Read `YYYY-MM-DD` (a time after it is ignored) or a Microsoft date; None when it is neither."""
    if not isinstance(value, str):
        return None
    if value.startswith("/Date("):
        digits = value[6:].split("+")[0].split(")")[0]
        try:
            return datetime.fromtimestamp(int(digits) / 1000, tz=UTC).date()
        except (ValueError, OverflowError, OSError):
            return None
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        return None


def parse_number(value: Any) -> Decimal | None:
    """Read a JSON number, or digits in a string as Xero also takes them; None when it is neither."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < TOO_LARGE else None


def parse_id(value: Any) -> UUID | None:
    """Read a GUID; None when it is none."""
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def parse_address(value: str) -> SplitResult | None:
    """Read an absolute web address; None when it is none."""
    try:
        parts = urlsplit(value)
        named = parts.hostname
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and named else None


def to_xml(name: str, value: Any) -> str:
    """Write the answer as the plain XML that a caller gets who did not ask for JSON."""
    if isinstance(value, Raw):
        value = json.loads(value, parse_float=Decimal)
    if isinstance(value, Mapping):
        inner = "".join(to_xml(key, item) for key, item in value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        inner = "".join(to_xml(name.removesuffix("s"), item) for item in value)
    else:
        inner = "" if value is None else escape(_words(value))
    return f"<{name}>{inner}</{name}>"
