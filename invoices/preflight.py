"""What Xero would refuse, known before the call. Pure: a document and the organisation's facts in, problems out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from xero_integration.payloads import Document, is_exact


@dataclass(frozen=True)
class Organisation:
    """What of the organisation's reference data decides whether it takes a document."""

    name: str
    currencies: frozenset[str]
    account_problems: Mapping[str, str]


def problems(document: Document, expected_total: Decimal, organisation: Organisation) -> list[str]:
    """Return in words why this document must not be sent; [] when nothing is known against it.

    `expected_total` is the invoice's own total with tax: what Xero will come to must equal it to the cent.
    """
    found = []
    if organisation.currencies and document.currency not in organisation.currencies:
        found.append(
            f"{organisation.name} is not subscribed to currency {document.currency}. "
            "Add it in Xero under Settings → Currencies, then upload again."
        )
    codes = {line.account_code for line in document.lines}
    found += [words for code, words in organisation.account_problems.items() if code in codes]
    if not document.lines:
        found.append("The invoice has no lines.")
    if not all(is_exact(line.line_amount) for line in document.lines):
        found.append("The amount of a line has more digits than can be sent to Xero.")
    if document.total != expected_total:
        found.append(
            f"Xero would make the total {document.total:,.2f} {document.currency}, "
            f"the invoice says {expected_total:,.2f}: the tax of its lines does not add up to the cent."
        )
    return found
