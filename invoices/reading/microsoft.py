"""Microsoft's own files, which look like invoice lines and are what the partner is charged."""

from __future__ import annotations

from collections.abc import Iterable

from invoices.reading.errors import WANTED, FileRefused

_FILES = (
    (
        frozenset({"usagedate", "meterid", "billingpretaxtotal"}),
        "This is Microsoft's daily rated usage file: what Microsoft charges the partner for Azure, day by day.",
    ),
    (
        frozenset({"termandbillingcycle", "billablequantity", "orderid"}),
        "This is Microsoft's reconciliation file for new-commerce licenses: what Microsoft charges the partner.",
    ),
    (
        frozenset({"partnerid", "mpnid"}),
        "This is a file of Microsoft's Partner Center: what Microsoft charges the partner.",
    ),
)


def refuse_header(header: Iterable[str]) -> None:
    """Raises FileRefused when `header` is of one of Microsoft's files."""
    folded = {name.casefold() for name in header}
    for marks, what in _FILES:
        if marks <= folded:
            raise FileRefused(f"{what} {WANTED} That is what the partner charges its own customers.")
