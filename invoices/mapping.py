"""Which account and which tax type a line goes to. Pure: facts in, an answer or the reason in words out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal


class Unmapped(Exception):
    """A line has no place to go in this organisation; the message says why and what to do."""


@dataclass(frozen=True)
class Rate:
    """A tax rate of the organisation that may be used for revenue; `percentage` 10 means 10 %."""

    tax_type: str
    name: str
    percentage: Decimal


@dataclass(frozen=True)
class AccountCodes:
    """The three accounts of Settings → General, by kind of line (`InvoiceLine.Kind`)."""

    by_kind: Mapping[str, str]

    def of(self, kind: str) -> str:
        """Return the account code for a kind of line. Raises Unmapped when the setting is empty."""
        code = self.by_kind.get(kind, "")
        if not code:
            raise Unmapped("No account code is set for this kind of line. Fill it in under Settings → General.")
        return code


# What Xero's own rate names add to a tax's name to say that it is the one for sales ("GST Free Income").
SALES_WORDS = frozenset({"on", "income", "sales", "revenue", "output"})


def tax_rate(rates: Iterable[Rate], name: str, percentage: Decimal) -> Rate:
    """Return the organisation's revenue tax rate of the same percentage; by name when several are equal.

    The same name goes first, then one that adds only words for sales to it, then the only one that holds every word
    of it, then the only one of that percentage. Raises Unmapped when there is none, or when the name does not tell
    which of several is meant.
    """
    equal = [rate for rate in rates if rate.percentage == percentage]
    shown = f"{percentage.normalize():f} %" + (f" ({name})" if name else "")
    if not equal:
        raise Unmapped(
            f"The organisation has no active tax rate of {shown} that may be used for sales. Add it in Xero."
        )
    same = [rate for rate in equal if rate.name.casefold() == name.casefold()]
    like = [rate for rate in equal if name and _words(name) <= _words(rate.name)]
    for_sales = [rate for rate in like if _words(rate.name) - _words(name) <= SALES_WORDS]
    for candidates in (same, for_sales, like, equal):
        if len(candidates) == 1:
            return candidates[0]
    names = ", ".join(rate.name for rate in equal)
    raise Unmapped(f"The organisation has several tax rates of {shown}, and the name does not tell which: {names}.")


def _words(name: str) -> frozenset[str]:
    return frozenset(name.casefold().split())
