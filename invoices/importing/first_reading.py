"""Reads a whole file and says what is in it. Nothing is written."""

from __future__ import annotations

import os
import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from c3portal.formats import amounts
from invoices.importing import contradictions, held_back
from invoices.importing.aggregation import Gathering
from invoices.importing.cleaning import Cleaner
from invoices.importing.facts import Facts
from invoices.importing.held_back import LARGEST_AMOUNT
from invoices.importing.opening import Wanted, open_lines
from invoices.importing.parser import BadRow, Kinds, Line, parse_row, shown
from invoices.matching.agreement import Agreements
from invoices.matching.column_profile import BUILT_IN, columns_in
from invoices.matching.conversion import Source
from invoices.matching.new_columns import who_is_left_aside
from invoices.reading.errors import FileRefused, RowError
from invoices.reading.hashing import HashingFile
from xero_integration.payloads import CENT

LINES_BETWEEN = 1_000
NAMED = 5
_KEPT_BY = {"erp": "kept by their ERP id", "name": "kept by their name"}
# C3's BillingId is the day on which the invoices are generated.
_C3_BILLING_ID = re.compile(r"\d{8}", re.ASCII)


@dataclass(slots=True)
class Reading:
    """What a whole file says."""

    gathering: Gathering
    sha256: str
    notes: list[str]


# Called with the lines and the bytes that were read so far.
Progress = Callable[[int, int], None]


def read(path: Path, wanted: Wanted, progress: Progress) -> Reading:
    """Return what the file says, invoices with anything wrong set aside. Raises FileRefused, OSError."""
    gathering = Gathering()
    with HashingFile(path) as file:
        source, cleaner = open_lines(file, wanted), Cleaner(wanted.time_zone)
        agreements = Agreements(source.computed)
        if wanted.profile is not BUILT_IN:
            # Its columns are a person's choice; in C3's own shape each line is judged by itself.
            source.rows = agreements.over(source.rows)
        row: Line | BadRow | None = None
        for row in watched(source, wanted, cleaner, file, progress):
            gathering.add(row)
            if wanted.is_c3:
                _check_billing_id(row)
            if wanted.all_or_nothing and gathering.findings.count >= held_back.MAX_ERRORS:
                break
        else:
            _check_end(source, wanted, row)
        sha256 = file.sha256.hexdigest()
    unplaced = gathering.hold_back_unplaced()
    contradictions.find(gathering)
    gathering.set_aside()
    closing = _Closing(gathering)
    gathering.set_aside()
    agree = [f"{each}." for each in agreements.all]
    return Reading(
        gathering, sha256, [*wanted.noticed, *unplaced, *agree, *_notes(source, cleaner, gathering, closing)]
    )


def watched(
    source: Source, wanted: Wanted, cleaner: Cleaner, file: HashingFile, progress: Progress
) -> Iterator[Line | BadRow]:
    """Yield the parsed rows of `source`, and tell `progress` every LINES_BETWEEN of them."""
    kinds = Kinds(wanted.kinds)
    for lines, raw in enumerate(source.rows, start=1):
        yield parse_row(cleaner.clean(raw), kinds)
        if not lines % LINES_BETWEEN:
            progress(lines, _place(file, source, lines))


def _place(file: HashingFile, source: Source, lines: int) -> int:
    """Return about how much of the file is read after so many lines, in bytes."""
    if height := source.table.height:
        # It was read at once, and may be closed by now.
        return os.stat(file.name).st_size * min(lines, height) // height
    return file.tell()


def _check_billing_id(row: Line | BadRow) -> None:
    """Raises FileRefused when the row's BillingId is not one of C3's."""
    line = row.line if isinstance(row, BadRow) else row
    billing_id = line.header.billing_id if line else ""
    # An empty one holds back its invoice like anything else that is missing.
    if billing_id and not _C3_BILLING_ID.fullmatch(billing_id):
        raise FileRefused(
            f"Row {line.row if line else 0}: BillingId “{shown(billing_id)}” is not eight digits, as C3 writes it. "
            "The download was cut off, or a spreadsheet rewrote its numbers: other values may be wrong too. "
            "Please download it again."
        )


