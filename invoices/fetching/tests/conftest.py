"""A portal that is set up with a small C3 sandbox, whose clock and periods tests know."""

from __future__ import annotations

from typing import Any

import pytest

from c3_integration import fetches
from c3_integration.models import C3Fetch, C3Settings
from c3_integration.testing import set_up
from c3_sandbox.testing import C3SandboxControl
from invoices.fetching import fetch
from invoices.models import ImportProfile

# What a person confirms for the sandbox's names.
COLUMNS = {
    "CustomerName": "CustomerName",
    "TenantID": "TenantID",
    "ERPCustomerID": "ERPCustomerID",
    "InvoiceNumber": "InvoiceNumber",
    "InvoiceGeneratedDate": "InvoiceGeneratedDate",
    "InvoiceDueDate": "InvoiceDueDate",
    "CurrencyCode": "CurrencyCode",
    "Category": "Category",
    "ProviderCategory": "ProviderCategory",
    "ProductSKUId": "ProductSKUId",
    "SubscriptionName": "SubscriptionName",
    "SubscriptionID": "SubscriptionID",
    "InvoiceEntity": "InvoiceEntity",
    "ResellerName": "ResellerName",
    "ChargeStartDate": "ChargeStartDate",
    "ChargeEndDate": "ChargeEndDate",
    "Quantity": "BillableQuantity",
    "UnitPriceOfProduct": "UnitPriceOfProduct",
    "SubTotal": "AmountBeforeTax",
    "TaxPercentage": "TaxRateApplied",
    "TaxAmount": "TaxCharged",
    "Total": "AmountAfterTax",
}
CUSTOMERS, PERIODS = 5, 3


@pytest.fixture
def c3_sandbox(c3_sandbox_process: Any, settings: Any) -> Any:
    """The switchboard of a small sandbox as new, with the portal's sign-in at C3 pointed at it."""
    control = C3SandboxControl(c3_sandbox_process.url)
    control.reset(customers=CUSTOMERS, periods=PERIODS)
    settings.C3_LOGIN_URL = control.url
    settings.C3_RETRY_AFTER = 0.01
    return control


@pytest.fixture(autouse=True)
def nobody_is_called(woken: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """No broker runs."""


@pytest.fixture
def app(c3_sandbox: Any, db: None) -> C3Settings:
    return set_up(c3_sandbox)


@pytest.fixture
def profile(db: None) -> ImportProfile:
    """The columns as a person matched them once."""
    return ImportProfile.objects.create(name="C3", header=sorted(COLUMNS.values()), columns=COLUMNS)


def fetched(trigger: str = C3Fetch.Trigger.USER, **how: Any) -> C3Fetch:
    """Fetch now, in this process."""
    made = fetches.open_one(trigger, **how)
    assert fetch.run(made)
    return C3Fetch.objects.get(pk=made.pk)
