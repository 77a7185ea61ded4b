"""Brings a file of invoice lines into the portal: every invoice that is right, or all of the file or nothing.

Read twice from disk, to check and to write in one transaction, so that memory does not grow with the lines.
"""

from __future__ import annotations

import datetime as dt
import itertools
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import DatabaseError, transaction
from django.utils import timezone

from c3portal.audit import record as audit
from c3portal.database import outages
from invoices.importing import (
    backfill,
    decisions,
    first_reading,
    held_back,
    locks,
    periods,
    records,
    run_record,
    set_aside,
    unplaced,
    writing,
)
from invoices.importing.aggregation import Gathering
from invoices.importing.choices import Choices, OtherThanShown
from invoices.importing.decisions import CHUNK
from invoices.importing.facts import Action
from invoices.importing.opening import Wanted
from invoices.importing.parser import shown
from invoices.importing.run_record import TakenOver
from invoices.matching.column_profile import ColumnProfile
from invoices.models import ImportRun, Invoice
from invoices.reading.errors import FileRefused
from invoices.reading.rows import ReadOptions

if TYPE_CHECKING:
    from c3portal.models import User

logger = logging.getLogger(__name__)

LONGEST_IMPORT = dt.timedelta(hours=1)
CUT_SHORT = "The import was cut short by an error; nothing was imported."
DISK_FULL = "The disk is full, so nothing was imported. Ask an administrator to make room, then import again."
ALL_HELD_BACK = (
    "Every invoice of the file is wrong, so nothing was imported. What earlier files brought of them is not posted "
    "until a file has them right."
)

ProgressOf = Callable[[ImportRun], None]


class _Refused(Exception):
    """Something is wrong that refuses the whole file; undoes the writing."""


def import_file(
    path: Path | str,
    *,
    user: User | None = None,
    name: str = "",
    source: audit.Source = None,
    run: ImportRun | None = None,
    profile: ColumnProfile | None = None,
    constants: Mapping[str, str] | None = None,
    options: ReadOptions = ReadOptions(),  # noqa: B008 - frozen
    all_or_nothing: bool | None = None,
    noticed: Sequence[str] = (),
    shown: str | None = None,
    progress: ProgressOf | None = None,
) -> ImportRun:
    """Import the file at `path`, known to people as `name`, and return its run (`run`, or a new one).

    `profile` says which column means what (found by the header when None), `constants` what the file does not say,
    `options` how its bytes are read. An invoice with anything wrong is held back and the others come in; with
    `all_or_nothing` (by default what Settings say) anything wrong refuses the file. So do a file that cannot be read
    and a full disk: then nothing changes but the run, REFUSED with a `reason` or findings. `progress` is called every
    thousand lines, with the run's `lines` and `bytes_read`, which goes to twice its size: the file is read twice, the
    second time in a transaction. `noticed` are further notes of a worker, `shown` is the `basis` of the Preview that a
    person saw.
    Raises OSError when the file cannot be read, DatabaseError when the disk is too full to note even that, and anything
    unforeseen after noting that nothing was imported. Raises TakenOver, with nothing imported or noted, when another
    worker has `run` in hand now, and OtherThanShown when the file would be read otherwise than it was `shown`.
    """
    path = Path(path)
    choices = Choices(run, profile, constants, options, all_or_nothing, noticed, shown)
    run = _started(run, path, user, name, choices)
    try:
        _import(path, run, source, choices, progress or _untold)
    except (TakenOver, OtherThanShown):
        raise
    except FileRefused as refused:
        _end(run, source, str(refused))
    except BaseException as error:
        is_full = outages.is_full(error)
        _end(run, source, DISK_FULL if is_full else CUT_SHORT, forget_findings=is_full)
        if not is_full:
            raise
    return run


def _untold(run: ImportRun) -> None:
    """Nobody wants to know how far it is."""


def _started(run: ImportRun | None, path: Path, user: User | None, name: str, choices: Choices) -> ImportRun:
    run = run or ImportRun(user=user)
    run.state, run.all_or_nothing = ImportRun.State.RUNNING, choices.all_or_nothing
    run.profile_id = choices.profile.pk if choices.profile else run.profile_id
    run.size = path.stat().st_size
    run.file_name = shown(name or run.file_name or path.name, 255) or "file"
    run_record.save(run)
    return run


def _refuse(run: ImportRun, reason: str) -> None:
    # A failure may only show at the commit, after the counts were set.
    run.state, run.reason, run.period = ImportRun.State.REFUSED, reason, None
    run.invoices_new = run.invoices_updated = run.invoices_unchanged = run.invoices_differing = 0


def _end(run: ImportRun, source: audit.Source, reason: str, *, forget_findings: bool = False) -> None:
    """Note that nothing was imported. Raises TakenOver."""
    _refuse(run, reason)
    if forget_findings:
        # Half of what a file had wrong would read as all of it.
        run.errors = run.invoices_held_back = 0
    try:
        with transaction.atomic():
            _save(run)
            if forget_findings:
                run.findings.all().delete()
            _record(run, source)
    except DatabaseError as error:
        if not outages.is_full(error):
            raise
        # Room for a row that is there already may be left where there is none for another.
        logger.exception("The audit record of an import could not be written: the disk is full.")
        _save(run)


