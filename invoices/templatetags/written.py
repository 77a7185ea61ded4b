"""How amounts are written on the pages."""

from decimal import Decimal

from django import template

register = template.Library()


@register.filter
def written(value: Decimal, places: int = 0) -> str:
    """Return `value` to its own last digit, grouped, with `places` decimals or more: 1,122.50, 0.020625690600."""
    return f"{value:,.{max(places, -int(value.as_tuple().exponent))}f}"
