"""A portal that moves from SQLite to PostgreSQL: with everything, once, and with nothing in clear on the way."""

from __future__ import annotations

import datetime as dt
import io
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import decrypt, encrypt
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.backends.postgresql.base import DatabaseWrapper
from django.utils import timezone

from c3portal.database import clock
from c3portal.models import AuditEntry, Delivery, Heartbeat, LiveProcess, Notice, User, Webhook
from c3portal.processes import start
from invoices.models import Invoice, Posting, Submission
from invoices.posting import sender, transitions
from invoices.tests import makers
from invoices.tests.c3_files import NEW_CUSTOMERS
from operations.backups import copying, moving
from operations.backups.tests import test_restored as restored
from operations.conftest import make_older
from xero_integration import connections as xero
from xero_integration.checks import moved_away
from xero_integration.client import oauth
from xero_integration.client.errors import XeroRejected
from xero_integration.models import TokenSet, XeroConnection, XeroSettings
from xero_integration.testing import connect
from xero_sandbox.testing import SandboxControl

pytestmark = pytest.mark.usefixtures("transactional_db")
NEW_KEY = "the first encryption key of the new portal"
numbers = itertools.count(1)


def make_database(postgres: str, template: str = "template0") -> str:
    """Make a database and return its address."""
    name = f"moved_{next(numbers)}"
    with psycopg.connect(postgres, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return urlsplit(postgres)._replace(path=f"/{name}").geturl()


@pytest.fixture
def bare(postgres: str) -> str:
    """The address of a database without any tables."""
    return make_database(postgres)


@pytest.fixture(scope="module")
def migrated(postgres: str, django_db_setup: None, django_db_blocker: Any) -> str:
    """The name of a database with this release's tables, from which others are made."""
    url = make_database(postgres)
    with django_db_blocker.unblock():
        other = moving._open(url)
        with moving._at(other):
            call_command("createcachetable", verbosity=0)
            call_command("migrate", verbosity=0)
        other.close()
    return urlsplit(url).path.removeprefix("/")


@pytest.fixture
def target(postgres: str, migrated: str) -> str:
    """The address of a database that was migrated and never used."""
    return make_database(postgres, migrated)


@pytest.fixture
def filled(finance_admin: User) -> XeroConnection:
    """A connected portal with two invoices, one of them posted, and a second factor."""
    connected = makers.connected(finance_admin)
    first, second = makers.invoices(makers.a_period(), 2)
    makers.uploaded(connected, finance_admin, first, to=Posting.Status.POSTED)
    makers.uploaded(connected, finance_admin, second)
    seeds = {"seed": encrypt("a seed of the tests"), "migrated_codes": [encrypt("an old code")], "used_mask": 1}
    Authenticator.objects.create(user=finance_admin, type=Authenticator.Type.RECOVERY_CODES, data=seeds)
    return connected


def move(url: str, *options: str) -> str:
    output = io.StringIO()
    call_command("move_to", url, *options, stdout=output)
    return output.getvalue()


@contextmanager
def at(url: str, *encryption_keys: str, settings: Any) -> Iterator[None]:
    """As a process of the portal that works on the new database."""
    other = moving._open(url)
    before, settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS, list(encryption_keys) or settings.ENCRYPTION_KEYS
    try:
        with moving._at(other):
            yield
    finally:
        other.close()
        settings.ENCRYPTION_KEYS = before


def is_empty(url: str) -> bool:
    with psycopg.connect(url) as server:
        tables = server.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        held = {
            name
            for (name,) in tables
            if server.execute(f'SELECT EXISTS (SELECT 1 FROM "{name}")').fetchone() == (True,)
        }
    of_migrations = {"django_migrations", "django_content_type", "auth_permission", "auth_group"}
    return held <= of_migrations


def works_on() -> bool:
    """Whether this database may still be posted from."""
    return XeroSettings.load().gone == "" and TokenSet.objects.exists()


@pytest.mark.usefixtures("no_lookup_delay")
def test_a_period_half_posted_goes_on_after_the_move_and_each_document_is_there_once(
    sandbox: SandboxControl, finance_admin: User, target: str, later_file: Path, settings: Any
) -> None:
    """Some are in Xero, some claimed, some lost in a call that arrived, the rest queued; credit notes have no unique
    numbers."""
    sandbox.change_organisation(unique_credit_notes=False)
    source = connect(sandbox)
    restored.post_a_part(source, settings)
    before = restored.states()
    assert {"posted", "queued", "sending"} <= before.keys()
    move(target)
    assert sender.send_next(source) == 0
    assert restored.states() == before
    with at(target, settings=settings):
        assert restored.states() == before
        connected = XeroConnection.objects.get()
        assert connected.is_usable, "nobody has to connect again"
        restored.post_the_rest(connected, later_file)
        restored.assert_exactly_once(sandbox)
    assert len(sandbox.documents()) == 120 + NEW_CUSTOMERS + 1


def test_a_worker_in_the_middle_of_its_work_sends_nothing_any_more(
    sandbox: SandboxControl, finance_admin: User, target: str, settings: Any
) -> None:
    """It claimed its rows, stalled, and wakes up after the move."""
    source = connect(sandbox)
    restored.import_file(restored.SEPTEMBER, name="september.csv")
    restored.upload(source)
    restored.contact_step.link_contacts(source)
    submission = transitions.claim(source)
    assert submission
    move(target)
    Submission.objects.update(lease_until=timezone.now() + dt.timedelta(hours=1))
    assert not transitions.store_body(submission, b"{}", "")
    assert transitions.claim(source) is None
    assert sandbox.documents() == []


def test_everything_is_there_and_the_secrets_are_written_with_the_new_key(
    filled: XeroConnection, webhook: Webhook, bare: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice = Notice.objects.create(key="a", kind="upload_finished", subject="Done", body="Done.")
    Delivery.objects.create(notice=notice, webhook=webhook)
    kept = {table.name: table.model._base_manager.count() for table in copying.tables()}
    secret, facts = webhook.secret, list(Posting.objects.order_by("pk").values_list("pk", "status", "xero_id"))
    monkeypatch.setenv("MOVE_TO_KEYS", NEW_KEY)
    output = move(bare)
    assert "compared value by value" in output
    assert "invoices_invoice " in output
    assert secret not in output
    with at(bare, NEW_KEY, settings=settings):
        found = {table.name: table.model._base_manager.count() for table in copying.tables()}
        assert found == kept | {"c3portal_auditentry": kept["c3portal_auditentry"] + 1}
        assert XeroSettings.load().client_secret == "a secret of the tests"
        assert Webhook.objects.get().secret == secret
        assert list(Posting.objects.order_by("pk").values_list("pk", "status", "xero_id")) == facts
        data = Authenticator.objects.get().data
        assert decrypt(data["seed"]) == "a seed of the tests"
        assert decrypt(data["migrated_codes"][0]) == "an old code"
        assert User.objects.get().check_password("a password of the tests")
        assert set(User.objects.get().groups.values_list("name", flat=True)) == {"Finance Admin"}


def test_ids_go_on_behind_those_that_were_ever_given_out(filled: XeroConnection, target: str, settings: Any) -> None:
    gone = User.objects.create_user("gone@contoso.example")
    deleted_id = gone.pk
    gone.delete()
    last = Posting.objects.order_by("pk").last()
    assert last
    move(target)
    with at(target, settings=settings):
        assert User.objects.create_user("new@contoso.example").pk == deleted_id + 1
        (invoice,) = makers.invoices(makers.a_period("20261018"), 1, prefix="NEW")
        user = User.objects.get(email="finance@contoso.example")
        makers.uploaded(XeroConnection.objects.get(), user, invoice)
        assert Posting.objects.order_by("pk").values_list("pk", flat=True).last() == last.pk + 1


def test_the_audit_record_stays_append_only(filled: XeroConnection, target: str, settings: Any) -> None:
    move(target)
    with at(target, settings=settings):
        assert AuditEntry.objects.filter(actor="manage.py move_to").exists()
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM c3portal_auditentry")


def test_every_table_moves_or_is_known_to_stay() -> None:
    """What is new moves by itself; whoever wants a table to stay says so."""
    models = [model for model in apps.get_models(include_auto_created=True) if not model._meta.proxy]
    staying = {model._meta.db_table for model in models} - {table.name for table in copying.tables()}
    assert staying == {
        "django_session",
        "usersessions_usersession",
        *(model._meta.db_table for model in copying.OF_PROCESSES),
    }


# The portal that was left


def test_the_portal_that_was_left_starts_no_more_and_takes_no_consent(
    filled: XeroConnection, finance_admin: User, target: str
) -> None:
    TokenSet.objects.create(access_expires_at=timezone.now(), refreshed_at=timezone.now())
    move(target)
    assert not TokenSet.objects.exists()
    left = XeroConnection.objects.get()
    assert left.status == "needs_reconnecting"
    assert "nothing is sent to Xero from here" in left.status_reason
    (raised,) = moved_away(databases=["default"])
    assert raised.id == "c3portal.E012"
    with pytest.raises(SystemExit, match="worker does not start on this database"):
        start.refuse_a_database_that_was_left("worker")
    with pytest.raises(XeroRejected, match="moved to PostgreSQL"):
        xero.finish_consent("code", oauth.new_consent("http://localhost:8000/"), finance_admin)


def test_a_database_without_any_settings_yet_was_not_left() -> None:
    XeroSettings.objects.all().delete()
    assert moved_away(databases=["default"]) == []
    assert XeroSettings.load().gone == ""


def test_a_portal_moves_once(filled: XeroConnection, target: str, postgres: str) -> None:
    move(target)
    with pytest.raises(CommandError, match="The portal moved to PostgreSQL"):
        move(target)
    with pytest.raises(CommandError, match="The portal moved to PostgreSQL"):
        move(postgres)


def test_the_way_back_has_everything_looked_for_first(filled: XeroConnection, target: str) -> None:
    Posting.objects.update(looked_at=timezone.now())
    move(target)
    assert "connect to Xero" in move("", "--back")
    assert moved_away(databases=["default"]) == []
    assert XeroConnection.objects.get().restored_at
    assert not Posting.objects.exclude(looked_at=None).exists()
    with pytest.raises(CommandError, match="never moved"):
        move("", "--back")


# When it breaks off


def test_a_move_that_breaks_off_leaves_the_other_empty_and_this_one_as_it_was(
    filled: XeroConnection, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    TokenSet.objects.create(access_expires_at=timezone.now(), refreshed_at=timezone.now())
    with monkeypatch.context() as patch:
        patch.setattr(copying.Facts, "differences", lambda *_: ["sums"])
        with pytest.raises(CommandError, match=r"is not what left: sums differ(.|\n)* and this portal goes on"):
            move(target)
    assert is_empty(target)
    assert works_on()
    move(target)


def test_a_value_that_is_lost_on_the_way_is_noticed(
    filled: XeroConnection, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = copying.Table._prepared

    def one_cent_less(self: copying.Table, *arguments: Any) -> list[Any]:
        return [
            value - Decimal("0.01") if isinstance(value, Decimal) else value for value in prepared(self, *arguments)
        ]

    monkeypatch.setattr(copying.Table, "_prepared", one_cent_less)
    with pytest.raises(CommandError, match="is not what left: sums, digest differ"):
        move(target)
    assert is_empty(target)


@pytest.mark.parametrize("arrived", [False, True])
def test_a_lost_answer_to_the_commit_is_looked_up(
    filled: XeroConnection, target: str, monkeypatch: pytest.MonkeyPatch, arrived: bool
) -> None:
    """Never do both portals post, nor neither, whichever way it went."""
    TokenSet.objects.create(access_expires_at=timezone.now(), refreshed_at=timezone.now())
    settle_in = moving._settle_in

    def lose_the_answer(self: DatabaseWrapper) -> None:
        if arrived:
            self.connection.commit()
        self.connection.close()
        raise OperationalError("the connection was lost")

    with monkeypatch.context() as patch:

        def last_step() -> None:
            settle_in()
            patch.setattr(DatabaseWrapper, "_commit", lose_the_answer)

        def look_when_the_line_is_good_again(*arguments: Any) -> bool:
            patch.undo()
            return moving._arrived(*arguments)

        patch.setattr(moving, "_settle_in", last_step)
        patch.setattr(moving, "_arrived", look_when_the_line_is_good_again)
        with pytest.raises(CommandError, match="Everything arrived" if arrived else "this portal goes on"):
            move(target)
    assert works_on() is not arrived
    assert is_empty(target) is not arrived
    move(target)
    assert not works_on()


def test_while_the_other_cannot_be_asked_nothing_is_sent_from_here(
    filled: XeroConnection, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any) -> bool:
        raise moving.BackupError("Whether the move arrived is not known.")

    with monkeypatch.context() as patch:
        patch.setattr(moving, "_settle_in", gone)
        patch.setattr(moving, "_arrived", gone)
        with pytest.raises(CommandError, match="is not known"):
            move(target)
    assert "was not finished" in XeroSettings.load().gone
    move(target)


# What is refused


def test_a_database_that_holds_anything_is_refused(filled: XeroConnection, target: str, settings: Any) -> None:
    with at(target, settings=settings):
        User.objects.create_user("somebody@contoso.example")
    with pytest.raises(CommandError, match="not empty: it holds 1 users"):
        move(target)
    assert XeroSettings.load().gone == ""


def test_a_database_of_another_release_is_refused(filled: XeroConnection, target: str, settings: Any) -> None:
    with at(target, settings=settings):
        make_older("xero_integration")
    with pytest.raises(CommandError, match=r"of different releases: their migrations of .*xero_integration differ"):
        move(target)


def test_a_portal_whose_processes_live_is_refused_and_one_that_was_stopped_moves_at_once(
    filled: XeroConnection, target: str
) -> None:
    present = clock.now()
    living = LiveProcess.objects.create(kind="web", host="here", pid=1, started_at=present, seen_at=present)
    Heartbeat.objects.create(process=Heartbeat.Process.WORKER, seen_at=present)
    with pytest.raises(CommandError, match=r"web sent a heartbeat.* again after \d+ seconds"):
        move(target)
    assert is_empty(target)
    LiveProcess.objects.filter(pk=living.pk).update(dead_at=present)
    move(target)


def test_a_portal_of_an_older_release_that_still_runs_is_refused(filled: XeroConnection, target: str) -> None:
    Heartbeat.objects.create(process=Heartbeat.Process.WORKER, seen_at=timezone.now())
    with pytest.raises(CommandError, match="worker sent a heartbeat"):
        move(target)
    assert is_empty(target)
    assert XeroSettings.load().gone == ""


def test_a_password_on_the_command_line_is_refused_and_taken_from_standard_input(
    filled: XeroConnection, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_password = target.replace("//postgres:", "//postgres:a-password")
    assert urlsplit(with_password).password == "a-password"
    with pytest.raises(CommandError, match="can be read by everyone") as raised:
        move(with_password)
    assert "a-password" not in str(raised.value)
    monkeypatch.setattr("sys.stdin", io.StringIO(with_password + "\n"))
    assert "a-password" not in move("-")


def test_the_settings_file_of_the_new_portal_says_where_to(
    filled: XeroConnection, target: str, tmp_path: Path, settings: Any
) -> None:
    file = tmp_path / "environment"
    file.write_text(f"DATABASE_URL={target}\nENCRYPTION_KEYS={NEW_KEY},another key of the tests\n")
    output = io.StringIO()
    call_command("move_to", environment=file, stdout=output)
    with at(target, NEW_KEY, settings=settings):
        assert XeroSettings.load().client_secret == "a secret of the tests"


def test_secrets_that_no_key_reads_and_texts_that_do_not_fit_are_named_before_anything_happens(
    filled: XeroConnection, target: str, settings: Any
) -> None:
    Invoice.objects.filter(pk=Invoice.objects.values_list("pk")[:1]).update(ignored_because="x" * 501)
    with pytest.raises(CommandError, match=r"too long: invoices_invoice.ignored_because \(501 of 500 characters\)"):
        move(target)
    settings.ENCRYPTION_KEYS = [NEW_KEY]
    with pytest.raises(CommandError, match="No key in force reads 1 of xero_integration_xerosettings"):
        move(target)
    assert is_empty(target)


def test_a_move_goes_to_postgresql(filled: XeroConnection, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="A portal moves to PostgreSQL"):
        move(f"sqlite:///{tmp_path}/other.sqlite3")
    with pytest.raises(CommandError, match="cannot be reached"):
        move("postgres://nobody@127.0.0.1:9/nothing")
