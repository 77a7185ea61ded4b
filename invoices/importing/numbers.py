"""What follows from an invoice's number: the number that it has in Xero, and its id here."""

from __future__ import annotations

import hashlib
import re
import uuid

from anyascii import anyascii

MAX_LENGTH = 255
_INVOICES = uuid.UUID("6f2d0c1b-7c55-4b0e-9d62-0a4b8d7e3c91")
_PRINTABLE_ASCII = re.compile(r"[\x20-\x7e]+")
_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e]")


def xero_number(number: str) -> str:
    """Return `number` as Xero takes it: at most 255 printable ASCII characters (Xero's documentation, Invoices).

    A number that is so already stays. Any other is spelt in ASCII letters, with the first 8 hexadecimal digits of the
    SHA-256 of the original behind it, so that two numbers that are spelt alike stay two, and the same number is
    written the same way every time.
    """
    if len(number) <= MAX_LENGTH and _PRINTABLE_ASCII.fullmatch(number):
        return number
    mark = hashlib.sha256(number.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    spelt = _NOT_PRINTABLE.sub("", anyascii(number)).strip()
    return f"{spelt[: MAX_LENGTH - len(mark) - 1]}-{mark}"


def invoice_id(number: str) -> uuid.UUID:
    """Return the id of an invoice with this number as C3 gives it: always the same.

    An invoice that a restored database does not know, and that is imported again, so keeps its address and the marker
    by which its document in Xero is told to be ours.
    """
    return uuid.uuid5(_INVOICES, hashlib.sha256(number.encode("utf-8", "surrogatepass")).hexdigest())
