"""From a row of invoice lines to a line, or to all that is wrong with it.

Amounts are Decimal, digit for digit as the file has them.
"""

from __future__ import annotations

import datetime as dt
import decimal
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from operator import itemgetter
from typing import BinaryIO, NamedTuple

from invoices.importing.cleaning import Cleaner
from invoices.importing.customer_keys import customer_key, folded, is_ours, is_placeholder
from invoices.importing.opening import Wanted, open_lines
from invoices.importing.spelling import plain
from invoices.matching.conversion import RawRow
from invoices.matching.kinds import kind_of
from invoices.matching.meanings import DATES, FIRST_FIELDS, LATER_FIELDS, NUMBERS, TEXTS
from invoices.reading.errors import RowError
from xero_integration.payloads import CENT, MAX_DESCRIPTION, to_cents

# What decides about the money: longer ones are refused. Others are kept as they are, whatever their length.
LENGTHS = {
    "InvoiceNumber": 255,
    "TenantID": 50,
    "CustomerName": 255,
    "CurrencyCode": 3,
    "BillingId": 50,
}
LONGEST_COUNTRY = 2
LINE_LENGTHS = (("ProductSKUId", 100), ("TaxName", 100))
LONGEST_ERP_ID = 100
LONGEST_EMAIL = 255
LONGEST_RESELLER = 255
LONGEST_PURCHASE_ORDER = 255
SHOWN = 60
EXACT = decimal.Context(prec=80, rounding=decimal.ROUND_HALF_UP)
ZERO = Decimal(0)
KINDS_REMEMBERED = 1_024

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_HEADER_FIELDS = (
    "InvoiceNumber",
    "TenantID",
    "CustomerName",
    "CurrencyCode",
    "BillingId",
    "CustomerCountry",
    "ERPCustomerID",
    "CustomerEmail",
    "InvoiceEntity",
    "ResellerName",
    "InvoiceGeneratedDate",
    "InvoiceDueDate",
    "BillingPeriodStartDate",
    "BillingPeriodEndDate",
    "PurchaseOrderNumber",
)
_USED = {
    *_HEADER_FIELDS,
    *NUMBERS,
    "ChargeStartDate",
    "ChargeEndDate",
    "SubscriptionName",
    "ProductSKUId",
    "TaxName",
    "",
}
_header_cells = itemgetter(*_HEADER_FIELDS)
_FIRST_TEXTS = tuple(name for name in TEXTS if name in FIRST_FIELDS)
_texts_of = itemgetter(*_FIRST_TEXTS)
Problem = tuple[str, str]


class Header(NamedTuple):
    """What all lines of one invoice share. `tenant_id` is the customer's key, `placeholder` what stood in its place."""

    number: str
    tenant_id: str
    customer_name: str
    currency: str
    issued_on: dt.date
    due_on: dt.date
    billing_id: str
    starts_on: dt.date
    ends_on: dt.date
    reseller: str
    key_from: str
    placeholder: str
    erp_id: str
    email: str
    country: str
    purchase_order: str


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
    extra: Mapping[str, str]

    @property
    def is_product(self) -> bool:
        """Whether SubTotal is Quantity times UnitPriceOfProduct, to the cent."""
        # Discounts and part periods make them differ: then SubTotal is invoiced, and the import only mentions it.
        return abs(EXACT.subtract(EXACT.multiply(self.quantity, self.unit_price), self.subtotal)) <= CENT


class BadRow(NamedTuple):
    """A row that cannot be imported, all that is wrong with it, and what could be read of it.

    `invoice_number` is "" when it cannot be read; `line` is None when nothing can.
    """

    invoice_number: str
    errors: list[RowError]
    line: Line | None = None

    @property
    def wrong(self) -> set[str]:
        return {error.field for error in self.errors}


class Kinds(dict[tuple[str, str], str]):
    """The kind of each category and provider category, by rules and what C3 writes; OPEN where nobody said so."""

    def __init__(self, rules: Mapping[str, str]) -> None:
        super().__init__()
        self._rules = rules

    def __missing__(self, key: tuple[str, str]) -> str:
        if len(self) >= KINDS_REMEMBERED:
            self.clear()
        kind = self[key] = kind_of(*key, self._rules)
        return kind


C3_KINDS = Kinds({})


def parse(stream: BinaryIO, wanted: Wanted = Wanted()) -> Iterator[Line | BadRow]:  # noqa: B008 - frozen
    """Yield the lines of the file in `stream`. Raises FileRefused."""
    kinds, cleaner = Kinds(wanted.kinds), Cleaner(wanted.time_zone)
    return (parse_row(cleaner.clean(raw), kinds) for raw in open_lines(stream, wanted).rows)


