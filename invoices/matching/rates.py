"""Which tax rate a line has that says only its net amount and its tax: by itself, and by the other lines of its
file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import NamedTuple

# Whole and half percents are tenths too, and Switzerland has 8.1: among those nothing says which is meant. The finer
# ones, as 8.25 and 8.875 of American states, are looked at only where no tenth fits.
_STEPS = (Decimal("0.1"), Decimal("0.01"), Decimal("0.001"))
# For people, the plainest.
_NAMED_STEPS = (Decimal(1), Decimal("0.5"), *_STEPS)
_MOST_NAMED = 4
_HALF_A_CENT = Decimal("0.005")
_HIGHEST = Decimal(100)
# A file has a handful. One whose lines have hundreds of rates has none that its lines share.
_MOST_RATES = 200
_EXACT = Context(prec=80)
_UP, _DOWN = Context(prec=80, rounding=ROUND_CEILING), Context(prec=80, rounding=ROUND_FLOOR)
_ZERO = Decimal(0)


class Fitting(NamedTuple):
    """All rates from `lowest` to `highest` give a tax of a net amount to the cent. Percents."""

    lowest: Decimal
    highest: Decimal

    def has(self, rate: Decimal) -> bool:
        """Whether `rate` is one of them."""
        return self.lowest <= rate <= self.highest

    def multiples(self, step: Decimal) -> range:
        """Return the numbers of steps that are one of them."""
        first = _UP.divide(self.lowest, step).to_integral_value(ROUND_CEILING)
        last = _DOWN.divide(self.highest, step).to_integral_value(ROUND_FLOOR)
        return range(int(first), int(last) + 1)

    @classmethod
    def of(cls, net: Decimal, tax: Decimal) -> Fitting:
        """Return the rates of a line; `net` is not 0."""
        # Of a credit, both are negative.
        tax, net = (tax, net) if net > 0 else (-tax, -net)
        hundredth = net.scaleb(-2)
        lowest = _EXACT.divide(tax - _HALF_A_CENT, hundredth)
        highest = _EXACT.divide(tax + _HALF_A_CENT, hundredth)
        return cls(max(lowest, _ZERO), min(highest, _HIGHEST))


class SeveralRates(ValueError):
    """Rates fit of which nothing says which is meant; `str()` names them: "8 %, 8.1 %"."""

    def __init__(self, rates: Sequence[Decimal]) -> None:
        named = [f"{rate.normalize():f} %" for rate in rates[:_MOST_NAMED]]
        super().__init__(", ".join(named) + (" and others" if len(rates) > _MOST_NAMED else ""))


def only_rate(fitting: Fitting) -> Decimal | None:
    """Return the only rate of the coarsest step that fits, None when none does. Raises SeveralRates."""
    for step in _STEPS:
        found = fitting.multiples(step)
        if len(found) > 1:
            raise SeveralRates(_plainest(fitting))
        if found:
            return _EXACT.multiply(found[0], step).normalize(_EXACT)
    return None


def _plainest(fitting: Fitting) -> list[Decimal]:
    """Return the rates that fit of the coarsest step that has several, one more than are named at most."""
    step = next(step for step in _NAMED_STEPS if len(fitting.multiples(step)) > 1)
    return [count * step for count in fitting.multiples(step)[: _MOST_NAMED + 1]]


@dataclass(slots=True)
class RatesOfFile:
    """Finds the rates that the lines of a file tell, in memory that does not grow with them.

    A line of 3.00 with a tax of 0.24 may have 8 % or 8.1 %, and tells none. Of the lines that have one rate alone, what
    fits every one of the same rate is kept: a rate is told when no other one that a line has fits there.
    """

    _found: dict[Decimal, Fitting] = field(default_factory=dict)

    def add(self, net: Decimal, tax: Decimal) -> None:
        """Count a line in."""
        if not net or len(self._found) > _MOST_RATES:
            return
        fitting = Fitting.of(net, tax)
        try:
            rate = only_rate(fitting)
        except SeveralRates:
            return
        if rate is not None:
            before = self._found.get(rate, fitting)
            self._found[rate] = Fitting(max(before.lowest, fitting.lowest), min(before.highest, fitting.highest))

    def told(self) -> tuple[Decimal, ...]:
        """Return the rates that the lines tell, in order; () when they have too many to share any."""
        if len(self._found) > _MOST_RATES:
            return ()
        alone = (rate for rate, fitting in self._found.items() if sum(map(fitting.has, self._found)) == 1)
        return tuple(sorted(alone))


def rate_of(net: Decimal, tax: Decimal, told: Sequence[Decimal] = ()) -> Decimal | None:
    """Return the rate of a line: the only one of those `told` by its file that fits, where none of them does the only
    one in tenths of a percent, then in finer steps; None when no rate fits. `net` is not 0. Raises SeveralRates."""
    fitting = Fitting.of(net, tax)
    fits = [rate for rate in told if fitting.has(rate)]
    if len(fits) > 1:
        raise SeveralRates(fits)
    return fits[0] if fits else only_rate(fitting)


def rates_told(lines: Iterable[tuple[Decimal, Decimal]]) -> tuple[Decimal, ...]:
    """Return the rates that `lines`, each its net amount and its tax, tell."""
    rates = RatesOfFile()
    for net, tax in lines:
        rates.add(net, tax)
    return rates.told()
