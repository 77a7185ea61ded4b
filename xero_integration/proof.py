"""The penny proof: what Xero will make of a document, held against its invoice. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from c3portal.formats import amounts
from xero_integration.payloads import Document, Line

ZERO = Decimal("0.00")


@dataclass(frozen=True)
class LineProof:
    """A line where Xero comes to something else: `position` from 1, amounts with tax in cents."""

    position: int
    description: str
    invoiced: Decimal
    in_xero: Decimal

    @property
    def difference(self) -> Decimal:
        return self.in_xero - self.invoiced


@dataclass(frozen=True)
class Proof:
    """Totals with tax; `difference` is Xero's less the invoice's."""

    invoiced: Decimal
    in_xero: Decimal
    currency: str
    lines: tuple[LineProof, ...]

    @property
    def difference(self) -> Decimal:
        return self.in_xero - self.invoiced

    @property
    def is_equal(self) -> bool:
        return self.difference == 0

    def __str__(self) -> str:
        if self.is_equal:
            return f"Xero will come to {amounts.written(self.in_xero, self.currency)}, to the cent."
        where = "; ".join(
            f"line {each.position} by {amounts.signed(each.difference, self.currency)}" for each in self.lines
        )
        return (
            f"Xero would come to {amounts.written(self.in_xero, self.currency)}, the invoice says "
            f"{amounts.written(self.invoiced, self.currency)}: a difference of "
            f"{amounts.signed(self.difference, self.currency)}" + (f" ({where})." if where else ".")
        )


def prove(document: Document, invoiced: Sequence[Decimal], total: Decimal) -> Proof:
    """Hold a document against `invoiced`, each line's amount with tax, and `total`, in the document's sign."""
    # `payloads.line` rounds as Xero does, so a document knows its outcome beforehand.
    # https://developer.xero.com/documentation/guides/how-to-guides/rounding-in-xero/
    differing = []
    for position, (line, expected) in enumerate(zip(document.lines, invoiced, strict=True), start=1):
        in_xero = line.line_amount + line.tax_amount
        if in_xero != expected:
            differing.append(LineProof(position, line.description, expected, in_xero))
    return Proof(total, document.total, document.currency, tuple(differing))


def with_rounding_line(document: Document, difference: Decimal, account_code: str, tax_type: str) -> Document:
    """Return the document with a line that takes `difference` (Xero's less the invoice's) away; `tax_type` is free
    of tax."""
    line = Line(
        description="Rounding",
        quantity=Decimal(1),
        unit_amount=-difference,
        line_amount=-difference,
        account_code=account_code,
        tax_type=tax_type,
        tax_amount=ZERO,
    )
    return replace(document, lines=(*document.lines, line))
