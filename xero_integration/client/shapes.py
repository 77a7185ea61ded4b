"""What each answer of Xero's must look like before a field of it is used, by a table. Pure."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from c3portal.outgoing.plain_json import Unreadable

# Names that are only shown are cut to their column. Whatever decides (ids, codes, numbers, amounts, states) is taken as
# it is or not at all: one wrong value makes the whole answer unreadable. Fields that the table lacks are never read.
LARGEST = 10**13
Check = Callable[[Any], Any]


def text(longest: int) -> Check:
    """Return a check for a text that decides something."""

    def check(value: Any) -> Any:
        if value is not None and not (isinstance(value, str) and len(value) <= longest):
            raise Unreadable("A text is none, or longer than it can be.")
        return value

    return check


def shown(longest: int) -> Check:
    """Return a check for a text that people read; it is cut."""

    def check(value: Any) -> Any:
        if value is not None and not isinstance(value, str):
            raise Unreadable("A text is none.")
        return value[:longest] if value else value

    return check


def needed(check: Check) -> Check:
    """Return a check that takes no absence."""

    def present(value: Any) -> Any:
        if value in (None, ""):
            raise Unreadable("Something that each element has is missing.")
        return check(value)

    return present


def number(below: int = LARGEST) -> Check:
    """Return a check for an amount or a rate, which Xero writes as number or text."""

    def check(value: Any) -> Any:
        if value is None or value == "":
            return value
        try:
            found = Decimal(value) if isinstance(value, str | int | Decimal) and not isinstance(value, bool) else None
        except ArithmeticError:
            found = None
        if found is None or not found.is_finite() or abs(found) >= below or abs(found.adjusted()) > 20:
            raise Unreadable("A number is none, or beyond all amounts.")
        return value

    return check


def whole(value: Any) -> Any:
    """Check a count."""
    if value is not None and not (type(value) is int and abs(value) < 2**31):
        raise Unreadable("A count is none.")
    return value


def flag(value: Any) -> Any:
    """Take what is neither true nor false for not said."""
    return value if isinstance(value, bool) else None


def inner(**fields: Check) -> Check:
    """Return a check for an object within."""

    def check(value: Any) -> Any:
        if value is not None:
            _apply(value, fields)
        return value

    return check


def listed(**fields: Check) -> Check:
    """Return a check for a list of objects with these fields."""

    def check(value: Any) -> Any:
        if value is not None and not isinstance(value, list):
            raise Unreadable("A list is none.")
        for each in objects(value):
            _apply(each, fields)
        return value

    return check


ID = text(36)
MESSAGES = listed(Message=shown(4000))
MOMENT = shown(64)
APPLIED = {"AppliedAmount": number(), "Date": MOMENT}
DOCUMENT: dict[str, Check] = {
    "InvoiceID": ID,
    "CreditNoteID": ID,
    "InvoiceNumber": text(255),
    "CreditNoteNumber": text(255),
    "Type": text(30),
    "Status": text(20),
    "SubTotal": number(),
    "Total": number(),
    "AmountDue": number(),
    "AmountPaid": number(),
    "AmountCredited": number(),
    "RemainingCredit": number(),
    "Date": MOMENT,
    "DueDate": MOMENT,
    "FullyPaidOnDate": MOMENT,
    "UpdatedDateUTC": MOMENT,
    "SentToContact": flag,
    "Payments": listed(PaymentID=ID, Amount=number(), Date=MOMENT, Reference=shown(255), Status=text(20)),
    "CreditNotes": listed(CreditNoteID=ID, CreditNoteNumber=shown(255), **APPLIED),
    "Prepayments": listed(PrepaymentID=ID, **APPLIED),
    "Overpayments": listed(OverpaymentID=ID, **APPLIED),
    "Allocations": listed(AllocationID=ID, Amount=number(), Date=MOMENT, IsDeleted=flag, Invoice=inner(InvoiceID=ID)),
    "CurrencyCode": shown(10),
    "Reference": shown(4000),
    "Url": shown(4000),
    "Contact": inner(ContactID=ID, Name=shown(255)),
    "ValidationErrors": MESSAGES,
    "Warnings": MESSAGES,
}
LISTS: dict[str, dict[str, Check]] = {
    "Invoices": DOCUMENT,
    "CreditNotes": DOCUMENT,
    "Contacts": {
        "ContactID": ID,
        "ContactNumber": text(50),
        "Name": shown(255),
        "ContactStatus": text(20),
        "MergedToContactID": ID,
        "ValidationErrors": MESSAGES,
    },
    "Organisations": {
        "Name": shown(255),
        "ShortCode": text(20),
        "CountryCode": text(20),
        "BaseCurrency": text(3),
        "OrganisationStatus": text(20),
        "PeriodLockDate": shown(64),
        "EndOfYearLockDate": shown(64),
    },
    "Accounts": {
        "Code": text(10),
        "Name": shown(255),
        "Type": text(30),
        "Status": text(20),
        "TaxType": text(50),
    },
    "BrandingThemes": {"BrandingThemeID": needed(ID), "Name": shown(255), "SortOrder": whole},
    "TaxRates": {
        "TaxType": needed(text(50)),
        "Name": shown(255),
        "Status": text(20),
        "EffectiveRate": number(10**5),
        "TaxComponents": listed(Name=shown(255), Rate=number(10**5)),
    },
    "Currencies": {"Code": needed(text(3)), "Description": shown(255)},
    "TrackingCategories": {
        "TrackingCategoryID": needed(ID),
        "Name": shown(255),
        "Status": text(20),
        "Options": listed(Name=shown(255), Status=text(20)),
    },
}
# What a list has once each, by which the portal keeps it.
ONCE = {
    "Accounts": "Code",
    "BrandingThemes": "BrandingThemeID",
    "TaxRates": "TaxType",
    "Currencies": "Code",
    "TrackingCategories": "TrackingCategoryID",
}
PAGINATION = inner(page=whole, pageSize=whole, pageCount=whole, itemCount=whole)


def check(body: Any) -> dict[str, Any]:
    """Return the answer, its shown texts cut. Raises Unreadable for one that cannot be used."""
    if not isinstance(body, dict):
        raise Unreadable("It is no object.")
    PAGINATION(body.get("pagination"))
    for name, fields in LISTS.items():
        rows = objects(body.get(name))
        listed(**fields)(rows)
        _require_once(name, rows)
    for element in objects(body.get("Elements")):
        _apply(element, DOCUMENT)
    return body


def objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list, [] for what is no list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _apply(row: Any, fields: dict[str, Check]) -> None:
    if not isinstance(row, dict):
        raise Unreadable("An object is none.")
    for field, one in fields.items():
        found = one(row.get(field))
        if field in row:
            row[field] = found


def _require_once(name: str, rows: list[dict[str, Any]]) -> None:
    keys = [key for row in rows if (key := row.get(ONCE[name]))] if name in ONCE else []
    if len(set(keys)) != len(keys):
        raise Unreadable("An element is there twice.")
