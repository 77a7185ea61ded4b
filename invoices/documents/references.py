"""What a document's Reference says: the customer's purchase order, or what the template makes of it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from invoices.documents.rules import Fix, Problem
from xero_integration.payloads import ORDER, PLACEHOLDERS

# In one pass, so that nothing that a file says is ever taken for a placeholder.
_PLACEHOLDER = re.compile("|".join(re.escape(each) for each in PLACEHOLDERS))


@dataclass(frozen=True)
class Named:
    """What the placeholders stand for: the purchase order ("" for none) and where it is from, the BillingId, and the
    invoice's number as its file has it and as Xero has it; of a correction besides the corrected one's in Xero."""

    order: str
    order_from: str
    period: str
    number: str
    xero_number: str
    corrected: str = ""


def shown(template: str, named: Named) -> tuple[str, str]:
    """Return what the Reference says to whoever gets the document, and why (follows "because it is"). An invoice
    without the order that the template names gets what those without a template do: the order, else the number of what
    it corrects, else the number that Xero cannot take, else the period."""
    if template and (named.order or ORDER not in template):
        values = dict(zip(PLACEHOLDERS, (named.order, named.period, named.number), strict=True))
        return _PLACEHOLDER.sub(lambda found: values[found[0]], template), "what Settings → General makes of it"
    if named.order:
        return named.order, f"the PO number of {named.order_from}"
    if named.corrected:
        return f"For {named.corrected}", "the invoice that it corrects"
    if named.number != named.xero_number:
        return named.number, "the number that Xero cannot take"
    return f"Billing {named.period}", "the billing period"


def order_missing(key: str, name: str) -> Problem:
    """Return that this recipient (by its key) wants a purchase order on each invoice, and here is none."""
    words = (
        f"{name} requires a PO number on every invoice, and none is known. Enter it, or import it with the invoices."
    )
    return Problem("purchase_order", key, words, Fix.PURCHASE_ORDER)
