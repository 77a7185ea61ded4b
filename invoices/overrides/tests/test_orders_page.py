"""Settings → PO numbers: each subscription's, kept, shown, in the file, and taken back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from c3portal.models import AuditEntry, User
from invoices.conftest import MakeInvoice
from invoices.models import Customer, CustomerOverride, SubscriptionOrder
from invoices.overrides.tests.test_overrides import as_text, download, override, revert, rows, upload
from xero_integration.models import XeroConnection

PAGE = "/settings/purchase-orders/"


@pytest.fixture
def fabrikam(connected: XeroConnection, make_invoice: MakeInvoice) -> Customer:
    """Billed for one subscription in two invoices, and for what belongs to none."""
    customer = Customer.objects.create(tenant_id="tenant-fabrikam", name="Fabrikam", country="NZ")
    for number, source in (("A", {"SubscriptionID": "s-1"}), ("B", {"SubscriptionID": "s-1"}), ("C", {})):
        make_invoice(number, customer=customer).lines.update(name="Microsoft 365 E5", source=source)
    return customer


def test_a_subscriptions_po_number_is_chosen_shown_and_taken_back(finance: Client, fabrikam: Customer) -> None:
    CustomerOverride.objects.create(customer=fabrikam, purchase_order="PO-C")
    (row,) = rows(finance, PAGE).values()
    assert (row.title, row.detail, row.count) == ("Microsoft 365 E5", "Fabrikam · s-1", 2)
    assert (row.applies, row.because) == ("PO-C", "Settings → Customers says so")
    override(finance, PAGE, "Microsoft 365 E5", purchase_order="PO-1")
    (row,) = rows(finance, PAGE).values()
    assert (row.applies, row.because, row.is_overridden) == ("PO-1", "it is the subscription's own", True)
    entry = AuditEntry.objects.latest("pk")
    assert entry.after == {"Subscription s-1, customer Fabrikam (tenant-fabrikam)": "PO-1"}
    revert(finance, PAGE, "Microsoft 365 E5")
    assert not SubscriptionOrder.objects.exists()


def test_one_that_no_recent_invoice_bills_is_added_by_its_id(finance: Client, fabrikam: Customer) -> None:
    form = {"action": "rule", "rule-customer": fabrikam.tenant_id, "rule-subscription": "s-9"}
    assert "Enter the PO number" in finance.post(PAGE, form).content.decode()
    finance.post(PAGE, form | {"rule-purchase_order": "PO-9"})
    assert rows(finance, PAGE)["s-9"].applies == "PO-9"


def test_the_file_is_taken_as_it_is_downloaded(finance: Client, fabrikam: Customer) -> None:
    (row,) = download(finance, PAGE)
    assert (row["TenantID"], row["SubscriptionID"], row["PurchaseOrderNumber"]) == ("tenant-fabrikam", "s-1", "")
    upload(finance, PAGE, as_text([row | {"PurchaseOrderNumber": "PO-1"}, row | {"SubscriptionID": "s-2"}]))
    assert SubscriptionOrder.objects.get().as_text[1] == "PO-1"
    (row,) = download(finance, PAGE)
    upload(finance, PAGE, as_text([row]))
    assert SubscriptionOrder.objects.count() == 1
    wrong = [
        row | {"TenantID": "tenant-x"},
        row | {"SubscriptionID": ""},
        row | {"PurchaseOrderNumber": "P" * 256},
        row,
        row | {"PurchaseOrderNumber": "PO-2"},
    ]
    found = upload(finance, PAGE, as_text(wrong)).context["findings"]
    assert [(each.row, each.field) for each in found] == [
        (2, "TenantID"),
        (3, "SubscriptionID"),
        (4, "PurchaseOrderNumber"),
        (6, "PurchaseOrderNumber"),
    ]
    upload(finance, PAGE, as_text([row | {"PurchaseOrderNumber": ""}]))
    assert not SubscriptionOrder.objects.exists()


def test_a_reader_sees_and_changes_nothing(
    client_for: Callable[[User], Client], system_reader: User, fabrikam: Customer
) -> None:
    reader = client_for(system_reader)
    assert "Microsoft 365 E5" in reader.get(PAGE).content.decode()
    assert reader.post(PAGE, {"action": "override", "all": "1", "purchase_order": "PO-1"}).status_code == 403
