"""A file on its way in: kept by the page, looked through by a worker, and imported by one once a person said so.

    waiting → columns | ready | running | refused        (a worker: `inspect`; straight to running what C3 sent)
    columns → waiting                          (a person matched its columns: `inspect_again`)
    ready → running → imported | nothing new | refused      (a person: `start`; a worker: `bring_in`)
    columns, ready → discarded                 (a person: `discard`)

Each step is a conditional UPDATE, so of two that want to take it one finds nothing. An import is one transaction: of
one whose worker died nothing is there, and the sweep has it done again.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from kombu.exceptions import OperationalError

from c3portal.audit import record as audit
from c3portal.database import clock
from c3portal.processes import heartbeats, liveness
from c3portal.processes.state import FOR_THE_OWNER
from invoices.importing.importer import import_file
from invoices.importing.parser import shown
from invoices.importing.preview import preview_file
from invoices.matching import profiles
from invoices.matching.confirming import asks_again
from invoices.matching.conversion import FormatsDiffer
from invoices.matching.profiles import ColumnProfile
from invoices.matching.proposal import propose
from invoices.models import ImportRun
from invoices.reading.errors import FileRefused
from invoices.reading.table import ReadOptions, Table, open_table

if TYPE_CHECKING:
    from c3portal.models import User

logger = logging.getLogger(__name__)

State = ImportRun.State
# By name, so that pages need not know the worker (invoices/tasks.py).
TASKS = {State.WAITING: "invoices.tasks.inspect_import", State.RUNNING: "invoices.tasks.run_import"}
# A million lines take minutes. Each outlives what it guards: what a task may take, and who has the file in hand.
SOFT_TIME_LIMIT, TIME_LIMIT = 50 * 60, 55 * 60
LEASE = dt.timedelta(hours=1)
# A file of which a worker dies would take one after the other.
MOST_ATTEMPTS = 3
# For how long a file waits for a person.
LIFE = dt.timedelta(days=7)
# Longer than any upload takes.
STRAY_AGE = dt.timedelta(days=1)
PROGRESS_EVERY = 1.0

GONE = (
    "The file is not there any more, so nothing was imported. Import it again. Where workers run on another machine "
    "than the web server, both must share the folder IMPORT_DIR."
)
GAVE_UP = (
    f"A worker stopped on this file {MOST_ATTEMPTS} times, so nothing was imported. Its log says why, often that there "
    "was not enough memory. `manage.py import_invoices FILE` on the server imports it too."
)
LEFT_ALONE = f"Nobody went on with it for {LIFE.days} days, so the file was deleted. Nothing was imported."


# What a person does


def receive(
    path: Path | str,
    name: str,
    user: User | None,
    *,
    source: audit.Source = None,
    all_or_nothing: bool = False,
    came_from: str = ImportRun.Source.FILE,
    **facts: Any,
) -> ImportRun:
    """Take over the file at `path`, known to people as `name`, and have a worker look through it.

    `facts` are further fields of the run; with `straight_through` among its `options` it is imported without a dry run
    where a profile is known. Raises OSError when there is no room for it.
    """
    kept = _keep(Path(path))
    try:
        with transaction.atomic():
            run = ImportRun.objects.create(
                state=State.WAITING,
                file_name=shown(name, 255) or "file",
                size=kept.stat().st_size,
                stored_as=kept.name,
                user=user,
                all_or_nothing=all_or_nothing,
                source=came_from,
                **facts,
            )
            after = {"Bytes": run.size, "Import": run.pk}
            audit.record(source, audit.Action.IMPORT, f"{run.file_name} was received", after=after, actor=user)
    except BaseException:
        kept.unlink(missing_ok=True)
        raise
    wake_after_commit(run)
    return run


def _keep(path: Path) -> Path:
    kept = path_of(f"{secrets.token_hex(16)}.import")
    # Uploads lie in the same folder, so that this is a change of name.
    shutil.move(path, kept)
    os.chmod(kept, FOR_THE_OWNER)
    return kept


def inspect_again(run: ImportRun, **facts: Any) -> bool:
    """Have a worker look through the file anew, with `facts` (fields of the run) as a person chose them; return whether
    it waited for that."""
    if not _hand_over(run, (State.COLUMNS, State.READY), State.WAITING, preview={}, **facts):
        return False
    wake_after_commit(run)
    return True


def ask(run: ImportRun) -> bool:
    """Have the columns of a file matched by a person that would come in without; return whether it waited for that."""
    return inspect_again(run, options=run.options | {"ask": True})


def start(
    run: ImportRun, user: User | None, *, source: audit.Source = None, all_or_nothing: bool | None = None
) -> bool:
    """Have a worker import what the dry run showed; return whether it waited for that."""
    facts: dict[str, Any] = {} if all_or_nothing is None else {"all_or_nothing": all_or_nothing}
    with transaction.atomic():
        if not _hand_over(run, (State.READY,), State.RUNNING, user=user, **facts):
            return False
        subject = f"Import of {run.file_name} began"
        audit.record(source, audit.Action.IMPORT, subject, after={"Import": run.pk}, actor=user)
    wake_after_commit(run)
    return True


def _hand_over(run: ImportRun, before: Iterable[str], after: str, **facts: Any) -> bool:
    fresh = {"bytes_read": 0, "lines": 0, "attempts": 0, "process": None, "lease_until": None}
    if not ImportRun.objects.filter(pk=run.pk, state__in=before).update(state=after, **fresh, **facts):
        return False
    run.refresh_from_db()
    return True


def discard(run: ImportRun, user: User | None, *, source: audit.Source = None) -> bool:
    """Forget a file that waits for a person; return whether it did."""
    with transaction.atomic():
        waiting = ImportRun.objects.filter(pk=run.pk, state__in=(State.COLUMNS, State.READY))
        if not waiting.update(state=State.DISCARDED, finished_at=timezone.now(), preview={}):
            return False
        subject = f"Import of {run.file_name} was discarded"
        audit.record(source, audit.Action.IMPORT, subject, after={"Import": run.pk}, actor=user)
    _forget_files(ImportRun.objects.filter(pk=run.pk))
    return True


# What a worker does


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
                import_file(path_of(run.stored_as), **_keywords(run, _open(run)[1]))


def _inspect(run: ImportRun) -> None:
    """Raises FileRefused, FileNotFoundError."""
    table, profile = _open(run)
    is_guessed = table.encoding_is_guessed and not run.options.get("encoding")
    is_wanted = run.options.pop("ask", False)
    asks = profile is None or asks_again(profile, table.header, run.options.get("constants", {}))
    if profile is None or asks or is_guessed or is_wanted:
        _ask(run)
        return
    path, keywords = path_of(run.stored_as), _keywords(run, profile)
    try:
        preview = preview_file(path, **keywords)
    except FormatsDiffer as differ:
        _ask(run, reason=str(differ))
        return
    if preview.refused:
        # Nothing of it may come in, and the import itself keeps all that is wrong with it.
        import_file(path, **keywords)
    elif run.options.get("straight_through") and run.profile_id is None:
        # A person who matched the columns of this very file sees first what that brings.
        _conclude(run, state=State.RUNNING, reason="", profile_id=profile.pk, attempts=0, bytes_read=0, lines=0)
    else:
        _conclude(run, state=State.READY, reason="", profile_id=profile.pk, preview=preview.as_json())


def _ask(run: ImportRun, **facts: Any) -> None:
    """Have a person match the columns, with what all rows of the file propose. Raises FileRefused."""
    proposal = propose(partial(open_table, path_of(run.stored_as), read_options(run)))
    _conclude(run, state=State.COLUMNS, preview={"proposal": proposal.as_json()}, options=run.options, **facts)


def _open(run: ImportRun) -> tuple[Table, ColumnProfile | None]:
    """Return the file's table, not to be read, and which of its columns means what, None when that has to be asked."""
    with path_of(run.stored_as).open("rb") as stream:
        table = open_table(stream, read_options(run))
        return table, profiles.stored(run.profile) if run.profile else profiles.profile_for(table.header)


