"""What a file says of one invoice, gathered line by line."""

from __future__ import annotations

import enum
import hashlib
import uuid
from array import array
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache

from invoices.importing.customer_keys import Key
from invoices.importing.fingerprint import Billed, Days
from invoices.importing.numbers import invoice_id
from invoices.importing.parser import CANONICAL_NAMES, EXACT, Header, Line, canonical, description, hashed_text
from xero_integration.payloads import to_cents

_MASK = (1 << 64) - 1
_MODULUS = 1 << 256
_QUANTITY, _SUBTOTAL, _TAX, _TOTAL = map(CANONICAL_NAMES.index, ("Quantity", "SubTotal", "TaxAmount", "Total"))
_ZERO = Decimal(0)


class Action(enum.Enum):
    """What becomes of an invoice of the file."""

    KEEP = "keep"
    CREATE = "create"
    UPDATE = "update"
    REPORT = "report"


class FieldSums:
    """Tells which fields of two sets of lines differ, whatever their order; within one process only."""

    def __init__(self) -> None:
        # One sum of hashes for each field: constant space, however many lines.
        self.sums = array("Q", bytes(8 * len(CANONICAL_NAMES)))

    def add(self, cells: dict[str, str]) -> None:
        for index, text in enumerate(canonical(cells)):
            self.sums[index] = (self.sums[index] + hash(text)) & _MASK

    def take(self, cells: dict[str, str]) -> None:
        for index, text in enumerate(canonical(cells)):
            self.sums[index] = (self.sums[index] - hash(text)) & _MASK

    def differing(self) -> list[str]:
        """Return the names of the fields whose values are not the same."""
        return [name for name, left in zip(CANONICAL_NAMES, self.sums, strict=True) if left]


@dataclass(slots=True)
class Facts:
    """What the file says of one invoice; amounts are the sums of its lines' cents, `exact` of the lines as they are."""

    row: int
    header: Header
    lines: int = 0
    subtotal: Decimal = _ZERO
    tax: Decimal = _ZERO
    exact: Decimal = _ZERO
    fingerprint: int = 0
    billed: Billed = field(default_factory=Billed)
    # Of each line a hash and its cents: what tells identical ones.
    seen: array[int] = field(default_factory=lambda: array("q"))
    # Hashes, of this process alone, of the SKUs and of the descriptions of lines without one.
    products: set[int] = field(default_factory=set)
    action: Action = Action.KEEP
    position: int = 0
    purchase_order: str = ""
    # Where the customer's ERP id was said first, 0 for `row`.
    erp_row: int = 0
    field_sums: FieldSums | None = None
    period_days: Days | None = None
    pk: uuid.UUID = field(init=False)

    def __post_init__(self) -> None:
        self.pk = invoice_id(self.header.number)

    @property
    def total(self) -> Decimal:
        return self.subtotal + self.tax

    @property
    def days(self) -> Days:
        """Return the billing period's dates: the ones that are known already, else the file's."""
        return self.period_days or (self.header.starts_on, self.header.ends_on)

    @property
    def source_hash(self) -> str:
        """Return the SHA-256 of the content: equal for a JSON and a CSV of the same lines in any order."""
        return hashlib.sha256(f"{self.lines}:{self.fingerprint:x}".encode()).hexdigest()

    @property
    def billed_hash(self) -> str:
        return self.billed.hash(self.header.tenant_id, self.header.currency, self.days)

    def hashes(self) -> dict[str, str | None]:
        """Return the fields of the invoice that tell what is like it, `billed_hash` among them."""
        header = self.header
        key = Key(header.tenant_id, header.key_from)
        return self.billed.hashes(key, header.customer_name, header.currency, self.days)

    def add(self, line: Line) -> None:
        """Count a line in."""
        self.lines += 1
        subtotal, tax = _cents(line.subtotal), _cents(line.tax)
        self.subtotal += subtotal
        self.tax += tax
        self.exact = EXACT.add(self.exact, EXACT.add(line.subtotal, line.tax))
        # A sum, so that the order of the lines does not count.
        texts = canonical(line.cells)
        digest = hashlib.sha256(hashed_text(texts).encode()).digest()
        self.fingerprint = (self.fingerprint + int.from_bytes(digest)) % _MODULUS
        self.seen.append(int.from_bytes(digest[:8], signed=True))
        self.seen.append(int((subtotal + tax) * 100))
        amounts = texts[_QUANTITY], texts[_SUBTOTAL], texts[_TAX], texts[_TOTAL]
        sku = line.cells["ProductSKUId"]
        self.billed.add(line.charge_start, line.charge_end, sku, amounts)
        self.products.add(hash(sku or description(line)))

    def repeated(self) -> tuple[int, Decimal]:
        """Return how many lines are there already, cell for cell, and the sum that they add."""
        times = Counter(zip(self.seen[::2], self.seen[1::2], strict=True))
        if len(times) * 2 == len(self.seen):
            return 0, _ZERO
        again = [(count - 1, cents) for (_, cents), count in times.items() if count > 1]
        return sum(count for count, _ in again), Decimal(sum(count * cents for count, cents in again)) / 100


@lru_cache(maxsize=16_384)
def _cents(value: Decimal) -> Decimal:
    return to_cents(value)
