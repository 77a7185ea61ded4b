"""Amounts on pages. Every template knows these without a load (TEMPLATES in the settings)."""

from __future__ import annotations

from decimal import Decimal

from django import template
from django.template.defaultfilters import floatformat

from c3portal.formats import amounts

register = template.Library()


@register.filter
def money(amount: Decimal | str | None, currency: str) -> str:
    """Return an amount to the cent after its currency's code: AUD 1,234.50; "" for none."""
    return "" if amount in (None, "") else f"{currency} {floatformat(amount, '2g')}"


@register.filter
def signed_money(amount: Decimal, currency: str) -> str:
    """Return what something is off by, with its sign: AUD +0.05."""
    return amounts.signed(amount, currency)
