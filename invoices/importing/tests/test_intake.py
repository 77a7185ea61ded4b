"""A file on its way in: each step is taken once, whoever else wants it, and nothing is left when a worker dies."""

from __future__ import annotations

import datetime as dt
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from c3portal.database import clock
from c3portal.models import AuditEntry, Heartbeat, LiveProcess, User
from c3portal.processes import liveness
from c3portal.testing import WorkerProcess, at_once, wait_until
from invoices import tasks
from invoices.importing import in_hand, intake, progress, writing
from invoices.models import HeldBackInvoice, ImportRun, Invoice
from invoices.tests import clothing
from invoices.tests.c3_files import a_row, csv_bytes, of_customer
from operations import tasks as operations_tasks

pytestmark = pytest.mark.both_databases
State = ImportRun.State
Receive = Callable[..., ImportRun]


@pytest.fixture
def import_dir(settings: Any, tmp_path: Path) -> Path:
    settings.IMPORT_DIR = tmp_path / "imports"
    settings.IMPORT_DIR.mkdir()
    return settings.IMPORT_DIR  # type: ignore[no-any-return]


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """Collect what a worker was called for, in place of calling one."""
    calls: list[tuple[int, str]] = []
    monkeypatch.setattr(intake, "wake", lambda run_id, state: calls.append((run_id, state)))
    return calls


@pytest.fixture
def receive(db: None, import_dir: Path, called: list[Any], tmp_path: Path, finance_admin: User) -> Receive:
    """Return a function that has a file of these rows received."""

    def receive(
        *rows: dict[str, str], name: str = "lines.csv", content: bytes | None = None, **facts: Any
    ) -> ImportRun:
        path = tmp_path / name
        path.write_bytes(content or csv_bytes(*rows or (a_row(),)))
        return intake.receive(path, name, finance_admin, source="the test", **facts)

    return receive


def state_of(run: ImportRun) -> str:
    run.refresh_from_db()
    return run.state


def ready(run: ImportRun) -> ImportRun:
    in_hand.inspect(run.pk)
    assert state_of(run) == State.READY
    return run


# Receiving


def test_a_received_file_is_taken_over_and_recorded(receive: Receive, import_dir: Path, tmp_path: Path) -> None:
    run = receive(all_or_nothing=True)
    assert (run.state, run.file_name, run.all_or_nothing) == (State.WAITING, "lines.csv", True)
    assert not (tmp_path / "lines.csv").exists()
    assert (import_dir / run.stored_as).read_bytes() == csv_bytes(a_row())
    assert run.size == (import_dir / run.stored_as).stat().st_size
    assert "lines" not in run.stored_as
    entry = AuditEntry.objects.get()
    assert (entry.subject, entry.after) == ("lines.csv was received", {"Bytes": run.size, "Import": run.pk})


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_called_once_the_run_is_there(receive: Receive, called: list[tuple[int, str]]) -> None:
    run = receive()
    assert called == [(run.pk, State.WAITING)]
    in_hand.inspect(run.pk)
    run.refresh_from_db()
    intake.start(run, None)
    assert called[-1] == (run.pk, State.RUNNING)


