"""Whether sales may be posted to an account. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from xero_integration.client.vocabulary import AccountType, RecordStatus

# https://developer.xero.com/documentation/api/accounting/types/
# The types of income, with Xero's words for them.
SALES_TYPES: dict[str, str] = {
    AccountType.REVENUE: "Revenue",
    AccountType.SALES: "Sales",
    AccountType.OTHERINCOME: "Other income",
}


@dataclass(frozen=True)
class AccountFacts:
    """An account of the organisation."""

    code: str
    name: str
    type: str
    status: str

    def __str__(self) -> str:
        return f"{self.code} {self.name}"

    @property
    def takes_sales(self) -> bool:
        """Whether a sales line may be posted to it."""
        return self.status == RecordStatus.ACTIVE and self.type in SALES_TYPES


class Reason(StrEnum):
    """Why an account takes no sales."""

    MISSING = "missing"
    ARCHIVED = "archived"
    TYPE = "type"


@dataclass(frozen=True)
class SalesProblem:
    """Why sales cannot be posted to the account `code`."""

    code: str
    reason: Reason
    words: str

    @property
    def key(self) -> str:
        """What tells it from others, whatever its words."""
        return f"account:{self.code}:{self.reason}"


def sales_problem(accounts: Mapping[str, AccountFacts], code: str, organisation: str) -> SalesProblem | None:
    """Return why sales cannot be posted to the account, None when they can, and while no account was read."""
    if not accounts:
        return None
    account = accounts.get(code)
    if account is None:
        words = f"{organisation} has no account {code}. Choose one of its revenue accounts."
        return SalesProblem(code, Reason.MISSING, words)
    if account.status != RecordStatus.ACTIVE:
        words = f"Account {account} is archived in {organisation}. Restore it there or choose another."
        return SalesProblem(code, Reason.ARCHIVED, words)
    if not account.takes_sales:
        *some, last = SALES_TYPES.values()
        words = f"Account {account} is of type {account.type}; sales need one of type {', '.join(some)} or {last}."
        return SalesProblem(code, Reason.TYPE, words)
    return None
