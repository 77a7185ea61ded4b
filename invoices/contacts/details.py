"""What C3 knows of a customer, and where its contact in Xero has it otherwise: for a person to judge. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from invoices.reading.countries import country_code
from xero_integration.contact_names import name_key
from xero_integration.models import Contact

ADDRESS = {
    "line1": "Address",
    "line2": "Address, second line",
    "city": "City",
    "state": "State",
    "zip": "Postcode",
    "country": "Country",
}


@dataclass(frozen=True)
class Difference:
    """One fact, as C3 has it and as the contact in Xero has it ("" for nothing)."""

    label: str
    in_c3: str
    in_xero: str

    def __str__(self) -> str:
        return f"{self.label} in C3: {self.in_c3}; in Xero: {self.in_xero or 'none'}"


def differences(known: Mapping[str, Any], contact: Contact) -> list[Difference]:
    """Return what differs, of a customer's `c3_details`. What C3 does not know, or was never read of the contact, does
    not."""
    pairs = [Difference("E-mail", email(known), contact.email)]
    if contact.address is not None:
        pairs += _different_parts(address(known), contact.address)
    return [each for each in pairs if each.in_c3 and not _is_same(each.in_c3, each.in_xero)]


def shown(known: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return all that C3 knows of a customer as (label, value), of its `c3_details`."""
    parts, tags = address(known), known.get("tags")
    has_address = any(text for name, text in parts.items() if name != "country")
    found = [
        ("Name", _text(known.get("name"))),
        ("E-mail", email(known)),
        ("Address", ", ".join(filter(None, parts.values())) if has_address else ""),
        ("Country", parts["country"]),
        ("Currency", _text(known.get("currency"))),
        ("Domain", _text(known.get("domain"))),
        ("Reseller", _text(known.get("reseller"))),
        ("Tags", ", ".join(filter(None, map(_text, tags))) if isinstance(tags, list) else ""),
    ]
    return [each for each in found if each[1]]


def email(known: Mapping[str, Any]) -> str:
    """Return the e-mail address, of a customer's `c3_details`."""
    return _text(known.get("email"))


def address(known: Mapping[str, Any]) -> dict[str, str]:
    """Return the address by the names of ADDRESS, of a customer's `c3_details`; the country by its code."""
    given = known.get("address")
    parts = given if isinstance(given, Mapping) else {}
    found = {name: _text(parts.get(name)) for name in ADDRESS}
    country = found["country"] or _text(known.get("country"))
    return found | {"country": country_code(country) or country}


def _different_parts(in_c3: Mapping[str, str], in_xero: Mapping[str, str]) -> Iterator[Difference]:
    for name, label in ADDRESS.items():
        there, here = in_xero.get(name, ""), in_c3[name]
        if name == "country" and country_code(here) and country_code(here) == country_code(there):
            continue
        yield Difference(label, here, there)


def _is_same(one: str, other: str) -> bool:
    return name_key(one) == name_key(other)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
