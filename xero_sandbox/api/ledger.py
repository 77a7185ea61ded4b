"""What a document is checked against: one organisation's reference data, read once for a call."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from xero_sandbox.models import Organisation


@dataclass(frozen=True)
class LedgerAccount:
    """An account as the rules need it."""

    account_id: UUID
    code: str
    type: str
    klass: str
    tax_type: str
    usable: bool


@dataclass(frozen=True)
class LedgerTax:
    """A tax rate as the rules need it; `rate` is a percentage."""

    rate: Decimal
    applies_to: frozenset[str]


@dataclass(frozen=True)
class Ledger:
    """The reference data of one organisation."""

    base_currency: str
    accounts: dict[str, LedgerAccount]
    taxes: dict[str, LedgerTax]
    currencies: frozenset[str]
    themes: frozenset[UUID]
    default_theme: UUID | None
    tracking: dict[str, frozenset[str]]
    period_lock_date: date | None
    year_lock_date: date | None


def read(organisation: Organisation) -> Ledger:
    """Read the organisation's reference data as it is now."""
    themes = list(organisation.themes.values_list("theme_id", flat=True))
    return Ledger(
        base_currency=organisation.base_currency,
        accounts=_accounts(organisation),
        taxes={
            tax_type: LedgerTax(rate, frozenset(applies_to))
            for tax_type, rate, applies_to in organisation.tax_rates.filter(status="ACTIVE").values_list(
                "tax_type", "rate", "applies_to"
            )
        },
        currencies=frozenset(organisation.currencies.values_list("code", flat=True)),
        themes=frozenset(themes),
        default_theme=themes[0] if themes else None,
        tracking=_tracking(organisation),
        period_lock_date=organisation.period_lock_date,
        year_lock_date=organisation.year_lock_date,
    )


def _tracking(organisation: Organisation) -> dict[str, frozenset[str]]:
    """Return the options of each category, all of them by name and by id."""
    return {
        key: frozenset({*category.options, *category.options.values()})
        for category in organisation.tracking_categories.all()
        for key in (category.name, str(category.category_id))
    }


def _accounts(organisation: Organisation) -> dict[str, LedgerAccount]:
    """Bank and system accounts (receivables, GST and their like) cannot stand on a line."""
    return {
        account.code: LedgerAccount(
            account_id=account.account_id,
            code=account.code,
            type=account.type,
            klass=account.klass,
            tax_type=account.tax_type,
            usable=account.status == "ACTIVE" and account.type != "BANK" and not account.system_account,
        )
        for account in organisation.accounts.all()
    }