def test_a_file_whose_run_cannot_be_kept_is_not_kept_either(
    receive: Receive, import_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError("no more room")

    monkeypatch.setattr("c3portal.audit.record.record", full)
    with pytest.raises(OSError, match="no more room"):
        receive()
    assert list(import_dir.iterdir()) == []
    assert not ImportRun.objects.exists()


# Looking through


def test_what_would_come_in_is_kept_and_nothing_else(receive: Receive) -> None:
    run = ready(receive(of_customer(1), of_customer(2)))
    assert run.preview["new"]["count"] == 2
    assert (run.process, run.lease_until) == (None, None)
    assert not Invoice.objects.exists()


def test_a_file_that_is_not_there_any_more_is_closed_with_a_reason(receive: Receive, import_dir: Path) -> None:
    run = receive()
    (import_dir / run.stored_as).unlink()
    in_hand.inspect(run.pk)
    assert (state_of(run), run.reason, run.stored_as) == (State.REFUSED, intake.GONE, "")
    assert run.finished_at is not None


def test_a_header_that_no_profile_knows_is_asked_about(receive: Receive) -> None:
    run = receive({"Rechnung": "1", "Kunde": "Fabrikam", "Betrag": "10,00"})
    in_hand.inspect(run.pk)
    assert state_of(run) == State.COLUMNS
    assert intake.path_of(run.stored_as).exists()
    assert intake.inspect_again(run, options={"encoding": "utf-8"})
    assert (state_of(run), run.options) == (State.WAITING, {"encoding": "utf-8"})
    assert not intake.inspect_again(run)


def test_a_file_of_which_nothing_is_right_is_refused_and_its_invoices_are_listed(receive: Receive) -> None:
    run = receive(of_customer(1, Quantity="x"))
    in_hand.inspect(run.pk)
    assert state_of(run) == State.REFUSED
    assert [each.number for each in HeldBackInvoice.objects.all()] == ["Invoice_1"]


# Each step once


def test_nothing_is_imported_before_somebody_says_so(receive: Receive) -> None:
    run = receive()
    assert not intake.start(run, None)
    in_hand.bring_in(run.pk)
    assert state_of(run) == State.WAITING
    ready(run)
    in_hand.bring_in(run.pk)
    assert state_of(run) == State.READY
    assert not Invoice.objects.exists()


def test_a_message_that_comes_twice_does_nothing_twice(receive: Receive) -> None:
    run = ready(receive())
    intake.start(run, None)
    for _ in range(3):
        in_hand.bring_in(run.pk)
        in_hand.inspect(run.pk)
    assert (state_of(run), run.attempts, run.stored_as) == (State.IMPORTED, 1, "")
    assert AuditEntry.objects.filter(subject="Import of lines.csv").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_that_press_import_or_discard_one_does(receive: Receive, finance_admin: User) -> None:
    run = ready(receive())

    def press(turn: int) -> bool:
        return (intake.start if turn % 2 else intake.discard)(run, finance_admin)

    assert sum(at_once(6, press)) == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_that_are_called_one_takes_it_in_hand(receive: Receive) -> None:
    run = ready(receive())
    intake.start(run, None)
    at_once(4, lambda _: in_hand.bring_in(run.pk))
    assert (state_of(run), run.attempts) == (State.IMPORTED, 1)


def test_one_file_is_in_hand_at_a_time(receive: Receive, called: list[tuple[int, str]]) -> None:
    first, second = receive(), receive(name="other.csv")
    held = ImportRun.objects.filter(pk=first.pk)
    held.update(lease_until=clock.now() + in_hand.LEASE)
    assert in_hand.is_behind_another(second)
    in_hand.inspect(second.pk)
    assert state_of(second) == State.WAITING
    called.clear()
    in_hand.sweep()
    assert called == []
    held.update(lease_until=None)
    in_hand.inspect(first.pk)
    # Who is done calls the next.
    assert called == [(second.pk, State.WAITING)]


# Workers that die


def dead_process() -> uuid.UUID:
    now = clock.now()
    facts = {"kind": "worker", "host": "h", "pid": 1, "started_at": now, "seen_at": now, "dead_at": now}
    return LiveProcess.objects.create(**facts).pk


@pytest.mark.parametrize("how", ["dead", "past its lease"])
def test_what_a_dead_worker_had_in_hand_is_taken_up_again(
    receive: Receive, called: list[tuple[int, str]], how: str
) -> None:
    run = ready(receive())
    intake.start(run, None)
    left = {"process": dead_process(), "lease_until": clock.now() + in_hand.LEASE, "attempts": 1}
    if how == "past its lease":
        left |= {"process": uuid.uuid4(), "lease_until": clock.now() - dt.timedelta(seconds=1)}
    ImportRun.objects.filter(pk=run.pk).update(**left)
    called.clear()
    tasks.sweep()
    assert called == [(run.pk, State.RUNNING)]
    in_hand.bring_in(run.pk)
    assert (state_of(run), run.attempts) == (State.IMPORTED, 2)


def test_what_a_living_worker_has_in_hand_is_left_to_it(receive: Receive, called: list[tuple[int, str]]) -> None:
    run = receive()
    ImportRun.objects.filter(pk=run.pk).update(process=uuid.uuid4(), lease_until=clock.now() + in_hand.LEASE)
    called.clear()
    tasks.sweep()
    in_hand.inspect(run.pk)
    assert called == []
    assert state_of(run) == State.WAITING


def test_a_living_worker_keeps_its_file_beyond_its_lease(receive: Receive, called: list[tuple[int, str]]) -> None:
    run, other = receive(), receive(name="other.csv")
    now = clock.now()
    alive = LiveProcess.objects.create(kind="worker", host="h", pid=1, started_at=now, seen_at=now)
    over = {"process": alive.pk, "lease_until": now - dt.timedelta(seconds=1)}
    ImportRun.objects.filter(pk=run.pk).update(**over)
    called.clear()
    tasks.sweep()
    in_hand.inspect(run.pk)
    in_hand.inspect(other.pk)
    assert called == []
    assert (state_of(run), state_of(other)) == (State.WAITING, State.WAITING)
    assert run.process == alive.pk


def test_a_file_that_met_an_error_is_left_to_the_next(receive: Receive, monkeypatch: pytest.MonkeyPatch) -> None:
    run = receive()

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a mistake")

    with monkeypatch.context() as wrong:
        wrong.setattr(in_hand, "preview_file", broken)
        with pytest.raises(RuntimeError):
            in_hand.inspect(run.pk)
    ready(run)
    assert run.attempts == 2


def test_a_file_that_takes_worker_after_worker_with_it_is_given_up(receive: Receive) -> None:
    run = receive()
    ImportRun.objects.filter(pk=run.pk).update(
        attempts=in_hand.MOST_ATTEMPTS, process=dead_process(), lease_until=clock.now()
    )
    tasks.sweep()
    assert (state_of(run), run.reason, run.stored_as) == (State.REFUSED, in_hand.GAVE_UP, "")
    assert AuditEntry.objects.latest("pk").after["Reason"] == in_hand.GAVE_UP


def test_a_run_of_the_page_is_not_closed_for_its_age(receive: Receive) -> None:
    run = ready(receive())
    intake.start(run, None)
    ImportRun.objects.filter(pk=run.pk).update(started_at=timezone.now() - dt.timedelta(days=2))
    tasks.sweep()
    assert state_of(run) == State.RUNNING


def test_without_a_worker_it_is_said(receive: Receive) -> None:
    assert not in_hand.is_anybody_there()
    now = clock.now()
    facts = {"kind": liveness.Kind.WORKER, "host": "h", "pid": 1, "started_at": now}
    LiveProcess.objects.create(seen_at=now, **facts)
    assert in_hand.is_anybody_there()
    # One that lives and takes no task.
    Heartbeat.objects.create(process="worker", seen_at=now - dt.timedelta(hours=1))
    assert not in_hand.is_anybody_there()


# Progress


def as_workbook(rows: list[dict[str, str]]) -> bytes:
    return clothing.write([*rows[0]], [[*row.values()] for row in rows], clothing.Clothing(clothing.EXCEL))


@pytest.mark.django_db(transaction=True)
def test_how_far_it_is_can_be_seen_while_it_is_read(receive: Receive, monkeypatch: pytest.MonkeyPatch) -> None:
    run = receive(*(of_customer(index) for index in range(3_000)))
    monkeypatch.setattr(progress, "PROGRESS_EVERY", 0)
    seen: list[tuple[int, int]] = []

    class Watched(progress.Progress):
        def __call__(self, told: ImportRun) -> None:
            super().__call__(told)
            seen.append(ImportRun.objects.values_list("lines", "bytes_read").get(pk=run.pk))

    monkeypatch.setattr(in_hand, "Progress", Watched)
    in_hand.inspect(run.pk)
    assert seen == sorted(seen)
    assert 0 < seen[0][0] < seen[-1][0] <= 3_000
    assert 0 < seen[0][1] < seen[-1][1] <= run.size


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_progress_goes_on_while_what_was_checked_is_written(
    receive: Receive, monkeypatch: pytest.MonkeyPatch, finance_admin: User, kind: str
) -> None:
    rows = [of_customer(index) for index in range(3_000)]
    run = ready(receive(*rows, content=as_workbook(rows) if kind == "xlsx" else None))
    monkeypatch.setattr(progress, "PROGRESS_EVERY", 0)
    seen: list[int] = []

    class Watched(progress.Progress):
        def __call__(self, told: ImportRun) -> None:
            super().__call__(told)
            seen.append(progress.bytes_done(ImportRun.objects.get(pk=run.pk)))

    monkeypatch.setattr(in_hand, "Progress", Watched)
    intake.start(run, finance_admin)
    in_hand.bring_in(run.pk)
    assert state_of(run) == State.IMPORTED
    assert seen == sorted(seen)
    checked, written = seen[:3], seen[3:]
    assert 0 < checked[0] < checked[1] <= checked[2] <= run.size
    assert run.size < written[0] < written[1] < written[2] == 2 * run.size
    assert not list(intake.path_of("").iterdir())


# A worker that was taken for dead and comes back


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["import", "dry run"])
def test_a_worker_that_comes_back_overwrites_nothing_of_the_one_that_took_over(
    receive: Receive, monkeypatch: pytest.MonkeyPatch, finance_admin: User, what: str
) -> None:
    run = receive(*(of_customer(index) for index in range(2_000)))
    does = in_hand.inspect
    if what == "import":
        ready(run)
        intake.start(run, finance_admin)
        does = in_hand.bring_in
    monkeypatch.setattr(progress, "PROGRESS_EVERY", 0)
    took_over: list[int] = []
    at_first = progress.Progress.__call__

    def silent_for_long(self: progress.Progress, told: ImportRun) -> None:
        if not took_over:
            took_over.append(run.pk)
            ImportRun.objects.filter(pk=run.pk).update(lease_until=clock.now() - dt.timedelta(seconds=1))
            does(run.pk)
        at_first(self, told)

    monkeypatch.setattr(progress.Progress, "__call__", silent_for_long)
    does(run.pk)
    assert took_over
    assert state_of(run) == (State.IMPORTED if what == "import" else State.READY)
    assert run.attempts == 2
    if what == "import":
        assert (run.invoices_new, run.invoices_unchanged) == (2_000, 0)
        assert AuditEntry.objects.filter(subject="Import of lines.csv").count() == 1


