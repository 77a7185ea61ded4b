"""What a look-up asks for in the address of each of its calls. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote_plus

NUMBERS_EACH_LOOKUP = 50
# Many web servers refuse a query string of more than 2,048 characters; percent signs and all count.
CHARACTERS_EACH_LOOKUP = 1900
# Xero refuses a filter with a quotation mark inside a text, escaped or not, and the whole question with it.
_IN_NO_FILTER = re.compile(r'["\\]')


def by_number(endpoint: str, field: str, numbers: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each call's parameter and value."""
    # A list parameter cannot carry a number with a comma in it, and credit notes have no list parameter.
    numbers = list(numbers)
    plain = [one for one in numbers if endpoint == "Invoices" and "," not in one]
    others = [one for one in numbers if endpoint != "Invoices" or "," in one]
    terms = [f'{field}=="{one}"' for one in others if not _IN_NO_FILTER.search(one)]
    yield from (("InvoiceNumbers", value) for value in joined(plain, ","))
    yield from (("where", value) for value in joined(terms, " OR "))
    # By itself each: it may find many others, and must not keep them from being asked for.
    yield from (
        ("where", where) for one in others if _IN_NO_FILTER.search(one) and (where := _having_all_of(field, one))
    )


def _having_all_of(field: str, number: str) -> str:
    """Return the filter of what has every part of a number between the signs that no filter can hold; "" for none,
    which the portal does not send."""
    parts = [part for part in _IN_NO_FILTER.split(number) if part]
    return " AND ".join([f"{field}!=null", *(f'{field}.Contains("{part}")' for part in parts)]) if parts else ""


def joined(terms: Iterable[str], joint: str) -> Iterator[str]:
    """Yield the terms in as few texts as fit into a query each."""
    lot: list[str] = []
    length = 0
    for term in terms:
        more = len(quote_plus(term + joint))
        if lot and (len(lot) == NUMBERS_EACH_LOOKUP or length + more > CHARACTERS_EACH_LOOKUP):
            yield joint.join(lot)
            lot, length = [], 0
        lot.append(term)
        length += more
    if lot:
        yield joint.join(lot)
