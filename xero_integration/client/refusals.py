"""Why Xero refused: the only place that reads meaning from Xero's words. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from xero_integration.client import shapes

# Xero gives a validation error as a sentence and nothing else: no code, no field.
# https://developer.xero.com/documentation/api/accounting/responsecodes/
# "Invoice # must be unique.", "Credit Note # must be unique."
# https://developer.xero.com/documentation/api/accounting/invoices/ (InvoiceNumber: unique alpha numeric code)
_NUMBER_TAKEN = "must be unique"


class Topic(StrEnum):
    """What a refusal is about."""

    ACCOUNT = "account"
    TAX = "tax"
    THEME = "theme"
    CURRENCY = "currency"
    LOCKED = "locked"
    CONTACT = "contact"
    NAME = "name"
    EMAIL = "email"
    NUMBER = "number"
    TOTAL = "total"
    TEXT = "text"
    DUE_DATE = "due_date"
    LINES = "lines"


# A refusal about one of these shows that the organisation is not what it was when it was last read.
OF_THE_ORGANISATION = frozenset({Topic.ACCOUNT, Topic.TAX, Topic.THEME, Topic.CURRENCY, Topic.LOCKED})


@dataclass(frozen=True)
class Cause:
    """Why, in plain words with what to do; `subject` is the account code or currency that Xero named, "" for none."""

    topic: Topic
    words: str
    subject: str = ""


# Xero's texts as its API, its documentation and its users' threads show them; what is named is kept as the subject.
_CAUSES: tuple[tuple[Topic, re.Pattern[str], str], ...] = tuple(
    (topic, re.compile(pattern, re.IGNORECASE), words)
    for topic, pattern, words in (
        (
            Topic.TAX,
            r"TaxType code '[^']*' cannot be used with account code '([^']*)'",
            "Xero does not take this tax with this account. Choose another account, or map the tax to another rate.",
        ),
        (
            Topic.TAX,
            r"TaxType code '[^']*' does not exist|Tax ?Type .{0,80}(?:not valid|invalid|could not be found|archived)",
            "Xero has no such tax rate for sales any more. Map the tax to one that it has.",
        ),
        (
            Topic.ACCOUNT,
            r"Account code '([^']*)' (?:is not a valid code|has been archived|is archived)",
            "The account is gone, archived, or takes no sales. Choose another account for these lines.",
        ),
        (Topic.ACCOUNT, r"Account code must be specified", "A line has no account. Choose one for it."),
        (
            Topic.CURRENCY,
            r"not subscribed to currency (\w{3})",
            "The organisation does not use this currency. Add it in Xero under Settings → Currencies, then upload "
            "again.",
        ),
        (
            Topic.THEME,
            r"BrandingTheme",
            "The chosen theme is no longer there in Xero. Choose another one.",
        ),
        (
            Topic.LOCKED,
            r"lock date|period (?:is|has been) locked",
            "The date lies in a period that is locked in Xero. Post these invoices as drafts, or change the lock date "
            "in Xero.",
        ),
        (
            Topic.NAME,
            r"contact name must not contain|contact name .{0,300}already assigned|contact name must be (?:unique|spec)",
            "Xero does not take the customer's name for a new contact. Choose a contact for the customer.",
        ),
        (
            Topic.EMAIL,
            r"e-?mail ?address",
            "Xero does not take the customer's e-mail address. Correct it in Xero or at the source, or choose another "
            "contact.",
        ),
        (
            Topic.CONTACT,
            r"contact.{0,200}(?:archived|could not be found|does not exist|not valid|merged|deleted)"
            r"|Contact Number .{0,300}already assigned|country of an address",
            "Xero does not take the contact that the customer is linked to. Link it to another one, or restore it in "
            "Xero.",
        ),
        (
            Topic.NUMBER,
            r"# must be unique",
            "Xero has another document with the number. Change its number there or void it, then upload again.",
        ),
        (
            Topic.TOTAL,
            r"line total .{0,60}does not match|total cannot be (?:less than zero|negative|more than)"
            r"|amount must lie between|out of range",
            "Xero computes another amount than the invoice has, or takes none so large. The amounts have to change at "
            "the source, and the file has to be imported again.",
        ),
        (
            Topic.TEXT,
            r"maximum length|printable ASCII|Description is mandatory|must be text",
            "A text is too long for Xero, empty, or has signs that it does not take. Change it at the source and "
            "import the file again.",
        ),
        (
            Topic.DUE_DATE,
            r"Due Date cannot be empty|DueDate is not",
            "Xero wants a due date. Set the days until payment.",
        ),
        (
            Topic.LINES,
            r"line items must be specified|Quantity is mandatory|UnitAmount is mandatory",
            "A line is missing or not whole. Import the file again.",
        ),
    )
)


def causes(words: str) -> tuple[Cause, ...]:
    """Return what Xero's words mean, one of each topic, () for words that are not known."""
    found: dict[Topic, Cause] = {}
    for topic, pattern, plain in _CAUSES:
        if match := pattern.search(words):
            found.setdefault(topic, Cause(topic, plain, (match[1] or "") if match.re.groups else ""))
    return tuple(found.values())


def is_of_the_organisation(words: str) -> bool:
    """Return whether what the organisation offers is to be read again because of them."""
    return any(cause.topic in OF_THE_ORGANISATION for cause in causes(words))


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
