"""Files made to break what reads them. `main` reads each with little memory, and prints what came of it.

It runs in a process of its own, since the worst of them ended the whole process.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import resource
import sys
import time
import zipfile
from collections.abc import Callable

from invoices.importing.parser import BadRow, parse
from invoices.matching.meanings import FIELDS, REQUIRED
from invoices.reading.errors import FileRefused

MB = 1024 * 1024
# Beside what is there at start, and the file itself.
MEMORY = 96 * MB
LARGEST = 100 * MB
GOOD = dict.fromkeys(REQUIRED, "x") | {
    "CurrencyCode": "AUD",
    "Category": "License",
    "Quantity": "1",
    "UnitPriceOfProduct": "10",
    "SubTotal": "10",
    "TaxPercentage": "10",
    "TaxAmount": "1",
    "Total": "11",
    "InvoiceGeneratedDate": "2026-09-18",
    "InvoiceDueDate": "2026-10-06",
    "BillingPeriodStartDate": "2026-08-16",
    "BillingPeriodEndDate": "2026-09-15",
}


def as_csv(encoding: str = "utf-8", **changes: str) -> bytes:
    row = GOOD | changes
    return f"{','.join(row)}\n{','.join(row.values())}\n".encode(encoding)


def as_json(data: bytes = b"", before: bytes = b"", **changes: bytes) -> bytes:
    """Return C3's envelope; `changes` are values as they stand in JSON, `data` replaces the rows."""
    row = {name: json.dumps(text).encode() for name, text in GOOD.items()} | changes
    rows = data or b"{" + b",".join(b'"%s":%s' % (name.encode(), text) for name, text in row.items()) + b"}"
    return b'{"Status":"Success",' + before + b'"Data":[' + rows + b"]}"


def nested(depth: int, left: bytes = b"[", right: bytes = b"]", middle: bytes = b"") -> bytes:
    return left * depth + middle + right * depth


