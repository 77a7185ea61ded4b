"""What is one customer's own, edited on its page: account, theme, status, due days, bill-to, PO number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from c3portal.models import User
from invoices.documents.builder import Own
from invoices.documents.mapping import AccountRule
from invoices.models import AccountOverride, BillResellers, Customer, CustomerOverride
from invoices.overrides import accounts
from invoices.overrides.customers import MAX_DUE_DAYS, MAX_ORDER, CustomerRule, override
from invoices.overrides.pages import Accounts, Customers
from xero_integration import reference
from xero_integration.models import InvoiceStatus, XeroConnection


class OwnForm(forms.Form):
    """Everything that may differ for one customer; what is left empty is the default."""

    account_code = forms.CharField(label="Account of every line", required=False, max_length=10)
    theme_id = forms.CharField(label="Theme", required=False)
    invoice_status = forms.ChoiceField(
        label="Create in Xero as", required=False, choices=[("", "Default"), *InvoiceStatus.choices]
    )
    due_days = forms.IntegerField(
        label="Due after days", required=False, min_value=0, max_value=MAX_DUE_DAYS, help_text="Empty: as invoiced."
    )
    bill_resellers = forms.ChoiceField(
        label="Invoices to a reseller go to", required=False, choices=[("", "Default"), *BillResellers.choices]
    )
    purchase_order = forms.CharField(
        label="PO number",
        required=False,
        max_length=MAX_ORDER,
        help_text="Of invoices and subscriptions that come without one.",
    )
    requires_purchase_order = forms.BooleanField(label="A PO number is required", required=False)

    def __init__(self, *args: Any, connection: XeroConnection, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What is chosen now stays choosable, gone from Xero or not, so that saving the rest does not change it.
        for name, choices in (
            ("account_code", reference.account_choices(connection)),
            ("theme_id", reference.theme_choices(connection)),
        ):
            now = self.initial.get(name, "")
            gone = [(now, f"{now} (gone)")] if now and now not in dict(choices) else []
            self.fields[name].widget = forms.Select(choices=[("", "Default"), *choices, *gone])


def initial(customer: Customer, account_code: str) -> dict[str, Any]:
    """Return what the form begins with."""
    own = getattr(customer, "override", None) or CustomerOverride()
    names = ("theme_id", "invoice_status", "due_days", "bill_resellers", "purchase_order", "requires_purchase_order")
    return {name: getattr(own, name) for name in names} | {"account_code": account_code}


def account_code(customer: Customer) -> str:
    """Return the account of every line of this customer, "" for the default."""
    return account_among(AccountOverride.objects.filter(customer=customer, kind="", sku=""))


def account_among(rows: Iterable[AccountOverride]) -> str:
    """Return the same by the customer's rows, which are at hand."""
    return next((each.account_code for each in rows if not (each.kind or each.sku or each.is_prefix)), "")


def kept(customer: Customer) -> dict[str, str]:
    """Return what is the customer's own in words, for the audit record and for telling a change meanwhile."""
    fresh = Customer.objects.select_related("override").get(pk=customer.pk)
    return kept_of(fresh, AccountOverride.objects.filter(customer=customer, kind="", sku=""))


def kept_of(customer: Customer, rows: Iterable[AccountOverride]) -> dict[str, str]:
    """Return the same of a customer with its override, and its rows of accounts, which are at hand."""
    found: list[CustomerOverride | AccountOverride] = []
    if override := getattr(customer, "override", None):
        found.append(override)
    found += [each for each in rows if not (each.kind or each.sku)]
    for each in found:
        each.customer = customer
    return dict(each.as_text for each in found)


def save(connection: XeroConnection, customer: Customer, chosen: dict[str, Any], user: User) -> None:
    """Keep what was chosen in place of what was there. Raises `rows.Refused` for an account or theme that cannot be."""
    page = Customers(connection)
    own = Own(
        chosen["theme_id"],
        chosen["invoice_status"],
        chosen["due_days"],
        chosen["bill_resellers"],
        chosen["purchase_order"],
        chosen["requires_purchase_order"],
    )
    before = page.context.customers.get(customer.tenant_id, Own())
    rule = CustomerRule(customer.tenant_id, own)
    if own.theme_id != before.theme_id:
        rule = override(page.context, customer.tenant_id, own)
    account = AccountRule("", customer.tenant_id)
    if code := chosen["account_code"]:
        is_new = code != account_code(customer)
        account = accounts.override(page.context, account, code) if is_new else AccountRule(code, customer.tenant_id)
    page.save([rule], user)
    Accounts(connection).save([account], user)
