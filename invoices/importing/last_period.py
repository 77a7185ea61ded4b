"""A file's newest billing period beside the one before it: who is missing, who is new, and what changed most."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from invoices.importing.aggregation import Gathering
from invoices.importing.facts import Facts
from invoices.importing.parser import shown
from invoices.models import BillingPeriod, Customer, Invoice

LISTED = 50
CHANGES = 10
Money = dict[tuple[str, str], Decimal]


@dataclass(frozen=True, slots=True)
class CurrencyChange:
    """The invoices and the money of one currency, in the last period and in the file; amounts as text."""

    currency: str
    invoices_before: int
    invoices: int
    before: str
    now: str


@dataclass(frozen=True, slots=True)
class CustomerChange:
    """What a customer is billed in one currency, in the last period and in the file; amounts as text."""

    customer_name: str
    currency: str
    before: str
    now: str
    change: str


@dataclass(frozen=True, slots=True)
class LastPeriod:
    """A file's period against the one before. Customers are named, the first LISTED of them; the counts are of all."""

    billing_id: str
    last_billing_id: str
    last_period: str
    totals: list[CurrencyChange] = field(default_factory=list)
    customers_missing: list[str] = field(default_factory=list)
    customers_missing_count: int = 0
    customers_new: list[str] = field(default_factory=list)
    customers_new_count: int = 0
    largest_changes: list[CustomerChange] = field(default_factory=list)


@dataclass(slots=True)
class _Side:
    money: Money = field(default_factory=lambda: defaultdict(Decimal))
    invoices: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, key: str, currency: str, total: Decimal) -> None:
        self.money[key, currency] += total
        self.invoices[currency] += 1

    def customers(self) -> set[str]:
        return {key for key, _ in self.money}

    def total(self, currency: str) -> Decimal:
        return sum((total for (_, each), total in self.money.items() if each == currency), Decimal(0))


def against_last_period(gathering: Gathering) -> LastPeriod | None:
    """Return how the file's newest period compares to the last one stored, None where there is none."""
    periods = {billing_id: next(iter(days)) for billing_id, days in gathering.invoices.period_days().items()}
    if not periods:
        return None
    billing_id = max(periods, key=lambda each: periods[each][1])
    last = (
        BillingPeriod.objects.exclude(billing_id=billing_id)
        .filter(ends_on__lt=periods[billing_id][1], invoices__isnull=False)
        .order_by("-ends_on", "-billing_id")
        .first()
    )
    if last is None:
        return None
    held_back = {held.customer_key for held in gathering.findings.held_back()}
    return _compare(billing_id, last, gathering.invoices.values(), held_back)


def _compare(billing_id: str, last: BillingPeriod, invoices: Iterable[Facts], held_back: set[str]) -> LastPeriod:
    before, now = _stored(last), _Side()
    names = {}
    for facts in invoices:
        if facts.header.billing_id != billing_id:
            continue
        now.add(facts.header.tenant_id, facts.header.currency, facts.total)
        names[facts.header.tenant_id] = facts.header.customer_name
    missing, new = before.customers() - now.customers(), now.customers() - before.customers()
    # They are in the file.
    missing -= held_back
    names |= _names(missing | {key for key, _ in before.money if key not in names})
    return LastPeriod(
        billing_id=shown(billing_id),
        last_billing_id=last.billing_id,
        last_period=str(last),
        totals=_totals(before, now),
        customers_missing=_named(missing, names),
        customers_missing_count=len(missing),
        customers_new=_named(new, names),
        customers_new_count=len(new),
        largest_changes=_largest(before, now, names),
    )


def _stored(period: BillingPeriod) -> _Side:
    side = _Side()
    rows = (
        Invoice.objects.filter(period=period, corrects=None)
        .order_by()
        .values_list("customer__tenant_id", "currency", "total")
    )
    for key, currency, total in rows.iterator():
        side.add(key, currency, total)
    return side


def _names(keys: set[str]) -> dict[str, str]:
    customers = Customer.objects.in_bulk(list(keys), field_name="tenant_id")
    return {key: customer.name for key, customer in customers.items()}


def _named(keys: set[str], names: dict[str, str]) -> list[str]:
    return sorted(shown(names[key], 255) for key in keys)[:LISTED]


def _totals(before: _Side, now: _Side) -> list[CurrencyChange]:
    return [
        CurrencyChange(
            currency,
            before.invoices[currency],
            now.invoices[currency],
            format(before.total(currency), ".2f"),
            format(now.total(currency), ".2f"),
        )
        for currency in sorted({*before.invoices, *now.invoices})
    ]


def _largest(before: _Side, now: _Side, names: dict[str, str]) -> list[CustomerChange]:
    keys = {*before.money, *now.money}
    changes = sorted(keys, key=lambda key: (-abs(now.money[key] - before.money[key]), key))[:CHANGES]
    return [
        CustomerChange(
            shown(names[key], 255),
            currency,
            format(before.money[key, currency], ".2f"),
            format(now.money[key, currency], ".2f"),
            format(now.money[key, currency] - before.money[key, currency], ".2f"),
        )
        for key, currency in changes
        if now.money[key, currency] != before.money[key, currency]
    ]
