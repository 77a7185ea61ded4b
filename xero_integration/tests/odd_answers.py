"""Answers that no service gives and anyone can: by a name each, for whoever plays Xero."""

from __future__ import annotations

import gzip

from xero_integration.tests.scripted import Reply

# What no field needs to be looked at for.
ODD_BODIES = {
    "empty": b"",
    "html": b"<html>Hello</html>",
    "cut": b'{"Invoices": [{"Inv',
    "a list": b"[1]",
    "a text": b'"x"',
    "null": b"null",
    "deep": b'{"Invoices": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"a":' * 40 + b"1" + b"}" * 40,
    "nan": b'{"Invoices": [{"Total": NaN}]}',
    "infinity": b'{"Invoices": [{"Total": -Infinity}]}',
    "exponent": b'{"Invoices": [{"Total": 1e999999}]}',
    "small exponent": b'{"Invoices": [{"Total": 1e-999999}]}',
    "huge integer": b'{"Invoices": [{"Total": ' + b"9" * 6000 + b"}]}",
    "nul": b'{"Invoices": [{"InvoiceNumber": "a\\u0000b"}]}',
    "half a pair": b'{"Invoices": [{"InvoiceNumber": "\\ud800"}]}',
    "half a pair as a name": b'{"\\udfff": 1, "Invoices": []}',
    "raw nul": b'{"Invoices": "a\x00b"}',
    "twice": b'{"Invoices": [], "Invoices": [{"InvoiceID": "1"}]}',
    "utf-16": '{"Invoices": []}'.encode("utf-16"),
    "latin-1": '{"Invoices": [{"InvoiceNumber": "ü"}]}'.encode("latin-1"),
    "parts": b'{"Invoices": [' + b"[]," * 2_000_000 + b"[]]}",
}
PACKED = {
    "packed twice": Reply(body=gzip.compress(gzip.compress(b"{}")), headers={"Content-Encoding": "gzip, gzip"}),
    "packed otherwise": Reply(body=b"{}", headers={"Content-Encoding": "br"}),
    "packed and cut": Reply(body=gzip.compress(b"{}" * 500)[:-12], headers={"Content-Encoding": "gzip"}),
    "many headers": Reply(headers={f"X-{place}": "x" for place in range(200)}),
    "long headers": Reply(headers={f"X-{place}": "x" * 20_000 for place in range(10)}),
}
REPLIES = {name: Reply(body=content) for name, content in ODD_BODIES.items()} | PACKED
# What each way of reading carelessly stumbles over; of the others each call meets some in every run of the tests.
TELLING = ["html", "deep", "exponent", "nul", "twice", "packed and cut"]
