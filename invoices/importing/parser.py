"""From a row of C3's invoice line download to an invoice line, or to all that is wrong with it.

Amounts are Decimal, digit for digit as the file has them.
"""

from __future__ import annotations

import datetime as dt
import decimal
import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from operator import itemgetter
from typing import BinaryIO, NamedTuple

from invoices.importing.file_reader import RawRow, RowError, open_source
from invoices.matching.meanings import CONTROL, DATES, FIRST_FIELDS, LATER_FIELDS, NUMBERS, TEXTS
from xero_integration.payloads import CENT, to_cents

LICENSE, AZURE, CUSTOM = "license", "azure", "custom"
LICENSE_CATEGORIES = ("License", "OneTime", "Subscription", "Software")
KNOWN_CATEGORIES = (*LICENSE_CATEGORIES, "Usage", "Custom")
LENGTHS = {
    "InvoiceNumber": 255,
    "TenantID": 50,
    "CustomerName": 255,
    "CurrencyCode": 3,
    "ERPCustomerID": 100,
    "CustomerEmail": 255,
    "CustomerCountry": 2,
    "BillingId": 50,
    "ProductSKUId": 100,
    "TaxName": 100,
}
LONGEST_TEXT = 500
SHOWN = 60
EXACT = decimal.Context(prec=80, rounding=decimal.ROUND_HALF_UP)

_LIMITS = tuple((name, LENGTHS.get(name, LONGEST_TEXT)) for name in TEXTS)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_FIRST_TEXTS = tuple(name for name in TEXTS if name in FIRST_FIELDS)
_texts_of = itemgetter(*_FIRST_TEXTS)


class Header(NamedTuple):
    """What all lines of one invoice share."""

    number: str
    tenant_id: str
    customer_name: str
    currency: str
    issued_on: dt.date
    due_on: dt.date
    billing_id: str
    starts_on: dt.date
    ends_on: dt.date


# A named tuple where the house has frozen dataclasses: hundreds of thousands a file, made in a quarter of the time.
class Line(NamedTuple):
    """One line of an invoice. `cells` are the row's own texts under all names of `meanings.FIELDS`."""

    row: int
    header: Header
    kind: str
    charge_start: dt.date | None
    charge_end: dt.date | None
    quantity: Decimal
    unit_price: Decimal
    subtotal: Decimal
    tax_percentage: Decimal
    tax: Decimal
    total: Decimal
    cells: dict[str, str]

    @property
    def is_product(self) -> bool:
        """Whether SubTotal is Quantity times UnitPriceOfProduct, to the cent."""
        # Discounts and part periods make them differ: then SubTotal is invoiced, and the import only mentions it.
        return abs(EXACT.subtract(EXACT.multiply(self.quantity, self.unit_price), self.subtotal)) <= CENT


class BadRow(NamedTuple):
    """A row that cannot be imported, and all that is wrong with it."""

    invoice_number: str
    errors: list[RowError]


class _Fields:
    """Reads the fields of one row and collects what is wrong with them."""

    def __init__(self, raw: RawRow) -> None:
        self.row, self.cells = raw.number, raw.cells
        self.errors = list(raw.errors)
        self.wrong = {error.field for error in raw.errors}

    def refuse(self, field: str, reason: str) -> None:
        if field not in self.wrong:
            self.wrong.add(field)
            self.errors.append(RowError(self.row, field, reason))

    def need(self, field: str) -> str:
        """Return the field's text, with an error when it is empty."""
        text = self.cells[field]
        if not text:
            self.refuse(field, "is empty")
        return text

    def number(self, field: str) -> Decimal:
        """Return the field's number, or zero with an error."""
        try:
            return _number(self.need(field))
        except ValueError as error:
            self.refuse(field, str(error))
            return Decimal(0)

    def day(self, field: str) -> dt.date:
        """Return the field's day, or `date.min` with an error."""
        self.need(field)
        return self.optional_day(field) or dt.date.min

    def optional_day(self, field: str) -> dt.date | None:
        """Return the field's day, None when it is empty or, with an error, unreadable."""
        try:
            return _day(self.cells[field]) if self.cells[field] else None
        except ValueError as error:
            self.refuse(field, str(error))
            return None

    def check_texts(self) -> None:
        for field, limit in _LIMITS:
            if len(self.cells[field]) > limit:
                self.refuse(field, f"is longer than {limit} characters")
        if "".join(self.cells.values()).isprintable():
            return
        for field, text in self.cells.items():
            if found := CONTROL.search(text):
                self.refuse(field, f"holds a control character (U+{ord(found[0]):04X})")


def parse(stream: BinaryIO) -> Iterator[Line | BadRow]:
    """Yield the lines of the file in `stream`. Raises FileRefused."""
    return (parse_row(raw) for raw in open_source(stream).rows)


