"""Which account and tax type a line goes to, and why."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal


class Unmapped(Exception):
    """A line has no place in this organisation; the message says why and what to do."""


class UnmappedAccount(Unmapped):
    """No account for a kind of line."""


class UnmappedKind(Unmapped):
    """Nobody has said which kind the category of a line is."""


class UnmappedTax(Unmapped):
    def __init__(self, message: str, tax: Tax) -> None:
        super().__init__(message)
        self.tax = tax


@dataclass(frozen=True)
class Chosen:
    """An account code, and the rule that won, to follow the word "because"."""

    code: str
    because: str


@dataclass(frozen=True)
class AccountRule:
    """An override for a customer (by tenant id), a SKU (or its beginning) or a kind of line."""

    code: str
    customer: str = ""
    kind: str = ""
    sku: str = ""
    is_prefix: bool = False


@dataclass(frozen=True)
class AccountRules:
    """The accounts of Settings → General by kind of line, the kinds' labels, and all overrides."""

    by_kind: Mapping[str, str]
    labels: Mapping[str, str]
    overrides: tuple[AccountRule, ...] = ()
    _by_customer: dict[str, list[AccountRule]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for rule in self.overrides:
            self._by_customer.setdefault(rule.customer, []).append(rule)

    def choose(self, kind: str, sku: str, customer: str = "", customer_name: str = "") -> Chosen:
        """Return the customer's own account, else the SKU's, else the kind's. Raises UnmappedAccount."""
        label = self.labels.get(kind, kind)
        own = best_rule(self._by_customer.get(customer, ()), kind, sku) if customer else None
        if own:
            return Chosen(own.code, f"customer {customer_name or customer} overrides {_subject(own, label)}")
        if rule := best_rule(self._by_customer.get("", ()), kind, sku):
            return Chosen(rule.code, f"{_subject(rule, label)} overrides {label}")
        if code := self.by_kind.get(kind, ""):
            return Chosen(code, set_in_settings(label))
        raise UnmappedAccount(f"No account code is set for {label}. Fill it in under Settings → General.")


def set_in_settings(label: str) -> str:
    return f"{label} is set so in Settings → General"


def best_rule(rules: Iterable[AccountRule], kind: str, sku: str) -> AccountRule | None:
    """Return the first rule that fits of: SKU, its longest beginning, kind, everything."""
    fitting = [rule for rule in rules if _fits(rule, kind, sku)]
    return max(fitting, key=_particularity, default=None)


def _fits(rule: AccountRule, kind: str, sku: str) -> bool:
    if rule.sku:
        return sku.startswith(rule.sku) if rule.is_prefix else sku == rule.sku
    return rule.kind in ("", kind)


def _particularity(rule: AccountRule) -> tuple[int, int]:
    if rule.sku:
        return (2, len(rule.sku)) if rule.is_prefix else (3, 0)
    return (1, 0) if rule.kind else (0, 0)


def _subject(rule: AccountRule, label: str) -> str:
    if rule.sku:
        return f"the SKU's beginning {rule.sku}" if rule.is_prefix else f"SKU {rule.sku}"
    return label if rule.kind else "every account"


@dataclass(frozen=True)
class Rate:
    """A revenue tax rate; 10 means 10 %. `components` are a compound rate's parts, else ()."""

    tax_type: str
    name: str
    percentage: Decimal
    components: tuple[Decimal, ...] = ()


@dataclass(frozen=True)
class Tax:
    """A line's tax as the source has it; `country` is the customer's, two letters or ""."""

    country: str
    name: str
    percentage: Decimal

    @property
    def key(self) -> str:
        return json.dumps([self.country, self.name, str(self.percentage.normalize())])

    def __str__(self) -> str:
        shown = f"{self.percentage.normalize():f} %" + (f" ({self.name})" if self.name else "")
        return f"{shown} in {self.country}" if self.country else shown


@dataclass(frozen=True)
class TaxRules:
    """The organisation's revenue tax rates, and the tax types mapped by (country or "", name, percentage)."""

    rates: tuple[Rate, ...]
    mapped: Mapping[tuple[str, str, Decimal], str] = field(default_factory=dict)
    _chosen: dict[Tax, tuple[Rate, str]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def choose(self, tax: Tax) -> tuple[Rate, str]:
        """Return the rate and why: mapped for the country, for any, else `suggestion`. Raises UnmappedTax."""
        # Thousands of lines ask for the same few taxes.
        if tax not in self._chosen:
            self._chosen[tax] = self._choose(tax)
        return self._chosen[tax]

    def _choose(self, tax: Tax) -> tuple[Rate, str]:
        for country in dict.fromkeys((tax.country, "")):
            if tax_type := self.mapped.get((country, tax.name.casefold(), tax.percentage)):
                where = f"in {country}" if country else "in any country"
                return self._of(tax_type, tax), f"{tax.name} {tax.percentage.normalize():f} % is mapped so {where}"
        return suggestion(self.rates, tax)

    def _of(self, tax_type: str, tax: Tax) -> Rate:
        rate = next((rate for rate in self.rates if rate.tax_type == tax_type), None)
        if rate is None:
            raise UnmappedTax(
                f"{tax} is mapped to tax type {tax_type}, which the organisation no longer has for sales.", tax
            )
        if rate.percentage != tax.percentage:
            raise UnmappedTax(
                f"{tax} is mapped to {rate.name}, which is {rate.percentage.normalize():f} % in Xero.", tax
            )
        return rate


# What Xero's own rate names add to a tax's name to say that it is the one for sales ("GST Free Income").
SALES_WORDS = frozenset({"on", "income", "sales", "revenue", "output"})


def suggestion(rates: Iterable[Rate], tax: Tax) -> tuple[Rate, str]:
    """Return the only revenue tax rate that fits a tax by rate and name, and why. Raises UnmappedTax."""
    equal = [rate for rate in rates if rate.percentage == tax.percentage]
    name = tax.name
    same = [rate for rate in equal if rate.name.casefold() == name.casefold()]
    # A compound rate fits only by its own name: equal sums can have unequal parts.
    simple = [rate for rate in equal if len(rate.components) < 2]
    like = [rate for rate in simple if name and _words(name) <= _words(rate.name)]
    for_sales = [rate for rate in like if _words(rate.name) - _words(name) <= SALES_WORDS]
    # The same name, one that adds only words for sales, the only one with every word, the only one of the percentage.
    for candidates in (same, for_sales, like, simple):
        if len(candidates) == 1:
            return candidates[0], f"{candidates[0].name} is the organisation's rate of {tax.percentage.normalize():f} %"
    if not equal:
        raise UnmappedTax(f"The organisation has no active tax rate of {tax} that may be used for sales.", tax)
    names = ", ".join(rate.name for rate in equal)
    raise UnmappedTax(
        f"The organisation has several tax rates of {tax}, and the name does not tell which: {names}.", tax
    )


def _words(name: str) -> frozenset[str]:
    return frozenset(name.casefold().split())
