"""Amounts on the pages."""

from decimal import Decimal

from django import template

register = template.Library()


@register.filter
def written(value: Decimal, places: int = 0) -> str:
    """Return `value` with all its digits, grouped, and at least `places` decimals: 1,122.50."""
    return f"{value:,.{max(places, -int(value.as_tuple().exponent))}f}"