@pytest.mark.django_db(transaction=True)
def test_nothing_is_imported_by_a_worker_whose_file_was_taken_over_while_it_wrote(
    receive: Receive, monkeypatch: pytest.MonkeyPatch, finance_admin: User
) -> None:
    run = ready(receive())
    intake.start(run, finance_admin)
    writes = writing.write

    def too_slow(*how: Any) -> None:
        writes(*how)
        ImportRun.objects.filter(pk=run.pk).update(lease_until=clock.now() + 2 * in_hand.LEASE)

    monkeypatch.setattr(writing, "write", too_slow)
    in_hand.bring_in(run.pk)
    assert (state_of(run), run.reason) == (State.RUNNING, "")
    assert not Invoice.objects.exists()
    assert not AuditEntry.objects.filter(subject="Import of lines.csv").exists()


# What nobody comes back to


def test_what_nobody_goes_on_with_is_closed_and_its_file_deleted(receive: Receive, import_dir: Path) -> None:
    old, young, done = ready(receive()), ready(receive(name="b.csv")), ready(receive(of_customer(1), name="c.csv"))
    intake.start(done, None)
    in_hand.bring_in(done.pk)
    week = timezone.now() - intake.LIFE - dt.timedelta(hours=1)
    ImportRun.objects.filter(pk__in=[old.pk, done.pk]).update(started_at=week)
    operations_tasks.forget_imports()
    assert (state_of(old), old.reason, old.stored_as) == (State.DISCARDED, intake.LEFT_ALONE, "")
    assert (state_of(young), state_of(done)) == (State.READY, State.IMPORTED)
    assert [each.name for each in import_dir.iterdir()] == [young.stored_as]


