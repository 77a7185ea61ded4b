"""A file in a worker's hands: looked through and, once a person said so, imported.

A worker has it by a lease, one file at a time, and writes nothing to the run but under that lease (`run_record.py`). An
import is one transaction: of one whose worker died nothing is there, and the sweep has it done again.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from django.db import Error, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from c3portal.audit import record as audit
from c3portal.database import clock
from c3portal.processes import heartbeats, liveness
from invoices.importing import intake, run_record
from invoices.importing.choices import OtherThanShown
from invoices.importing.importer import import_file
from invoices.importing.intake import GONE, path_of, read_options
from invoices.importing.opening import Settled, settle
from invoices.importing.preview import preview_file
from invoices.importing.progress import Progress
from invoices.importing.run_record import TakenOver
from invoices.matching import profiles
from invoices.matching.confirming import still_missing
from invoices.matching.conversion import FormatsDiffer, LateColumns
from invoices.matching.proposal import propose
from invoices.models import ImportRun
from invoices.reading.errors import FileRefused
from invoices.reading.table import open_table

logger = logging.getLogger(__name__)

State = ImportRun.State
# A million lines take minutes. Each outlives what it guards: what a task may take, and who has the file in hand. A
# living process keeps its file beyond that, as one that fetches from C3 and imports between two downloads.
SOFT_TIME_LIMIT, TIME_LIMIT = 50 * 60, 55 * 60
LEASE = dt.timedelta(hours=1)
# A file of which a worker dies would take one after the other.
MOST_ATTEMPTS = 3

GAVE_UP = (
    f"A worker stopped on this file {MOST_ATTEMPTS} times, so nothing was imported. Its log says why, often that there "
    "was not enough memory. `manage.py import_invoices FILE` on the server imports it too."
)
CHANGED = (
    "What the columns mean was changed meanwhile (a column profile, a kind or the billing time zone), so it was looked "
    "through again."
)


def inspect(run_id: int) -> None:
    """Find out what the file would bring, or what has to be asked first."""
    with _in_hand(run_id, State.WAITING) as run:
        if run is not None:
            with _refused_in_words(run):
                _inspect(run)


def bring_in(run_id: int) -> None:
    """Import the file."""
    with _in_hand(run_id, State.RUNNING) as run:
        if run is not None:
            with _refused_in_words(run):
                _bring_in(run)


def _bring_in(run: ImportRun) -> None:
    """Raises FileRefused, FileNotFoundError, TakenOver."""
    settled = _settled(run)
    # One that came straight through was shown to nobody.
    shown = run.preview.get("basis", "") if run.preview else None
    try:
        if settled.profile is None or settled.questions:
            raise OtherThanShown
        import_file(path_of(run.stored_as), **_keywords(run, settled), shown=shown)
    except OtherThanShown:
        _look_again(run)


def _look_again(run: ImportRun) -> None:
    """Have the file looked through anew, by whatever fits it now. Raises TakenOver."""
    logger.info("Import %s: what its columns mean was changed meanwhile.", run.pk)
    # What a person wanted to see first, they want to see first again.
    options = run.options | {"straight_through": False} if run.preview else run.options
    fresh = {"attempts": 0, "bytes_read": 0, "lines": 0, "preview": {}, "profile_id": None, "options": options}
    run_record.write(run, state=State.WAITING, notes=[CHANGED], **fresh)


def _inspect(run: ImportRun) -> None:
    """Raises FileRefused, FileNotFoundError, TakenOver."""
    settled, is_wanted = _settled(run), run.options.pop("ask", False)
    profile, constants = settled.profile, run.options.get("constants", {})
    if profile is None or settled.questions or is_wanted or still_missing(profile, settled.table.header, constants):
        _ask(run, reason=" ".join([*run.notes, *settled.questions]))
        return
    path, keywords = path_of(run.stored_as), _keywords(run, settled)
    try:
        preview = preview_file(path, **keywords)
    except LateColumns as late:
        run.options["columns"] = [*run.options.get("columns", ()), *late.names]
        _inspect(run)
        return
    except FormatsDiffer as differ:
        _ask(run, reason=str(differ))
        return
    if preview.refused:
        # Nothing of it may come in, and the import itself keeps all that is wrong with it.
        import_file(path, **keywords)
    elif run.options.get("straight_through") and run.profile_id is None:
        # A person who matched the columns of this very file sees first what that brings.
        fresh = {"attempts": 0, "bytes_read": 0, "lines": 0}
        run_record.write(run, state=State.RUNNING, reason="", profile_id=profile.pk, options=run.options, **fresh)
    else:
        known = {"profile_id": profile.pk, "options": run.options}
        run_record.write(run, state=State.READY, reason="", preview=preview.as_json(), **known)


def _ask(run: ImportRun, **facts: Any) -> None:
    """Have a person match the columns, with what all rows of the file propose. Raises FileRefused, TakenOver."""
    proposal = propose(partial(open_table, path_of(run.stored_as), read_options(run)))
    preview = {"proposal": proposal.as_json()}
    run_record.write(run, state=State.COLUMNS, preview=preview, options=run.options, **facts)


def _settled(run: ImportRun) -> Settled:
    chosen = profiles.stored(run.profile) if run.profile else None
    settled = settle(path_of(run.stored_as), read_options(run), chosen)
    # Who matched the columns of this very file has seen all of them.
    return replace(settled, questions=[]) if chosen else settled


def has_profile(run: ImportRun) -> bool:
    """Whether it is known which columns of the run's file mean what."""
    try:
        settled = _settled(run)
        return settled.profile is not None and not settled.questions
    except (FileRefused, FileNotFoundError):
        return False