def has_profile(run: ImportRun) -> bool:
    """Whether it is known which columns of the run's file mean what."""
    try:
        return _open(run)[1] is not None
    except (FileRefused, FileNotFoundError):
        return False


@contextmanager
def _refused_in_words(run: ImportRun) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        _refuse(run, GONE)
    except FileRefused as refused:
        _refuse(run, str(refused))


def _keywords(run: ImportRun, profile: ColumnProfile | None) -> dict[str, Any]:
    return {
        "run": run,
        "user": run.user,
        "name": run.file_name,
        "profile": profile,
        "constants": run.options.get("constants", {}),
        "options": read_options(run),
        "all_or_nothing": run.all_or_nothing,
        "progress": Progress(),
    }


def read_options(run: ImportRun) -> ReadOptions:
    """Return how the file is to be read, as far as a person said so."""
    return ReadOptions(encoding=run.options.get("encoding", ""), sheet=run.options.get("sheet", ""))


class Progress:
    """Stores how far a run has come, every other moment."""

    def __init__(self) -> None:
        self._next = time.monotonic()

    def __call__(self, run: ImportRun) -> None:
        # What is written within the import's own transaction, nobody sees before its end.
        if time.monotonic() < self._next or connection.in_atomic_block:
            return
        self._next = time.monotonic() + PROGRESS_EVERY
        ImportRun.objects.filter(pk=run.pk).update(bytes_read=run.bytes_read, lines=run.lines)


