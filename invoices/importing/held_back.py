"""What is wrong in a file, invoice by invoice: each is held back, and the others come in."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from invoices.importing.parser import BadRow, Header, shown
from invoices.reading.errors import RowError
from xero_integration.payloads import to_cents

# Nobody reads more of them; each is a row in the database. The first of each invoice is kept beyond.
MAX_ERRORS = 1_000
LARGEST_AMOUNT = Decimal(10) ** 13


@dataclass(slots=True)
class HeldBack:
    """An invoice that does not come in, as far as it could be read; `total` is None when it could not."""

    number: str
    customer_name: str = ""
    currency: str = ""
    billing_id: str = ""
    customer_key: str = ""
    total: Decimal | None = Decimal(0)


@dataclass(slots=True)
class Findings:
    """What is wrong, with the number of the invoice, and the invoices that are held back for it."""

    errors: list[tuple[str, RowError]] = field(default_factory=list)
    count: int = 0
    _held: dict[str, HeldBack] = field(default_factory=dict)
    _numberless: list[HeldBack] = field(default_factory=list)
    numberless_rows: int = 0

    def add(self, number: str, error: RowError) -> None:
        """Hold an invoice back for `error`."""
        first = number not in self._held
        if first:
            self._held[number] = HeldBack(number)
        self._keep(number, error, always=first)

    def add_stored(self, held: HeldBack, error: RowError) -> None:
        """Hold back what is stored and of which the file has no row that says so."""
        self._held[held.number] = held
        self._keep(held.number, error, always=True)

    def has(self, number: str) -> bool:
        """Return whether the invoice is held back."""
        return number in self._held

    def add_row(self, row: BadRow) -> None:
        """Hold back the invoice of a row, or the row alone where its number cannot be read."""
        number = row.invoice_number
        if number:
            for error in row.errors:
                self.add(number, error)
            _describe(self._held[number], row)
            return
        self.numberless_rows += 1
        if len(self._numberless) < MAX_ERRORS:
            held = HeldBack("")
            _describe(held, row)
            self._numberless.append(held)
        for error in row.errors:
            self._keep(shown(row.line.header.number, 255) if row.line else "", error, always=False)

    def give_period(self, billing_id: str) -> None:
        """Say the file's one BillingId of the rows without a number that name none."""
        for held in self._numberless:
            held.billing_id = held.billing_id or shown(billing_id, 50)

    def describe(self, header: Header, total: Decimal) -> None:
        """Say of an invoice that is held back what its good rows say."""
        held = self._held[header.number]
        held.customer_name, held.currency, held.billing_id = header.customer_name, header.currency, header.billing_id
        held.customer_key = header.tenant_id
        held.total = None if held.total is None else held.total + total

    def numbers(self) -> frozenset[str]:
        """Return the numbers of the invoices that are held back."""
        return frozenset(self._held)

    def held_back(self) -> list[HeldBack]:
        """Return all that is held back: invoices by number, then rows whose number cannot be read."""
        return [*self._held.values(), *self._numberless]

    @property
    def held_back_count(self) -> int:
        return len(self._held) + self.numberless_rows

    def _keep(self, number: str, error: RowError, *, always: bool) -> None:
        self.count += 1
        if always or len(self.errors) < MAX_ERRORS:
            self.errors.append((number, error))


def _describe(held: HeldBack, row: BadRow) -> None:
    if row.line is None:
        held.total = None
        return
    header, wrong = row.line.header, row.wrong
    held.customer_name = held.customer_name or shown(header.customer_name, 255)
    held.billing_id = held.billing_id or shown(header.billing_id, 50)
    if not wrong & {"TenantID", "ERPCustomerID", "CustomerName"}:
        held.customer_key = header.tenant_id
    if "CurrencyCode" not in wrong:
        held.currency = header.currency
    if wrong & {"SubTotal", "TaxAmount", "Total"} or held.total is None:
        held.total = None
    else:
        held.total += to_cents(row.line.subtotal) + to_cents(row.line.tax)


def storable_total(total: Decimal | None) -> Decimal | None:
    """Return the total when the database takes it."""
    return total if total is not None and abs(total) < LARGEST_AMOUNT else None