def parse_row(raw: RawRow, kinds: Kinds = C3_KINDS) -> Line | BadRow:
    """Return the row's line, or what is wrong in those of its columns that are used."""
    if raw.errors and not any(raw.cells.values()):
        return BadRow("", list(raw.errors))
    cells = raw.cells
    header, wrong = _header(*_header_cells(cells))
    problems = list(wrong)
    line = Line(
        raw.number,
        header,
        kinds[cells["Category"], cells["ProviderCategory"]],
        _optional_day("ChargeStartDate", cells, problems),
        _optional_day("ChargeEndDate", cells, problems),
        _amount("Quantity", cells, problems),
        _amount("UnitPriceOfProduct", cells, problems),
        _amount("SubTotal", cells, problems),
        _amount("TaxPercentage", cells, problems),
        _amount("TaxAmount", cells, problems),
        _amount("Total", cells, problems),
        cells,
        raw.extra,
    )
    _check_line(line, problems)
    if problems or raw.errors:
        return _bad(raw, line, problems) or line
    return line


def _bad(raw: RawRow, line: Line, problems: list[Problem]) -> BadRow | None:
    """Return None when only columns that are not used are wrong."""
    # What the reader says of a field comes first, and alone.
    errors = [error for error in raw.errors if error.field in _USED]
    said = {error.field for error in errors}
    for field, reason in problems:
        if field not in said:
            said.add(field)
            errors.append(RowError(raw.number, field, reason))
    if not errors:
        return None
    return BadRow("" if "InvoiceNumber" in said else line.header.number, errors, line)


def canonical(cells: dict[str, str]) -> list[str]:
    """Return a valid row's cells under CANONICAL_NAMES, such that equal content gives equal texts in JSON and CSV."""
    return [
        *_texts_of(cells),
        *(plain(cells[name]) for name in NUMBERS),
        *(cells[name][:10] for name in DATES),
        *(cells[name] for name in LATER_FIELDS),
    ]


CANONICAL_NAMES = (*_FIRST_TEXTS, *NUMBERS, *DATES, *LATER_FIELDS)


def hashed_text(texts: list[str]) -> str:
    """Return a row's canonical texts as one for hashing: a later field that is empty leaves it as it was before there
    was such a field."""
    while len(texts) > len(FIRST_FIELDS) and not texts[-1]:
        texts.pop()
    return "\x1f".join(texts)


def description(line: Line) -> str:
    """Return the line's text as far as Xero takes it; its `cells` have all of it."""
    return line.cells["SubscriptionName"][:MAX_DESCRIPTION]


def shown(text: str, length: int = SHOWN) -> str:
    """Return what may be shown of a text from a file: cut to `length`, without invisible characters."""
    cut = text if len(text) <= length else f"{text[: length - 1]}…"
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in cut)


# What lines share. The lines of an invoice mostly follow one another, so it is worth keeping what was read.


@lru_cache(maxsize=4096)
def _header(*texts: str) -> tuple[Header, tuple[Problem, ...]]:
    cells = dict(zip(_HEADER_FIELDS, texts, strict=True))
    problems: list[Problem] = []
    if len(cells["CustomerCountry"]) > LONGEST_COUNTRY:
        problems.append(("CustomerCountry", f"“{shown(cells['CustomerCountry'])}” is no country that the portal knows"))
    for field, limit in LENGTHS.items():
        if len(cells[field]) > limit:
            problems.append((field, f"is longer than {limit} characters"))
    _check_who(cells, problems)
    key = customer_key(cells["TenantID"], cells["ERPCustomerID"], cells["CustomerName"])
    header = Header(
        number=_needed("InvoiceNumber", cells, problems),
        tenant_id=key.text,
        customer_name=_needed("CustomerName", cells, problems),
        currency=_needed("CurrencyCode", cells, problems),
        issued_on=_day_in("InvoiceGeneratedDate", cells, problems),
        due_on=_day_in("InvoiceDueDate", cells, problems),
        billing_id=_needed("BillingId", cells, problems),
        starts_on=_day_in("BillingPeriodStartDate", cells, problems),
        ends_on=_day_in("BillingPeriodEndDate", cells, problems),
        reseller=_reseller(cells, problems),
        key_from=key.made_from,
        placeholder=cells["TenantID"].lower() if is_placeholder(cells["TenantID"]) else "",
        erp_id=cells["ERPCustomerID"][:LONGEST_ERP_ID],
        # Half an address would be another one.
        email=cells["CustomerEmail"] if len(cells["CustomerEmail"]) <= LONGEST_EMAIL else "",
        country=cells["CustomerCountry"].upper(),
        purchase_order=cells["PurchaseOrderNumber"][:LONGEST_PURCHASE_ORDER],
    )
    _check_header(header, problems)
    return header, tuple(_first_of_each(problems))