def bomb() -> bytes:
    """A zip of a few kilobytes that unpacks to many megabytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("lines.csv", b"0" * 20 * MB)
    return out.getvalue()


def workbook(sheet: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("xl/workbook.xml", b"<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
    return out.getvalue()


XML = '<!DOCTYPE lolz [<!ENTITY a "aa"><!ENTITY b "&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]><x>&b;&c;</x>'
TOO_LONG = "without the end of a row"
NOT_A_NUMBER = "is not a number"
NOT_TEXT = "not a text file"
NO_COLUMN = "Columns are missing"

# What a file is, and some of the words that refuse it, be it as a whole or by its row.
FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "zip bomb": (bomb, "zip archive"),
    "workbook bomb": (lambda: workbook(b"<c/>" * 65 * MB), "MB unpacked"),
    "workbook with a cell in the last corner": (lambda: workbook(b'<c r="XFD1048576"><v>1</v></c>'), "5,000,000 cells"),
    "empty zip": (lambda: b"PK\x05\x06" + b"\0" * 18, NOT_TEXT),
    "gzip bomb": (lambda: gzip.compress(b"0" * 20 * MB), "gzip archive"),
    "bzip2 bomb": (lambda: bz2.compress(b"0" * 20 * MB), NOT_TEXT),
    "xz bomb": (lambda: lzma.compress(b"0" * 20 * MB), NOT_TEXT),
    "zstandard": (lambda: b"\x28\xb5\x2f\xfd" + b"\0" * 50, NOT_TEXT),
    "tar": (lambda: b"lines.csv" + b"\0" * 600, NOT_TEXT),
    "xml entities": (lambda: b'<?xml version="1.0"?>' + XML.encode(), "XML file"),
    "xml entities behind a mark": (lambda: ('\ufeff<?xml version="1.0"?>' + XML).encode(), "cannot be read"),
    "xml entities in utf-16": (lambda: XML.encode("utf-16"), "cannot be read"),
    "xml entities without a head": (XML.encode, "cannot be read"),
    "lists in lists": (lambda: as_json(nested(100_000)), TOO_LONG),
    "objects in objects": (lambda: as_json(nested(100_000, b'{"a":', b"}", b"1")), TOO_LONG),
    "lists beside the data": (lambda: as_json(before=b'"x":' + nested(100_000) + b","), TOO_LONG),
    "lists that never end": (lambda: b"[" * 100_000, TOO_LONG),
    "lists with room between": (lambda: b"[" + (b"[" + b" " * 200) * 50_000, TOO_LONG),
    "a field of lists": (lambda: as_json(Quantity=nested(2_000)), "neither text nor a number"),
    "exponent": (lambda: as_json(Quantity=b"1e999999999"), NOT_A_NUMBER),
    "small exponent": (lambda: as_json(Quantity=b"1e-999999999"), NOT_A_NUMBER),
    "exponent that fits the pattern": (lambda: as_json(Quantity=b"-1E+400"), "more than 15 digits"),
    "exponent beyond Decimal": (lambda: as_json(Quantity=b"1e9999999999999999999999"), "cannot be read"),
    "long number": (lambda: as_json(Quantity=b"9" * 900), "neither text nor a number"),
    "longer number": (lambda: as_json(Quantity=b"9" * 4_301), "digits in a row"),
    "longest number": (lambda: as_json(Quantity=b"9" * 900_000), "digits in a row"),
    "long number over two readings": (lambda: as_json(b" " * 65_000 + b"9" * 5_000), "digits in a row"),
    "long number beside the data": (lambda: as_json(before=b'"x":' + b"9" * 5_000 + b","), "digits in a row"),
    "no number in JSON": (lambda: as_json(Quantity=b"NaN"), "cannot be read"),
    "exponent in CSV": (lambda: as_csv(Quantity="1e999999999"), NOT_A_NUMBER),
    "long number in CSV": (lambda: as_csv(Quantity="9" * 100_000), NOT_A_NUMBER),
    "no number in CSV": (lambda: as_csv(Quantity="NaN"), NOT_A_NUMBER),
    "no end in CSV": (lambda: as_csv(Quantity="-Infinity"), NOT_A_NUMBER),
    "figures of another script": (lambda: as_csv(Quantity="１２"), NOT_A_NUMBER),
    "nothing but nul in CSV": (lambda: as_csv(CustomerName="\0"), "is empty"),
    "nothing but nul in JSON": (lambda: as_json(CustomerName=b'"\\u0000"'), "is empty"),
    "nothing but nul": (lambda: b"\0" * MB, NOT_TEXT),
    "line of 100 MB": (lambda: as_csv() + b"a" * LARGEST, TOO_LONG),
    "quoted text of 100 MB": (lambda: as_csv() + b'"' + b"a\n" * (LARGEST // 2), "field larger than"),
    "100 MB of commas": (lambda: as_csv() + b"," * LARGEST, TOO_LONG),
    "text of 100 MB in JSON": (lambda: as_json(b'"' + b"a" * LARGEST + b'"'), TOO_LONG),
    "text of 100 MB beside the data": (lambda: as_json(before=b'"x":"' + b"a" * LARGEST + b'",'), TOO_LONG),
    "100 MB of space": (lambda: as_json(b" " * LARGEST + b"1"), TOO_LONG),
    "100,000 columns": (lambda: b",".join(b"c%d" % n for n in range(100_000)) + b"\n", "more than 1,000 columns"),
    "240 kB of one column name": (lambda: as_csv().partition(b"\n")[0] + b",Total" * 40_000 + b"\n", "more than 1,000"),
    "90,000 fields": (
        lambda: as_json(b"{" + b",".join(b'"%d":1' % n for n in range(90_000)) + b"}"),
        "more than 1,000 columns",
    ),
    "one field 90,000 times": (
        lambda: as_json(b"{" + b",".join([b'"Total":1'] * 90_000) + b"}"),
        "Columns are missing",
    ),
    "100,000 rows of a cell": (lambda: as_csv() + b"x\n" * 100_000, "has 1 cells where"),
    "UTF-32": (lambda: as_csv("utf-32"), NO_COLUMN),
    "UTF-8, then Latin-1": (lambda: as_csv() + as_csv("latin-1", CustomerName="Müller"), "not in UTF-8"),
    "UTF-8, then UTF-16": (lambda: as_csv() + as_csv("utf-16"), "not in UTF-8"),
    "UTF-16, cut": (lambda: as_csv("utf-16")[:-1], "not in UTF-16"),
    "UTF-8, overlong": (lambda: as_csv() + b"\xc0\xaf\n", "not in UTF-8"),
}


def read(content: bytes) -> str:
    """Return all that the reading says against a file, its first rows alone."""
    problems: list[str] = []
    try:
        for row in parse(io.BytesIO(content)):
            if isinstance(row, BadRow) and len(problems) < 10:
                problems += [error.reason for error in row.errors]
    except FileRefused as refused:
        problems.append(str(refused))
    return " ".join(problems)


def main() -> None:
    """Read each file and print name, words and seconds as lines of JSON."""
    assert set(GOOD) <= set(FIELDS)
    assert not read(as_csv())
    assert not read(as_json())
    for name, (make, _) in FILES.items():
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        content = make()
        _allow(MEMORY)
        began = time.process_time()
        problems = read(content)
        sys.stdout.write(json.dumps([name, problems, time.process_time() - began]) + "\n")
        sys.stdout.flush()
        del content


def _allow(memory: int) -> None:
    """Let this process take so many bytes of memory beyond what it has now."""
    with open("/proc/self/statm") as file:
        has = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (has + memory, resource.RLIM_INFINITY))
