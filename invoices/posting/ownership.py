"""Whether Xero's document is the one that was sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from invoices.documents import exact_sum
from invoices.documents.builder import address, marker
from invoices.models import Invoice
from invoices.posting import balances
from xero_integration.models import DifferencePolicy, XeroSettings

NOTHING = Decimal(0)
# As `builder.marker` writes it.
MARKER = re.compile(r"C3-[0-9a-f]{12}")


def markers_of(row: Mapping[str, Any]) -> set[str]:
    """Return the markers that a document in Xero bears: in its Url, or in its Reference, as credit notes do and what
    releases before sent."""
    # Whatever host they stand behind: a portal may have moved since.
    return set(MARKER.findall(f"{row.get('Url') or ''} {row.get('Reference') or ''}"))


def is_ours(invoice: Invoice, row: Mapping[str, Any], tolerance: Decimal = NOTHING) -> bool:
    """Whether this document in Xero has our marker (or the address that releases before sent), and our total, up to
    `tolerance` in its currency."""
    marked = marker(invoice) in markers_of(row) or row.get("Url") == address(invoice)
    total = balances.amount(row.get("Total"))
    if not marked or total is None:
        return False
    # With a rounding line it comes to the exact sum of the lines.
    return abs(total - abs(invoice.total)) <= tolerance or total == abs(exact_sum.due(invoice))


def tolerance() -> Decimal:
    """Return by how much Xero's total may differ, by the settings."""
    app = XeroSettings.load()
    return app.difference_limit if app.difference_policy == DifferencePolicy.WARN else NOTHING


def number_of(row: Mapping[str, Any]) -> str:
    """Return the document's number, "" without one."""
    return str(row.get("InvoiceNumber") or row.get("CreditNoteNumber") or "")


def id_of(row: Mapping[str, Any]) -> str:
    """Return Xero's id of the document, "" without one."""
    return str(row.get("InvoiceID") or row.get("CreditNoteID") or "")


def clash(invoice: Invoice, row: Mapping[str, Any]) -> str:
    """Return in words that the number is someone else's, or that our document was changed in Xero."""
    contact = (row.get("Contact") or {}).get("Name") or "another contact"
    what = f"{contact}, {row.get('Total')} {row.get('CurrencyCode') or ''}"
    if number_of(row).lower() != invoice.xero_number.lower():
        return (
            f"Xero has this document under the number {number_of(row)} with another total: {what}. "
            "Nothing was sent again. Void it there, then upload again, or leave it and ignore this invoice here."
        )
    return (
        f"Invoice # must be unique. Xero has another document with the number {number_of(row)}: {what}. "
        "Change its number there or void it, then upload again."
    )
