"""Backups: whole, without keys or sessions, for their owner's eyes; restored only where nothing can be lost."""

from __future__ import annotations

import datetime as dt
import io
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from c3portal.database import clock
from c3portal.models import AuditEntry, Delivery, Heartbeat, Notice, User
from c3portal.processes import heartbeats, moments, pending_migrations
from invoices.models import Invoice, Posting
from invoices.tests import makers
from operations.backups import databases, storage
from operations.backups import restore as restoring
from operations.backups.storage import BackupError
from operations.conftest import Lose, make_older, restore
from xero_integration.models import CallBudget, TokenSet, XeroConnection, XeroSettings

pytestmark = pytest.mark.usefixtures("transactional_db", "postgres_programs")
KEY = "an-encryption-key-for-the-tests"


def backup(folder: Path, **options: Any) -> Path:
    """Back up and return the database's copy."""
    before = set(storage.all_in(folder))
    call_command("backup", str(folder), stdout=io.StringIO(), **options)
    (manifest,) = set(storage.all_in(folder)) - before
    return manifest.with_suffix("")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


@pytest.fixture
def filled(finance_admin: User) -> XeroConnection:
    """A connected portal with two invoices, one of them posted."""
    connected = makers.connected(finance_admin)
    first, second = makers.invoices(makers.a_period(), 2)
    makers.uploaded(connected, finance_admin, first, to=Posting.Status.POSTED)
    makers.uploaded(connected, finance_admin, second)
    return connected


