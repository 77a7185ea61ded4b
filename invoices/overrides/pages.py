"""The four pages of overrides."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

from django import forms

from c3portal.http.versions import version_of
from c3portal.models import User
from invoices.documents import builder
from invoices.documents.builder import DocumentContext, Own
from invoices.documents.mapping import AccountRule, Tax
from invoices.models import AccountOverride, Customer, CustomerOverride, SubscriptionOrder, TaxOverride
from invoices.overrides import accounts, customers, orders, taxes
from invoices.overrides.forms import AccountForm, AccountRuleForm, CustomerForm, OrderForm, OrderRuleForm, TaxForm
from invoices.overrides.rows import Finding, Refused, Row, read_file
from xero_integration import reference
from xero_integration.models import XeroConnection


class Page(ABC):
    """Overrides of one organisation. A change is what `save` keeps; `revert` makes one that takes back."""

    name: str
    title: str
    noun: str
    counted = "Lines"
    rule_title = ""
    has_problems = True
    intro: str
    columns: Sequence[str]
    shown_columns: Sequence[str]
    model: type[AccountOverride | TaxOverride | CustomerOverride | SubscriptionOrder]
    related: Sequence[str] = ("customer",)

    def __init__(self, connection: XeroConnection) -> None:
        self.connection = connection

    @cached_property
    def context(self) -> DocumentContext:
        """What decides, as the page was made."""
        return builder.read_context(self.connection)

    @abstractmethod
    def rows(self) -> Sequence[Row[Any]]:
        """Return the page's rows."""

    def counts(self, rows: Sequence[Row[Any]]) -> Mapping[str, int]:
        """Return how many lines or invoices these rows are about, by their keys: asked for what is shown alone."""
        return {row.key: row.count for row in rows}

    @abstractmethod
    def form(self, data: Any = None) -> forms.Form:
        """Return the form for the selected rows."""

    def rule_form(self, data: Any = None) -> forms.Form | None:
        """Return the form for an override without a row, None where there is none."""
        return None

    @abstractmethod
    def change(self, subject: Any, chosen: dict[str, Any]) -> Any:
        """Return the change for `subject`. Raises Refused."""

    @abstractmethod
    def revert(self, subject: Any) -> Any:
        """Return the change that brings the default back."""

    @abstractmethod
    def save(self, changes: Iterable[Any], user: User | None) -> int:
        """Keep the changes, all or nothing. Returns how many."""

    @abstractmethod
    def known(self) -> Iterable[Any]:
        """Return the rows of `model` that the page was made with."""

    @property
    def version(self) -> str:
        """What stands for the overrides as this page has them."""
        return version_of(dict(each.as_text for each in self.known()))

    def kept(self) -> dict[str, str]:
        """Return every override, what and with what, for the audit record."""
        return dict(each.as_text for each in self.model._default_manager.select_related(*(self.related or (None,))))

    @abstractmethod
    def csv_rows(self) -> Iterator[list[str]]:
        """Yield the rows of the file, under `shown_columns`."""

    @abstractmethod
    def read(self, content: bytes) -> tuple[list[Any], list[Finding]]:
        """Return the changes of a file, and what is wrong with it."""


