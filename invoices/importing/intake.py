"""A file on its way in: kept by the page, and what people do with it until a worker imports it (`in_hand.py`).

    waiting → columns | ready | running | refused    (a worker: `in_hand.inspect`; straight to running what C3 sent)
    columns → waiting                          (a person matched its columns: `inspect_again`)
    ready → running → imported | nothing new | refused      (a person: `start`; a worker: `in_hand.bring_in`)
    running → waiting                          (what its columns mean was changed meanwhile: `in_hand.bring_in`)
    columns, ready → discarded                 (a person: `discard`)

Each step is a conditional UPDATE, so of two that want to take it one finds nothing.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import secrets
import shutil
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from c3portal.audit import record as audit
from c3portal.processes.calling import call_worker
from c3portal.processes.state import FOR_THE_OWNER
from invoices.importing.parser import shown
from invoices.models import ImportRun
from invoices.reading.table import ReadOptions

if TYPE_CHECKING:
    from c3portal.models import User

logger = logging.getLogger(__name__)

State = ImportRun.State
# By name, so that pages need not know the worker (invoices/tasks.py).
TASKS = {State.WAITING: "invoices.tasks.inspect_import", State.RUNNING: "invoices.tasks.run_import"}
# For how long a file waits for a person.
LIFE = dt.timedelta(days=7)
# Longer than any upload takes.
STRAY_AGE = dt.timedelta(days=1)

GONE = (
    "The file is not there any more, so nothing was imported. Import it again. Where workers run on another machine "
    "than the web server, both must share the folder IMPORT_DIR."
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
    if not _hand_over(run, (State.COLUMNS, State.READY), State.WAITING, preview={}, notes=[], **facts):
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
    forget_files(ImportRun.objects.filter(pk=run.pk))
    return True


# What a worker is called for


def wake_after_commit(run: ImportRun) -> None:
    """Call a worker for the run after commit."""
    transaction.on_commit(partial(wake, run.pk, run.state), robust=True)


def wake(run_id: int, state: str) -> None:
    """Call a worker for what `state` asks for."""
    if not call_worker(TASKS[State(state)], run_id):
        logger.warning("The broker cannot be reached; the sweep has files imported once it is back.")


def read_options(run: ImportRun) -> ReadOptions:
    """Return how the file is to be read, as far as a person said so."""
    said = run.options
    return ReadOptions(said.get("encoding", ""), said.get("sheet", ""), tuple(said.get("columns", ())))


# Files


def path_of(stored_as: str) -> Path:
    """Return where the file of this name lies."""
    return Path(settings.IMPORT_DIR) / stored_as


def progress_path(stored_as: str) -> Path:
    """Return where the worker that writes what is in this file says how far it is."""
    return path_of(stored_as).with_suffix(".progress")


def left_alone(now: dt.datetime) -> QuerySet[ImportRun]:
    """Return the runs that have waited for a person for longer than LIFE."""
    return ImportRun.objects.filter(state__in=(State.COLUMNS, State.READY), started_at__lt=now - LIFE)


def close(runs: QuerySet[ImportRun]) -> int:
    """Close these and delete their files; return how many."""
    keys = list(runs.values_list("pk", flat=True))
    closed = runs.update(state=State.DISCARDED, reason=LEFT_ALONE, finished_at=timezone.now(), preview={})
    forget_files(ImportRun.objects.filter(pk__in=keys))
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


def forget_files(runs: QuerySet[ImportRun]) -> None:
    """Delete the files of those that came to an end."""
    open_states = (State.WAITING, State.COLUMNS, State.READY, State.RUNNING)
    for run in runs.exclude(state__in=open_states).exclude(stored_as=""):
        for path in (path_of(run.stored_as), progress_path(run.stored_as)):
            path.unlink(missing_ok=True)
        ImportRun.objects.filter(pk=run.pk).update(stored_as="")
