"""Which account and tax type a line of an invoice goes to, and why: by the rows of settings and overrides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from invoices.documents import mapping
from invoices.models import AccountOverride, Customer, InvoiceLine, TaxOverride

if TYPE_CHECKING:
    from xero_integration.accounts import AccountFacts
    from xero_integration.models import TaxRate

# The same for every line, so that the page of the preflight says it once for all of them.
KIND_IS_OPEN = "Nobody has said yet which kind of line its category is, so its account is not known."
CORRECTED = "the corrected line is there"
# The fields of `XeroSettings` that say where each kind of line goes.
CODE_FIELDS = {
    InvoiceLine.Kind.LICENSE.value: "license_account_code",
    InvoiceLine.Kind.AZURE.value: "azure_account_code",
    InvoiceLine.Kind.CUSTOM.value: "custom_account_code",
}


@dataclass(frozen=True)
class LineChoice:
    """Where a line goes; each `because` follows that word."""

    account_code: str
    account_name: str
    account_because: str
    tax_type: str
    tax_name: str
    tax_because: str


@dataclass(frozen=True)
class PlaceRules:
    """What decides, and the organisation's accounts by code."""

    accounts: mapping.AccountRules
    taxes: mapping.TaxRules
    known: Mapping[str, AccountFacts]


def account_rules(codes: Mapping[str, str], overrides: Iterable[AccountOverride]) -> mapping.AccountRules:
    """Return the rules by the accounts of Settings → General (`codes`, by kind of line) and the overrides."""
    return mapping.AccountRules(
        by_kind=codes,
        labels={kind.value: str(kind.label) for kind in InvoiceLine.Kind},
        overrides=tuple(
            mapping.AccountRule(
                code=each.account_code,
                customer=each.customer.tenant_id if each.customer else "",
                kind=each.kind,
                sku=each.sku,
                is_prefix=each.is_prefix,
            )
            for each in overrides
        ),
    )


def tax_rules(rates: Sequence[TaxRate], overrides: Iterable[TaxOverride]) -> mapping.TaxRules:
    """Return the rules by the organisation's rates for sales and the taxes that are mapped."""
    return mapping.TaxRules(
        rates=tuple(
            mapping.Rate(
                rate.tax_type,
                rate.name,
                rate.effective_rate,
                tuple(Decimal(percentage) for _, percentage in rate.components),
            )
            for rate in rates
        ),
        mapped={(each.country, each.tax_name.casefold(), each.percentage): each.tax_type for each in overrides},
    )


def choose(line: InvoiceLine, customer: Customer, country: str, rules: PlaceRules) -> tuple[LineChoice, mapping.Rate]:
    """Return where a line goes that is billed for `customer`, its tax mapped by `country`. Raises mapping.Unmapped."""
    account = account_of(line, customer, rules)
    rate, because = rate_of(line, country, rules)
    name = name_of(account.code, rules)
    return LineChoice(account.code, name, account.because, rate.tax_type, rate.name, because), rate


def account_of(line: InvoiceLine, customer: Customer, rules: PlaceRules) -> mapping.Chosen:
    """Return the account of a line: of a correction where the corrected one went. Raises mapping.Unmapped."""
    if line.account_code:
        return mapping.Chosen(line.account_code, CORRECTED)
    if not line.kind:
        raise mapping.UnmappedKind(KIND_IS_OPEN)
    # An account tells what was sold and for whom it is used, whoever pays.
    return rules.accounts.choose(line.kind, line.sku, customer.tenant_id, customer.name)


def rate_of(line: InvoiceLine, country: str, rules: PlaceRules) -> tuple[mapping.Rate, str]:
    """Return the tax rate of a line and why: of a correction the corrected line's, as long as that is there. Raises
    mapping.Unmapped."""
    if line.account_code:
        alike = (rate for rate in rules.taxes.rates if rate.tax_type == line.tax_type)
        same = next((rate for rate in alike if rate.percentage == line.tax_percentage), None)
        if same is not None:
            return same, CORRECTED
    return rules.taxes.choose(mapping.Tax(country, line.tax_name, line.tax_percentage))


def name_of(code: str, rules: PlaceRules) -> str:
    """Return the name of the account with this code, "" for one that the organisation does not have."""
    known = rules.known.get(code)
    return known.name if known else ""
