"""What is read together is what each query alone would give."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db.models import F, Model
from django.db.models.fields.json import KT

from bench import fillings
from c3portal.database import together
from c3portal.models import AuditEntry, User
from invoices.conftest import MakeInvoice
from invoices.documents import kept
from invoices.models import AccountOverride, BillingPeriod, Customer, CustomerOverride, Invoice, InvoiceLine, Posting
from invoices.tests.makers import queries_counted
from xero_integration.models import Account, Contact, Currency, TaxRate, XeroConnection, XeroSettings

pytestmark = pytest.mark.both_databases

MODELS: list[type[Model]] = [
    Account,
    AuditEntry,
    BillingPeriod,
    Contact,
    Customer,
    CustomerOverride,
    Invoice,
    InvoiceLine,
    Posting,
    TaxRate,
    User,
    XeroConnection,
    XeroSettings,
]


@pytest.fixture
def filled(db: None) -> None:
    fillings.everything(40)


def facts(row: Model) -> dict[str, Any]:
    return {each.attname: getattr(row, each.attname) for each in row._meta.concrete_fields}


@pytest.mark.usefixtures("filled")
def test_objects_are_as_each_query_alone_gives_them() -> None:
    queries = [model._default_manager.order_by("pk") for model in MODELS]
    with queries_counted() as asked:
        found = together.read(*queries)
    assert len(asked) == 1
    for query, rows in zip(queries, found, strict=True):
        assert [facts(each) for each in rows] == [facts(each) for each in query]
        assert rows
        assert not any(each._state.adding for each in rows)


@pytest.mark.usefixtures("filled")
def test_values_and_order_are_as_each_query_alone_gives_them() -> None:
    queries: list[Any] = [
        Invoice.objects.order_by("-total", "number").values_list("pk", "total", "issued_on", "customer__tenant_id")[:7],
        Invoice.objects.order_by("number").values_list("bill_to", flat=True),
        Invoice.objects.order_by("number").annotate(net=F("total") - F("tax")).values_list("net", "import_run"),
        InvoiceLine.objects.order_by("pk").values_list(KT("source__SubscriptionID"), "source"),
        Account.objects.all(),
        Customer.objects.filter(pk__in=[]),
        Currency.objects.none(),
        Account.objects.filter(code="none such").values_list("code"),
    ]
    assert together.read(*queries) == [list(each) for each in queries]


@pytest.mark.usefixtures("filled")
def test_what_is_left_out_is_loaded_when_it_is_asked_for() -> None:
    (rows,) = together.read(Customer.objects.only("name").order_by("pk"))
    assert rows[0].get_deferred_fields() >= {"tenant_id", "c3_details"}
    assert rows[0].tenant_id == Customer.objects.order_by("pk")[0].tenant_id


def test_nothing_is_asked_for_what_has_no_rows_whatever_is_stored(db: None) -> None:
    with queries_counted() as asked:
        assert together.read(Customer.objects.none(), Customer.objects.filter(pk__in=[])) == [[], []]
        assert together.read() == []
    assert len(asked) == 0


def test_texts_come_back_whole(db: None) -> None:
    name = 'O\'Brien \\ "Söhne" \t%s 😀 شركة'
    Customer.objects.create(tenant_id="t", name=name, c3_details={"name": name, "half": 0.5, "none": None})
    ((row,),) = together.read(Customer.objects.all())
    assert (row.name, row.c3_details) == (name, {"name": name, "half": 0.5, "none": None})


def test_what_documents_are_made_with_is_read_in_one_query(
    connected: XeroConnection, make_invoice: MakeInvoice
) -> None:
    customer = make_invoice().customer
    AccountOverride.objects.create(sku="B", account_code="200")
    AccountOverride.objects.create(customer=customer, account_code="210")
    CustomerOverride.objects.create(customer=customer, due_days=3)
    with queries_counted() as asked:
        found = kept.read(connected)
        named = {each.customer.name for each in (*found.accounts, *found.customers) if each.customer}
    assert named == {customer.name}
    assert len(asked) == 1
    assert [each.account_code for each in found.accounts] == ["210", "200"]
    assert found.app == XeroSettings.load()
    assert {each.effective_rate for each in found.rates} >= {Decimal(10)}


def test_the_settings_are_made_where_there_are_none(connected: XeroConnection) -> None:
    XeroSettings.objects.all().delete()
    assert kept.read(connected).app == XeroSettings.objects.get()
