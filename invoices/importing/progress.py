"""How far an import is, for the page that shows it.

Up to the run's size while the file is checked, and as much again while it is written. That is within the import's own
transaction, of which nobody sees a thing, and SQLite lets nobody else write meanwhile: so it is said by a small file
beside the one that is imported.
"""

from __future__ import annotations

import contextlib
import os
import time

from django.db import connection

from invoices.importing import run_record
from invoices.importing.intake import path_of, progress_path
from invoices.importing.run_record import TakenOver
from invoices.models import ImportRun

PROGRESS_EVERY = 1.0


class Progress:
    """Notes how far a run has come, every other moment. Raises TakenOver."""

    def __init__(self) -> None:
        self._next = time.monotonic()

    def __call__(self, run: ImportRun) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + PROGRESS_EVERY
        if not connection.in_atomic_block:
            run_record.write(run, bytes_read=run.bytes_read, lines=run.lines)
        elif run_record.is_mine(run):
            _note(run)
        else:
            raise TakenOver


def _note(run: ImportRun) -> None:
    path = progress_path(run.stored_as)
    fresh = path.with_suffix(".progress-new")
    # On a full disk the import has its own words for it.
    with contextlib.suppress(OSError):
        fresh.write_text(f"{_lease(run)} {run.bytes_read}")
        os.replace(fresh, path)


def bytes_done(run: ImportRun) -> int:
    """Return how far the run is: of twice its size when it is being imported."""
    if run.state != ImportRun.State.RUNNING or not path_of(run.stored_as).is_file():
        return run.bytes_read
    with contextlib.suppress(OSError, ValueError):
        lease, done = progress_path(run.stored_as).read_text().split()
        # What another worker left there says nothing of this one.
        if lease == _lease(run):
            return max(int(done), run.bytes_read)
    return run.bytes_read


def _lease(run: ImportRun) -> str:
    return run.lease_until.isoformat() if run.lease_until else "-"
