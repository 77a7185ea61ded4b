"""Numbers of new invoices in Xero, told apart from those that are here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db.models.functions import Lower

from invoices.importing.numbers import spelt_apart, xero_number
from invoices.importing.numbers_again import taken_again
from invoices.models import Invoice

NAMED = 5


def for_new(numbers: Iterable[str]) -> dict[str, str]:
    """Return the number in Xero of each of these invoices, none of which is stored.

    Xero does not say whether capitals tell two numbers apart, so one that differs from another by them alone is spelt
    apart. The same numbers come out the same in any order.
    """
    wanted = {number: xero_number(number) for number in sorted(numbers)}
    stored = Invoice.objects.annotate(lower=Lower("xero_number"))
    lowered = {each.lower() for each in wanted.values()}
    taken = set(stored.filter(lower__in=lowered).values_list("lower", flat=True)) | taken_again(lowered)
    for number, spelt in wanted.items():
        if spelt.lower() in taken:
            wanted[number] = spelt_apart(number)
        taken.add(wanted[number].lower())
    return wanted


def notes(numbers: Mapping[str, str]) -> list[str]:
    """Return a sentence on those of `for_new` that were spelt apart, none without any."""
    apart = [f"{number} is {spelt}" for number, spelt in numbers.items() if spelt != xero_number(number)]
    if not apart:
        return []
    more = f", and {len(apart) - NAMED:,} more" if len(apart) > NAMED else ""
    return [
        f"Numbers that differ from others by capitals alone are spelt apart in Xero: {', '.join(apart[:NAMED])}{more}."
    ]
