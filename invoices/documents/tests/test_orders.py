"""PO numbers of subscriptions: which goes before which, and what the Reference of several says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from invoices.conftest import MakeInvoice
from invoices.documents import builder
from invoices.documents.builder import Prepared
from invoices.documents.rules import Fix, Severity
from invoices.models import CustomerOverride, Invoice, InvoiceLine, SubscriptionOrder
from invoices.preflight.preflight import Verdict, inspect
from xero_integration.models import XeroConnection

pytestmark = pytest.mark.django_db


@pytest.fixture
def invoice(make_invoice: MakeInvoice) -> Invoice:
    """Of three lines: two subscriptions, and what belongs to none."""
    made = make_invoice(amount="100")
    line = made.lines.get()
    facts = {each.attname: getattr(line, each.attname) for each in InvoiceLine._meta.concrete_fields}
    more = [InvoiceLine(**facts | {"id": None, "position": line.position + n}) for n in (1, 2)]
    InvoiceLine.objects.bulk_create(more)
    for one, source in zip(made.lines.all(), ({"SubscriptionID": "s-1"}, {"SubscriptionID": "s-2"}, {}), strict=True):
        InvoiceLine.objects.filter(pk=one.pk).update(source=source)
    Invoice.objects.filter(pk=made.pk).update(subtotal=300, tax=30, total=Decimal(330))
    return Invoice.objects.select_related("customer", "period").get(pk=made.pk)


def give(invoice: Invoice, **orders: str) -> None:
    for name, order in orders.items():
        SubscriptionOrder.objects.create(
            customer=invoice.customer, subscription=name.replace("_", "-"), purchase_order=order
        )


def prepared(invoice: Invoice, connection: XeroConnection) -> Prepared:
    return builder.build(invoice, "DRAFT", "", builder.read_context(connection, [invoice]))


def test_a_subscriptions_goes_before_the_customers_and_the_files_before_both(
    connected: XeroConnection, invoice: Invoice
) -> None:
    CustomerOverride.objects.create(customer=invoice.customer, purchase_order="PO-C")
    assert prepared(invoice, connected).document.reference.startswith("PO-C")
    give(invoice, s_1="PO-C", s_2="PO-C")
    found = prepared(invoice, connected)
    assert found.document.reference.startswith("PO-C")
    assert found.reference_because == "the PO number of Settings → PO numbers"
    assert found.problems == ()
    invoice.purchase_order = "PO-F"
    found = prepared(invoice, connected)
    assert found.document.reference.startswith("PO-F")
    assert found.problems == ()


@pytest.mark.parametrize(
    ("of_customer", "reference", "detail"),
    [
        ("PO-C", "PO-2, PO-1, PO-C", "PO-2, PO-1, PO-C"),
        ("", "PO-2, PO-1", "PO-2, PO-1; 1 line without one"),
        ("PO-1", "PO-2, PO-1", "PO-2, PO-1"),
    ],
)
def test_those_of_several_are_named_once_each_in_the_order_of_the_lines_and_shown_before(
    connected: XeroConnection, invoice: Invoice, of_customer: str, reference: str, detail: str
) -> None:
    CustomerOverride.objects.create(customer=invoice.customer, purchase_order=of_customer)
    give(invoice, s_1="PO-2", s_2="PO-1")
    found = prepared(invoice, connected)
    assert found.document.reference.startswith(reference)
    (problem,) = found.problems
    assert (problem.severity, problem.fix, problem.detail) == (Severity.WARNING, Fix.ORDERS, detail)


def test_more_than_xero_takes_is_cut_and_said(connected: XeroConnection, invoice: Invoice) -> None:
    give(invoice, s_1="A" * 200, s_2="B" * 200)
    found = prepared(invoice, connected)
    assert len(found.document.reference) == 255
    assert "cut to what Xero takes" in found.problems[0].detail


def test_one_of_a_subscription_is_enough_for_who_requires_one(connected: XeroConnection, invoice: Invoice) -> None:
    CustomerOverride.objects.create(customer=invoice.customer, requires_purchase_order=True)
    assert prepared(invoice, connected).is_blocked
    give(invoice, s_2="PO-2")
    assert not prepared(invoice, connected).is_blocked


def test_another_customers_subscription_of_the_same_id_has_nothing_to_do_with_it(
    connected: XeroConnection, invoice: Invoice, make_invoice: MakeInvoice
) -> None:
    give(make_invoice(), s_1="PO-X")
    assert invoice.customer != SubscriptionOrder.objects.get().customer
    assert "PO-X" not in prepared(invoice, connected).document.reference


def test_preflight_and_worker_say_the_same_in_as_many_queries_for_one_as_for_many(
    connected: XeroConnection, invoice: Invoice, make_invoice: MakeInvoice, django_assert_max_num_queries: Any
) -> None:
    give(invoice, s_1="PO-1", s_2="PO-1")
    for _ in range(5):
        give(make_invoice(), s_1="PO-5")
    InvoiceLine.objects.exclude(invoice=invoice).update(source={"SubscriptionID": "s-1"})
    with django_assert_max_num_queries(30):
        found = inspect(Invoice.objects.all(), connected, invoice_status="DRAFT", look_up_in_xero=False)
    assert {row.verdict for row in found.rows} == {Verdict.READY, Verdict.WARNING}
    said = {row.invoice.pk: row.prepared.document.reference[:4] for row in found.rows if row.prepared}
    assert said == {each.pk: "PO-1" if each == invoice else "PO-5" for each in Invoice.objects.all()}
