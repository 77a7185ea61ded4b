"""Whether sales may be posted to an account. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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


def sales_problem(accounts: Mapping[str, AccountFacts], code: str, organisation: str) -> str:
    """Return in words why sales cannot be posted to the account, "" when they can, and while none was read."""
    if not accounts:
        return ""
    account = accounts.get(code)
    if account is None:
        return f"{organisation} has no account {code}. Choose one of its revenue accounts."
    if account.status != RecordStatus.ACTIVE:
        return f"Account {account} is archived in {organisation}. Restore it there or choose another."
    if not account.takes_sales:
        *some, last = SALES_TYPES.values()
        return f"Account {account} is of type {account.type}; sales need one of type {', '.join(some)} or {last}."
    return ""