def rewrite(copy: Path, **changes: Any) -> None:
    path = copy.with_name(f"{copy.name}.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def all_rows() -> dict[str, int]:
    return {"invoices": Invoice.objects.count(), "users": User.objects.count(), "connections": _connections()}


def _connections() -> int:
    return XeroConnection.objects.count()


# Making one


@pytest.mark.both_databases
def test_a_backup_is_two_files_for_its_owner_with_neither_keys_nor_sessions(
    filled: XeroConnection, folder: Path, client_for: Callable[[User], Client], finance_admin: User
) -> None:
    session = client_for(finance_admin).session.session_key
    copy = backup(folder)
    manifest, found = storage.find(folder)
    assert found == copy
    assert sorted(folder.iterdir()) == [copy, copy.with_name(f"{copy.name}.json")]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert manifest.facts == {"invoices": 2, "postings posted": 1, "postings queued": 1}
    assert manifest.keys[0]["secrets"] == 1
    for content in (path.read_bytes() for path in folder.iterdir()):
        assert KEY.encode() not in content
        assert str(session).encode() not in content
        assert b"a secret of the tests" not in content


@pytest.mark.both_databases
def test_a_backup_is_of_one_moment_while_others_write(filled: XeroConnection, folder: Path) -> None:
    """A writer always adds two invoices at once: no copy holds an odd number."""
    period, stop, written = makers.a_period("20261018"), threading.Event(), threading.Event()

    def write() -> None:
        count = 0
        while not stop.is_set() and count < 400:
            with transaction.atomic():
                makers.invoices(period, 2, prefix=f"W{count}")
            count += 1
            written.set()
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    written.wait()
    try:
        counted = [storage.find(backup(folder))[0].facts["invoices"] for _ in range(3)]
    finally:
        stop.set()
        writer.join()
    assert all(count % 2 == 0 for count in counted)
    assert 2 < counted[0] < counted[-1]


@pytest.mark.both_databases
def test_monitoring_is_told_that_a_backup_was_made(filled: XeroConnection, folder: Path) -> None:
    backup(folder)
    assert clock.now() - moments.every()[moments.BACKUP] < dt.timedelta(minutes=1)


def test_a_backup_that_fails_is_none(folder: Path, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "dump", Mock(side_effect=BackupError("no room")))
    with pytest.raises(CommandError, match="no room"):
        backup(folder)
    assert moments.every() == {}


@pytest.mark.both_databases
def test_a_database_that_does_not_take_the_note_is_backed_up_all_the_same(
    filled: XeroConnection, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As one does that is still to be migrated to this release."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE c3portal_moment RENAME TO c3portal_not_there_yet")
    try:
        assert backup(folder).exists()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE c3portal_not_there_yet RENAME TO c3portal_moment")
    assert "did not take that it was" in caplog.text


def test_old_backups_go_and_the_newest_stay(filled: XeroConnection, folder: Path) -> None:
    copies = [backup(folder), backup(folder), backup(folder, keep=2)]
    assert [path.with_suffix("") for path in storage.all_in(folder)] == copies[:0:-1]
    assert not copies[0].exists()


def test_a_backup_that_fails_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("operations.backups.databases.dump", full)
    with pytest.raises(CommandError, match="No space left"):
        backup(folder)
    assert list(folder.iterdir()) == []


def test_a_secret_that_no_key_reads_is_told_and_stops_no_backup(
    filled: XeroConnection, folder: Path, settings: Any, lose: Lose
) -> None:
    settings.ENCRYPTION_KEYS = ["another key of the tests"]
    with pytest.raises(
        CommandError, match=r"was made, but 1 of its secrets .* put the key that wrote them back"
    ) as raised:
        backup(folder)
    assert raised.value.returncode == 1
    assert storage.find(folder)[0].unreadable == 1
    lose()
    settings.ENCRYPTION_KEYS = ["another key of the tests", KEY]
    with pytest.raises(CommandError, match="no key could read 1 of its secrets"):
        restore(folder)
    call_command("restore", str(folder), keys_are_lost=True, stdout=io.StringIO())
    assert XeroSettings.load().client_secret == "a secret of the tests", "it is lost only where no key reads it now"


@pytest.mark.both_databases
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite needs no programs")
def test_programs_older_than_the_server_are_told_and_what_to_set(
    filled: XeroConnection, folder: Path, tmp_path: Path, settings: Any
) -> None:
    program = tmp_path / "pg_dump"
    program.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 14.19 (Debian 14.19-1)'\n")
    program.chmod(0o755)
    settings.PG_BIN = str(tmp_path)
    with pytest.raises(CommandError, match=r"pg_dump is of PostgreSQL 14, and the server of \d+\. .* in PG_BIN"):
        backup(folder)
    assert list(folder.iterdir()) == []


# Keys


def test_keys_go_to_a_file_of_their_own(filled: XeroConnection, folder: Path, tmp_path: Path, settings: Any) -> None:
    file = tmp_path / "elsewhere" / "keys.env"
    backup(folder, keys=file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert f"SECRET_KEY={settings.SECRET_KEY}" in file.read_text()
    assert f"ENCRYPTION_KEYS={KEY}" in file.read_text()
    with pytest.raises(CommandError, match="there already"):
        call_command("backup_keys", str(file))


def test_keys_never_go_where_the_backups_are(filled: XeroConnection, folder: Path) -> None:
    with pytest.raises(CommandError, match="holds the backups"):
        backup(folder, keys=folder / "keys.env")
    backup(folder)
    with pytest.raises(CommandError, match="holds the backups"):
        call_command("backup_keys", str(folder / "keys.env"))
    assert not (folder / "keys.env").exists()


# Restoring


@pytest.mark.both_databases
def test_a_restored_portal_says_what_to_do_and_remembers_nothing_of_the_lost_one(
    filled: XeroConnection, folder: Path, lose: Lose, client_for: Callable[[User], Client]
) -> None:
    notice = Notice.objects.create(key="a", kind="upload_finished", subject="Done", body="Done.")
    Delivery.objects.create(notice=notice, user=User.objects.get())
    CallBudget.objects.create(connection=filled, in_flight={"a": 9e9}, day_remaining=0)
    copy = backup(folder)
    lose()
    output = restore(folder)
    assert "Connect to Xero again (Contoso Cloud Pty Ltd)" in output
    assert "runs nowhere any more" in output

    restored = XeroConnection.objects.get()
    assert restored.status == "needs_reconnecting"
    assert restored.restored_at == XeroSettings.load().restored_at is not None
    assert not TokenSet.objects.exists()
    assert not CallBudget.objects.exists()
    assert Delivery.objects.get().status == "failed"
    assert XeroSettings.load().client_secret == "a secret of the tests"
    entry = AuditEntry.objects.get(action="operation")
    assert (entry.actor, entry.after["Backup"]) == ("manage.py restore", copy.name)
    page = client_for(User.objects.get()).get("/", follow=True).content.decode()
    assert "needs reconnecting" in page
    assert "The database came back from a backup" in page


@pytest.mark.both_databases
def test_a_restore_never_writes_over_anything(filled: XeroConnection, folder: Path) -> None:
    backup(folder)
    before = all_rows()
    with pytest.raises(CommandError, match=r"not empty: it holds .*2 invoices.* Make a new database"):
        restore(folder)
    assert all_rows() == before
    assert XeroConnection.objects.get().restored_at is None


def test_a_database_on_which_the_portal_runs_is_refused(filled: XeroConnection, folder: Path, lose: Lose) -> None:
    backup(folder)
    lose()
    heartbeat = Heartbeat.objects.create(process=Heartbeat.Process.WORKER, seen_at=timezone.now())
    with pytest.raises(CommandError, match=r"worker sent a heartbeat.* Stop web, workers and beat, .* after \d+ sec"):
        restore(folder)
    assert all_rows() == {"invoices": 0, "users": 0, "connections": 0}
    silence = dt.timedelta(seconds=heartbeats.longest_silence(Heartbeat.Process.WORKER))
    Heartbeat.objects.update(seen_at=heartbeat.seen_at - silence)
    restore(folder)
    assert all_rows() == {"invoices": 2, "users": 1, "connections": 1}


@pytest.mark.both_databases
def test_a_restore_that_breaks_off_leaves_nothing_to_post_from(
    filled: XeroConnection, folder: Path, lose: Lose, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup(folder)
    lose()
    found: dict[str, Any] = {}

    def break_off(*arguments: object, **options: object) -> None:
        """As it is before anything else is done with what was loaded."""
        found.update(XeroConnection.objects.values("status", "token_set", "restored_at").get())
        found["tokens"] = TokenSet.objects.count()
        raise CommandError("No space left on device")

    try:
        with monkeypatch.context() as patch:
            patch.setattr(restoring, "call_command", break_off)
            with pytest.raises(CommandError, match=r"No space left on device\n.* emptied again, .* run this again"):
                restore(folder)
        assert (found["status"], found["token_set"], found["tokens"]) == ("needs_reconnecting", None, 0)
        assert found["restored_at"]
        assert connection.introspection.table_names() == []
        restore(folder)
    finally:
        call_command("migrate", verbosity=0)
    assert all_rows() == {"invoices": 2, "users": 1, "connections": 1}


@pytest.mark.both_databases
def test_a_damaged_backup_is_refused(filled: XeroConnection, folder: Path, lose: Lose) -> None:
    copy = backup(folder)
    content = bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    lose()
    with pytest.raises(CommandError, match="is damaged"):
        restore(copy)
    copy.unlink()
    with pytest.raises(CommandError, match="is not there"):
        restore(folder)
    assert all_rows() == {"invoices": 0, "users": 0, "connections": 0}


@pytest.mark.both_databases
def test_the_missing_key_is_named(filled: XeroConnection, folder: Path, lose: Lose, settings: Any) -> None:
    backup(folder)
    fingerprint = storage.find(folder)[0].keys[0]["fingerprint"]
    lose()
    settings.ENCRYPTION_KEYS = ["another key of the tests"]
    with pytest.raises(CommandError, match=rf"Missing: key 1 of the 1 .*{fingerprint}.* reads 1 of the stored secrets"):
        restore(folder)
    assert all_rows() == {"invoices": 0, "users": 0, "connections": 0}
    settings.ENCRYPTION_KEYS = ["another key of the tests", KEY]
    restore(folder)
    assert XeroSettings.load().client_secret == "a secret of the tests"


def test_with_its_keys_lost_everything_but_the_secrets_comes_back(
    filled: XeroConnection, folder: Path, lose: Lose, settings: Any
) -> None:
    backup(folder)
    lose()
    settings.ENCRYPTION_KEYS = ["another key of the tests"]
    call_command("restore", str(folder), keys_are_lost=True, stdout=io.StringIO())
    assert XeroSettings.load().client_secret == ""
    assert all_rows() == {"invoices": 2, "users": 1, "connections": 1}


def test_a_backup_of_a_newer_version_is_refused(filled: XeroConnection, folder: Path, lose: Lose) -> None:
    copy = backup(folder)
    rewrite(copy, migrations=storage.find(copy)[0].migrations | {"invoices": ["0001_initial", "0999_later"]})
    lose()
    with pytest.raises(CommandError, match=r"does not know invoices 0999_later. Install that version"):
        restore(copy)
    assert not User.objects.exists()


def test_a_backup_of_another_kind_of_database_is_refused(filled: XeroConnection, folder: Path, lose: Lose) -> None:
    copy = backup(folder)
    rewrite(copy, database="postgresql")
    lose()
    with pytest.raises(CommandError, match="a backup of PostgreSQL, and the portal's database is SQLite"):
        restore(copy)


@pytest.mark.both_databases
def test_a_backup_of_an_older_version_is_migrated(filled: XeroConnection, folder: Path, lose: Lose) -> None:
    make_older("invoices")
    assert pending_migrations.missing()
    try:
        backup(folder)
    finally:
        call_command("migrate", verbosity=0)
    lose()
    restore(folder)
    assert not pending_migrations.missing()
    assert Posting.objects.count() == 2


def test_tables_of_someone_else_are_left_alone() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE of_someone_else (id integer)")
    try:
        with pytest.raises(storage.BackupError, match=r"not the portal's .of_someone_else."):
            restoring.require_empty()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE of_someone_else")
