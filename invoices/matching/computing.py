"""What a file does not say and is certain from what it says: the gross from net and tax, and so on."""

from __future__ import annotations

import decimal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

from invoices.matching import rates
from invoices.matching.meanings import LABELS

Amounts = dict[str, Decimal]
CENT = Decimal("0.01")
# A price is no longer than what a source writes; more digits say that the division does not end.
PRICE_DIGITS = 10
EXACT = decimal.Context(prec=80, rounding=decimal.ROUND_HALF_UP)


class NotCertain(ValueError):
    """The values of the row do not say it; `str()` says why."""


@dataclass(frozen=True, slots=True)
class Computation:
    """A field that has no column, from others. `compute` returns it; raises NotCertain."""

    field: str
    needs: tuple[str, ...]
    compute: Callable[[Amounts], Decimal]
    words: str


def computations(given: Iterable[str], told: Sequence[Decimal] = ()) -> list[Computation]:
    """Return how to compute the amounts that are not `given`, in the order in which they can be; `told` are the tax
    rates that the lines of the file tell."""
    known = set(given)
    chosen: list[Computation] = []
    while True:
        found = [each for each in _ALL if each.field not in known and known.issuperset(each.needs)]
        if not found:
            return [_with(each, told) for each in chosen]
        chosen.append(found[0])
        known.add(found[0].field)


def _with(computation: Computation, told: Sequence[Decimal]) -> Computation:
    is_rate = computation.field == "TaxPercentage"
    return replace(computation, compute=partial(_rate, told=told)) if is_rate else computation


def _quotient(dividend: Decimal, divisor: Decimal, what: str) -> Decimal:
    if not divisor:
        if not dividend:
            return Decimal(0)
        raise NotCertain(f"{what} cannot be computed: a division by zero")
    quotient = EXACT.quantize(EXACT.divide(dividend, divisor), Decimal(1).scaleb(-PRICE_DIGITS))
    if EXACT.multiply(quotient, divisor) != dividend:
        raise NotCertain(f"{what} cannot be computed: {dividend} ÷ {divisor} does not come out even")
    return quotient.normalize(EXACT)


def _unit_price(amounts: Amounts) -> Decimal:
    return _quotient(amounts["SubTotal"], amounts["Quantity"], "The unit price")


def _quantity(amounts: Amounts) -> Decimal:
    return _quotient(amounts["SubTotal"], amounts["UnitPriceOfProduct"], "The quantity")


def _tax(amounts: Amounts) -> Decimal:
    return EXACT.quantize(EXACT.multiply(amounts["SubTotal"], amounts["TaxPercentage"]).scaleb(-2), CENT)


def _net_of_gross(amounts: Amounts) -> Decimal:
    """Return the net amount that comes to the gross with its tax, rounded to the cent as it is."""
    gross, rate = amounts["Total"].normalize(EXACT), amounts["TaxPercentage"]
    # Of an amount that is finer than a cent, the tax is too.
    unit = min(CENT, Decimal(1).scaleb(gross.adjusted() - len(gross.as_tuple().digits) + 1))
    near = EXACT.quantize(EXACT.divide(gross, EXACT.add(1, rate.scaleb(-2))), unit)
    for net in (near, EXACT.subtract(near, unit), EXACT.add(near, unit)):
        # It grows with the net amount, so that there is one at most.
        if EXACT.add(net, EXACT.quantize(EXACT.multiply(net, rate).scaleb(-2), unit)) == gross:
            return net
    raise NotCertain(f"The net amount cannot be computed: none comes to {amounts['Total']} with {rate} % of tax")


def _rate(amounts: Amounts, told: Sequence[Decimal] = ()) -> Decimal:
    """Return the rate that gives the tax of the net to the cent: the only one of those `told`, else the only one in
    tenths of a percent, and in finer steps where no tenth does (rates.py). No tax is a rate of 0 where several fit."""
    net, tax = amounts["SubTotal"], amounts["TaxAmount"]
    if not net:
        if not tax:
            return Decimal(0)
        raise NotCertain("The tax rate cannot be computed: there is a tax on nothing")
    try:
        rate = rates.rate_of(net, tax, told)
    except rates.SeveralRates as several:
        if not tax:
            return Decimal(0)
        raise NotCertain(_no_rate(net, tax, f"several rates: {several}. The file has to say the rate")) from None
    if rate is None:
        raise NotCertain(_no_rate(net, tax, "no rate"))
    return rate


def _no_rate(net: Decimal, tax: Decimal, fits: str) -> str:
    return f"The tax rate cannot be computed: a tax of {tax} on {net} fits {fits}"


_RATE_WORDS = "tax ÷ net, where only one rate of the file's other lines fits, else only one in tenths of a percent"

# In the order in which they are preferred: what adds up before what multiplies.
_ALL = (
    Computation(
        "Total", ("SubTotal", "TaxAmount"), lambda row: EXACT.add(row["SubTotal"], row["TaxAmount"]), "net + tax"
    ),
    Computation(
        "SubTotal", ("Total", "TaxAmount"), lambda row: EXACT.subtract(row["Total"], row["TaxAmount"]), "gross - tax"
    ),
    Computation("SubTotal", ("Total", "TaxPercentage"), _net_of_gross, "gross ÷ (1 + rate), where it comes out even"),
    Computation(
        "TaxAmount", ("Total", "SubTotal"), lambda row: EXACT.subtract(row["Total"], row["SubTotal"]), "gross - net"
    ),
    Computation("TaxAmount", ("SubTotal", "TaxPercentage"), _tax, "net × rate, rounded to the cent"),
    Computation("TaxPercentage", ("SubTotal", "TaxAmount"), _rate, _RATE_WORDS),
    Computation("UnitPriceOfProduct", ("SubTotal", "Quantity"), _unit_price, "net ÷ quantity, where it comes out even"),
    Computation("Quantity", ("SubTotal", "UnitPriceOfProduct"), _quantity, "net ÷ unit price, where it comes out even"),
    Computation("Quantity", ("SubTotal",), lambda _: Decimal(1), "1, at the net amount"),
)


def in_words(computation: Computation) -> str:
    """Return "Gross amount is computed: net + tax"."""
    return f"{LABELS[computation.field]} is computed: {computation.words}"
