"""What a search for invoices finds: numbers, names, amounts, PO numbers and Microsoft's invoice numbers."""

from __future__ import annotations

import re
from decimal import Decimal

from django.db.models import Exists, OuterRef, Q

from invoices.models import InvoiceLine

# "1,949.50", "AUD 1949.5", "-55": what people copy from a list or type.
_AMOUNT = re.compile(r"^(?:[A-Z]{3}\s*)?(-?\d{1,3}(?:[, ]\d{3})+(?:\.\d{1,2})?|-?\d{1,12}(?:\.\d{1,2})?)$")
# Microsoft's invoices: G012345678, E0500123AB (learn.microsoft.com/partner-center/billing/read-your-bill).
_MICROSOFT = re.compile(r"^[A-Za-z]\d{6,9}[A-Za-z0-9]{0,3}$")


def found_by(term: str) -> Q:
    """Return the condition on invoices that `term` finds; of an empty one all."""
    if not term:
        return Q()
    found = (
        Q(number__icontains=term)
        | Q(xero_number__icontains=term)
        | Q(posting__number__icontains=term)
        | Q(purchase_order__icontains=term)
        | Q(customer__name__icontains=term)
        | Q(customer__erp_id__icontains=term)
        | Q(customer__tenant_id__iexact=term)
        | Q(bill_to__name__icontains=term)
    )
    if (amount := amount_of(term)) is not None:
        found |= Q(total=amount) | Q(total=-amount) | Q(posting__amount_due=amount)
    if _MICROSOFT.match(term):
        lines = InvoiceLine.objects.filter(invoice=OuterRef("pk"), source__ProviderInvoiceNumber=term.upper())
        found |= Q(Exists(lines))
    return found


def amount_of(term: str) -> Decimal | None:
    """Return the amount that a search term is, None where it is none."""
    match = _AMOUNT.match(term.strip())
    return Decimal(re.sub(r"[, ]", "", match[1])) if match else None
