"""Why Xero refused a document: its words for people, and what they mean for the portal. Pure.

Xero gives a validation error as a sentence and nothing else (`{"Message": "Invoice # must be unique."}`): no code, no
field. https://developer.xero.com/documentation/api/accounting/responsecodes/ So this is the only place that reads
meaning from Xero's words; everything else asks the fields of what it returns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xero_integration.client import shapes

# "Invoice # must be unique.", "Credit Note # must be unique."
# https://developer.xero.com/documentation/api/accounting/invoices/ (InvoiceNumber: unique alpha numeric code)
_NUMBER_TAKEN = "must be unique"


@dataclass(frozen=True)
class Refusal:
    """One document's refusal: Xero's own words, and whether another document has its number."""

    words: str
    is_number_taken: bool = False


def is_number_taken(words: str) -> bool:
    """Return whether these words of Xero's say that another document has the number."""
    return _NUMBER_TAKEN in words


def read(element: Mapping[str, Any]) -> Refusal | None:
    """Return why Xero refused this element of an answer, None when it did not."""
    if words := messages(element, "ValidationErrors"):
        return Refusal(words, is_number_taken(words))
    if element.get("HasErrors") is True or element.get("StatusAttributeString") == "ERROR":
        return Refusal("Xero refused it without saying why.")
    return None


def messages(element: Mapping[str, Any], key: str) -> str:
    """Return an element's messages under `key` (ValidationErrors, Warnings), each once, "" when there is none."""
    found = [each.get("Message") for each in shapes.objects(element.get(key))]
    return "; ".join(dict.fromkeys(str(each) for each in found if each))
