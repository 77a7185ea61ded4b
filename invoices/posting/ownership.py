"""Whether Xero's document is the one that was sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from invoices.documents import exact_sum
from invoices.documents.builder import address, first_marker
from invoices.models import Invoice
from invoices.posting import balances
from xero_integration.client.vocabulary import GONE
from xero_integration.models import DifferencePolicy, XeroSettings

NOTHING = Decimal(0)
# As `builder.marker` writes it: the invoice's, and which attempt after the first.
MARKER = re.compile(r"(C3-[0-9a-f]{12})(?:-([1-9]\d{0,3}))?")


def markers_of(row: Mapping[str, Any]) -> set[str]:
    """Return whose markers a document in Xero bears (as `builder.first_marker`): in its Url, or in its Reference, as
    credit notes do and what releases before sent."""
    return {first for first, _ in _markers(row)}


def _markers(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    # Whatever host they stand behind: a portal may have moved since.
    return MARKER.findall(f"{row.get('Url') or ''} {row.get('Reference') or ''}")


def attempt_of(invoice: Invoice, row: Mapping[str, Any]) -> int | None:
    """Return as which attempt of the invoice's this document was sent, the latest that it bears; None when it bears no
    marker of it, nor the address that releases before sent."""
    found = [int(number or 1) - 1 for first, number in _markers(row) if first == first_marker(invoice)]
    # No release that sent the address alone took anything back.
    return max(found, default=0 if row.get("Url") == address(invoice) else None)


def is_ours(invoice: Invoice, row: Mapping[str, Any], tolerance: Decimal = NOTHING) -> bool:
    """Whether this document in Xero is live, has the marker of this attempt of ours or of one that a restored database
    does not know of, and our total, up to `tolerance` in its currency."""
    attempt, total = attempt_of(invoice, row), balances.amount(row.get("Total"))
    if attempt is None or attempt < invoice.attempt or total is None or row.get("Status") in GONE:
        return False
    # With a rounding line it comes to the exact sum of the lines.
    return abs(total - abs(invoice.total)) <= tolerance or total == abs(exact_sum.due(invoice))


def tolerance() -> Decimal:
    """Return by how much Xero's total may differ, by the settings."""
    return tolerance_of(XeroSettings.load())


def tolerance_of(app: XeroSettings) -> Decimal:
    """Return the same by settings that are at hand."""
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
    attempt = attempt_of(invoice, row)
    if attempt is not None and attempt < invoice.attempt:
        return (
            f"Xero has another document of this invoice, {number_of(row)}, from before it was taken back: {what}. "
            "Nothing was sent beside it. Void it there, then upload again, or ignore this invoice here."
        )
    if number_of(row).lower() != invoice.number_in_xero.lower():
        return (
            f"Xero has this document under the number {number_of(row)} with another total: {what}. "
            "Nothing was sent again. Void it there, then upload again, or leave it and ignore this invoice here."
        )
    return (
        f"Invoice # must be unique. Xero has another document with the number {number_of(row)}: {what}. "
        "Change its number there or void it, then upload again."
    )
