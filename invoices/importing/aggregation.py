"""What a file says of each invoice, gathered line by line. Memory grows with the invoices, never with their lines."""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
import uuid
from array import array
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from invoices.importing.file_reader import FileRefused, RowError
from invoices.importing.numbers import invoice_id, xero_number
from invoices.importing.parser import CANONICAL_NAMES, Header, Line, canonical, hashed_text, shown
from xero_integration.payloads import to_cents

# About a kilobyte of memory each.
MAX_INVOICES = 100_000
LARGEST_AMOUNT = Decimal(10) ** 13
ROWS_NAMED = 5

_MASK = (1 << 64) - 1
_MODULUS = 1 << 256
_FIELD_OF = {
    "tenant_id": "TenantID",
    "customer_name": "CustomerName",
    "currency": "CurrencyCode",
    "issued_on": "InvoiceGeneratedDate",
    "due_on": "InvoiceDueDate",
    "billing_id": "BillingId",
    "starts_on": "BillingPeriodStartDate",
    "ends_on": "BillingPeriodEndDate",
}


class Action(enum.Enum):
    """What becomes of an invoice of the file."""

    KEEP = "keep"
    CREATE = "create"
    UPDATE = "update"
    REPORT = "report"


class Details(NamedTuple):
    erp_id: str
    email: str
    country: str


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
    """What the file says of one invoice; amounts are the sums of its lines' cents."""

    row: int
    header: Header
    details: Details
    lines: int = 0
    subtotal: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)
    fingerprint: int = 0
    action: Action = Action.KEEP
    position: int = 0
    field_sums: FieldSums | None = None
    pk: uuid.UUID = field(init=False)

    def __post_init__(self) -> None:
        self.pk = invoice_id(self.header.number)

    @property
    def total(self) -> Decimal:
        return self.subtotal + self.tax

    @property
    def source_hash(self) -> str:
        """Return the SHA-256 of the content: equal for a JSON and a CSV of the same lines in any order."""
        return hashlib.sha256(f"{self.lines}:{self.fingerprint:x}".encode()).hexdigest()

    def add(self, line: Line) -> None:
        self.lines += 1
        self.subtotal += to_cents(line.subtotal)
        self.tax += to_cents(line.tax)
        # A sum, so that the order of the lines does not count.
        digest = hashlib.sha256(hashed_text(line.cells).encode()).digest()
        self.fingerprint = (self.fingerprint + int.from_bytes(digest)) % _MODULUS


@dataclass(slots=True)
class Gathering:
    """All invoices of a file by number, its periods by BillingId, and the first rows that are no product."""

    invoices: dict[str, Facts] = field(default_factory=dict)
    periods: dict[str, tuple[dt.date, dt.date]] = field(default_factory=dict)
    lines: int = 0
    no_product: int = 0
    no_product_rows: list[int] = field(default_factory=list)
    _details: dict[Details, Details] = field(default_factory=dict)

    def add(self, line: Line) -> list[RowError]:
        """Count a line in and return where it disagrees with earlier ones. Raises FileRefused over MAX_INVOICES."""
        self.lines += 1
        if not line.is_product:
            self.no_product += 1
            if len(self.no_product_rows) < ROWS_NAMED:
                self.no_product_rows.append(line.row)
        facts = self.invoices.get(line.header.number)
        if facts is None:
            facts = self._start(line)
        facts.add(line)
        return self._disagreements(line, facts)

    def closing_errors(self) -> list[RowError]:
        """Return what only whole invoices show: amounts too large, two numbers that become one in Xero."""
        taken: dict[str, str] = {}
        errors = []
        for number, facts in self.invoices.items():
            if max(abs(facts.subtotal), abs(facts.tax), abs(facts.total)) >= LARGEST_AMOUNT:
                errors.append(RowError(facts.row, "Total", "the invoice comes to 10,000,000,000,000 or more"))
            spelt = xero_number(number)
            if spelt != number and (other := taken.setdefault(spelt, number)) != number:
                errors.append(clash(facts.row, spelt, other))
            elif spelt != number and spelt in self.invoices:
                errors.append(clash(facts.row, spelt, spelt))
        return errors

    def notes(self) -> list[str]:
        """Return sentences on what was noticed and is no error."""
        if not self.no_product:
            return []
        rows = ", ".join(str(row) for row in self.no_product_rows)
        more = " and others" if self.no_product > len(self.no_product_rows) else ""
        return [
            f"Lines whose SubTotal is not Quantity × UnitPriceOfProduct: {self.no_product} (rows {rows}{more}). "
            "Their SubTotal is what is invoiced."
        ]

    def _start(self, line: Line) -> Facts:
        if len(self.invoices) >= MAX_INVOICES:
            raise FileRefused(f"The file holds more than {MAX_INVOICES:,} invoices. Import it in parts.")
        cells = line.cells
        details = Details(cells["ERPCustomerID"], cells["CustomerEmail"], cells["CustomerCountry"])
        facts = Facts(line.row, line.header, self._details.setdefault(details, details))
        self.invoices[line.header.number] = facts
        return facts

    def _disagreements(self, line: Line, facts: Facts) -> list[RowError]:
        header, errors = line.header, []
        if header != facts.header:
            errors = [
                RowError(line.row, name, f"{_other(header, facts.header, attribute)} (row {facts.row}) in one invoice")
                for attribute, name in _FIELD_OF.items()
                if getattr(header, attribute) != getattr(facts.header, attribute)
            ]
        days = (header.starts_on, header.ends_on)
        known = self.periods.setdefault(header.billing_id, days)
        if known != days and not errors:
            reason = f"billing period {header.billing_id} runs from {known[0]} to {known[1]} elsewhere in the file"
            errors.append(RowError(line.row, "BillingPeriodStartDate", reason))
        return errors


def clash(row: int, spelt: str, other: str) -> RowError:
    return RowError(row, "InvoiceNumber", f"is {shown(spelt)} in Xero, and so is invoice {shown(other)}")


def _other(here: Header, there: Header, attribute: str) -> str:
    return f"“{shown(str(getattr(here, attribute)))}” here and “{shown(str(getattr(there, attribute)))}”"
