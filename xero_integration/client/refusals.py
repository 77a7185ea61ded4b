"""Why Xero refused: the only place that reads meaning from Xero's words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xero_integration.client import shapes

# Xero gives a validation error as a sentence and nothing else: no code, no field.
# https://developer.xero.com/documentation/api/accounting/responsecodes/
# "Invoice # must be unique.", "Credit Note # must be unique."
# https://developer.xero.com/documentation/api/accounting/invoices/ (InvoiceNumber: unique alpha numeric code)
_NUMBER_TAKEN = "must be unique"


@dataclass(frozen=True)
class Refusal:
    """A document's refusal; `is_number_taken`: another document has its number."""

    words: str
    is_number_taken: bool = False


def is_number_taken(words: str) -> bool:
    """Return whether Xero's words say so."""
    return _NUMBER_TAKEN in words


def read(element: Mapping[str, Any]) -> Refusal | None:
    """Return why Xero refused this element of an answer, None when it did not."""
    if words := messages(element, "ValidationErrors"):
        return Refusal(words, is_number_taken(words))
    if element.get("HasErrors") is True or element.get("StatusAttributeString") == "ERROR":
        return Refusal("Xero refused it without saying why.")
    return None


def messages(element: Mapping[str, Any], key: str) -> str:
    """Return an element's messages under `key` (ValidationErrors, Warnings), each once, "" for none."""
    found = [each.get("Message") for each in shapes.objects(element.get(key))]
    return "; ".join(dict.fromkeys(str(each) for each in found if each))
