"""What a customer of a file is kept by: its tenant id, or a key of ours where it has none that says who it is."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

LONGEST = 50
# The values of Customer.Key.
TENANT, ERP, NAME, RESELLER = "tenant", "erp", "name", "reseller"

_OURS = tuple(f"{kind}:" for kind in (ERP, NAME, RESELLER))
_PLACEHOLDER = re.compile(r"(?:[0\W_]*|[f\W_]*|null|none|nil|undefined|unknown|n\W?a\W?|#?n/a)", re.IGNORECASE)
_APOSTROPHES = dict.fromkeys(map(ord, "\u2018\u2019\u02bc\u2032\u00b4`\uff07"), "'")


class Key(NamedTuple):
    """`text` is what `Customer.tenant_id` holds, `made_from` a value of `Customer.Key`."""

    text: str
    made_from: str


def is_placeholder(tenant_id: str) -> bool:
    """Return whether this says of nobody who it is: nothing, zeros, "null"."""
    return _PLACEHOLDER.fullmatch(tenant_id) is not None


def is_ours(tenant_id: str) -> bool:
    """Return whether this is how the portal writes its own keys."""
    return tenant_id.lower().startswith(_OURS)


@lru_cache(maxsize=4096)
def folded(name: str) -> str:
    """Return `name` without what nobody sees or means: case, invisible characters, kinds of apostrophe and space."""
    text = unicodedata.normalize("NFKC", name).translate(_APOSTROPHES)
    visible = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
    return " ".join(visible.casefold().split())


@lru_cache(maxsize=4096)
def unaccented(name: str) -> str:
    """Return the name `folded` and without accents: what those have in common whose names are alike."""
    letters = unicodedata.normalize("NFKD", folded(name))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def customer_key(tenant_id: str, erp_id: str, name: str) -> Key:
    """Return by what the customer is kept: tenant id, else ERP id, else name."""
    if not is_placeholder(tenant_id):
        return Key(tenant_id.lower(), TENANT)
    return _made(ERP, erp_id) if erp_id else _made(NAME, name)


def reseller_key(name: str) -> Key:
    """Return by what the reseller of this name is kept."""
    return _made(RESELLER, name)


def _made(kind: str, text: str) -> Key:
    key = f"{kind}:{folded(text)}"
    if len(key) > LONGEST:
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        key = f"{kind}:{digest[: LONGEST - len(kind) - 1]}"
    return Key(key, kind)
