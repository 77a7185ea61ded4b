"""What documents are made with, as it is stored: read in one question, so all as of one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q

from c3portal.database import together
from invoices.documents import orders
from invoices.documents.orders import BySubscription
from invoices.models import AccountOverride, BillResellers, Customer, CustomerOverride, ImportSettings, TaxOverride
from xero_integration import reference
from xero_integration.accounts import AccountFacts
from xero_integration.models import BrandingTheme, TaxRate, XeroConnection, XeroSettings


@dataclass(frozen=True)
class Kept:
    """The rows of settings and overrides, and of what the organisation has: its `offered` accounts by code, its `rates`
    for sales, its themes and currencies. Of the overrides' customers key and name are loaded."""

    app: XeroSettings
    accounts: Sequence[AccountOverride]
    taxes: Sequence[TaxOverride]
    customers: Sequence[CustomerOverride]
    themes: Sequence[BrandingTheme]
    rates: Sequence[TaxRate]
    offered: Mapping[str, AccountFacts]
    currencies: frozenset[str]
    bill_resellers: str
    orders: BySubscription


def read(connection: XeroConnection) -> Kept:
    """Return what is kept for documents for this organisation, in one query."""
    with_accounts, with_own = AccountOverride.objects.order_by().values("customer"), CustomerOverride.objects
    people = Customer.objects.filter(Q(pk__in=with_accounts) | Q(pk__in=with_own.values("customer")))
    app, accounts, taxes, customers, named, themes, rates, offered, currencies, billed, ordered = together.read(
        XeroSettings.objects.filter(pk=1),
        AccountOverride.objects.all(),
        TaxOverride.objects.all(),
        CustomerOverride.objects.all(),
        people.only("tenant_id", "name"),
        connection.brandingthemes.all(),
        reference.taxes_for_sales(connection),
        reference.account_facts(connection),
        connection.currencys.values_list("code", flat=True),
        ImportSettings.objects.order_by("pk").values_list("bill_resellers", flat=True)[:1],
        orders.kept(),
    )
    by_pk = {each.pk: each for each in named}
    for own in (*accounts, *customers):
        if own.customer_id is not None:
            own.customer = by_pk[own.customer_id]
    return Kept(
        app=app[0] if app else XeroSettings.load(),
        accounts=accounts,
        taxes=taxes,
        customers=customers,
        themes=themes,
        rates=rates,
        offered=reference.by_code(offered),
        currencies=frozenset(currencies),
        bill_resellers=next(iter(billed), "") or BillResellers.RESELLER,
        orders=orders.by_subscription(ordered),
    )
