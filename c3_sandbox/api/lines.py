"""An invoice's lines as C3 sends them: its documented fields in their order, then amounts under names of its own."""

from collections.abc import Iterator
from datetime import date
from itertools import batched
from typing import Any

from c3_sandbox import wire
from c3_sandbox.api.answers import Answer, success
from c3_sandbox.api.readings import Readings
from c3_sandbox.models import Invoice, Line, Period

PROVIDER_INVOICE = "G000377020"
LINES_A_PART = 10
# What the documentation of 2023 does not have.
NEWER_FIELDS = (
    "UniqueProviderOfferId",
    "UnitPriceOfProduct",
    "ReservationOrderId",
    "BillingProfileName",
    "InvoiceEntity",
    "ResellerName",
    "ProviderInvoiceNumber",
)
NUMBERS = (
    "UnitPriceOfProduct",
    "BillableQuantity",
    "AmountBeforeTax",
    "TaxRateApplied",
    "TaxCharged",
    "AmountAfterTax",
)


def download(period: Period, tenants: list[str], readings: Readings) -> Answer:
    """Return the period's lines, of these tenants alone when there are any, as a stream in flat memory."""
    lines = Line.objects.filter(invoice__period=period).select_related("invoice__customer", "invoice__period")
    if tenants:
        lines = lines.filter(invoice__customer__tenant_id__in=tenants)
    written = [(line.invoice.number, wire.encode(fields(line, readings))) for line in lines]
    count = -(-len(written) * readings.multiply // LINES_A_PART)
    return success(_parts(written, readings.multiply), count)


def _parts(written: list[tuple[str, str]], times: int) -> Iterator[str]:
    for batch in batched(_multiplied(written, times), LINES_A_PART):
        yield ", ".join(batch)


def _multiplied(written: list[tuple[str, str]], times: int) -> Iterator[str]:
    yield from (text for _, text in written)
    for copy in range(2, times + 1):
        yield from (text.replace(f'"{number}"', f'"{number}-{copy}"') for number, text in written)


def fields(line: Line, readings: Readings) -> dict[str, Any]:
    """Return the fields of a line in C3's order, by name."""
    fields = _documented(line, line.invoice) | _amounts(line)
    if readings.older_fields:
        fields = {name: value for name, value in fields.items() if name not in NEWER_FIELDS}
    if readings.period_in_lines:
        fields |= _period(line.invoice.period)
    if readings.numbers_as_text:
        fields |= {name: format(fields[name], "f") for name in NUMBERS if name in fields}
    return fields | line.own


def _documented(line: Line, invoice: Invoice) -> dict[str, Any]:
    """Return what the documentation names, and an unknown field in the middle, as its list has grown before."""
    return {
        "CustomerBillingType": "Standard",
        "ERPCustomerID": invoice.customer.erp_id,
        "CRMOpportunityID": None,
        "CouponDiscountPercentage": None,
        "ProviderOfferId": None,
        "SubscriptionEndDate": None,
        "ProviderCategory": line.provider_category,
        "Category": line.category,
        "ProductSKUId": line.sku,
        "UniqueProviderOfferId": None,
        "UnitPriceOfProduct": wire.number(line.unit_price),
        "ReservationOrderId": None,
        "BillingProfileName": None,
        "InvoiceEntity": "Customer",
        "ResellerName": None,
        "ProviderInvoiceNumber": PROVIDER_INVOICE,
        "TenantID": str(invoice.customer.tenant_id),
        "SubscriptionID": str(line.subscription_id),
        "CurrencyCode": invoice.customer.currency,
        "AlternateId": None,
        "ItemCode": line.item_code,
        "CustomerName": invoice.customer_name,
        "InvoiceNumber": invoice.number,
        "InvoiceGeneratedDate": midnight(invoice.period.invoiced),
        "InvoiceDueDate": midnight(invoice.period.due),
        "SubscriptionName": line.name,
        "ChargeStartDate": midnight(invoice.period.start),
    }


def _amounts(line: Line) -> dict[str, Any]:
    """Return what follows ChargeStartDate: the documentation ends there, so these names are nobody's."""
    net, tax = wire.number(line.net), wire.number(line.tax)
    return {
        "ChargeEndDate": midnight(line.invoice.period.end),
        "BillableQuantity": wire.number(line.quantity),
        "AmountBeforeTax": net,
        "TaxRateApplied": wire.number(line.tax_rate),
        "TaxCharged": tax,
        "AmountAfterTax": net + tax,
    }


def _period(period: Period) -> dict[str, Any]:
    return {
        "BillingPeriodStartDate": midnight(period.start),
        "BillingPeriodEndDate": midnight(period.end),
        "BillingId": period.billing_id,
    }


def midnight(day: date) -> str:
    """Write a day as C3 does: with a time and without an offset."""
    return f"{day.isoformat()}T00:00:00"
