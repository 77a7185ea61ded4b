"""What Xero is sent to make a contact, as it is shown to people too. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from xero_integration.contact_names import plain_email, visible

# Our names of an address's parts, and Xero's with their most letters.
# https://developer.xero.com/documentation/api/accounting/types#addresses
ADDRESS = {
    "line1": ("AddressLine1", 500),
    "line2": ("AddressLine2", 500),
    "city": ("City", 255),
    "state": ("Region", 255),
    "zip": ("PostalCode", 50),
    "country": ("Country", 50),
}
_COUNTRY = re.compile("[A-Za-z]+")


@dataclass(frozen=True)
class NewContact:
    """`number` becomes the ContactNumber; `address` has its parts under our names, none that is empty."""

    name: str
    number: str
    email: str = ""
    address: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def address_words(self) -> str:
        return ", ".join(self.address.values())


def sendable_email(emails: tuple[str, ...]) -> str:
    """Return the first that Xero takes for a contact, "" when it takes none."""
    return next(filter(None, map(plain_email, emails)), "")


def sendable_address(parts: Mapping[str, str]) -> dict[str, str]:
    """Return the parts that Xero takes, {} for an address that is nothing but a country or a state."""
    shown = {name: visible(parts.get(name, "")) for name in ADDRESS}
    kept = {name: text for name, text in shown.items() if text and len(text) <= ADDRESS[name][1]}
    if not _COUNTRY.fullmatch(kept.get("country", "")):
        kept.pop("country", None)
    return kept if kept.keys() - {"state", "country"} else {}
