"""What follows from an invoice's number: its number in Xero, and its id here."""

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
    """Return `number` as Xero takes it: at most 255 printable ASCII characters, two numbers never becoming one.

    The limit: https://developer.xero.com/documentation/api/accounting/invoices/
    """
    if len(number) <= MAX_LENGTH and _PRINTABLE_ASCII.fullmatch(number):
        return number
    return spelt_apart(number)


def spelt_apart(number: str) -> str:
    """Return `number` in printable ASCII with a mark of its own, always the same, so that two spelt alike stay two."""
    mark = hashlib.sha256(number.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    spelt = _NOT_PRINTABLE.sub("", anyascii(number)).strip()
    return f"{spelt[: MAX_LENGTH - len(mark) - 1]}-{mark}"


def invoice_id(number: str) -> uuid.UUID:
    """Return the id of an invoice with this number as C3 gives it: always the same."""
    # An invoice imported again into a restored database keeps its address and the marker that proves its document ours.
    return uuid.uuid5(_INVOICES, hashlib.sha256(number.encode("utf-8", "surrogatepass")).hexdigest())
