"""What only the whole file shows: customers that cannot be told apart, two dates for a period, numbers that clash."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from invoices.importing.aggregation import Gathering
from invoices.importing.customer_keys import folded
from invoices.importing.fingerprint import Days
from invoices.importing.held_back import LARGEST_AMOUNT
from invoices.importing.notices import rows_named
from invoices.importing.numbers import xero_number
from invoices.importing.parser import shown
from invoices.reading.errors import RowError

Wrong = Iterator[tuple[str, RowError]]


def find(gathering: Gathering) -> None:
    """Hold back every invoice that contradicts another of the file, or is too large."""
    # All are looked for before the first is held back: of two that contradict each other, both are.
    for wrong in (_customers, _periods, _amounts, _numbers):
        for number, error in list(wrong(gathering)):
            gathering.findings.add(number, error)


def _customers(gathering: Gathering) -> Wrong:
    headers = [(facts.header, facts.row) for facts in gathering.invoices.values()]
    behind = _several((each.placeholder, each.tenant_id, row) for each, row in headers if each.placeholder)
    names = _several((each.tenant_id, folded(each.customer_name), row) for each, row in headers)
    erp_ids = _several((each.tenant_id, each.erp_id.casefold(), row) for each, row in headers if each.erp_id)
    for number, facts in gathering.invoices.items():
        key, placeholder = facts.header.tenant_id, facts.header.placeholder
        if placeholder in behind:
            said = f"“{shown(placeholder)}” stands for more than one customer ({_rows(behind[placeholder])})"
            yield number, RowError(facts.row, "TenantID", said)
        elif key in names:
            said = f"one customer key has more than one name in the file ({_rows(names[key])})"
            yield number, RowError(facts.row, "CustomerName", said)
        elif key in erp_ids:
            said = f"one customer key has more than one ERP id in the file ({_rows(erp_ids[key])})"
            yield number, RowError(facts.row, "ERPCustomerID", said)


def _several(said: Iterable[tuple[str, str, int]]) -> dict[str, dict[str, int]]:
    """Return of (key, value, row) the keys that have more than one value, with the first row of each value."""
    first: dict[str, tuple[str, int]] = {}
    several: dict[str, dict[str, int]] = {}
    for key, value, row in said:
        known, known_row = first.setdefault(key, (value, row))
        if known != value:
            several.setdefault(key, {known: known_row}).setdefault(value, row)
    return several


def _rows(others: dict[str, int]) -> str:
    return rows_named(sorted(others.values()), len(others))


def _periods(gathering: Gathering) -> Wrong:
    days: dict[str, Counter[Days]] = defaultdict(Counter)
    for facts in gathering.invoices.values():
        days[facts.header.billing_id][(facts.header.starts_on, facts.header.ends_on)] += 1
    usual = {billing_id: counted.most_common(1)[0][0] for billing_id, counted in days.items()}
    for number, facts in gathering.invoices.items():
        billing_id = facts.header.billing_id
        starts_on, ends_on = usual[billing_id]
        if (facts.header.starts_on, facts.header.ends_on) != (starts_on, ends_on):
            said = f"billing period {shown(billing_id)} runs from {starts_on} to {ends_on} elsewhere in the file"
            yield number, RowError(facts.row, "BillingPeriodStartDate", said)


def _amounts(gathering: Gathering) -> Wrong:
    for number, facts in gathering.invoices.items():
        if max(abs(facts.subtotal), abs(facts.tax), abs(facts.total)) >= LARGEST_AMOUNT:
            yield number, RowError(facts.row, "Total", "the invoice comes to 10,000,000,000,000 or more")


def _numbers(gathering: Gathering) -> Wrong:
    spelt: dict[str, list[str]] = defaultdict(list)
    for number in gathering.invoices:
        if (text := xero_number(number)) != number:
            spelt[text].append(number)
    for text, numbers in spelt.items():
        alike = [*numbers, *([text] if text in gathering.invoices else [])]
        for number in alike if len(alike) > 1 else ():
            other = next(each for each in alike if each != number)
            yield number, clash(gathering.invoices[number].row, text, other)


def clash(row: int, spelt: str, other: str) -> RowError:
    """Return the error of a number that becomes that of invoice `other` in Xero."""
    return RowError(row, "InvoiceNumber", f"is {shown(spelt)} in Xero, and so is invoice {shown(other)}")
