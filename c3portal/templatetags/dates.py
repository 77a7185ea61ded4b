"""Days and times on pages. Every template knows these without a load (TEMPLATES in the settings)."""

from __future__ import annotations

import datetime as dt

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from c3portal.formats import dates

register = template.Library()


@register.filter
def day(when: dt.date | None) -> str:
    """Return a date as the reader chose to read it; "" for none."""
    return dates.day(when) if when else ""


@register.filter
def short_day(when: dt.date | None) -> str:
    """Return a date without its year; "" for none."""
    return dates.short_day(when) if when else ""


@register.filter
def moment(at: dt.datetime | None) -> str:
    """Return a date and a time, for titles and labels; "" for none."""
    return dates.moment(at) if at else ""


@register.filter
def stamp(at: dt.datetime | None, precise: str = "") -> SafeString:
    """Return a date and a time as an element that has all of it, with the zone, on hover.

    `precise` "s" shows seconds too, "short" leaves out what a short date can do without.
    """
    if not at:
        return SafeString()
    shown = dates.short_moment(at) if precise == "short" else dates.moment(at, seconds=precise == "s")
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        timezone.localtime(at).isoformat(),
        dates.whole_moment(at),
        shown,
    )


@register.simple_tag
def zone() -> str:
    """Return the name of the zone that times are shown in."""
    return dates.zone_name()
