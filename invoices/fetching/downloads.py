"""One billing period on its way: downloaded to a file, and handed to the import."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import QuerySet

from c3_integration import fetches
from c3_integration.client.calls import C3, Download
from c3_integration.models import C3Fetch
from c3portal.processes.state import FOR_THE_OWNER
from invoices.fetching.known import from_c3
from invoices.fetching.plan import Listed
from invoices.importing import in_hand, intake
from invoices.models import BillingPeriod, ImportRun, ImportSettings

if TYPE_CHECKING:
    from pathlib import Path

    from c3portal.audit.record import Source

State = ImportRun.State
PROGRESS_EVERY = 1.0
# Another import may be in hand, and the workers may take this one.
LOOK_EVERY, LONGEST_WAIT = 0.3, 1500.0
UNDER_WAY = (State.WAITING, State.RUNNING)
WAITS_FOR_A_PERSON = (State.COLUMNS, State.READY)
# What became of a period, for whoever asks; the other outcomes are states of its import.
EMPTY, FAILED = "empty", "failed"


def bring_in(c3: C3, period: Listed, fetch: C3Fetch, source: Source) -> dict[str, Any]:
    """Download a period and import it; return its outcome. Raises C3Error, LeaseLost, OSError."""
    fetches.report(fetch, period=period.billing_id)
    path = intake.path_of(f"c3-{fetch.pk}-{period.c3_id}.download")
    try:
        got = _download(c3, period, path, _Progress(fetch))
        fetches.report(fetch, correlation_id=got.correlation_id)
        if not got.lines:
            return _outcome(period, got, EMPTY, _nothing_in(period))
        run = _hand_over(path, period, got, fetch, source)
    finally:
        path.unlink(missing_ok=True)
    _import(run, lambda: fetches.report(fetch))
    BillingPeriod.objects.filter(billing_id=period.billing_id, c3_id=None).update(c3_id=period.c3_id)
    return _of_run(period, got, run)


def _download(c3: C3, period: Listed, path: Path, progress: _Progress) -> Download:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, FOR_THE_OWNER)
    with os.fdopen(descriptor, "r+b") as file:
        return c3.download(period.c3_id, file, progress)


class _Progress:
    """Stores how far the fetch has come, every other moment."""

    def __init__(self, fetch: C3Fetch) -> None:
        self._fetch, self._next = fetch, time.monotonic()
        self._before = (fetch.bytes_read, fetch.lines)

    def __call__(self, size: int, lines: int) -> None:
        self._fetch.bytes_read, self._fetch.lines = self._before[0] + size, self._before[1] + lines
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PROGRESS_EVERY
            fetches.report(self._fetch, bytes_read=self._fetch.bytes_read, lines=self._fetch.lines)


def _hand_over(path: Path, period: Listed, got: Download, fetch: C3Fetch, source: Source) -> ImportRun:
    earlier = list(waiting_for_a_person().filter(options__constants__BillingId=period.billing_id))
    run = intake.receive(
        path,
        f"C3 {period.billing_id}.json",
        fetch.user,
        source=source,
        came_from=ImportRun.Source.C3,
        all_or_nothing=ImportSettings.objects.filter(all_or_nothing=True).exists(),
        correlation_id=got.correlation_id,
        options={"straight_through": True, "constants": constants(period)},
    )
    for each in earlier:
        # What C3 says now takes its place.
        intake.discard(each, fetch.user, source=source)
    return run


def waiting_for_a_person() -> QuerySet[ImportRun]:
    """Return the imports of what C3 sent for which someone must match columns or look at the dry run."""
    return from_c3().filter(state__in=WAITS_FOR_A_PERSON).order_by("pk")


def constants(period: Listed) -> dict[str, str]:
    """Return what C3's lines do not say, by the fields of invoice lines."""
    return {
        "BillingId": period.billing_id,
        "BillingPeriodStartDate": period.starts_on.isoformat(),
        "BillingPeriodEndDate": period.ends_on.isoformat(),
    }


def _import(run: ImportRun, goes_on: Callable[[], None]) -> None:
    """Have the run imported, by this process or by a worker that was faster; return when it is, or waits for a person,
    or after LONGEST_WAIT."""
    give_up_at = time.monotonic() + LONGEST_WAIT
    while True:
        in_hand.inspect(run.pk)
        goes_on()
        in_hand.bring_in(run.pk)
        run.refresh_from_db()
        if run.state not in UNDER_WAY or time.monotonic() > give_up_at:
            return
        goes_on()
        time.sleep(LOOK_EVERY)


def _nothing_in(period: Listed) -> str:
    if BillingPeriod.objects.filter(billing_id=period.billing_id, invoices__isnull=False).exists():
        return f"C3 has no lines for period {period.billing_id} any more. Its invoices stay as they are here."
    return f"Period {period.billing_id} has no lines yet."


def _of_run(period: Listed, got: Download, run: ImportRun) -> dict[str, Any]:
    return _outcome(period, got, run.state, run.reason) | {
        "run": run.pk,
        "new": run.invoices_new,
        "updated": run.invoices_updated,
        "unchanged": run.invoices_unchanged,
        "differing": run.invoices_differing,
        "held_back": run.invoices_held_back,
    }


def _outcome(period: Listed, got: Download | None, result: str, words: str) -> dict[str, Any]:
    return {
        "billing_id": period.billing_id,
        "c3_id": period.c3_id,
        "result": result,
        "words": words,
        "bytes": got.size if got else 0,
        "lines": got.lines if got else 0,
        "correlation_id": got.correlation_id if got else "",
    }


def failed(period: Listed, words: str, correlation_id: str) -> dict[str, Any]:
    """Return the outcome of a period that could not be downloaded."""
    return _outcome(period, None, FAILED, words) | {"correlation_id": correlation_id}


def go_on() -> int:
    """Have those imported whose columns a person matched for another of the same headers. Returns how many."""
    count = 0
    for run in from_c3().filter(state=State.COLUMNS).exclude(stored_as=""):
        if in_hand.has_profile(run) and intake.inspect_again(run):
            count += 1
    return count


def clear(fetch: C3Fetch) -> None:
    """Delete what a fetch that stopped left of its downloads."""
    for path in settings.IMPORT_DIR.glob(f"c3-{fetch.pk}-*.download"):
        path.unlink(missing_ok=True)
