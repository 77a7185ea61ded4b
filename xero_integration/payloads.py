"""Arithmetic and words of an invoice on its way to Xero. Pure, and the only place that rounds money."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache

# Unit amounts keep 4 decimals (unitdp=4), line amounts 2, and a line amount must equal quantity times unit amount; tax
# is computed for each line, rounded to cents, then summed.
# https://developer.xero.com/documentation/guides/how-to-guides/rounding-in-xero/
# https://developer.xero.com/documentation/api/accounting/invoices/
# https://developer.xero.com/documentation/api/accounting/creditnotes/
CENT = Decimal("0.01")
UNIT_PLACES = Decimal("0.0001")
# As many digits as two figures of the source can have, multiplied.
PRODUCT = Context(prec=80)
MAX_DESCRIPTION = 4000
MAX_REFERENCE = 255
# Of a line as of a document, in whatever currency, either way.
LARGEST_AMOUNT = Decimal("9999999999.99")
# What a template of the Reference can name: purchase order, billing period, invoice number.
PLACEHOLDERS = ORDER, PERIOD, NUMBER = "{po}", "{period}", "{number}"


def to_cents(value: Decimal) -> Decimal:
    """Return `value` rounded half up to cents, as Xero and C3 round. Raises decimal.InvalidOperation beyond 26
    digits."""
    return value.quantize(CENT, ROUND_HALF_UP)


@dataclass(frozen=True)
class Charge:
    """A line of the source: exact decimals, amounts in the invoice's currency without tax."""

    name: str
    sku: str
    is_usage: bool
    quantity: Decimal
    unit_price: Decimal
    subtotal: Decimal
    starts_on: dt.date | None
    ends_on: dt.date | None
    account_code: str
    tax_type: str
    tax_rate: Decimal


@dataclass(frozen=True)
class Line:
    """A line as Xero is to have it; `tax_amount` is what Xero will compute."""

    description: str
    quantity: Decimal
    unit_amount: Decimal
    line_amount: Decimal
    account_code: str
    tax_type: str
    tax_amount: Decimal


@dataclass(frozen=True)
class Document:
    """An invoice or credit note as Xero is to have it; a credit note's amounts are positive."""

    is_credit_note: bool
    number: str
    contact_id: str
    issued_on: dt.date
    due_on: dt.date
    currency: str
    status: str
    reference: str
    url: str
    theme_id: str
    lines: tuple[Line, ...]

    @property
    def total(self) -> Decimal:
        """The total with tax."""
        return sum((line.line_amount + line.tax_amount for line in self.lines), Decimal("0.00"))


def line(charge: Charge, currency: str, *, is_credit_note: bool) -> Line:
    """Return the line for a charge, its sign turned on a credit note."""
    sign = -1 if is_credit_note else 1
    amount = to_cents(charge.subtotal)
    quantity, unit_amount = charge.quantity, charge.unit_price.quantize(UNIT_PLACES, ROUND_HALF_UP)
    # Usage goes as quantity 1 times the rounded amount, with quantity and rate in words, since rates have ten and more
    # decimals. So does what else would not come to the same cents.
    in_words = charge.is_usage or not _comes_to(amount, quantity, unit_amount)
    if in_words:
        quantity, unit_amount = Decimal(1), amount
    if in_words and sign < 0:
        unit_amount = -unit_amount
    elif sign < 0:
        quantity = -quantity
    return Line(
        description=_description(charge, currency if in_words else ""),
        quantity=quantity,
        unit_amount=unit_amount,
        line_amount=amount * sign,
        account_code=charge.account_code,
        tax_type=charge.tax_type,
        tax_amount=to_cents(amount * sign * charge.tax_rate / 100),
    )


def _comes_to(amount: Decimal, quantity: Decimal, unit_amount: Decimal) -> bool:
    """Whether Xero would compute these cents, from figures that reach it digit for digit."""
    if not (quantity == quantity.quantize(UNIT_PLACES) and is_exact(quantity) and is_exact(unit_amount)):
        return False
    if abs(unit_amount) > LARGEST_AMOUNT:
        return False
    return PRODUCT.multiply(quantity, unit_amount).quantize(CENT, ROUND_HALF_UP, PRODUCT) == amount


def _description(charge: Charge, currency: str) -> str:
    tail = ""
    if charge.starts_on and charge.ends_on:
        tail += f", {_day(charge.starts_on)} to {_day(charge.ends_on)}"
    if currency:
        tail += f", {plain(charge.quantity)} at {plain(charge.unit_price)} {currency}"
    return (charge.name or charge.sku or "Charge")[: MAX_DESCRIPTION - len(tail)] + tail


@lru_cache(maxsize=1024)
def _day(day: dt.date) -> str:
    return f"{day.day} {day:%b %Y}"


def plain(value: Decimal) -> str:
    """Return every digit that counts, without exponent or trailing zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def reference_text(shown: str, marker: str) -> str:
    """Return the Reference (at most 255 characters): `shown`, and at its end, never cut, `marker` unless that is ""."""
    return f"{shown[: MAX_REFERENCE - len(marker) - 1].rstrip()} {marker}" if marker else shown[:MAX_REFERENCE]


def is_exact(value: Decimal) -> bool:
    """Whether JSON carries `value` digit for digit (about 15 digits)."""
    return Decimal(repr(float(value))) == value


def number(value: Decimal) -> float:
    """Return a float whose JSON text has exactly the digits of `value`. Raises ValueError where there is none."""
    sent = float(value)
    if Decimal(repr(sent)) != value:
        # Rather than send an amount that is off.
        raise ValueError(f"{value} cannot be sent digit for digit.")
    return sent