def _save(run: ImportRun) -> None:
    run.finished_at = timezone.now()
    run_record.save(run)


def close_abandoned() -> None:
    """Close the runs of which nothing was heard for LONGEST_IMPORT."""
    # The process died, or the disk was too full to note the end. An import that works on still notes its own end.
    long_ago = timezone.now() - LONGEST_IMPORT
    # Those whose file is kept are begun anew (in_hand.py).
    running = ImportRun.objects.filter(state=ImportRun.State.RUNNING, started_at__lt=long_ago, stored_as="")
    running.update(state=ImportRun.State.REFUSED, reason=CUT_SHORT, finished_at=timezone.now())


def _record(run: ImportRun, source: audit.Source) -> None:
    after = {
        "Result": run.get_state_display(),
        "Summary": run.summary,
        "Held back": run.invoices_held_back,
        "Reason": run.reason,
        "SHA-256": run.sha256,
    }
    after = {label: value for label, value in after.items() if value}
    audit.record(source, audit.Action.IMPORT, f"Import of {run.file_name}", after=after, actor=run.user)


def _import(path: Path, run: ImportRun, source: audit.Source, choices: Choices, told: ProgressOf) -> None:
    # What comes in is compared with all that came before, by releases that kept no fingerprint too.
    backfill.fill()
    wanted, reading = choices.read(path, _first(run, told))
    gathering = reading.gathering
    run.lines, run.notes = gathering.lines, reading.notes
    stopped = wanted.all_or_nothing and gathering.findings.count >= held_back.MAX_ERRORS
    run.sha256 = "" if stopped else reading.sha256
    if stopped:
        run.reason = f"Reading stopped after {held_back.MAX_ERRORS:,} errors."
    meant: list[str] = []
    try:
        with transaction.atomic():
            locks.one_import_at_a_time()
            if not wanted.all_or_nothing:
                meant = unplaced.hold_back_stored(gathering, wanted)
            _refuse_what_is_wrong(gathering, wanted)
            same = decisions.decide(gathering, lock=True)
            _refuse_what_is_wrong(gathering, wanted)
            run.notes += [*meant, *periods.notes(gathering), *same]
            decided = set_aside.decided_about(_changed(gathering))
            writing.write(path, run, reading, wanted, _second(run, told))
            run.notes += set_aside.take_up_parted(decided, run.user, source)
            records.hold_back(run, gathering.findings)
            records.resolve(run, gathering)
            _conclude(run, gathering)
            # Last: whoever took the run over meanwhile finds nothing of this import.
            _save(run)
            _record(run, source)
    except _Refused:
        _refuse(run, run.reason if wanted.all_or_nothing else " ".join([ALL_HELD_BACK, *meant]))
        with transaction.atomic():
            keep = records.refuse if wanted.all_or_nothing else records.hold_back
            keep(run, gathering.findings)
            _save(run)
            _record(run, source)


def _changed(gathering: Gathering) -> list[uuid.UUID]:
    if not gathering.actions[Action.UPDATE]:
        return []
    return [facts.pk for facts in gathering.invoices.values() if facts.action is Action.UPDATE]


def _refuse_what_is_wrong(gathering: Gathering, wanted: Wanted) -> None:
    """Raises _Refused when nothing of the file may come in."""
    if gathering.findings.count and (wanted.all_or_nothing or not len(gathering.invoices)):
        raise _Refused


def _first(run: ImportRun, told: ProgressOf) -> first_reading.Progress:
    def progress(lines: int, bytes_read: int) -> None:
        run.lines, run.bytes_read = lines, bytes_read
        told(run)

    return progress


def _second(run: ImportRun, told: ProgressOf) -> first_reading.Progress:
    # By its lines, of which the first reading told the number: a workbook is read at once and written line by line.
    lines_of_file = max(run.lines, 1)

    def progress(lines: int, _: int) -> None:
        run.bytes_read = run.size + run.size * min(lines, lines_of_file) // lines_of_file
        told(run)

    return progress


def _conclude(run: ImportRun, gathering: Gathering) -> None:
    counts = gathering.actions
    run.invoices_new, run.invoices_updated = counts[Action.CREATE], counts[Action.UPDATE]
    run.invoices_unchanged, run.invoices_differing = counts[Action.KEEP], counts[Action.REPORT]
    if run.invoices_differing > held_back.MAX_ERRORS:
        most = f"{held_back.MAX_ERRORS:,}"
        run.notes.append(f"The first {most} that differ are listed; the others say so on their own pages.")
    written = run.invoices_new + run.invoices_updated
    run.state = ImportRun.State.IMPORTED if written else ImportRun.State.NOTHING_NEW
    billing_ids = set(periods.days_of_file(gathering))
    stored = Invoice.objects.filter(period__billing_id__in=billing_ids, corrects=None)
    absent = stored.count() - len(gathering.invoices)
    for chunk in itertools.batched(gathering.findings.numbers(), CHUNK):
        absent -= stored.filter(number__in=chunk).count()
    if absent > 0:
        run.notes.append(
            f"Invoices of the same billing period that are not in this file: {absent}. They stay as they are."
        )
