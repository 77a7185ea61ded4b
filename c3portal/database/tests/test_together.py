"""Several lists in one question are what each question by itself would answer, on both databases."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import BooleanField, Case, F, QuerySet, Sum, Value, When
from django.test.utils import CaptureQueriesContext

from c3portal.database import together
from invoices.models import AccountOverride, BillingPeriod, Customer, Invoice, InvoiceLine, Posting
from invoices.tests.makers import a_period, an_invoice
from xero_integration.models import TaxRate, XeroConnection, XeroSettings

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
ODD = "“Søn” \\ \"x\" 'y' \n\t 北京 \U0001f600 100%s"


@pytest.fixture
def period() -> BillingPeriod:
    """A period with invoices of odd amounts, names and details."""
    made = a_period()
    for number, total in (("A", "9999999999.99"), ("B", "-0.07"), ("C", "0.00"), ("D", "1234.10")):
        an_invoice(made, number, total=total, customer=f"{number} {ODD}")
    Customer.objects.filter(name__startswith="A").update(
        c3_details={"n": 1.5, "big": 12345678901234567, "deep": [{"a": None, "b": "x"}], "yes": True}
    )
    InvoiceLine.objects.update(unit_price=Decimal("123456789.1234567891"))
    return made


def alone(query: QuerySet[Any, Any]) -> list[Any]:
    return list(query.all())


def facts(row: Any) -> Any:
    """Return all that was loaded of an object."""
    return {name: value for name, value in vars(row).items() if name != "_state"} if hasattr(row, "_state") else row


QUERIES = {
    "objects": lambda: Invoice.objects.order_by("number"),
    "texts and what is kept as JSON": lambda: Customer.objects.order_by("-name"),
    "amounts and days": lambda: Invoice.objects.order_by("number").values_list(
        "pk", "total", "issued_on", "imported_at"
    ),
    "one column": lambda: Invoice.objects.order_by("total").values_list("total", flat=True),
    "what is deferred": lambda: Invoice.objects.order_by("number").defer("total", "currency"),
    "only some": lambda: Invoice.objects.order_by("number").only("number", "total"),
    "with its relations": lambda: Invoice.objects.order_by("number").select_related("customer"),
    "a part of the rows": lambda: Invoice.objects.order_by("-number").values_list("number")[1:3],
    "what another table has": lambda: Invoice.objects.order_by("number").values_list(
        "customer__name", "period__ends_on"
    ),
    "what is nowhere": lambda: Invoice.objects.order_by("number").values_list("number", "posting__xero_total"),
    "no row": lambda: Posting.objects.all(),
    "nothing that could be": lambda: Invoice.objects.filter(pk__in=[]),
    "yes and no": lambda: (
        Invoice.objects.order_by("number")
        .annotate(is_less=Case(When(total__lt=0, then=Value(True)), default=Value(False), output_field=BooleanField()))
        .values_list("number", "is_less")
    ),
    "a sum": lambda: (
        Invoice.objects.filter(number__in="BD").order_by("currency").values_list("currency").annotate(sum=Sum("total"))
    ),
    "many places": lambda: InvoiceLine.objects.order_by("invoice__number", "pk").values_list("quantity", "unit_price"),
}


@pytest.mark.parametrize("name", QUERIES)
def test_it_is_what_the_query_alone_answers(period: BillingPeriod, name: str) -> None:
    (found,) = together.read(QUERIES[name]())
    wanted = alone(QUERIES[name]())
    assert [facts(each) for each in found] == [facts(each) for each in wanted]
    assert [type(each) for each in found] == [type(each) for each in wanted]


def test_all_of_them_are_one_question(period: BillingPeriod) -> None:
    with CaptureQueriesContext(connection) as asked:
        answers = together.read(*(make() for make in QUERIES.values()))
    assert len(asked) == 1
    for found, make in zip(answers, QUERIES.values(), strict=True):
        assert [facts(each) for each in found] == [facts(each) for each in alone(make())]


def test_nothing_to_ask_is_no_question() -> None:
    with CaptureQueriesContext(connection) as asked:
        assert together.read() == []
        assert together.read(Invoice.objects.none(), Invoice.objects.filter(pk__in=[])) == [[], []]
    assert len(asked) == 0


def test_an_amount_has_the_places_of_its_field(period: BillingPeriod) -> None:
    (totals,) = together.read(Invoice.objects.order_by("number").values_list("total", flat=True))
    assert [str(each) for each in totals] == [
        str(each) for each in alone(Invoice.objects.order_by("number").values_list("total", flat=True))
    ]
    assert totals[0] == Decimal("9999999999.99")


def test_secrets_and_rates_of_the_settings_are_read_alike(db: None) -> None:
    XeroSettings.load()
    XeroSettings.objects.update(client_secret="s€cret", difference_limit=Decimal("0.05"), webhook_key="k")
    organisation = XeroConnection.objects.create(tenant_id="t", connection_id="c", name=ODD)
    TaxRate.objects.create(
        connection=organisation, name="GST", tax_type="OUTPUT", effective_rate=Decimal("10.0000"), status="ACTIVE"
    )
    AccountOverride.objects.create(sku="A'B", account_code="4010")
    queries = [
        XeroSettings.objects.all(),
        TaxRate.objects.all(),
        AccountOverride.objects.all(),
        XeroConnection.objects.all(),
    ]
    for found, query in zip(together.read(*queries), queries, strict=True):
        assert [facts(each) for each in found] == [facts(each) for each in alone(query)]


def test_a_moment_is_aware_and_in_utc(period: BillingPeriod) -> None:
    (moments,) = together.read(Invoice.objects.values_list("imported_at", flat=True))
    assert {each.utcoffset() for each in moments} == {dt.timedelta()}
    assert together.read(Invoice.objects.filter(imported_at__gte=F("imported_at")).values_list("pk", flat=True))[0]
