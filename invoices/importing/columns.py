"""The columns of C3's invoice line download: C3's public documentation up to ChargeStartDate, its style after."""

from __future__ import annotations

import re

FIELDS = (
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
