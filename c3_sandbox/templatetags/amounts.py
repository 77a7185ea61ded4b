"""How amounts are shown on the pages."""

from decimal import Decimal

from django import template

register = template.Library()


@register.filter
def money(value: Decimal) -> str:
    """Two decimals with thousands separated."""
    return f"{value:,.2f}"