class Accounts(Page):
    name, title, noun = "account_overrides", "Accounts", "SKU"
    intro = "Instead of the account of their kind. Customer before SKU, SKU before what it begins with."
    columns, shown_columns = accounts.COLUMNS, accounts.SHOWN_COLUMNS
    model = AccountOverride
    rule_title = "Override for a customer or a beginning of SKUs"

    def rows(self) -> list[Row[AccountRule]]:
        return accounts.rows(self.context)

    def counts(self, rows: Sequence[Row[AccountRule]]) -> dict[str, int]:
        return accounts.counts(rows)

    def known(self) -> Iterable[AccountOverride]:
        return self.context.rows.accounts

    def form(self, data: Any = None) -> AccountForm:
        return AccountForm(data, choices=self._choices)

    def rule_form(self, data: Any = None) -> AccountRuleForm:
        return AccountRuleForm(data, choices=self._choices, prefix="rule")

    @cached_property
    def _choices(self) -> reference.Choices:
        return reference.choices_of(self.context.organisation.accounts.values())

    def change(self, subject: AccountRule | None, chosen: dict[str, Any]) -> AccountRule:
        if subject is None:
            customer = chosen["customer"].tenant_id if chosen["customer"] else ""
            subject = AccountRule("", customer, chosen["kind"], chosen["sku"], is_prefix=chosen["is_prefix"])
            accounts.check(subject)
        return accounts.override(self.context, subject, chosen["account_code"])

    def revert(self, subject: AccountRule) -> AccountRule:
        return subject

    def save(self, changes: Iterable[AccountRule], user: User | None) -> int:
        return accounts.save(dict.fromkeys(changes), user)

    def csv_rows(self) -> Iterator[list[str]]:
        return accounts.csv_rows(self.context)

    def read(self, content: bytes) -> tuple[list[AccountRule], list[Finding]]:
        read = partial(accounts.read_row, self.context, _tenants())
        return read_file(content, self.columns, read, lambda rule: replace(rule, code=""))


class Taxes(Page):
    name, title, noun = "tax_overrides", "Taxes", "Tax"
    intro = "Taken by itself where exactly one sales tax rate has the percentage."
    columns, shown_columns = taxes.COLUMNS, taxes.SHOWN_COLUMNS
    model, related = TaxOverride, ()

    def rows(self) -> list[Row[Tax]]:
        return taxes.rows(self.context)

    def known(self) -> Iterable[TaxOverride]:
        return self.context.rows.taxes

    def form(self, data: Any = None) -> TaxForm:
        return TaxForm(data, choices=[(rate.tax_type, taxes.label(rate)) for rate in self.context.taxes.rates])

    def change(self, subject: Tax, chosen: dict[str, Any]) -> taxes.TaxRule:
        tax = replace(subject, country="") if chosen["any_country"] else subject
        return taxes.override(self.context, tax, chosen["tax_type"])

    def revert(self, subject: Tax) -> taxes.TaxRule:
        return taxes.TaxRule(subject, "")

    def save(self, changes: Iterable[taxes.TaxRule], user: User | None) -> int:
        return taxes.save(dict.fromkeys(changes), user)

    def csv_rows(self) -> Iterator[list[str]]:
        return taxes.csv_rows(self.context)

    def read(self, content: bytes) -> tuple[list[taxes.TaxRule], list[Finding]]:
        read = partial(taxes.read_row, self.context)
        return read_file(content, self.columns, read, lambda rule: taxes.key(rule.tax))


