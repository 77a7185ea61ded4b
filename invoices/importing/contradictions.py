"""What only the whole file shows: customers that cannot be told apart, two dates for a period, numbers that clash."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from invoices.importing.aggregation import Gathering
from invoices.importing.invoice_store import InvoiceStore
from invoices.importing.notices import rows_named
from invoices.importing.numbers import xero_number
from invoices.importing.parser import shown
from invoices.reading.errors import RowError

Wrong = Iterator[tuple[str, RowError]]
# Of which column of the store there may be one value for each value of another, and what it says where there are more.
_WHO = (
    ("placeholder", "customer", "TenantID", "“{}” stands for more than one customer"),
    ("customer", "name", "CustomerName", "one customer key has more than one name in the file"),
    ("customer", "erp_id", "ERPCustomerID", "one customer key has more than one ERP id in the file"),
)


def find(gathering: Gathering) -> None:
    """Hold back every invoice that contradicts another of the file."""
    # All are looked for before the first is held back: of two that contradict each other, both are.
    invoices = gathering.invoices
    for number, error in [*_customers(invoices), *_periods(invoices), *_numbers(invoices)]:
        gathering.findings.add(number, error)


def _customers(invoices: InvoiceStore) -> Wrong:
    for key, value, field, said in _WHO:
        for each, others in invoices.several(key, value).items():
            rows = rows_named(sorted(others.values()), len(others))
            for number, row in invoices.having(key, each):
                yield number, RowError(row, field, f"{said.format(shown(each))} ({rows})")


def _periods(invoices: InvoiceStore) -> Wrong:
    for billing_id, counts in invoices.period_days().items():
        usual = max(counts, key=lambda days: counts[days])
        said = f"billing period {shown(billing_id)} runs from {usual[0]} to {usual[1]} elsewhere in the file"
        for number, row in invoices.of_other_days(billing_id, usual) if len(counts) > 1 else ():
            yield number, RowError(row, "BillingPeriodStartDate", said)


def _numbers(invoices: InvoiceStore) -> Wrong:
    spelt: dict[str, list[str]] = defaultdict(list)
    for number in invoices:
        if (text := xero_number(number)) != number:
            spelt[text].append(number)
    for text, numbers in spelt.items():
        alike = [*numbers, *([text] if text in invoices else [])]
        for number in alike if len(alike) > 1 else ():
            other = next(each for each in alike if each != number)
            ((_, row),) = invoices.having("number", number)
            yield number, clash(row, text, other)


def clash(row: int, spelt: str, other: str) -> RowError:
    """Return the error of a number that becomes that of invoice `other` in Xero."""
    return RowError(row, "InvoiceNumber", f"is {shown(spelt)} in Xero, and so is invoice {shown(other)}")
