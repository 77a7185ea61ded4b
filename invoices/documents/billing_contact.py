"""Whose contact in Xero an invoice goes to: one decision, in Python for one that is loaded and in SQL for many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.db.models import Case, CharField, Exists, F, Q, Value, When
from django.db.models.functions import Coalesce, NullIf

from invoices.models import BillResellers, Customer, CustomerOverride, ImportSettings, Invoice


@dataclass(frozen=True)
class BillingRules:
    """Where invoices to a reseller go: the default, and the end customers' own, by tenant id."""

    default: str = BillResellers.RESELLER
    own: Mapping[str, str] = field(default_factory=dict)

    def recipient(self, invoice: Invoice) -> Customer:
        """Return who gets the invoice, whose `customer` and `bill_to` (with `same_as`) are loaded: the reseller that it
        is addressed to, or the customer that this one is too, unless the end customer's own setting, else the default,
        says the end customer."""
        if invoice.bill_to is None:
            return invoice.customer
        chosen = self.own.get(invoice.customer.tenant_id) or self.default
        return invoice.bill_to.same_as or invoice.bill_to if chosen == BillResellers.RESELLER else invoice.customer

    def tax_country(self, invoice: Invoice) -> str:
        """Return the country that its taxes are mapped by: where the recipient is, or the end customer when that is not
        known."""
        # Who is supplied decides on the tax, and the recipient is who the supply is made to.
        return self.recipient(invoice).country or invoice.customer.country


def rules_of(default: str, kept: Iterable[CustomerOverride]) -> BillingRules:
    """Return the rules by what the settings say and what customers have of their own."""
    return BillingRules(default, {each.customer.tenant_id: each.bill_resellers for each in kept if each.bill_resellers})


def recipient_key(path: str = "") -> Case:
    """Return the `tenant_id` of `BillingRules.recipient`, for a query that reaches invoices by `path` ("invoice__")."""
    return _recipients(path, "tenant_id")


def tax_country(path: str = "") -> Coalesce:
    """Return `BillingRules.tax_country`, for a query that reaches invoices by `path`."""
    own = F(f"{path}customer__country")
    return Coalesce(NullIf(_recipients(path, "country"), Value("")), own, output_field=CharField())


def _recipients(path: str, field_name: str) -> Case:
    customer = F(f"{path}customer__{field_name}")
    reseller = Coalesce(F(f"{path}bill_to__same_as__{field_name}"), F(f"{path}bill_to__{field_name}"))
    own = f"{path}customer__override__bill_resellers"
    return Case(
        When(Q(**{f"{path}bill_to__isnull": True}), then=customer),
        When(Q(**{own: BillResellers.RESELLER}), then=reseller),
        When(Q(**{own: BillResellers.CUSTOMER}), then=customer),
        When(Exists(ImportSettings.objects.filter(bill_resellers=BillResellers.CUSTOMER)), then=customer),
        default=reseller,
        output_field=CharField(),
    )
