"""Makes credit notes against posted invoices, for tests."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from invoices.corrections.creating import CorrectingLine, create
from invoices.models import Invoice, Posting

Credit = Callable[..., Invoice]


def credit_line(amount: str, account_code: str = "200", percentage: str = "10") -> CorrectingLine:
    """Return a line that credits an amount without tax."""
    return CorrectingLine(
        description="Microsoft 365 E5",
        quantity=Decimal(1),
        unit_amount=-Decimal(amount),
        amount=-Decimal(amount),
        account_code=account_code,
        tax_type="OUTPUT",
        tax_percentage=Decimal(percentage),
    )


def credit_note(posting: Posting, amount: str) -> Invoice:
    """Return a new credit note over an amount without tax of a posted invoice."""
    contact_id = posting.sent_facts["contact"]
    return create(posting.invoice, [credit_line(amount)], reason="One too many", contact_id=contact_id)
