"""What a file would bring, before any of it does: reads the file and what is stored, and writes nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from invoices.importing import decisions, first_reading, held_back, periods, unplaced
from invoices.importing.aggregation import Gathering
from invoices.importing.choices import Choices
from invoices.importing.facts import Action
from invoices.importing.importer import ALL_HELD_BACK, ProgressOf
from invoices.importing.last_period import LastPeriod, against_last_period
from invoices.importing.opening import Wanted
from invoices.importing.parser import shown
from invoices.matching.column_profile import ColumnProfile
from invoices.matching.conversion import FormatsDiffer, LateColumns
from invoices.models import ImportRun
from invoices.reading.errors import FileRefused
from invoices.reading.rows import ReadOptions

# Of each list; the counts are of all.
LISTED = 20
ERRORS_LISTED = 50


@dataclass(frozen=True, slots=True)
class Total:
    """The money of one currency; amounts as text, in plain digits."""

    currency: str
    invoices: int
    subtotal: str
    tax: str
    total: str


@dataclass(frozen=True, slots=True)
class PreviewInvoice:
    """An invoice of the file; `total` is "" where it cannot be read."""

    number: str
    customer_name: str
    currency: str
    total: str


@dataclass(frozen=True, slots=True)
class Listed:
    """How many invoices, and the first of them."""

    count: int = 0
    first: list[PreviewInvoice] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PreviewFinding:
    """Why an invoice is held back."""

    number: str
    row: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file would bring. `refused` says why it could not be imported at all, "" when it can.

    `totals` are of all invoices that are right, `differing` of those that were sent and stay as they are. `basis` is
    what the file's cells were taken to mean (`Wanted.basis`).
    """

    refused: str = ""
    lines: int = 0
    sha256: str = ""
    totals: list[Total] = field(default_factory=list)
    new: Listed = field(default_factory=Listed)
    changed: Listed = field(default_factory=Listed)
    unchanged: Listed = field(default_factory=Listed)
    differing: Listed = field(default_factory=Listed)
    held_back: Listed = field(default_factory=Listed)
    errors: list[PreviewFinding] = field(default_factory=list)
    errors_count: int = 0
    last_period: LastPeriod | None = None
    notes: list[str] = field(default_factory=list)
    period_notes: list[str] = field(default_factory=list)
    basis: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON keeps it."""
        return dataclasses.asdict(self)


def preview_file(
    path: Path | str,
    *,
    run: ImportRun | None = None,
    profile: ColumnProfile | None = None,
    constants: Mapping[str, str] | None = None,
    options: ReadOptions = ReadOptions(),  # noqa: B008 - frozen
    all_or_nothing: bool | None = None,
    noticed: Sequence[str] = (),
    progress: ProgressOf | None = None,
    **_about: object,
) -> Preview:
    """Return what `import_file` with the same arguments would bring. Raises OSError when the file cannot be read.

    `progress` is called with `run`, whose `lines` and `bytes_read` are set and not saved. Raises FormatsDiffer when the
    file's columns have to be matched again, and for a worker LateColumns.
    """
    path = Path(path)
    try:
        choices = Choices(run, profile, constants, options, all_or_nothing, noticed)
        wanted, reading = choices.read(path, _progress(run, progress))
    except (FormatsDiffer, LateColumns):
        raise
    except FileRefused as refused:
        return Preview(refused=str(refused))
    gathering = reading.gathering
    meant = [] if wanted.all_or_nothing else unplaced.hold_back_stored(gathering, wanted)
    same = decisions.decide(gathering, lock=False)
    first, totals = _looked_through(gathering)
    findings, counts = gathering.findings, gathering.actions
    return Preview(
        refused=_refusal(gathering, wanted),
        lines=gathering.lines,
        sha256=reading.sha256,
        totals=totals,
        new=Listed(counts[Action.CREATE], first[Action.CREATE]),
        changed=Listed(counts[Action.UPDATE], first[Action.UPDATE]),
        unchanged=Listed(counts[Action.KEEP], first[Action.KEEP]),
        differing=Listed(counts[Action.REPORT], first[Action.REPORT]),
        held_back=_held_back(findings),
        errors=[
            PreviewFinding(shown(number, 255), error.row, error.field, error.reason)
            for number, error in findings.errors[:ERRORS_LISTED]
        ],
        errors_count=findings.count,
        last_period=against_last_period(gathering),
        notes=[*reading.notes, *meant, *same],
        period_notes=periods.notes(gathering),
        basis=wanted.basis,
    )


def _progress(run: ImportRun | None, told: ProgressOf | None) -> first_reading.Progress:
    def progress(lines: int, bytes_read: int) -> None:
        if run is not None and told is not None:
            run.lines, run.bytes_read = lines, bytes_read
            told(run)

    return progress


def _refusal(gathering: Gathering, wanted: Wanted) -> str:
    if not gathering.findings.count:
        return ""
    if wanted.all_or_nothing:
        return "Something is wrong with the file, and one wrong invoice refuses all of it."
    return "" if len(gathering.invoices) else ALL_HELD_BACK


def _looked_through(gathering: Gathering) -> tuple[dict[Action, list[PreviewInvoice]], list[Total]]:
    """Return the first invoices of each action, and the money of all."""
    first: dict[Action, list[PreviewInvoice]] = {action: [] for action in Action}
    sums: dict[str, tuple[int, Decimal, Decimal]] = {}
    for facts in gathering.invoices.values():
        currency = facts.header.currency
        count, subtotal, tax = sums.get(currency, (0, Decimal(0), Decimal(0)))
        sums[currency] = count + 1, subtotal + facts.subtotal, tax + facts.tax
        if len(listed := first[facts.action]) < LISTED:
            name = shown(facts.header.customer_name, 255)
            listed.append(PreviewInvoice(shown(facts.header.number, 255), name, currency, format(facts.total, ".2f")))
    totals = [
        Total(currency, count, format(subtotal, ".2f"), format(tax, ".2f"), format(subtotal + tax, ".2f"))
        for currency, (count, subtotal, tax) in sorted(sums.items())
    ]
    return first, totals


def _held_back(findings: held_back.Findings) -> Listed:
    first = [
        PreviewInvoice(
            shown(held.number, 255),
            shown(held.customer_name, 255),
            held.currency,
            "" if held.total is None else format(held.total, ".2f"),
        )
        for held in findings.held_back()[:LISTED]
    ]
    return Listed(findings.held_back_count, first)