def _keywords(run: ImportRun, settled: Settled) -> dict[str, Any]:
    return {
        "run": run,
        "user": run.user,
        "name": run.file_name,
        "profile": settled.profile,
        "constants": run.options.get("constants", {}),
        "options": settled.options,
        "all_or_nothing": run.all_or_nothing,
        "noticed": settled.noticed,
        "progress": Progress(),
    }


@contextmanager
def _refused_in_words(run: ImportRun) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        _refuse(run, GONE)
    except FileRefused as refused:
        _refuse(run, str(refused))


def _refuse(run: ImportRun, reason: str) -> None:
    """Raises TakenOver."""
    with transaction.atomic():
        run_record.write(run, state=State.REFUSED, reason=reason, finished_at=timezone.now())
        after = {"Result": State.REFUSED.label, "Reason": reason, "Import": run.pk}
        audit.record(None, audit.Action.IMPORT, f"Import of {run.file_name}", after=after, actor=run.user)


# Who has it


@contextmanager
def _in_hand(run_id: int, state: str) -> Iterator[ImportRun | None]:
    """Claim the run for the block; None when it is not in `state`, or somebody has it or another one in hand."""
    run = _claim(run_id, state)
    try:
        yield run
        if run is None:
            return
        run_record.write(run, process=None, lease_until=None)
    except TakenOver:
        logger.warning("Import %s was taken over by another worker; this one goes no further with it.", run_id)
        return
    except BaseException:
        _let_go(run)
        raise
    intake.forget_files(ImportRun.objects.filter(pk=run_id))
    wake_next()


def _let_go(run: ImportRun | None) -> None:
    """Leave the run to the next; while the database is away it is free once this process goes on under another id
    (c3portal/processes/liveness.py)."""
    with contextlib.suppress(Error, TakenOver):
        if run is not None:
            run_record.write(run, process=None, lease_until=None)


def _claim(run_id: int, state: str) -> ImportRun | None:
    now = clock.now()
    # One at a time, so that files leave workers for the invoices on their way to Xero.
    if not liveness.may_claim(now) or _at_work(now).exclude(pk=run_id).exists():
        return None
    lease = {"process": liveness.current(), "lease_until": now + LEASE, "attempts": F("attempts") + 1}
    if not _free(now).filter(pk=run_id, state=state).update(**lease):
        return None
    return ImportRun.objects.select_related("user", "profile").get(pk=run_id)


def _at_work(now: dt.datetime) -> QuerySet[ImportRun]:
    held = Q(process__in=liveness.living(), lease_until__isnull=False)
    lasts = (Q(process=None) | ~Q(process__in=liveness.dead())) & Q(lease_until__gt=now)
    return ImportRun.objects.filter(held | lasts, state__in=intake.TASKS)


def _free(now: dt.datetime) -> QuerySet[ImportRun]:
    unheld = Q(process=None) | ~Q(process__in=liveness.living())
    free = Q(lease_until=None) | (unheld & Q(lease_until__lte=now)) | Q(process__in=liveness.dead())
    return ImportRun.objects.filter(free, state__in=intake.TASKS).exclude(stored_as="")


# Whom nobody takes in hand


def wake_next() -> None:
    """Call a worker for the run that has waited longest, unless one is at work."""
    now = clock.now()
    waiting = _free(now).filter(attempts__lt=MOST_ATTEMPTS).order_by("pk").first()
    if waiting and not _at_work(now).exists():
        intake.wake(waiting.pk, waiting.state)


def sweep() -> None:
    """Close what took worker after worker with it, and call one for what waits."""
    for run in _free(clock.now()).filter(attempts__gte=MOST_ATTEMPTS):
        try:
            _refuse(run, GAVE_UP)
        except TakenOver:
            logger.info("Import %s was closed by another worker.", run.pk)
    intake.forget_files(ImportRun.objects.all())
    wake_next()


def is_anybody_there() -> bool:
    """Whether a worker lives that would take a file in hand."""
    if liveness.silences().get(liveness.Kind.WORKER, -1.0) <= 0:
        return False
    swept = heartbeats.age(heartbeats.Process.WORKER)
    return swept is None or swept <= heartbeats.longest_silence(heartbeats.Process.WORKER)


def is_behind_another(run: ImportRun) -> bool:
    """Whether the run waits until another file is done."""
    return _at_work(clock.now()).exclude(pk=run.pk).exists()
