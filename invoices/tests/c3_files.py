"""Files in the shape of C3's invoice line download, for the tests of the import."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from django.conf import settings

from invoices.matching.meanings import FIELDS

NEW_CUSTOMERS = 3
SEPTEMBER = settings.BASE_DIR / "sample_data" / "c3-invoice-lines-20260918.csv"
ROW = {
    "CustomerBillingType": "Standard",
    "ERPCustomerID": "ERP1000",
    "ProviderCategory": "Microsoft",
    "Category": "License",
    "ProductSKUId": "CFQ7TTC0LH18:0001",
    "ItemCode": "CFQ7TTC0LH18",
    "TenantID": "892f902b-d23f-0824-128b-2f330c5c7fd0",
    "CustomerName": "Tailspin Travel",
    "CustomerEmail": "accounts@tailspin.example",
    "CustomerCountry": "AU",
    "CurrencyCode": "AUD",
    "InvoiceNumber": "Invoice_Tailspin_1",
    "InvoiceGeneratedDate": "2026-09-18T00:00:00",
    "InvoiceDueDate": "2026-10-06T00:00:00",
    "SubscriptionName": "Microsoft 365 Business Basic",
    "ChargeStartDate": "2026-08-16T00:00:00",
    "ChargeEndDate": "2026-09-15T00:00:00",
    "Quantity": "10",
    "UnitPriceOfProduct": "9.00",
    "SubTotal": "90.00",
    "TaxName": "GST",
    "TaxPercentage": "10",
    "TaxAmount": "9.00",
    "Total": "99.00",
    "BillingPeriodStartDate": "2026-08-16T00:00:00",
    "BillingPeriodEndDate": "2026-09-15T00:00:00",
    "BillingId": "20260918",
}
BLANK = dict.fromkeys(FIELDS, "")


def a_row(**changes: str) -> dict[str, str]:
    """Return a line that can be imported, with `changes`."""
    return BLANK | ROW | changes


def of_customer(index: int, **changes: str) -> dict[str, str]:
    """Return a line of the invoice of customer `index`."""
    own = {"TenantID": f"tenant-{index}", "InvoiceNumber": f"Invoice_{index}", "ERPCustomerID": f"ERP{index}"}
    return a_row(**(own | changes))


def csv_bytes(*rows: dict[str, str], delimiter: str = ",", encoding: str = "utf-8", errors: str = "strict") -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode(encoding, errors)


def json_bytes(*rows: dict[str, Any], **envelope: Any) -> bytes:
    about = {"OperationType": None, "Status": "Success", "ErrorMessage": None, "ErrorDetail": None}
    data = [{name: value if value != "" else None for name, value in row.items()} for row in rows]
    return json.dumps(about | {"Data": data} | envelope).encode()


def write(folder: Path, *rows: dict[str, str], name: str = "lines.csv") -> Path:
    """Write the rows to a file and return its path."""
    path = folder / name
    path.write_bytes(json_bytes(*rows) if name.endswith(".json") else csv_bytes(*rows))
    return path