def _check_end(source: Source, wanted: Wanted, last: Line | BadRow | None) -> None:
    """Raises FileRefused when the file was cut off in its last row."""
    if not source.table.ends_without_newline or not isinstance(last, BadRow):
        return
    columns = columns_in(wanted.profile, source.table.header)
    in_last_column = {name for name, column in columns.items() if column == source.table.header[-1]}
    # A row that is too short says so of the row as a whole.
    if last.wrong & {"", *in_last_column}:
        error = last.errors[0]
        raise FileRefused(
            f"The file ends in the middle of its last row (row {error.row}): it was cut off. Please download it again."
        )


def _notes(source: Source, cleaner: Cleaner, gathering: Gathering, closing: _Closing) -> list[str]:
    notes = [*source.notes, *cleaner.notes(), *gathering.notices.sentences(), *closing.notes()]
    if who := who_is_left_aside(source.ignored):
        notes.append(f"Columns that may say who is billed are not looked at: {', '.join(who)}.")
    if source.ignored:
        notes.append(f"Columns that the portal does not know were left aside: {', '.join(source.ignored[:20])}.")
    return notes


@dataclass(slots=True)
class _Named:
    """How many there are, and the first names of them."""

    count: int = 0
    first: dict[str, None] = field(default_factory=dict)

    def add(self, name: str, count: int = 1) -> None:
        self.count += count
        if len(self.first) <= NAMED:
            self.first[name] = None

    def names(self, between: str = ", ") -> str:
        more = " and others" if len(self.first) > NAMED else ""
        return between.join(shown(name, 120) for name in list(self.first)[:NAMED]) + more


class _Closing:
    """Looks at each invoice of the file once its lines are known."""

    def __init__(self, gathering: Gathering) -> None:
        self.keyless = {made_from: _Named() for made_from in _KEPT_BY}
        self.resellers, self.repeated, self.finer = _Named(), _Named(), _Named()
        self.added: dict[str, Decimal] = {}
        for facts in gathering.invoices.values():
            if max(abs(facts.subtotal), abs(facts.tax), abs(facts.total)) >= LARGEST_AMOUNT:
                error = RowError(facts.row, "Total", "the invoice comes to 10,000,000,000,000 or more")
                gathering.findings.add(facts.header.number, error)
            else:
                self._look(facts)

    def _look(self, facts: Facts) -> None:
        header = facts.header
        if header.key_from in self.keyless:
            self.keyless[header.key_from].add(header.customer_name)
        if header.reseller:
            self.resellers.add(header.reseller)
        if abs(facts.exact - facts.total) >= CENT:
            exact, rounded = (amounts.written(each, header.currency) for each in (facts.exact, facts.total))
            self.finer.add(f"{header.number}: {exact} exact, {rounded} as the sum of its rounded lines")
        count, added = facts.repeated()
        if count:
            self.repeated.add(header.number, count)
            self.added[header.currency] = self.added.get(header.currency, Decimal(0)) + added
        # Told once; what it needed is more than all the rest.
        facts.seen = array("q")

    def notes(self) -> list[str]:
        """Return a sentence on each kind of what was noticed."""
        notes = [
            f"Invoices of customers without a key: {named.count:,} ({named.names()}). They are {_KEPT_BY[made_from]}; "
            "a person chooses the contact before the first posting."
            for made_from, named in self.keyless.items()
            if named.count
        ]
        if self.resellers.count:
            notes.append(
                f"Invoices that are billed to a reseller: {self.resellers.count:,} ({self.resellers.names()})."
            )
        if self.repeated.count:
            money = ", ".join(amounts.written(added, currency) for currency, added in self.added.items())
            notes.append(
                f"Lines that are there more than once, cell for cell: {self.repeated.count:,}, in "
                f"{self.repeated.names()}. They add {money}, and are invoiced as the file has them."
            )
        if self.finer.count:
            notes.append(
                "Invoices whose exact sum is a cent or more from the sum of their rounded lines: "
                f"{self.finer.count:,} ({self.finer.names('; ')}). The rounding policy of Settings says what is posted."
            )
        return notes
