"""The test draft as Xero is to have it: one line to the first account of Settings → General, for a test contact."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from xero_integration import reference
from xero_integration.client.vocabulary import DocumentStatus
from xero_integration.models import Account, TaxRate, XeroConnection, XeroSettings
from xero_integration.payloads import Charge, Document, line

CONTACT = "C3 portal test – delete me"
AMOUNT = Decimal("1.00")
# What a draft is posted to: the first that is set.
_ACCOUNTS = ("license_account_code", "azure_account_code", "custom_account_code")


@dataclass(frozen=True)
class Plan:
    """What a test draft is made of: words for a page, and the codes."""

    account: str
    account_code: str
    tax: str
    tax_type: str
    tax_rate: Decimal
    currency: str
    theme: str
    theme_id: str

    @property
    def total(self) -> Decimal:
        return self.document("", dt.date.min).total

    def document(self, number: str, day: dt.date) -> Document:
        """Return the draft; whoever sends it names the contact."""
        charge = Charge(
            name="Test of the C3 portal. It can be deleted.",
            sku="",
            is_usage=False,
            quantity=Decimal(1),
            unit_price=AMOUNT,
            subtotal=AMOUNT,
            starts_on=None,
            ends_on=None,
            account_code=self.account_code,
            tax_type=self.tax_type,
            tax_rate=self.tax_rate,
        )
        return Document(
            is_credit_note=False,
            number=number,
            contact_id="",
            issued_on=day,
            due_on=day,
            currency=self.currency,
            status=DocumentStatus.DRAFT,
            reference="Test of the C3 portal",
            url="",
            theme_id=self.theme_id,
            lines=(line(charge, self.currency, is_credit_note=False),),
        )


def plan(connection: XeroConnection) -> Plan | str:
    """Return what a test draft is made of now, or why there can be none; no call is made."""
    app = XeroSettings.load()
    code = next((code for name in _ACCOUNTS if (code := getattr(app, name))), "")
    if not code:
        return "No account is chosen in Settings → General."
    problems = reference.settings_problems(app, connection)
    if problem := problems.get(next(name for name in _ACCOUNTS if getattr(app, name))) or problems.get("theme_name"):
        return str(problem)
    account = Account.objects.filter(connection=connection, code=code).first()
    rate = _rate(connection, account)
    if account is None or rate is None:
        return f"What {connection.name} offers was not read yet. Refresh the organisation first."
    theme = reference.find_theme(app, connection) if app.theme_name or app.theme_id else None
    return Plan(
        account=f"{account.code} {account.name}",
        account_code=account.code,
        tax=f"{rate.name} ({rate.effective_rate.normalize():f} %)",
        tax_type=rate.tax_type,
        tax_rate=rate.effective_rate,
        currency=connection.base_currency,
        theme=theme.name if theme else "Standard",
        theme_id=theme.theme_id if theme else "",
    )


def _rate(connection: XeroConnection, account: Account | None) -> TaxRate | None:
    """Return the account's own rate, else the first that sales take."""
    rates = {each.tax_type: each for each in reference.sales_taxes(connection)}
    own = rates.get(account.tax_type) if account else None
    return own or next(iter(rates.values()), None)
