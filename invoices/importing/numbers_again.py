"""Under which number an invoice goes to Xero again, when its own is not free there any more.

A number is free once its draft was deleted; whether it is after an approved document was voided, Xero does not say, so
the next one has a suffix of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import count

from django.db.models import QuerySet
from django.db.models.functions import Lower

from invoices.importing.numbers import MAX_LENGTH
from invoices.models import Invoice, PastDocument, Posting
from xero_integration.models import XeroSettings


def with_suffix(number: str, suffix: str, again: int) -> str:
    """Return the number of an invoice for the `again`th time that its number is not free (1, 2, …)."""
    end = f"{suffix}{again}"
    return f"{number[: MAX_LENGTH - len(end)]}{end}"


def next_numbers(postings: Iterable[Posting]) -> dict[int, str]:
    """Return by posting id the next number that nothing here has or had, each another one; invoices are loaded."""
    suffix = XeroSettings.load().again_suffix
    waiting, chosen = {each.pk: each.invoice.xero_number for each in postings}, dict[int, str]()
    for again in count(1):
        if not waiting:
            break
        wanted = {pk: with_suffix(number, suffix, again) for pk, number in waiting.items()}
        taken = taken_here(wanted.values())
        for pk, number in wanted.items():
            if number.lower() not in taken:
                taken.add(number.lower())
                chosen[pk] = number
                del waiting[pk]
    return chosen


def taken_here(numbers: Collection[str]) -> set[str]:
    """Return which of these numbers an invoice here goes or went to Xero under, in small letters."""
    wanted = {each.lower() for each in numbers}
    of_invoices = _lowered(Invoice.objects.all(), "xero_number", wanted)
    return of_invoices | taken_again(wanted)


def taken_again(wanted: set[str]) -> set[str]:
    """Return which of these (in small letters) are numbers of what went again, or of what was taken back."""
    again = _lowered(Posting.objects.exclude(number=""), "number", wanted)
    return again | _lowered(PastDocument.objects.all(), "number", wanted)


def _lowered(
    rows: QuerySet[Invoice] | QuerySet[Posting] | QuerySet[PastDocument], field: str, wanted: set[str]
) -> set[str]:
    found = rows.annotate(lowered=Lower(field)).filter(lowered__in=wanted)
    return set(found.values_list("lowered", flat=True))
