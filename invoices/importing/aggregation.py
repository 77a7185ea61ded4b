"""All invoices of a file, gathered line by line. Memory grows neither with its lines nor with its invoices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from invoices.importing.customer_keys import TENANT, folded
from invoices.importing.facts import Action, Facts
from invoices.importing.grouping import Grouping
from invoices.importing.held_back import Findings
from invoices.importing.invoice_store import InvoiceStore
from invoices.importing.notices import Notice, Notices
from invoices.importing.parser import (
    LONGEST_EMAIL,
    BadRow,
    Line,
    shown,
)
from invoices.matching.kinds import OPEN
from invoices.reading.errors import FileRefused, RowError
from xero_integration.payloads import MAX_DESCRIPTION

# About a kilobyte on disk each, beside the file.
MAX_INVOICES = 1_000_000

_FIELD_OF = {
    "tenant_id": "TenantID",
    "customer_name": "CustomerName",
    "currency": "CurrencyCode",
    "issued_on": "InvoiceGeneratedDate",
    "due_on": "InvoiceDueDate",
    "billing_id": "BillingId",
    "starts_on": "BillingPeriodStartDate",
    "ends_on": "BillingPeriodEndDate",
    "reseller": "ResellerName",
}
# What a row says that may be any customer's.
ANYBODYS = ("billing_id", "")
# They may differ in what nobody sees.
_NAMES = ("customer_name", "reseller")
# What the first row that says it says for the invoice.
_MAY_FOLLOW = ("placeholder", "erp_id", "email", "country")


@dataclass(slots=True)
class Gathering:
    """All invoices of a file by number, and what is wrong with or noticed of its rows."""

    invoices: InvoiceStore = field(default_factory=InvoiceStore)
    findings: Findings = field(default_factory=Findings)
    notices: Notices = field(default_factory=Notices)
    lines: int = 0
    _grouping: Grouping = field(default_factory=Grouping)
    # The row that waits for the next readable number.
    _waiting_row: int = 0
    # What becomes of how many, once that was decided.
    actions: Counter[Action] = field(default_factory=Counter)

    def add(self, row: Line | BadRow) -> None:
        """Count a row in, with where it disagrees with earlier ones. Raises FileRefused over MAX_INVOICES."""
        self.lines += 1
        if isinstance(row, BadRow):
            self._place(row)
            self.findings.add_row(row)
            return
        facts = self.invoices.get(row.header.number)
        self._follow(row.header.number, is_known=facts is not None)
        if facts is None:
            facts = self._start(row)
        facts.add(row)
        self._notice(row, facts)
        if row.header is not facts.header and row.header != facts.header:
            self._complete(facts, row)
            for error in _disagreements(row, facts):
                self.findings.add(row.header.number, error)

    def _place(self, row: BadRow) -> None:
        number = row.invoice_number
        if number:
            self._follow(number, is_known=number in self.invoices)
            return
        place, said = row.errors[0].row, _said(row)
        self.invoices.note_unplaced(place, said)
        if said[0][0] in ANYBODYS:
            self._waiting_row = place
            if self._grouping.last:
                self._hold_back_for(place, self._grouping.last)

    def _follow(self, number: str, *, is_known: bool) -> None:
        """Hold back the invoice after a row that says neither its number nor its customer."""
        self._grouping.follow(number, is_known=is_known or self.findings.has(number))
        if self._waiting_row:
            self._hold_back_for(self._waiting_row, number)
            self._waiting_row = 0

    def hold_back_unplaced(self) -> list[str]:
        """Hold back all invoices that rows without a readable number may be lines of: those of the customer whom such a
        row names; for one that names none, those before and after it are held back already, and so are all others
        unless the file keeps the rows of an invoice together. Return a sentence on the latter."""
        anybodys = self.invoices.first_unplaced(*ANYBODYS)
        is_anywhere = bool(anybodys) and not self._grouping.keeps_together
        if self.findings.numberless_rows:
            for number, row in self.invoices.may_have_unplaced(is_anywhere=is_anywhere):
                self._hold_back_for(row, number)
        if not is_anywhere:
            return []
        return [
            f"Row {anybodys} does not say which invoice it belongs to, and the file does not keep the rows of an "
            "invoice together: every invoice that it may be a line of is held back."
        ]

    def _hold_back_for(self, row: int, number: str) -> None:
        self.findings.add(number, may_be_a_line(row))

    def set_aside(self) -> None:
        """Take the invoices of which something is wrong out of `invoices`."""
        for number in self.findings.numbers():
            if facts := self.invoices.pop(number):
                self.findings.describe(facts.header, facts.total)

    def _start(self, line: Line) -> Facts:
        if len(self.invoices) >= MAX_INVOICES:
            raise FileRefused(f"The file holds more than {MAX_INVOICES:,} invoices. Import it in parts.")
        facts = Facts(line.row, line.header)
        self.invoices.add(facts)
        return facts

    def _complete(self, facts: Facts, line: Line) -> None:
        """Take of the customer what the rows before left empty."""
        said = {name: value for name in _MAY_FOLLOW if (value := getattr(line.header, name))}
        new = {name: value for name, value in said.items() if not getattr(facts.header, name)}
        if new:
            facts.header = facts.header._replace(**new)
            facts.erp_row = line.row if "erp_id" in new else facts.erp_row
            self.invoices.note_customer(facts)

    def _notice(self, line: Line, facts: Facts) -> None:
        cells = line.cells
        if order := line.header.purchase_order:
            facts.purchase_order = facts.purchase_order or order
            if order != facts.purchase_order:
                self.notices.add(Notice.ORDERS, line.row, shown(line.header.number))
        if not line.is_product:
            self.notices.add(Notice.NO_PRODUCT, line.row)
        if line.kind == OPEN:
            self.notices.add(Notice.NO_KIND, line.row, shown(cells["Category"]) or "(empty)")
        if len(cells["SubscriptionName"]) > MAX_DESCRIPTION:
            self.notices.add(Notice.CUT, line.row)
        if len(cells["CustomerEmail"]) > LONGEST_EMAIL:
            self.notices.add(Notice.EMAIL, line.row)


def may_be_a_line(row: int) -> RowError:
    """Return why an invoice is held back that the row may be a line of."""
    return RowError(row, "InvoiceNumber", "cannot be read in this row, which may be a line of this invoice")


def _said(row: BadRow) -> list[tuple[str, str]]:
    """Return what can be read of whose the row is, as (column of the store, value): of the customer, else of the
    billing period, else ("", "")."""
    if row.line is None:
        return [("", "")]
    header, wrong = row.line.header, row.wrong
    if header.key_from == TENANT and "TenantID" not in wrong:
        return [("customer", header.tenant_id)]
    erp_id = "" if "ERPCustomerID" in wrong else header.erp_id.casefold()
    name = "" if "CustomerName" in wrong else folded(header.customer_name)
    customer = [(said, value) for said, value in (("erp_id", erp_id), ("name", name)) if value]
    billing_id = "" if "BillingId" in wrong else header.billing_id
    return customer or [("billing_id", billing_id) if billing_id else ("", "")]


def _disagreements(line: Line, facts: Facts) -> Iterator[RowError]:
    header, first = line.header, facts.header
    for attribute, name in _FIELD_OF.items():
        here, there = getattr(header, attribute), getattr(first, attribute)
        if here != there and not (attribute in _NAMES and folded(here) == folded(there)):
            yield RowError(line.row, name, f"{_other(here, there)} (row {facts.row}) in one invoice")
    if header.erp_id and first.erp_id and header.erp_id.casefold() != first.erp_id.casefold():
        said = f"{_other(header.erp_id, first.erp_id)} (row {facts.erp_row or facts.row}) in one invoice"
        yield RowError(line.row, "ERPCustomerID", said)


def _other(here: object, there: object) -> str:
    return f"“{shown(str(here))}” here and “{shown(str(there))}”"