def _first_of_each(problems: list[Problem]) -> list[Problem]:
    firsts: dict[str, str] = {}
    for field, reason in problems:
        firsts.setdefault(field, reason)
    return list(firsts.items())


def _needed(field: str, cells: Mapping[str, str], problems: list[Problem]) -> str:
    if not cells[field]:
        problems.append((field, "is empty"))
    return cells[field]


def _check_who(cells: Mapping[str, str], problems: list[Problem]) -> None:
    if is_ours(cells["TenantID"]):
        problems.append(("TenantID", f"“{shown(cells['TenantID'])}” is how the portal writes keys of its own"))
    if is_placeholder(cells["TenantID"]) and len(cells["ERPCustomerID"]) > LONGEST_ERP_ID:
        problems.append(("ERPCustomerID", f"is longer than {LONGEST_ERP_ID} characters"))


def _reseller(cells: Mapping[str, str], problems: list[Problem]) -> str:
    """Return the name of the reseller who is billed, "" when the customer is."""
    entity, name = folded(cells["InvoiceEntity"]), cells["ResellerName"]
    if entity == "reseller":
        if not name:
            problems.append(("ResellerName", "is empty, and InvoiceEntity says that the reseller is billed"))
        if len(name) > LONGEST_RESELLER:
            problems.append(("ResellerName", f"is longer than {LONGEST_RESELLER} characters"))
        return name
    if name and entity != "customer":
        said = f"“{shown(cells['InvoiceEntity'])}” is neither Customer nor Reseller" if entity else "is empty"
        problems.append(("InvoiceEntity", f"{said}, and a reseller is named: it is not said who is billed"))
    return ""


def _check_header(header: Header, problems: list[Problem]) -> None:
    wrong = {field for field, _ in problems}
    if header.currency and not _CURRENCY.fullmatch(header.currency):
        said = f"“{shown(header.currency)}” is not a currency code of three capital letters"
        problems.append(("CurrencyCode", said))
    if not wrong.intersection(DATES):
        if header.due_on < header.issued_on:
            problems.append(("InvoiceDueDate", "is before InvoiceGeneratedDate"))
        if header.ends_on < header.starts_on:
            problems.append(("BillingPeriodEndDate", "is before BillingPeriodStartDate"))


# What each line has of its own


def _check_line(line: Line, problems: list[Problem]) -> None:
    cells = line.cells
    if not cells["SubscriptionName"]:
        problems.append(("SubscriptionName", "is empty"))
    for field, limit in LINE_LENGTHS:
        if len(cells[field]) > limit:
            problems.append((field, f"is longer than {limit} characters"))
    if not 0 <= line.tax_percentage <= 100:
        problems.append(("TaxPercentage", f"{line.tax_percentage} is not between 0 and 100"))
    is_taxed_so = abs(EXACT.subtract(EXACT.multiply(line.subtotal, line.tax_percentage).scaleb(-2), line.tax)) <= CENT
    if is_taxed_so and EXACT.add(line.subtotal, line.tax) == line.total:
        return
    wrong = {field for field, _ in problems}
    if not is_taxed_so and not wrong & {"SubTotal", "TaxPercentage", "TaxAmount"}:
        said = f"{line.tax} is not {line.tax_percentage} % of SubTotal {line.subtotal}, to the cent"
        problems.append(("TaxAmount", said))
    if wrong & {"SubTotal", "TaxAmount", "Total"}:
        return
    if to_cents(line.subtotal) + to_cents(line.tax) != to_cents(line.total):
        problems.append(("Total", f"{line.total} is not SubTotal {line.subtotal} plus TaxAmount {line.tax}"))


def _amount(field: str, cells: Mapping[str, str], problems: list[Problem]) -> Decimal:
    """Return the field's number, or zero with a problem."""
    try:
        return _number(cells[field])
    except ValueError as error:
        problems.append((field, str(error)))
        return ZERO


def _day_in(field: str, cells: Mapping[str, str], problems: list[Problem]) -> dt.date:
    """Return the field's day, or `date.min` with a problem."""
    _needed(field, cells, problems)
    return _optional_day(field, cells, problems) or dt.date.min


def _optional_day(field: str, cells: Mapping[str, str], problems: list[Problem]) -> dt.date | None:
    """Return the field's day, None when it is empty or, with a problem, unreadable."""
    try:
        return _day(cells[field]) if cells[field] else None
    except ValueError as error:
        problems.append((field, str(error)))
        return None


@lru_cache(maxsize=16_384)
def _number(text: str) -> Decimal:
    """Raises ValueError unless `text` is a number of at most 15 digits before and 20 after a decimal point."""
    if not text:
        raise ValueError("is empty")
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
