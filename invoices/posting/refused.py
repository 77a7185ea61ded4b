"""What was refused of an upload, by its cause, in the shape in which the preflight shows what blocks."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, Max, Min, QuerySet, Sum

from invoices.documents.rules import Fix, Problem
from invoices.models import Posting
from xero_integration.client import refusals
from xero_integration.client.refusals import Topic

# What Xero says may name the invoice: then each is a wording of its own.
WORDINGS_READ = 1_000
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
    they come to by currency, the days they are dated within, every wording, by which a page filters them, and the
    BillingIds of their periods, that of most first."""

    problem: Problem
    words: str
    count: int
    money: tuple[tuple[str, Decimal], ...]
    first: dt.date
    last: dt.date
    wordings: tuple[str, ...]
    periods: tuple[str, ...]

    @property
    def key(self) -> str:
        """Return what names it in an address."""
        facts = (self.problem.code, self.problem.subject, self.problem.words)
        return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:12]


def causes(postings: QuerySet[Posting], most: int = WORDINGS_READ) -> list[Cause]:
    """Return why the rejected of `postings` were, the most frequent first; of at most so many wordings."""
    rejected = postings.filter(status=Posting.Status.REJECTED, invoice__ignored_because="")
    rows = (
        rejected.order_by()
        .values("message", "invoice__currency", "invoice__period__billing_id")
        .annotate(
            count=Count("pk"),
            total=Sum("invoice__total"),
            first=Min("invoice__issued_on"),
            last=Max("invoice__issued_on"),
        )
    )
    found: dict[Problem, list[Any]] = defaultdict(list)
    for row in rows.order_by("-count", "message")[:most]:
        for problem in problems(row["message"]):
            found[problem].append(row)
    made = [_cause(problem, several) for problem, several in found.items()]
    return sorted(made, key=lambda each: (-each.count, each.problem.words))


def _cause(problem: Problem, rows: list[Any]) -> Cause:
    money: dict[str, Decimal] = defaultdict(Decimal)
    periods: Counter[str] = Counter()
    for row in rows:
        periods[row["invoice__period__billing_id"]] += row["count"]
        money[row["invoice__currency"]] += row["total"].quantize(Decimal("0.01"))
    return Cause(
        problem=problem,
        words=rows[0]["message"],
        count=sum(row["count"] for row in rows),
        money=tuple(sorted(money.items())),
        first=min(row["first"] for row in rows),
        last=max(row["last"] for row in rows),
        wordings=tuple(dict.fromkeys(row["message"] for row in rows)),
        periods=tuple(period for period, _ in periods.most_common()),
    )
