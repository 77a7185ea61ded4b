"""How far a billing period has come, and the portal against Xero: sums by currency, each by the database."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Case, Count, F, Min, Q, Sum, When
from django.db.models.functions import Coalesce

from invoices.models import BillingPeriod, DocumentType, Invoice, Posting
from invoices.models.statuses import IN_PROGRESS, UPLOADABLE
from invoices.selection.filters import UNSENT
from xero_integration.client.vocabulary import GONE, DocumentStatus

CENT = Decimal("0.01")
_ZERO = Decimal(0)
_POSTED = Q(posting__status=Posting.Status.POSTED)
# What a posted document is now; a status that was never read counts as there.
IN_XERO = _POSTED & ~Q(posting__xero_status__in=GONE)
APPROVED = _POSTED & Q(posting__xero_status__in=[DocumentStatus.AUTHORISED, DocumentStatus.PAID])
DRAFT = _POSTED & Q(posting__xero_status__in=[DocumentStatus.DRAFT, DocumentStatus.SUBMITTED])
PAID = _POSTED & Q(posting__xero_status=DocumentStatus.PAID)
_WAITS = Q(ignored_because="") & (Q(posting__isnull=True) | Q(posting__status__in=UPLOADABLE))
_MOVES = Q(ignored_because="", posting__status__in=IN_PROGRESS)
_EXCLUDED = ~Q(ignored_because="") & ~_POSTED


@dataclass(frozen=True)
class Amount:
    """So many invoices, and what they come to by currency, the currency of most invoices first."""

    count: int = 0
    money: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def main(self) -> tuple[str, Decimal] | None:
        return next(iter(self.money.items()), None)

    @property
    def more(self) -> int:
        """How many currencies there are besides the first."""
        return max(0, len(self.money) - 1)


@dataclass(frozen=True)
class Balance:
    """One currency of a period; what is on its way is not posted yet. `difference` is what Xero has over what was
    invoiced of what is in Xero: 0.00 when both are equal to the cent, None while Xero told no total of some."""

    currency: str
    invoiced: Decimal
    in_xero: Decimal
    not_posted: Decimal
    excluded: Decimal
    difference: Decimal | None


@dataclass(frozen=True)
class Figures:
    """A billing period in numbers; `read_at` is since when all that is in Xero is known to be so."""

    imported: Amount
    in_xero: Amount
    approved: Amount
    paid: Amount
    waiting: Amount
    rejected: Amount
    excluded: int
    drafts: int
    sent: int
    unsent: int
    overdue: int
    on_the_way: int
    balances: list[Balance]
    read_at: dt.datetime | None
    imported_at: dt.datetime | None

    def to_fix(self, stopped: Iterable[tuple[int, Mapping[str, Decimal]]]) -> Amount:
        """Return what needs something before it is posted: what was rejected, and what is `stopped` by another cause
        (how many, and their money). Who has two causes counts for both, so it is never more than waits."""
        each = [(self.rejected.count, self.rejected.money), *stopped]
        count = min(self.waiting.count, sum(count for count, _ in each))
        money = {
            code: min(there, sum((of.get(code, _ZERO) for _, of in each), _ZERO))
            for code, there in self.waiting.money.items()
        }
        return Amount(count, {code: amount for code, amount in money.items() if amount})


def of(period: BillingPeriod, today: dt.date) -> Figures:
    """Return the figures of a period, in one query; what is due before `today` and not paid is overdue."""
    rows = sorted(_rows(period, today), key=lambda row: (-row["imported_count"], row["currency"]))

    def amount(name: str) -> Amount:
        there = {row["currency"]: row[name].quantize(CENT) for row in rows if row[f"{name}_count"]}
        return Amount(sum(row[f"{name}_count"] for row in rows), there)

    def count(name: str) -> int:
        return sum(row[name] for row in rows)

    return Figures(
        imported=amount("imported"),
        in_xero=amount("in_xero"),
        approved=amount("approved"),
        paid=amount("paid"),
        waiting=amount("waiting"),
        rejected=amount("rejected"),
        excluded=count("excluded_count"),
        drafts=count("drafts"),
        sent=count("sent"),
        unsent=count("unsent"),
        overdue=count("overdue"),
        on_the_way=count("on_the_way"),
        balances=[_balance(row) for row in rows],
        read_at=min((row["read_at"] for row in rows if row["read_at"]), default=None),
        imported_at=max((row["imported_at"] for row in rows), default=None),
    )


def _rows(period: BillingPeriod, today: dt.date) -> Any:
    invoices = Invoice.objects.filter(period=period).order_by()
    sums: dict[str, Any] = {}
    parts = {"imported": Q(), "in_xero": IN_XERO, "approved": APPROVED, "waiting": _WAITS, "excluded": _EXCLUDED}
    parts["rejected"] = _WAITS & Q(posting__status=Posting.Status.REJECTED)
    for name, which in parts.items():
        sums[name] = Sum("total", filter=which, default=_ZERO)
        sums[f"{name}_count"] = Count("pk", filter=which)
    sign = Case(When(posting__document_type=DocumentType.CREDIT_NOTE, then=-1), default=1)
    sums["paid"] = Sum(F("posting__amount_paid") * sign, filter=PAID, default=_ZERO)
    sums["paid_count"] = Count("pk", filter=PAID)
    sums["told"] = Sum(F("posting__xero_total") * sign, filter=IN_XERO, default=_ZERO)
    sums["untold"] = Count("pk", filter=IN_XERO & Q(posting__xero_total=None))
    sums["drafts"] = Count("pk", filter=DRAFT)
    sums["moving"] = Sum("total", filter=_MOVES, default=_ZERO)
    sums["sent"] = Count("pk", filter=APPROVED & Q(posting__sent_to_contact=True))
    sums["unsent"] = Count("pk", filter=_POSTED & UNSENT)
    sums["overdue"] = Count("pk", filter=APPROVED & Q(posting__amount_due__gt=0, due_on__lt=today, total__gt=0))
    sums["on_the_way"] = Count("pk", filter=Q(posting__status__in=IN_PROGRESS))
    sums["read_at"] = Min(Coalesce("posting__read_at", "posting__updated_at"), filter=IN_XERO)
    sums["imported_at"] = Min("imported_at")
    return invoices.values("currency").annotate(**sums)


def _balance(row: Mapping[str, Any]) -> Balance:
    in_xero = row["told"].quantize(CENT)
    return Balance(
        currency=row["currency"],
        invoiced=row["imported"].quantize(CENT),
        in_xero=in_xero,
        not_posted=(row["waiting"] + row["moving"]).quantize(CENT),
        excluded=row["excluded"].quantize(CENT),
        difference=None if row["untold"] else in_xero - row["in_xero"].quantize(CENT),
    )


def billed(periods: Iterable[int]) -> dict[int, Amount]:
    """Return what these billing periods, by their ids, come to; without those that have no invoices. In one query."""
    rows = (
        Invoice.objects.filter(period__in=list(periods))
        .order_by()
        .values_list("period", "currency")
        .annotate(count=Count("pk"), total=Sum("total"))
    )
    found: dict[int, dict[str, tuple[int, Decimal]]] = defaultdict(dict)
    for period, currency, count, total in rows:
        found[period][currency] = (count, total.quantize(CENT))
    return {period: _amount(by_currency) for period, by_currency in found.items()}


def _amount(by_currency: Mapping[str, tuple[int, Decimal]]) -> Amount:
    ordered = sorted(by_currency.items(), key=lambda each: (-each[1][0], each[0]))
    return Amount(sum(count for count, _ in by_currency.values()), {code: total for code, (_, total) in ordered})


def currencies(period: BillingPeriod) -> list[str]:
    """Return the currencies a period's invoices are in, in the order of their codes."""
    return list(
        Invoice.objects.filter(period=period).order_by("currency").values_list("currency", flat=True).distinct()
    )


