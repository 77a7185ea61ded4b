"""How sentences, notices and the audit record write money. Pages write it by the filter `money`."""

from __future__ import annotations

from decimal import Decimal


def written(amount: Decimal, currency: str) -> str:
    """Return an amount to the cent after its currency's code: AUD 1,234.50."""
    return f"{currency} {amount:,.2f}"


def signed(amount: Decimal, currency: str) -> str:
    """Return an amount with its sign, whichever it has: AUD +0.05."""
    return f"{currency} {amount:+,.2f}"


def figures(amount: Decimal) -> str:
    """Return `1,234.50`, for a cell that has its currency beside it."""
    return f"{amount:,.2f}"
