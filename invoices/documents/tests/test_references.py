"""What a document's Reference says, and where the marker that proves it ours stands."""

from __future__ import annotations

from typing import Any

import pytest

from invoices.conftest import MakeInvoice
from invoices.documents import builder
from invoices.documents.builder import Prepared, marker
from invoices.documents.rules import Fix
from invoices.models import CustomerOverride, Invoice
from xero_integration.models import XeroConnection, XeroSettings

HOME = "https://portal.contoso.example"


@pytest.fixture(autouse=True)
def at_home(settings: Any) -> None:
    settings.PORTAL_URL = HOME


def prepared(invoice: Invoice, connection: XeroConnection) -> Prepared:
    return builder.build(invoice, "DRAFT", "", builder.read_context(connection))


def reference(invoice: Invoice, connection: XeroConnection) -> str:
    return prepared(invoice, connection).document.reference


def test_an_invoice_bears_its_marker_in_its_address_alone(connected: XeroConnection, make_invoice: MakeInvoice) -> None:
    invoice = make_invoice()
    document = prepared(invoice, connected).document
    assert document.url == f"{HOME}/invoices/{invoice.pk}/?marker={marker(invoice)}"
    assert document.reference == "Billing 20260918"


@pytest.mark.parametrize("portal", ["https://xero.contoso.example", ""])
def test_without_an_address_that_xero_takes_the_marker_stays_in_the_reference(
    connected: XeroConnection, make_invoice: MakeInvoice, settings: Any, portal: str
) -> None:
    settings.PORTAL_URL = portal
    invoice = make_invoice()
    document = prepared(invoice, connected).document
    assert (document.url, document.reference) == ("", f"Billing 20260918 {marker(invoice)}")


def test_a_credit_note_bears_it_at_the_end_of_the_reference_however_long(
    connected: XeroConnection, make_invoice: MakeInvoice
) -> None:
    note = make_invoice(amount="-50.00", purchase_order="P" * 255)
    text = reference(note, connected)
    assert len(text) == 255
    assert text.endswith(f"PP {marker(note)}")


def test_the_file_s_purchase_order_goes_before_the_customer_s_and_that_before_the_period(
    connected: XeroConnection, make_invoice: MakeInvoice
) -> None:
    invoice = make_invoice()
    assert reference(invoice, connected) == "Billing 20260918"
    CustomerOverride.objects.create(customer=invoice.customer, purchase_order="PO-77")
    assert reference(invoice, connected) == "PO-77"
    invoice.purchase_order = "PO-4711"
    assert reference(invoice, connected) == "PO-4711"


@pytest.mark.parametrize(
    ("order", "shown"), [("PO-1", "Your PO-1, A of 20260918 {x}"), ("", "Billing 20260918"), ("{number}", None)]
)
def test_a_template_puts_it_together_and_needs_the_order_that_it_names(
    connected: XeroConnection, make_invoice: MakeInvoice, order: str, shown: str | None
) -> None:
    XeroSettings.objects.update(reference_template="Your {po}, {number} of {period} {x}")
    invoice = make_invoice("A", purchase_order=order)
    # What a file says is never taken for a part of the template.
    assert reference(invoice, connected) == (shown or "Your {number}, A of 20260918 {x}")


def test_a_template_without_the_order_is_for_every_invoice(
    connected: XeroConnection, make_invoice: MakeInvoice
) -> None:
    XeroSettings.objects.update(reference_template="Cloud {period}")
    assert reference(make_invoice(), connected) == "Cloud 20260918"
    assert reference(make_invoice(purchase_order="PO-1"), connected) == "Cloud 20260918"


def test_a_customer_that_requires_an_order_is_blocked_until_there_is_one(
    connected: XeroConnection, make_invoice: MakeInvoice
) -> None:
    invoice = make_invoice()
    own = CustomerOverride.objects.create(customer=invoice.customer, requires_purchase_order=True)
    (problem,) = prepared(invoice, connected).problems
    assert (problem.code, problem.subject, problem.fix) == (
        "purchase_order",
        invoice.customer.tenant_id,
        Fix.PURCHASE_ORDER,
    )
    assert prepared(invoice, connected).is_blocked
    own.purchase_order = "PO-1"
    own.save()
    assert not prepared(invoice, connected).problems


def test_a_reseller_s_own_order_and_rule_hold_where_it_is_billed(
    connected: XeroConnection, make_invoice: MakeInvoice
) -> None:
    reseller = make_invoice().customer
    invoice = make_invoice(bill_to=reseller)
    CustomerOverride.objects.create(customer=invoice.customer, purchase_order="the customer's")
    CustomerOverride.objects.create(customer=reseller, requires_purchase_order=True)
    assert prepared(invoice, connected).is_blocked
    CustomerOverride.objects.filter(customer=reseller).update(purchase_order="the reseller's")
    assert reference(invoice, connected) == "the reseller's"