@contextmanager
def _in_hand(run_id: int, state: str) -> Iterator[ImportRun | None]:
    """Claim the run for the block; None when it is not in `state`, or somebody has it or another one in hand."""
    run = _claim(run_id, state)
    # What an error leaves is free once this process goes on under another id (c3portal/processes/liveness.py).
    yield run
    if run is None:
        return
    ImportRun.objects.filter(_mine(run)).update(process=None, lease_until=None)
    _forget_files(ImportRun.objects.filter(pk=run.pk))
    wake_next()


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
    held = Q(process=None) | ~Q(process__in=liveness.dead())
    return ImportRun.objects.filter(held, state__in=TASKS, lease_until__gt=now)


def _free(now: dt.datetime) -> QuerySet[ImportRun]:
    free = Q(lease_until=None) | Q(lease_until__lte=now) | Q(process__in=liveness.dead())
    return ImportRun.objects.filter(free, state__in=TASKS).exclude(stored_as="")


def _mine(run: ImportRun) -> Q:
    return Q(pk=run.pk, process=run.process, lease_until=run.lease_until)


def _conclude(run: ImportRun, **facts: Any) -> bool:
    return bool(ImportRun.objects.filter(_mine(run)).update(**facts))


def _refuse(run: ImportRun, reason: str) -> None:
    with transaction.atomic():
        refused = {"state": State.REFUSED, "reason": reason, "finished_at": timezone.now()}
        if _conclude(run, **refused):
            after = {"Result": State.REFUSED.label, "Reason": reason, "Import": run.pk}
            audit.record(None, audit.Action.IMPORT, f"Import of {run.file_name}", after=after, actor=run.user)


# Whom nobody takes in hand


def wake_after_commit(run: ImportRun) -> None:
    """Call a worker for the run after commit."""
    transaction.on_commit(partial(wake, run.pk, run.state), robust=True)


def wake(run_id: int, state: str) -> None:
    """Call a worker for what `state` asks for."""
    try:
        current_app.send_task(TASKS[State(state)], (run_id,))
    except OperationalError:
        logger.warning("The broker cannot be reached; the sweep has files imported once it is back.")


def wake_next() -> None:
    """Call a worker for the run that has waited longest, unless one is at work."""
    now = clock.now()
    waiting = _free(now).filter(attempts__lt=MOST_ATTEMPTS).order_by("pk").first()
    if waiting and not _at_work(now).exists():
        wake(waiting.pk, waiting.state)


def sweep() -> None:
    """Close what took worker after worker with it, and call one for what waits."""
    for run in _free(clock.now()).filter(attempts__gte=MOST_ATTEMPTS):
        _refuse(run, GAVE_UP)
    _forget_files(ImportRun.objects.all())
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


# Files


def path_of(stored_as: str) -> Path:
    """Return where the file of this name lies."""
    return Path(settings.IMPORT_DIR) / stored_as


def left_alone(now: dt.datetime) -> QuerySet[ImportRun]:
    """Return the runs that have waited for a person for longer than LIFE."""
    return ImportRun.objects.filter(state__in=(State.COLUMNS, State.READY), started_at__lt=now - LIFE)


def close(runs: QuerySet[ImportRun]) -> int:
    """Close these and delete their files; return how many."""
    keys = list(runs.values_list("pk", flat=True))
    closed = runs.update(state=State.DISCARDED, reason=LEFT_ALONE, finished_at=timezone.now(), preview={})
    _forget_files(ImportRun.objects.filter(pk__in=keys))
    return closed


def delete_strays() -> int:
    """Delete what lies in the folder and belongs to no run, such as an upload whose web process died; return how
    many."""
    known = set(ImportRun.objects.exclude(stored_as="").values_list("stored_as", flat=True))
    old = time.time() - STRAY_AGE.total_seconds()
    folder = Path(settings.IMPORT_DIR)
    strays = [each for each in folder.iterdir() if each.name not in known] if folder.is_dir() else []
    gone = [each for each in strays if each.is_file() and each.stat().st_mtime < old]
    for each in gone:
        each.unlink(missing_ok=True)
    return len(gone)


def _forget_files(runs: QuerySet[ImportRun]) -> None:
    """Delete the files of those that came to an end."""
    open_states = (State.WAITING, State.COLUMNS, State.READY, State.RUNNING)
    for run in runs.exclude(state__in=open_states).exclude(stored_as=""):
        path_of(run.stored_as).unlink(missing_ok=True)
        ImportRun.objects.filter(pk=run.pk).update(stored_as="")
