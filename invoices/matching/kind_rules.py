"""The rules that people made for categories, and the lines whose kind is still open."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet
from django.db.models.fields.json import KT

from c3portal.models import User
from invoices.matching.kinds import OPEN, fold
from invoices.models import InvoiceLine, KindRule
from invoices.models.statuses import UPLOADABLE

UPDATED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class OpenCategory:
    """A category of which nobody has said the kind yet: as the source writes it, with its lines and invoices."""

    category: str
    lines: int
    invoices: int


def read_rules() -> dict[str, str]:
    """Return the kind of each category that has a rule, by the folded category."""
    return dict(KindRule.objects.values_list("category", "kind"))


def open_categories() -> list[OpenCategory]:
    """Return the categories of lines that have no kind, those of most lines first."""
    found: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for category, lines, invoices in (
        _open_lines()
        .annotate(lines=Count("pk"), invoices=Count("invoice", distinct=True))
        .values_list("category", "lines", "invoices")
    ):
        found[fold(category or "")].append((category or "", lines, invoices))
    categories = [
        OpenCategory(each[0][0], sum(lines for _, lines, _ in each), sum(invoices for _, _, invoices in each))
        for each in found.values()
    ]
    return sorted(categories, key=lambda each: (-each.lines, each.category))


def save_rule(category: str, kind: str, user: User | None) -> int:
    """Keep the kind of a category, and give it to the open lines of invoices that were not sent. Returns how many lines
    that are."""
    folded = fold(category)
    KindRule.objects.update_or_create(category=folded, defaults={"kind": kind, "updated_by": user})
    not_sent = Q(invoice__posting=None) | Q(invoice__posting__status__in=UPLOADABLE)
    open_lines = _open_lines().filter(not_sent).values_list("pk", KT("source__Category"))
    # Capitals of every language are the same here alone, so that the database cannot compare them.
    keys = [pk for pk, text in open_lines.iterator() if fold(text or "") == folded]
    for batch in itertools.batched(keys, UPDATED_AT_ONCE):
        InvoiceLine.objects.filter(pk__in=batch).update(kind=kind)
    return len(keys)


def _open_lines() -> QuerySet[InvoiceLine]:
    return InvoiceLine.objects.filter(kind=OPEN).order_by().annotate(category=KT("source__Category"))
