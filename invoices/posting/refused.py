"""What was refused of an upload, by its cause, in the shape in which the preflight shows what blocks."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, Max, Min, QuerySet, Sum

from invoices.documents.rules import Fix, Problem
from invoices.models import BillingPeriod, Posting
from xero_integration.client import refusals
from xero_integration.client.refusals import Topic

# What Xero says may name the invoice: then each is a wording of its own.
WORDINGS_READ = 1_000
_PERIOD = ("invoice__period", "invoice__period__billing_id", "invoice__period__ends_on")
FIXES = {
    Topic.ACCOUNT: Fix.ACCOUNTS,
    Topic.TAX: Fix.TAXES,
    Topic.THEME: Fix.SETTINGS,
    Topic.CURRENCY: Fix.XERO,
    Topic.LOCKED: Fix.DRAFTS,
    Topic.CONTACT: Fix.CONTACTS,
    Topic.NAME: Fix.CONTACTS,
    Topic.EMAIL: Fix.CONTACTS,
    Topic.NUMBER: Fix.XERO,
    Topic.DUE_DATE: Fix.CUSTOMERS,
}
# Of whoever it is about, the page shows the customer; of an account, its lines.
_SUBJECT_SHOWN = frozenset({Topic.ACCOUNT, Topic.CURRENCY})


def problems(message: str) -> list[Problem]:
    """Return what a refusal in these words means; unknown words as they are. The detail is Xero's own words."""
    found = [
        Problem(
            cause.topic,
            cause.subject if cause.topic in _SUBJECT_SHOWN else "",
            cause.words,
            FIXES.get(cause.topic, Fix.NONE),
            detail=message,
        )
        for cause in refusals.causes(message)
    ]
    return found or [Problem("", message, message, Fix.NONE)]


@dataclass(frozen=True)
class Cause:
    """Why some of an upload were rejected: the problem, Xero's own `words` (the most frequent), how many, what
    they come to by currency, the days they are dated within, every wording, by which a page filters them, and of
    each of their billing periods how many and how much."""

    problem: Problem
    words: str
    count: int
    money: tuple[tuple[str, Decimal], ...]
    first: dt.date
    last: dt.date
    wordings: tuple[str, ...]
    parts: tuple[tuple[BillingPeriod, int, tuple[tuple[str, Decimal], ...]], ...]

    @property
    def key(self) -> str:
        """Return what names it in an address."""
        facts = (self.problem.code, self.problem.subject, self.problem.words)
        return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:12]


def causes(postings: QuerySet[Posting], most: int = WORDINGS_READ) -> list[Cause]:
    """Return why the rejected of `postings` were, the most frequent first; of at most so many wordings."""
    # Found by themselves first: grouped by billing period, SQLite would go through all invoices of each.
    found = postings.filter(status=Posting.Status.REJECTED).order_by().values("pk")
    rejected = Posting.objects.filter(pk__in=found, invoice__ignored_because="")
    rows = (
        rejected.order_by()
        .values("message", "invoice__currency", *_PERIOD)
        .annotate(
            count=Count("pk"),
            total=Sum("invoice__total"),
            first=Min("invoice__issued_on"),
            last=Max("invoice__issued_on"),
        )
    )
    by_problem: dict[Problem, list[Any]] = defaultdict(list)
    for row in rows.order_by("-count", "message")[:most]:
        for problem in problems(row["message"]):
            by_problem[problem].append(row)
    made = [_cause(problem, several) for problem, several in by_problem.items()]
    return sorted(made, key=lambda each: (-each.count, each.problem.words))


def _money(rows: list[Any]) -> dict[str, Decimal]:
    money: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        money[row["invoice__currency"]] += row["total"].quantize(Decimal("0.01"))
    return money


def _cause(problem: Problem, rows: list[Any]) -> Cause:
    periods: dict[BillingPeriod, list[Any]] = defaultdict(list)
    for row in rows:
        pk, billing_id, ends_on = (row[name] for name in _PERIOD)
        periods[BillingPeriod(pk=pk, billing_id=billing_id, ends_on=ends_on)].append(row)
    return Cause(
        problem=problem,
        words=rows[0]["message"],
        count=sum(row["count"] for row in rows),
        money=tuple(sorted(_money(rows).items())),
        first=min(row["first"] for row in rows),
        last=max(row["last"] for row in rows),
        wordings=tuple(dict.fromkeys(row["message"] for row in rows)),
        parts=tuple(
            (period, sum(row["count"] for row in of_it), tuple(sorted(_money(of_it).items())))
            for period, of_it in periods.items()
        ),
    )
