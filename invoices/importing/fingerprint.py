"""The fingerprint of what was billed: equal for the same charges under another number, period id or name.

The importer takes it from a file's lines and `backfill` from stored ones; both by these functions, from the same texts.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass

from invoices.importing.customer_keys import TENANT, Key, unaccented

_MODULUS = 1 << 256
Days = tuple[dt.date, dt.date]


@dataclass(slots=True)
class Billed:
    """The lines of one invoice so far, in any order: constant space, however many."""

    lines: int = 0
    undated: int = 0
    digests: int = 0
    first_day: dt.date | None = None
    last_day: dt.date | None = None

    def add(self, start: dt.date | None, end: dt.date | None, sku: str, amounts: tuple[str, str, str, str]) -> None:
        """Count a line in; `amounts` are its quantity, net, tax and gross as `spelling.plain` writes them."""
        self.lines += 1
        first, last = start or end, end or start
        if first is None or last is None:
            self.undated += 1
        else:
            self.first_day = first if self.first_day is None else min(first, self.first_day)
            self.last_day = last if self.last_day is None else max(last, self.last_day)
        text = f"{start}\x1f{end}\x1f{sku}\x1f" + "\x1f".join(amounts)
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        # A sum, so that the order of the lines does not count.
        self.digests = (self.digests + int.from_bytes(digest)) % _MODULUS

    def service_days(self, period: Days) -> Days:
        """Return the first and last day charged for; those of the billing period where no line says."""
        if self.first_day is None or self.last_day is None:
            return period
        return self.first_day, self.last_day

    def hashes(self, key: Key, name: str, currency: str, period: Days) -> dict[str, str | None]:
        """Return the fields of the invoice that tell what is alike: with the customer's key, without it, and with the
        name in its place."""
        charges = self.hash("", currency, period)
        return {
            "billed_hash": self.hash(key.text, currency, period),
            "charges_hash": charges,
            "keyless_hash": None if key.made_from == TENANT else charges,
            "named_hash": self.hash(f"\x1e{unaccented(name)}", currency, period),
        }

    def hash(self, customer_key: str, currency: str, period: Days) -> str:
        """Return the SHA-256. Lines without dates are of the period's: the same fee each month is no duplicate."""
        days = f"{period[0]}\x1f{period[1]}" if self.undated else ""
        text = f"{self.lines}\x1f{self.digests:x}\x1f{customer_key}\x1f{currency}\x1f{days}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
