"""Someone else's JSON is plain values within bounds, or none at all."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from c3portal.outgoing import plain_json


def nested(depth: int) -> list[Any]:
    return [nested(depth - 1)] if depth > 1 else []


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b'{"a": [1, 1.50, -0.005, true, null]}', {"a": [1, Decimal("1.50"), Decimal("-0.005"), True, None]}),
        (b"[99999999999999999999]", [10**20 - 1]),
        (b"[1234567890123456.7891]", [Decimal("1234567890123456.7891")]),
        (b"[1.000000000000000000000000000000]", [Decimal(1)]),
        (b"[1e20, 1E-20]", [Decimal("1e20"), Decimal("1e-20")]),
        (b'\xef\xbb\xbf["\xc3\xbc\\u00fc"]', ["üü"]),
        (b'["\\ud83d\\ude00"]', ["😀"]),
        (b'["a\\\\u0000"]', ["a\\u0000"]),
        (b"[" * 33 + b"]" * 33, nested(33)),
    ],
)
def test_what_is_within_bounds_is_read_to_the_last_digit(content: bytes, value: Any) -> None:
    assert plain_json.parse(content) == value


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[1],",
        b"[NaN]",
        b"[Infinity]",
        b"[-Infinity]",
        b"[1e21]",
        b"[1e999999]",
        b"[1e-999999]",
        b"[1e99999999999999999999999]",
        b"[1.23456789012345678901]",
        b"[999999999999999999999]",
        b"9" * 6000,
        b'["a\\u0000"]',
        b'{"a\\u0000": 1}',
        b'["\\ud800"]',
        b'[{"a": ["\\udfff x"]}]',
        b'{"\\udc00": 1}',
        b'["a\x00b"]',
        b'["\xfc"]',
        '["a"]'.encode("utf-16"),
        b'{"a": 1, "a": 1}',
        b'[{"b": {"a": 1, "c": 2, "a": 3}}]',
        b"[" * 34 + b"]" * 34,
        b'{"a":' * 34 + b"1" + b"}" * 34,
        b"[" * 100_000 + b"]" * 100_000,
        b"[" + b"1," * plain_json.MOST_PARTS + b"1]",
    ],
    ids=lambda content: repr(content[:20]),
)
def test_what_is_beyond_them_is_not(content: bytes) -> None:
    with pytest.raises(plain_json.Unreadable):
        plain_json.parse(content)
