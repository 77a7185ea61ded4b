"""What an invoice comes to when its lines are not rounded one by one: amounts finer than a cent add up. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from c3portal.formats import amounts
from invoices.documents.rules import Fix, Problem, Severity
from xero_integration.payloads import CENT, plain, to_cents

CODE = "exact_sum"


class Summed(Protocol):
    """What of an invoice counts: `total` is the sum of its lines' cents, `exact_total` that of its lines as they came,
    None where it is not known."""

    total: Decimal
    exact_total: Decimal | None
    currency: str


@dataclass(frozen=True)
class ExactSum:
    """An invoice whose two sums are a cent or more apart; `due` is the exact one, rounded half up to cents."""

    exact: Decimal
    due: Decimal
    total: Decimal
    currency: str

    @property
    def difference(self) -> Decimal:
        return self.due - self.total

    @property
    def keeps_its_sign(self) -> bool:
        """Whether a document that comes to `due` is of the kind that `total` makes it."""
        return (self.due < 0) == (self.total < 0)


def of(invoice: Summed) -> ExactSum | None:
    """Return the exact sum of an invoice, None where it is less than a cent from the invoice's total."""
    exact = invoice.exact_total
    if exact is None or abs(exact - invoice.total) < CENT:
        return None
    return ExactSum(exact, to_cents(exact), invoice.total, invoice.currency)


def due(invoice: Summed) -> Decimal:
    """Return what an invoice comes to in cents: the exact sum of its lines where that is a cent or more from its
    total."""
    found = of(invoice)
    return found.due if found else invoice.total


def problem(found: ExactSum, *, adds_line: bool, warns: bool) -> Problem:
    """Return what is to be said: `adds_line`: a rounding line takes the difference away, `warns`: it is posted as it
    is."""
    sums = (
        f"The exact sum of its lines is {found.currency} {plain(found.exact)}; each rounded to cents, they come to "
        f"{amounts.written(found.total, found.currency)}: a difference of "
        f"{amounts.signed(found.difference, found.currency)}."
    )
    if adds_line:
        words = "Amounts finer than a cent add up: a rounding line, free of tax, brings these to their exact sum."
    elif warns:
        words = (
            "Amounts finer than a cent add up: these are posted with another total than the exact sum of their lines."
        )
    else:
        words = "Amounts finer than a cent add up: the sum of the rounded lines is another than their exact sum."
    severity = Severity.WARNING if adds_line or warns else Severity.BLOCKED
    return Problem(CODE, "", words, Fix.SETTINGS, severity, sums)