class Customers(Page):
    name, title, noun, counted = "customer_overrides", "Customers", "Customer", "Invoices"
    intro = (
        "Before Settings → General and the status at UPLOAD TO XERO. For invoices to a reseller's contact, the "
        "reseller's count."
    )
    columns, shown_columns = customers.COLUMNS, customers.SHOWN_COLUMNS
    model = CustomerOverride

    def rows(self) -> list[Row[str]]:
        return customers.rows(self.context, self._names)

    def counts(self, rows: Sequence[Row[str]]) -> dict[str, int]:
        return customers.counts(rows)

    def known(self) -> Iterable[CustomerOverride]:
        return self.context.rows.customers

    @cached_property
    def _names(self) -> customers.Names:
        app = self.context.rows.app
        themes = {each.theme_id: each.name for each in self.context.rows.themes}
        theme = themes.get(self.context.theme_id, app.theme_name) or "Xero's standard theme"
        return customers.Names(themes, theme, app.invoice_status)

    def form(self, data: Any = None) -> CustomerForm:
        return CustomerForm(data, choices=list(self._names.themes.items()))

    def change(self, subject: str, chosen: dict[str, Any]) -> customers.CustomerRule:
        before = self.context.customers.get(subject, Own())
        due_days = before.due_days if chosen["due_days"] is None else chosen["due_days"]
        theme_id, status = chosen["theme_id"] or before.theme_id, chosen["invoice_status"] or before.invoice_status
        billed = chosen["bill_resellers"] or before.bill_resellers
        order = chosen["purchase_order"] or before.purchase_order
        required = chosen["requires_purchase_order"]
        is_required = before.requires_purchase_order if required == "" else required == customers.YES
        own = Own(theme_id, status, due_days, billed, order, is_required)
        return customers.override(self.context, subject, own)

    def with_order(self, subject: str, order: str) -> customers.CustomerRule:
        """Return the change that gives a customer this PO number and leaves the rest."""
        before = self.context.customers.get(subject, Own())
        return customers.CustomerRule(subject, replace(before, purchase_order=order))

    def revert(self, subject: str) -> customers.CustomerRule:
        return customers.CustomerRule(subject, Own())

    def save(self, changes: Iterable[customers.CustomerRule], user: User | None) -> int:
        return customers.save(changes, self._names, user)

    def csv_rows(self) -> Iterator[list[str]]:
        return customers.csv_rows(self.context, self._names)

    def read(self, content: bytes) -> tuple[list[customers.CustomerRule], list[Finding]]:
        read = partial(customers.read_row, self.context, self._names, _tenants())
        return read_file(content, self.columns, read, lambda rule: rule.tenant_id, customers.OPTIONAL_COLUMNS)


class Orders(Page):
    name, title, noun = "order_overrides", "PO numbers", "Subscription"
    intro = (
        "The invoice's own, else the subscription's, else the customer's. Subscriptions of the latest "
        f"{orders.PERIODS_SHOWN} billing periods."
    )
    columns, shown_columns = orders.COLUMNS, orders.SHOWN_COLUMNS
    model = SubscriptionOrder
    rule_title = "PO number of another subscription"
    has_problems = False

    def rows(self) -> list[Row[orders.OrderRule]]:
        return orders.rows(builder.read_own(), self.known())

    @cached_property
    def _orders(self) -> list[SubscriptionOrder]:
        return list(SubscriptionOrder.objects.select_related("customer"))

    def known(self) -> Iterable[SubscriptionOrder]:
        return self._orders

    def form(self, data: Any = None) -> OrderForm:
        return OrderForm(data)

    def rule_form(self, data: Any = None) -> OrderRuleForm:
        return OrderRuleForm(data, prefix="rule")

    def change(self, subject: orders.OrderRule | None, chosen: dict[str, Any]) -> orders.OrderRule:
        if subject is None:
            subject = orders.OrderRule(chosen["customer"].tenant_id, chosen["subscription"])
        return orders.override(subject, chosen["purchase_order"])

    def revert(self, subject: orders.OrderRule) -> orders.OrderRule:
        return subject

    def save(self, changes: Iterable[orders.OrderRule], user: User | None) -> int:
        return orders.save(dict.fromkeys(changes), user)

    def csv_rows(self) -> Iterator[list[str]]:
        return orders.csv_rows(builder.read_own(), self.known())

    def read(self, content: bytes) -> tuple[list[orders.OrderRule], list[Finding]]:
        read = partial(orders.read_row, _tenants())
        return read_file(content, self.columns, read, lambda rule: replace(rule, order=""))


def overridden(page: Page, subjects: Iterable[Any], chosen: dict[str, Any]) -> tuple[list[Any], list[str]]:
    """Return the changes that override each subject, and why some cannot be."""
    changes, refusals = [], []
    for subject in subjects:
        try:
            changes.append(page.change(subject, chosen))
        except Refused as refusal:
            refusals.append(str(refusal))
    return changes, list(dict.fromkeys(refusals))


def _tenants() -> frozenset[str]:
    return frozenset(Customer.objects.values_list("tenant_id", flat=True))
