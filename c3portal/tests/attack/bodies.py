"""Bodies that no page of the portal sends: whatever is odd in values, in their number, in their kind or their bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import quote_from_bytes, urlencode

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"
Fields = Mapping[str, str]
# What goes to a form, and as what kind of content.
Body = tuple[bytes, str]

DEEP = "[" * 20_000
VALUES: dict[str, bytes] = {
    "nothing": b"",
    "a huge number": b"9" * 4_000,
    "a number of the database's and one more": b"9223372036854775808",
    "a negative number": b"-1",
    "a fraction": b"0.1e-999999",
    "a number without end": b"1e999999",
    "no number": b"NaN",
    "a digit of another script": "١".encode(),
    "NUL": b"a\0b",
    "bytes that are no text": b"\xff\xfe\xc3\x28",
    "half a character": b"\xed\xa0\x80",
    "a date that never was": b"2026-02-31T25:61:61Z",
    "the last day": b"9999-12-31",
    "a long word": b"a" * 20_000,
    "letters that grow when they are made small": "İ".encode() * 400,
    "a lookup": b"created_by__password__startswith",
    "a path": b"../../../../etc/passwd",
    "a line break": b"a\r\nSet-Cookie: attack=1\r\n\r\n<attack-x>",
    "deep JSON": DEEP.encode(),
    "JSON null": b"null",
    "a JSON list": b"[]",
    "a JSON object": b"{}",
    "a JSON text": b'"x"',
    "a JSON number without end": b"1e999999",
    "JSON of wrong kinds": b'{"id": {}, "rawId": [], "type": 1, "response": "x", "clientExtensionResults": null}',
    "JSON of wrong kinds below": b'{"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": 1, '
    b'"authenticatorData": [], "signature": {}, "attestationObject": null, "userHandle": "!"}}',
    "JSON of right kinds and odd content": b'{"id": "AA", "rawId": "AA", "type": "public-key", "response": '
    b'{"clientDataJSON": "bnVsbA", "authenticatorData": "AA", "signature": "", "attestationObject": "_w", '
    b'"userHandle": "AA"}}',
}


def _form(pairs: Iterable[tuple[str, bytes]]) -> Body:
    return "&".join(f"{name}={quote_from_bytes(value, safe='')}" for name, value in pairs).encode(), FORM


def _multipart(fields: Fields, *, file: bool) -> Body:
    """Return the fields as parts; with `file` each is one, and otherwise what is a file elsewhere is a text."""
    name = '; filename="../../a\\".csv"' if file else ""
    parts = [f'--x\r\nContent-Disposition: form-data; name="{field}"{name}\r\n\r\n=1\r\n' for field in fields]
    return "".join([*parts, "--x--\r\n"]).encode(), MULTIPART


def _as_sent(fields: Fields) -> Body:
    return urlencode(fields).encode(), FORM


SHAPES: dict[str, Callable[[Fields], Body]] = {
    "as its page sends it": _as_sent,
    "nothing at all": lambda fields: (b"", FORM),
    "each field many times": lambda fields: _form([(name, b"1") for name in fields for _ in range(300)]),
    "lists for single values": lambda fields: _form([(f"{name}[]", b"1") for name in fields]),
    "objects for single values": lambda fields: _form([(f"{name}[a][b]", b"1") for name in fields]),
    "more fields than any form has": lambda fields: _form([(f"f{index}", b"") for index in range(20_001)]),
    "files for texts": lambda fields: _multipart(fields, file=True),
    "texts for files": lambda fields: _multipart(fields, file=False),
    "an end that never comes": lambda fields: (_multipart(fields, file=True)[0][:-9], MULTIPART),
    "no boundary": lambda fields: (_as_sent(fields)[0], "multipart/form-data"),
    "a boundary too long": lambda fields: (b"--x", f"multipart/form-data; boundary={'x' * 300}"),
    "JSON": lambda fields: (json.dumps(dict(fields)).encode(), "application/json"),
    "deep JSON": lambda fields: (DEEP.encode(), "application/json"),
    "JSON lists": lambda fields: (json.dumps([{name: [] for name in fields}]).encode(), "application/json"),
    "XML": lambda fields: (b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', "application/xml"),
    "plain text": lambda fields: (_as_sent(fields)[0], "text/plain"),
    "no kind": lambda fields: (_as_sent(fields)[0], ""),
    "another character set": lambda fields: (_as_sent(fields)[0], f"{FORM}; charset=utf-16"),
    "a character set there is not": lambda fields: (_as_sent(fields)[0], f"{FORM}; charset=nonsense"),
    "a kind that is none": lambda fields: (_as_sent(fields)[0], "\u00e9/;;=\"'"),
    "broken escapes": lambda fields: (b"&".join(name.encode() + b"=%ZZ%" for name in fields), FORM),
}


def odd_bodies(fields: Fields, *, alone: bool) -> dict[str, Body]:
    """Return every body for a form with these fields, by what is odd about it: all fields at once, and each `alone`."""
    bodies = {what: shape(fields) for what, shape in SHAPES.items()}
    for what, value in VALUES.items():
        bodies[f"{what} everywhere"] = _form([(name, value) for name in fields])
        for odd in fields if alone else ():
            sent = {name: text.encode() for name, text in fields.items()} | {odd: value}
            bodies[f"{what} in {odd}"] = _form(sent.items())
    return bodies
