"""The audit record can be read, searched and taken away as a file, and changed by nobody."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.http import HttpResponse
from django.test import Client

from c3portal.audit import search
from c3portal.audit.record import Action, masked, record, record_changes
from c3portal.models import AuditEntry, User
from c3portal.testing import BASE_DIR
from invoices.models import PostLog
from invoices.tests import makers

PAGE = "/settings/audit/"


def entry(subject: str = "Settings → General", action: str = Action.SETTINGS, **facts: Any) -> AuditEntry:
    return AuditEntry.objects.create(action=action, subject=subject, actor=facts.pop("actor", "someone"), **facts)


def shown(response: HttpResponse) -> list[str]:
    return [each.subject for each in response.context["page"].entries]


def test_it_shows_who_changed_what_from_where_before_and_after(admin: Client) -> None:
    entry(
        actor="finance@contoso.example",
        address="192.0.2.7",
        before={"Theme": "Standard"},
        after={"Theme": "Cloud services"},
        at=dt.datetime(2026, 11, 2, 23, 30, tzinfo=dt.UTC),
    )
    html = admin.get(PAGE).content.decode()
    for words in ("finance@contoso.example", "192.0.2.7", "Standard", "Cloud services", "2 Nov 2026, 23:30:00"):
        assert words in html


def test_times_and_days_are_those_of_the_reader(admin: Client, system_admin: User) -> None:
    system_admin.time_zone = "Pacific/Auckland"
    system_admin.save()
    entry("late", at=dt.datetime(2026, 11, 2, 23, 30, tzinfo=dt.UTC))
    assert "3 Nov 2026, 12:30:00" in admin.get(PAGE).content.decode()
    assert shown(admin.get(PAGE, {"since": "2026-11-03", "until": "2026-11-03"})) == ["late"]
    assert shown(admin.get(PAGE, {"until": "2026-11-02"})) == []


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["three", "two", "one"]),
        ({"action": "upload"}, ["two"]),
        ({"who": "FINANCE"}, ["three"]),
        ({"q": "müller"}, ["one"]),
        ({"q": "Müller"}, ["one"]),
        ({"q": "TWO"}, ["two"]),
        ({"q": "192.0.2."}, ["three"]),
        ({"q": "%"}, []),
        ({"since": "2026-11-02", "until": "2026-11-02"}, ["two"]),
        ({"action": "no such action"}, []),
        ({"since": "yesterday"}, []),
    ],
)
def test_it_finds_what_is_asked_for(admin: Client, query: dict[str, str], found: list[str]) -> None:
    days = [dt.datetime(2026, 11, day, 12, tzinfo=dt.UTC) for day in (1, 2, 3)]
    entry("one", at=days[0], after={"Customer": "müller"} if query.get("q") == "müller" else {"Customer": "Müller"})
    entry("two", Action.UPLOAD, at=days[1])
    entry("three", at=days[2], actor="finance@contoso.example", address="192.0.2.7")
    assert shown(admin.get(PAGE, query)) == found


def test_one_walks_through_all_pages_and_back(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "PAGE", 2)
    for number in range(5):
        entry(str(number))
    seen, query = [], {"q": ""}
    while query:
        page = admin.get(PAGE, query).context["page"]
        seen.append([each.subject for each in page.entries])
        query = {"before": page.older} if page.older else {}
    assert seen == [["4", "3"], ["2", "1"], ["0"]]
    assert page.newer
    back = admin.get(PAGE, {"after": page.newer}).context["page"]
    assert [each.subject for each in back.entries] == ["2", "1"]
    first = admin.get(PAGE, {"after": back.newer}).context["page"]
    assert [each.subject for each in first.entries] == ["4", "3"]
    assert first.newer is None


@pytest.mark.parametrize("name", ["before", "after"])
@pytest.mark.parametrize("value", ["x", "-1", "١", "9" * 30])
def test_what_is_no_id_is_a_bad_request(admin: Client, name: str, value: str) -> None:
    assert admin.get(PAGE, {name: value}).status_code == 400


def test_no_page_counts_the_record(
    admin: Client, django_assert_max_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "PAGE", 2)
    keys = [entry(str(number)).pk for number in range(5)]
    for query in ({}, {"before": keys[2]}, {"after": keys[1]}, {"q": "3"}, {"action": Action.SETTINGS}):
        with django_assert_max_num_queries(10) as queries:
            assert shown(admin.get(PAGE, query))
        assert not [each for each in queries if "COUNT(" in each["sql"] and "auditentry" in each["sql"]]


def test_the_csv_holds_what_was_found_and_runs_nothing(admin: Client) -> None:
    entry("=HYPERLINK(1)", actor="@someone", before={"Name": "=1+1"})
    entry("left out", Action.UPLOAD)
    content = b"".join(admin.get("/settings/audit.csv", {"action": "settings"}).streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    (row,) = csv.DictReader(io.StringIO(content))
    assert row["What"] == "'=HYPERLINK(1)"
    assert row["Who"] == "'@someone"
    assert json.loads(row["Before"]) == {"Name": "=1+1"}


def test_the_json_lines_hold_what_was_found(admin: Client) -> None:
    entry("one", after={"Name": "Müller"})
    entry("two")
    content = b"".join(admin.get("/settings/audit.jsonl", {"q": "one"}).streaming_content)  # type: ignore[attr-defined]
    own, line = map(json.loads, content.splitlines())
    assert line["After"] == {"Name": "Müller"}
    # That it was asked for is in the record by the time it is sent.
    assert (own["Action"], own["After"]) == ("download", {"Asked for": "q=one"})


@pytest.mark.parametrize("role", ["finance_admin", "system_reader"])
@pytest.mark.parametrize("address", [PAGE, "/settings/audit.csv", "/settings/audit.jsonl"])
def test_only_a_system_admin_reads_it(
    client_for: Callable[[User], Client], request: pytest.FixtureRequest, role: str, address: str
) -> None:
    assert client_for(request.getfixturevalue(role)).get(address).status_code == 403


def test_secrets_are_masked_and_their_replacement_is_seen() -> None:
    assert masked("") == ""
    assert "secret" not in masked("a secret")
    assert masked("new", replaces="old") != masked("same", replaces="same") == masked("any")


def test_nothing_is_recorded_where_nothing_changed(db: None) -> None:
    assert record_changes(None, Action.SETTINGS, "Same", {"a": 1}, {"a": 1}) is None
    assert not AuditEntry.objects.exists()


def test_an_entry_goes_with_the_change_that_failed(db: None) -> None:
    with transaction.atomic():
        record(None, Action.SETTINGS, "Undone")
        transaction.set_rollback(True)
    assert not AuditEntry.objects.exists()


# Written once


def test_the_portal_itself_refuses_to_change_it(db: None) -> None:
    made = entry()
    for change in (
        made.save,
        made.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(actor=""),
    ):
        with pytest.raises(TypeError, match="append-only"):
            change()


@pytest.mark.both_databases
def test_the_database_refuses_to_change_an_entry(db: None) -> None:
    entry()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE c3portal_auditentry SET actor = 'someone else'")


@pytest.mark.both_databases
@pytest.mark.skipif(connection.vendor != "postgresql", reason="the tests on SQLite empty their tables by DELETE")
@pytest.mark.parametrize("statement", ["DELETE FROM c3portal_auditentry", "TRUNCATE c3portal_auditentry"])
def test_postgresql_refuses_to_take_entries_away(db: None, statement: str) -> None:
    entry()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL c3portal.allow_truncate = off")
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            cursor.execute(statement)
    assert AuditEntry.objects.count() == 1


@pytest.mark.both_databases
def test_what_happened_to_an_invoice_is_not_rewritten(db: None) -> None:
    makers.uploaded(makers.connected(), None, makers.an_invoice(makers.a_period(), "INV-1"))
    log = PostLog.objects.get()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        PostLog.objects.filter(pk=log.pk).update(message="it went well")
    PostLog.objects.filter(pk=log.pk).update(user=None)


def test_a_new_portal_on_sqlite_refuses_to_change_its_record(tmp_path: Path) -> None:
    environment = {**os.environ, "TEST_VAR_DIR": str(tmp_path), "TEST_DATABASE_URL": ""}
    environment["DJANGO_SETTINGS_MODULE"] = "c3portal.tests.settings"
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, env=environment, cwd=BASE_DIR, check=True)
    database = sqlite3.connect(tmp_path / "portal.sqlite3")
    database.execute(
        "INSERT INTO c3portal_auditentry (at, actor, action, subject, before, after, request_id) "
        "VALUES ('2026-11-02', 'a', 'settings', 's', '{}', '{}', '')"
    )
    for statement in ("UPDATE c3portal_auditentry SET actor = 'b'", "DELETE FROM c3portal_auditentry"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            database.execute(statement)
    database.close()
