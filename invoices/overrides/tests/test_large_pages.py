"""The pages of overrides stay small and ask little, however many customers and accounts there are."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from invoices.models import Customer, CustomerOverride, SubscriptionOrder
from invoices.overrides.forms import CustomerField
from invoices.tests import makers
from xero_integration.models import Account, XeroConnection

MOST_QUERIES, MOST_BYTES = 15, 200_000
PAGES = ("account_overrides", "tax_overrides", "customer_overrides", "order_overrides")


@pytest.fixture
def large(db: None) -> XeroConnection:
    connection = makers.connected()
    makers.invoices(makers.a_period(), 3)
    Customer.objects.bulk_create([Customer(tenant_id=f"t{n}", name=f"Customer {n:04}") for n in range(2000)])
    Account.objects.bulk_create(
        [
            Account(connection=connection, code=str(1000 + n), name="Sales", type="REVENUE", status="ACTIVE")
            for n in range(150)
        ]
    )
    first = Customer.objects.get(tenant_id="t1")
    CustomerOverride.objects.create(customer=first, due_days=30)
    SubscriptionOrder.objects.create(customer=first, subscription="s", purchase_order="PO-1")
    return connection


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_overrides_is_small_and_asks_little(name: str, finance: Client, large: XeroConnection) -> None:
    with CaptureQueriesContext(database) as queries:
        answer = finance.get(reverse(name))
    assert len(queries) <= MOST_QUERIES
    assert len(answer.content) <= MOST_BYTES


def test_a_customer_is_named_by_its_id_or_by_a_name_that_no_other_has(db: None) -> None:
    one = Customer.objects.create(tenant_id="one", name="Northwind")
    twin = Customer.objects.create(tenant_id="two", name="Twin")
    Customer.objects.create(tenant_id="three", name="Twin")
    field = CustomerField(required=False)
    assert field.clean("one") == field.clean(" northwind ") == one
    assert field.clean("two") == twin
    assert field.clean("") is None
    for text in ("Twin", "Nobody"):
        with pytest.raises(ValidationError):
            field.clean(text)