def parse_row(raw: RawRow) -> Line | BadRow:
    if raw.errors and not any(raw.cells.values()):
        return BadRow("", list(raw.errors))
    fields = _Fields(raw)
    fields.check_texts()
    line = Line(
        row=raw.number,
        header=_header(fields),
        kind=_kind(fields),
        charge_start=fields.optional_day("ChargeStartDate"),
        charge_end=fields.optional_day("ChargeEndDate"),
        quantity=fields.number("Quantity"),
        unit_price=fields.number("UnitPriceOfProduct"),
        subtotal=fields.number("SubTotal"),
        tax_percentage=fields.number("TaxPercentage"),
        tax=fields.number("TaxAmount"),
        total=fields.number("Total"),
        cells=raw.cells,
    )
    fields.need("SubscriptionName")
    _check_amounts(fields, line)
    return BadRow(shown(line.header.number, 255), fields.errors) if fields.errors else line


def canonical(cells: dict[str, str]) -> list[str]:
    """Return a valid row's cells under CANONICAL_NAMES, such that equal content gives equal texts in JSON and CSV."""
    return [
        *_texts_of(cells),
        *(plain(cells[name]) for name in NUMBERS),
        *(cells[name][:10] for name in DATES),
        *(cells[name] for name in LATER_FIELDS),
    ]


CANONICAL_NAMES = (*_FIRST_TEXTS, *NUMBERS, *DATES, *LATER_FIELDS)


def hashed_text(cells: dict[str, str]) -> str:
    """Return a valid row's canonical cells as one text for hashing: a later field that is empty leaves it as it was
    before there was such a field."""
    texts = canonical(cells)
    while len(texts) > len(FIRST_FIELDS) and not texts[-1]:
        texts.pop()
    return "\x1f".join(texts)


@lru_cache(maxsize=4096)
def plain(number: str) -> str:
    """Return a valid number in its shortest spelling, without exponent: "1.50E1" becomes "15"."""
    text = format(Decimal(number), "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def shown(text: str, length: int = SHOWN) -> str:
    """Return what may be shown of a text from a file: cut to `length`, without invisible characters."""
    cut = text if len(text) <= length else f"{text[: length - 1]}…"
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in cut)


def _header(fields: _Fields) -> Header:
    header = Header(
        number=fields.need("InvoiceNumber"),
        tenant_id=fields.need("TenantID").lower(),
        customer_name=fields.need("CustomerName"),
        currency=fields.need("CurrencyCode"),
        issued_on=fields.day("InvoiceGeneratedDate"),
        due_on=fields.day("InvoiceDueDate"),
        billing_id=fields.need("BillingId"),
        starts_on=fields.day("BillingPeriodStartDate"),
        ends_on=fields.day("BillingPeriodEndDate"),
    )
    if not _CURRENCY.fullmatch(header.currency):
        fields.refuse("CurrencyCode", f"“{shown(header.currency)}” is not a currency code of three capital letters")
    if not fields.wrong.intersection(DATES):
        if header.due_on < header.issued_on:
            fields.refuse("InvoiceDueDate", "is before InvoiceGeneratedDate")
        if header.ends_on < header.starts_on:
            fields.refuse("BillingPeriodEndDate", "is before BillingPeriodStartDate")
    return header


def _kind(fields: _Fields) -> str:
    category, provider = fields.need("Category"), fields.cells["ProviderCategory"].casefold()
    folded = category.casefold()
    # What the partner sells itself goes first.
    if folded == "custom" or provider == "partner":
        return CUSTOM
    if folded == "usage" or provider == "azure":
        return AZURE
    if folded not in [known.casefold() for known in LICENSE_CATEGORIES]:
        fields.refuse("Category", f"“{shown(category)}” is not one of {', '.join(KNOWN_CATEGORIES)}")
    return LICENSE


def _check_amounts(fields: _Fields, line: Line) -> None:
    if not 0 <= line.tax_percentage <= 100:
        fields.refuse("TaxPercentage", f"{line.tax_percentage} is not between 0 and 100")
    if fields.wrong.intersection(("SubTotal", "TaxAmount", "Total")):
        return
    if EXACT.add(line.subtotal, line.tax) == line.total:
        return
    if to_cents(line.subtotal) + to_cents(line.tax) != to_cents(line.total):
        fields.refuse("Total", f"{line.total} is not SubTotal {line.subtotal} plus TaxAmount {line.tax}")


@lru_cache(maxsize=8192)
def _number(text: str) -> Decimal:
    """Raises ValueError unless `text` is a number of at most 15 digits before and 20 after a decimal point."""
    if len(text) > 64 or not _NUMBER.fullmatch(text):
        hint = "; write it with a decimal point and without separators" if "," in text else ""
        raise ValueError(f"“{shown(text)}” is not a number{hint}")
    value = Decimal(text)
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -20 or value.adjusted() >= 15 or exponent >= 15:
        raise ValueError(f"{shown(text)} has more than 15 digits before or 20 after the decimal point")
    return Decimal(format(value, "f"))


@lru_cache(maxsize=1024)
def _day(text: str) -> dt.date:
    """Raises ValueError unless `text` is an ISO date of 2000 to 2099, with or without a time."""
    match = _DAY.fullmatch(text)
    if not match:
        raise ValueError(f"“{shown(text)}” is not a date written as 2026-09-18 or 2026-09-18T00:00:00")
    try:
        day = dt.date.fromisoformat(match[1])
    except ValueError:
        raise ValueError(f"{match[1]} is not a day of the calendar") from None
    if not 2000 <= day.year <= 2099:
        raise ValueError(f"{match[1]} is not between the years 2000 and 2099")
    return day
