"""Whose contact an invoice goes to, in Python and in SQL alike."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from invoices.conftest import MakeInvoice
from invoices.documents import billing_contact
from invoices.documents.builder import read_context
from invoices.models import AccountOverride, BillResellers, Customer, CustomerOverride, ImportSettings, Invoice
from invoices.models import TaxOverride as Tax
from invoices.preflight.preflight import inspect
from xero_integration.models import XeroConnection

pytestmark = pytest.mark.both_databases

RESELLER, CUSTOMER = BillResellers.RESELLER, BillResellers.CUSTOMER


def rules() -> billing_contact.BillingRules:
    default = ImportSettings.objects.values_list("bill_resellers", flat=True).first()
    return billing_contact.rules_of(default or RESELLER, CustomerOverride.objects.select_related("customer"))


def a_reseller(name: str = "Contoso Distribution", **facts: Any) -> Customer:
    key = f"reseller:{name.casefold()}"
    return Customer.objects.create(tenant_id=key, key_from=Customer.Key.RESELLER, name=name, **facts)


@pytest.mark.parametrize("has_reseller", [True, False])
@pytest.mark.parametrize(
    ("default", "own", "goes_to"),
    [
        ("", "", RESELLER),
        (RESELLER, "", RESELLER),
        (CUSTOMER, "", CUSTOMER),
        (CUSTOMER, RESELLER, RESELLER),
        (RESELLER, CUSTOMER, CUSTOMER),
        ("", CUSTOMER, CUSTOMER),
    ],
)
def test_it_goes_to_the_reseller_unless_the_customers_own_setting_or_else_the_default_says_otherwise(
    make_invoice: MakeInvoice, default: str, own: str, goes_to: str, has_reseller: bool
) -> None:
    reseller = a_reseller() if has_reseller else None
    invoice = make_invoice(bill_to=reseller)
    if default:
        ImportSettings.objects.create(pk=1, bill_resellers=default)
    if own:
        CustomerOverride.objects.create(customer=invoice.customer, bill_resellers=own)
    expected = reseller if reseller and goes_to == RESELLER else invoice.customer
    assert rules().recipient(Invoice.objects.get()) == expected
    (key,) = Invoice.objects.annotate(key=billing_contact.recipient_key()).values_list("key", flat=True)
    assert key == expected.tenant_id


@pytest.mark.parametrize("countries", list(product(["", "AU"], repeat=3)))
@pytest.mark.parametrize("itself", [True, False])
def test_it_goes_to_the_customer_that_the_reseller_is_too(
    make_invoice: MakeInvoice, countries: tuple[str, str, str], itself: bool
) -> None:
    one, two, three = countries
    reseller = a_reseller(country=one)
    other = Customer.objects.create(tenant_id="other", name="Contoso Distribution", country=two)
    Customer.objects.filter(pk=reseller.pk).update(same_as=reseller if itself else other)
    reseller.refresh_from_db()
    invoice = make_invoice(bill_to=reseller)
    Customer.objects.filter(pk=invoice.customer_id).update(country=three)
    by_rules, stored = rules(), Invoice.objects.get()
    asked = {"key": billing_contact.recipient_key(), "country": billing_contact.tax_country()}
    (found,) = Invoice.objects.annotate(**asked).values("key", "country")
    assert found == {"key": reseller.tenant_id if itself else "other", "country": by_rules.tax_country(stored)}
    assert by_rules.recipient(stored).tenant_id == found["key"]


@pytest.mark.parametrize("countries", list(product(["", "AU", "NZ"], repeat=2)))
def test_taxes_are_mapped_by_the_country_of_the_recipient_or_else_of_the_customer(
    make_invoice: MakeInvoice, countries: tuple[str, str]
) -> None:
    resellers, own = countries
    invoice = make_invoice(bill_to=a_reseller(country=resellers))
    Customer.objects.filter(pk=invoice.customer.pk).update(country=own)
    found = Invoice.objects.annotate(country=billing_contact.tax_country()).get()
    assert found.country == rules().tax_country(found) == (resellers or own)


def test_accounts_are_the_customers_and_theme_status_and_due_date_the_recipients(
    connected: XeroConnection, make_invoice: MakeInvoice
) -> None:
    reseller = a_reseller(country="NZ")
    invoice = make_invoice(bill_to=reseller)
    Customer.objects.filter(pk=invoice.customer.pk).update(country="AU")
    AccountOverride.objects.create(customer=invoice.customer, account_code="260")
    AccountOverride.objects.create(customer=reseller, account_code="200")
    CustomerOverride.objects.create(customer=invoice.customer, due_days=1, invoice_status="SUBMITTED")
    CustomerOverride.objects.create(customer=reseller, due_days=60, invoice_status="AUTHORISED")
    Tax.objects.create(country="NZ", tax_name="GST", percentage=10, tax_type="OUTPUT")
    (row,) = inspect(Invoice.objects.all(), connected, invoice_status="DRAFT", look_up_in_xero=False).rows
    assert row.prepared is not None
    document, (choice,) = row.prepared.document, row.prepared.choices
    assert choice.account_code == "260"
    assert (document.due_on - document.issued_on).days == 60
    assert document.status == "AUTHORISED"
    assert choice.tax_because == "GST 10 % is mapped so in NZ"


def test_the_context_of_documents_holds_the_rules(connected: XeroConnection, make_invoice: MakeInvoice) -> None:
    ImportSettings.objects.create(pk=1, bill_resellers=CUSTOMER)
    CustomerOverride.objects.create(customer=make_invoice().customer, bill_resellers=RESELLER)
    assert read_context(connected).billing == billing_contact.BillingRules(CUSTOMER, {"tenant-0001": RESELLER})
