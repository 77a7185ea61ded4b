"""The time zone of an organisation, as Xero names it, by the name that everyone else uses."""

from __future__ import annotations

import re
import zoneinfo
from functools import cache

from babel.core import get_global

# Xero has Windows' names in capitals, without spaces and dots: "AUSEASTERNSTANDARDTIME".
# https://developer.xero.com/documentation/api/accounting/types/#time-zones
_NOT_LETTERS = re.compile(r"[^A-Z0-9]")


def iana_name(name: str) -> str:
    """Return the IANA name of a time zone that Xero names, "" when it is none that is known here."""
    return _zones().get(_folded(name), "")


@cache
def _zones() -> dict[str, str]:
    known = zoneinfo.available_timezones()
    zones = {_folded(windows): zone for windows, zone in get_global("windows_zone_mapping").items() if zone in known}
    return {**zones, "UTC": "UTC"}


def _folded(name: str) -> str:
    return _NOT_LETTERS.sub("", name.upper())