def test_what_an_upload_left_behind_is_deleted_after_a_day(receive: Receive, import_dir: Path) -> None:
    run = receive()
    for name in ("a.upload", "young.upload"):
        (import_dir / name).write_bytes(b"x")
    long_ago = time.time() - 2 * intake.STRAY_AGE.total_seconds()
    for name in ("a.upload", run.stored_as):
        os.utime(import_dir / name, (long_ago, long_ago))
    operations_tasks.forget_imports()
    assert {each.name for each in import_dir.iterdir()} == {run.stored_as, "young.upload"}


# A real worker


@pytest.mark.django_db(transaction=True)
def test_a_real_worker_looks_through_it_and_imports_it(
    start_worker: Callable[..., WorkerProcess], tmp_path: Path, finance_admin: User
) -> None:
    start_worker()
    path = tmp_path / "lines.csv"
    path.write_bytes(csv_bytes(*(of_customer(index) for index in range(50))))
    run = intake.receive(path, "lines.csv", finance_admin)
    wait_until(lambda: state_of(run) == State.READY, "It was looked through")
    assert run.preview["new"]["count"] == 50
    assert not Invoice.objects.exists()
    assert intake.start(run, finance_admin)
    wait_until(lambda: state_of(run) == State.IMPORTED, "It was imported")
    wait_until(lambda: not intake.path_of(run.stored_as).is_file(), "Its file is deleted")
    assert Invoice.objects.count() == 50


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_while_it_imports_leaves_nothing_and_another_does_it(
    start_worker: Callable[..., WorkerProcess], tmp_path: Path, finance_admin: User
) -> None:
    worker = start_worker()
    path = tmp_path / "lines.csv"
    path.write_bytes(csv_bytes(*(of_customer(index) for index in range(10_000))))
    run = intake.receive(path, "lines.csv", finance_admin)
    wait_until(lambda: state_of(run) == State.READY, "It was looked through", patience=60)
    intake.start(run, finance_admin)
    wait_until(lambda: bool(state_of(run) and run.lease_until), "A worker has it in hand")
    worker.kill()
    assert state_of(run) == State.RUNNING
    assert not Invoice.objects.exists()
    LiveProcess.objects.filter(pk=run.process).update(dead_at=clock.now())
    start_worker()
    tasks.sweep()
    wait_until(lambda: state_of(run) == State.IMPORTED, "Another worker imported it", patience=60)
    assert (Invoice.objects.count(), run.attempts) == (10_000, 2)
