"""Reads a whole file and says what is in it. Nothing is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from invoices.importing import contradictions, held_back
from invoices.importing.aggregation import Gathering
from invoices.importing.cleaning import Cleaner
from invoices.importing.opening import Wanted, open_lines
from invoices.importing.parser import BadRow, Kinds, Line, parse_row, shown
from invoices.matching.column_profile import columns_in
from invoices.matching.conversion import Source
from invoices.reading.errors import FileRefused
from invoices.reading.hashing import HashingFile
from xero_integration.payloads import CENT

LINES_BETWEEN = 1_000
NAMED = 5
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
    contradictions.find(gathering)
    gathering.set_aside()
    return Reading(gathering, sha256, [*source.notes, *cleaner.notes(), *_notes(source, gathering)])


def watched(
    source: Source, wanted: Wanted, cleaner: Cleaner, file: HashingFile, progress: Progress
) -> Iterator[Line | BadRow]:
    """Yield the parsed rows of `source`, and tell `progress` every LINES_BETWEEN of them."""
    kinds = Kinds(wanted.kinds)
    for lines, raw in enumerate(source.rows, start=1):
        yield parse_row(cleaner.clean(raw), kinds)
        if not lines % LINES_BETWEEN:
            progress(lines, file.tell())


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


def _notes(source: Source, gathering: Gathering) -> list[str]:
    notes = gathering.notices.sentences()
    notes += _keyless(gathering) + _to_resellers(gathering) + _repeated(gathering) + _finer_than_cents(gathering)
    if source.ignored:
        notes.append(f"Columns that the portal does not know were left aside: {', '.join(source.ignored[:20])}.")
    return notes


def _keyless(gathering: Gathering) -> list[str]:
    rules = {"erp": "kept by their ERP id", "name": "kept by their name"}
    notes = []
    for made_from, rule in rules.items():
        names = [each.header.customer_name for each in gathering.invoices.values() if each.header.key_from == made_from]
        if names:
            notes.append(
                f"Invoices of customers without a key: {len(names):,} ({_some(names)}). They are {rule}; "
                "a person chooses the contact before the first posting."
            )
    return notes


def _to_resellers(gathering: Gathering) -> list[str]:
    names = [facts.header.reseller for facts in gathering.invoices.values() if facts.header.reseller]
    return [f"Invoices that are billed to a reseller: {len(names):,} ({_some(names)})."] if names else []


def _repeated(gathering: Gathering) -> list[str]:
    again = [
        (number, *facts.repeated(), facts.header.currency)
        for number, facts in gathering.invoices.items()
        if facts.lines
    ]
    again = [each for each in again if each[1]]
    if not again:
        return []
    sums: dict[str, Decimal] = {}
    for _, _, added, currency in again:
        sums[currency] = sums.get(currency, Decimal(0)) + added
    money = ", ".join(f"{added:,.2f} {currency}" for currency, added in sums.items())
    return [
        f"Lines that are there more than once, cell for cell: {sum(count for _, count, _, _ in again):,}, in "
        f"{_some([number for number, _, _, _ in again])}. They add {money}, and are invoiced as the file has them."
    ]


def _finer_than_cents(gathering: Gathering) -> list[str]:
    apart = [
        f"{number}: {facts.exact.quantize(CENT)} exact, {facts.total} as the sum of its rounded lines"
        for number, facts in gathering.invoices.items()
        if abs(facts.exact - facts.total) >= CENT
    ]
    if not apart:
        return []
    return [
        f"Invoices whose exact sum is a cent or more from the sum of their rounded lines: {len(apart):,} "
        f"({_some(apart, '; ')}). The rounding policy of Settings says what is posted."
    ]


def _some(names: list[str], between: str = ", ") -> str:
    different = list(dict.fromkeys(names))
    more = " and others" if len(different) > NAMED else ""
    return between.join(shown(name, 120) for name in different[:NAMED]) + more
