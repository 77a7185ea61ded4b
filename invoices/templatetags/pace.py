"""How long something takes and how fast it goes, in words."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from django import template

register = template.Library()


@register.filter
def spoken(span: dt.timedelta | None) -> str:
    """Return a length of time: 3.2 s, 4 min 5 s, 2 h 10 min; "" for None."""
    if span is None:
        return ""
    if span < dt.timedelta(seconds=10) and span.total_seconds() % 1:
        return f"{max(span.total_seconds(), 0.1):.1f} s"
    minutes, seconds = divmod(round(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    pairs = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    first = next((index for index, (number, _) in enumerate(pairs) if number), len(pairs) - 1)
    return " ".join(f"{number} {unit}" for number, unit in pairs[first : first + 2] if number) or "0 s"


@register.filter
def pace(rate: Decimal | None) -> str:
    """Return a number a second as one a second or, below one, a minute; "" for None."""
    if rate is None:
        return ""
    return f"{rate:,.0f} a second" if rate >= 1 else f"{max(rate * 60, Decimal(1)):,.0f} a minute"
