"""How many lines have which tax, kept with the lines, so that no page has to read them all.

Whatever changes lines, or whose they are, takes its invoices off before and puts them on after, in one transaction.
Each writes rows of its own, and what counts is their sum: nobody waits for anybody, and none can overwrite another's.
A worker of the release before, which does not know of this, leaves lines uncounted: the night's `mend` counts them.
"""

from __future__ import annotations

import itertools
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Sum

from invoices.importing import locks
from invoices.importing.decisions import CHUNK
from invoices.models import BilledTax, InvoiceLine

_SUBJECT = ("customer_id", "bill_to_id", "tax_name", "tax_percentage")


def put_on(invoices: Iterable[uuid.UUID]) -> None:
    """Count the stored lines of these invoices."""
    _write(invoices, 1)


def take_off(invoices: Iterable[uuid.UUID]) -> None:
    """Count the stored lines of these invoices no more: before they, or whose they are, change."""
    _write(invoices, -1)


def _write(invoices: Iterable[uuid.UUID], sign: int) -> None:
    for chunk in itertools.batched(invoices, CHUNK):
        lines = InvoiceLine.objects.filter(invoice__in=chunk).order_by()
        rows = lines.values_list("invoice__customer", "invoice__bill_to", "tax_name", "tax_percentage")
        BilledTax.objects.bulk_create(_row(subject, sign * count) for *subject, count in rows.annotate(Count("pk")))


def _row(subject: Sequence[Any], lines: int) -> BilledTax:
    return BilledTax(**dict(zip(_SUBJECT, subject, strict=True)), lines=lines)


def mend() -> int:
    """Count what was left uncounted, and no more what is gone; returns of how many subjects that was."""
    with transaction.atomic():
        locks.one_import_at_a_time()
        missing = _missing()
        BilledTax.objects.bulk_create(_row(subject, lines) for subject, lines in missing.items())
        settle()
    return len(missing)


def _missing() -> dict[tuple[Any, ...], int]:
    """Return by how many lines a count of all of them differs from what is kept."""
    lines = InvoiceLine.objects.order_by().values_list(
        "invoice__customer", "invoice__bill_to", "tax_name", "tax_percentage"
    )
    kept = BilledTax.objects.order_by().values_list(*_SUBJECT)
    # One statement: of what others write meanwhile, which is committed at once, it sees the lines and their count, or
    # neither.
    both = lines.annotate(n=Count("pk")).union(kept.annotate(n=Sum(F("lines") * -1)), all=True)
    found: Counter[tuple[Any, ...]] = Counter()
    for *subject, count in both.order_by():
        found[tuple(subject)] += count
    return {subject: count for subject, count in found.items() if count}


def settle() -> None:
    """Have one row say what several do, and none what comes to nothing; for who lets no other import run meanwhile."""
    found: dict[tuple[Any, ...], list[tuple[int, int]]] = defaultdict(list)
    for pk, lines, *subject in BilledTax.objects.values_list("pk", "lines", *_SUBJECT):
        found[tuple(subject)].append((pk, lines))
    settled = {subject: each for subject, each in found.items() if len(each) > 1 or not each[0][1]}
    # What others add meanwhile is not among these.
    keys = (pk for each in settled.values() for pk, _ in each)
    for chunk in itertools.batched(keys, CHUNK):
        BilledTax.objects.filter(pk__in=chunk).delete()
    sums = {subject: sum(lines for _, lines in each) for subject, each in settled.items()}
    BilledTax.objects.bulk_create(_row(subject, lines) for subject, lines in sums.items() if lines)