@dataclass(frozen=True)
class Billed:
    """One bar of a chart: `label`, what of it is in Xero, and the rest, in the chart's currency."""

    label: str
    posted: Decimal
    rest: Decimal


def by_period(currency: str, periods: list[BillingPeriod]) -> list[Billed]:
    """Return what was billed in each of `periods` in one currency, the oldest first."""
    rows = (
        Invoice.objects.filter(period__in=periods, currency=currency)
        .order_by()
        .values("period")
        .annotate(billed=Sum("total"), posted=Sum("total", filter=IN_XERO, default=_ZERO))
    )
    sums = {row["period"]: row for row in rows}
    found = []
    for period in reversed(periods):
        row = sums.get(period.pk, {"billed": _ZERO, "posted": _ZERO})
        posted = row["posted"].quantize(CENT)
        found.append(Billed(f"{period.ends_on:%b %Y}", posted, row["billed"].quantize(CENT) - posted))
    return found


# The last day overdue that a bar holds, None for the rest; what is not due comes first.
AGES = (("Not due", 0), ("1–30 days", 30), ("31–60 days", 60), ("61–90 days", 90), ("Over 90 days", None))


def owed_by_age(currency: str, today: dt.date) -> list[tuple[str, Decimal]]:
    """Return what customers owe in one currency of all billing periods by how long it is overdue; credit notes are
    taken off."""
    sign = Case(When(document_type=DocumentType.CREDIT_NOTE, then=-1), default=1)
    rows = (
        Posting.objects.filter(status=Posting.Status.POSTED, amount_due__gt=0, invoice__currency=currency)
        .filter(xero_status__in=[DocumentStatus.AUTHORISED, DocumentStatus.PAID])
        .order_by()
        .values("invoice__due_on")
        .annotate(owed=Sum(F("amount_due") * sign))
    )
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        days = (today - row["invoice__due_on"]).days
        sums[next(label for label, most in AGES if most is None or days <= most)] += row["owed"].quantize(CENT)
    return [(label, sums[label]) for label, _ in AGES]
