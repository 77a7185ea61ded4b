"""The fields of an invoice line: C3's public documentation up to ChargeStartDate, its style after. What each means is
what a column of any file is matched to."""

from __future__ import annotations

import re
from dataclasses import dataclass

FIRST_FIELDS = (
    "CustomerBillingType",
    "ERPCustomerID",
    "CRMOpportunityID",
    "CouponDiscountPercentage",
    "ProviderOfferId",
    "SubscriptionEndDate",
    "ProviderCategory",
    "Category",
    "ProductSKUId",
    "UniqueProviderOfferId",
    "UnitPriceOfProduct",
    "ReservationOrderId",
    "InvoiceEntity",
    "ResellerName",
    "ProviderInvoiceNumber",
    "TenantID",
    "SubscriptionID",
    "CurrencyCode",
    "AlternateId",
    "ItemCode",
    "CustomerName",
    "InvoiceNumber",
    "InvoiceGeneratedDate",
    "InvoiceDueDate",
    "SubscriptionName",
    "ChargeStartDate",
    "ChargeEndDate",
    "BillingCycleType",
    "Quantity",
    "SubTotal",
    "TaxName",
    "TaxPercentage",
    "TaxAmount",
    "Total",
    "CustomerEmail",
    "CustomerCountry",
    "BillingPeriodStartDate",
    "BillingPeriodEndDate",
    "BillingId",
)
# Came later than the first invoices that a portal may hold: an empty one leaves their hash as it was. New ones go last.
LATER_FIELDS = ("PurchaseOrderNumber",)
FIELDS = (*FIRST_FIELDS, *LATER_FIELDS)
NUMBERS = ("Quantity", "UnitPriceOfProduct", "SubTotal", "TaxPercentage", "TaxAmount", "Total")
DATES = (
    "InvoiceGeneratedDate",
    "InvoiceDueDate",
    "BillingPeriodStartDate",
    "BillingPeriodEndDate",
    "ChargeStartDate",
    "ChargeEndDate",
)
TEXTS = tuple(name for name in FIELDS if name not in NUMBERS and name not in DATES)
REQUIRED = (
    "TenantID",
    "CustomerName",
    "InvoiceNumber",
    "CurrencyCode",
    "InvoiceGeneratedDate",
    "InvoiceDueDate",
    "BillingId",
    "BillingPeriodStartDate",
    "BillingPeriodEndDate",
    "Category",
    "SubscriptionName",
    "Quantity",
    "UnitPriceOfProduct",
    "SubTotal",
    "TaxPercentage",
    "TaxAmount",
    "Total",
)

# Control characters, line breaks of every kind, and halves of characters: in no text, and refused by databases.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff\ud800-\udfff]")


PERIOD = ("BillingId", "BillingPeriodStartDate", "BillingPeriodEndDate")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a column can mean. Without a required one no file can be imported, unless it can be computed or is the same
    for all lines."""

    field: str
    label: str
    is_required: bool = False


# In the order in which people are asked.
MEANINGS = (
    Meaning("InvoiceNumber", "Invoice number", is_required=True),
    Meaning("CustomerName", "Customer", is_required=True),
    Meaning("TenantID", "Customer key (tenant id)"),
    Meaning("ERPCustomerID", "Customer's ERP id"),
    Meaning("CurrencyCode", "Currency", is_required=True),
    Meaning("InvoiceGeneratedDate", "Issued on", is_required=True),
    Meaning("InvoiceDueDate", "Due on", is_required=True),
    Meaning("SubscriptionName", "Description", is_required=True),
    Meaning("ProductSKUId", "SKU"),
    Meaning("Category", "Kind of line", is_required=True),
    Meaning("ProviderCategory", "Provider"),
    Meaning("Quantity", "Quantity", is_required=True),
    Meaning("UnitPriceOfProduct", "Unit price", is_required=True),
    Meaning("SubTotal", "Net amount", is_required=True),
    Meaning("TaxName", "Name of the tax"),
    Meaning("TaxPercentage", "Tax rate", is_required=True),
    Meaning("TaxAmount", "Tax", is_required=True),
    Meaning("Total", "Gross amount", is_required=True),
    Meaning("BillingId", "Billing period (BillingId)", is_required=True),
    Meaning("BillingPeriodStartDate", "Billing period from", is_required=True),
    Meaning("BillingPeriodEndDate", "Billing period to", is_required=True),
    Meaning("CustomerCountry", "Country"),
    Meaning("CustomerEmail", "E-mail"),
    Meaning("PurchaseOrderNumber", "Purchase order number"),
    Meaning("InvoiceEntity", "Billed to (customer or reseller)"),
    Meaning("ResellerName", "Reseller"),
    Meaning("ChargeStartDate", "Service from"),
    Meaning("ChargeEndDate", "Service to"),
    Meaning("SubscriptionID", "Subscription"),
)
LABELS = {meaning.field: meaning.label for meaning in MEANINGS}
REQUIRED_MEANINGS = tuple(meaning.field for meaning in MEANINGS if meaning.is_required)
