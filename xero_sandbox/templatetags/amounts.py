"""How amounts are shown on the pages."""

from decimal import Decimal
from urllib.parse import urlsplit

from django import template

register = template.Library()


@register.filter
def money(value: Decimal) -> str:
    """Two decimals with thousands separated."""
    return f"{value:,.2f}"


@register.filter
def bare(value: Decimal) -> str:
    """As many decimals as are needed, two at least when there are any."""
    plain = Decimal(value).normalize()
    exponent = plain.as_tuple().exponent
    places = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    return f"{value:,.{max(places, 2) if places else 0}f}"


@register.filter
def host(url: str) -> str:
    """The host of an address."""
    return urlsplit(url).hostname or url
