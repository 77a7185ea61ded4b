"""Sessions lie encrypted in the database."""

from __future__ import annotations

import base64
import datetime as dt
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from c3portal.encryption.sessions import SessionStore
from c3portal.models import User
from c3portal.users.sign_in.tests.test_sign_in import PASSWORD

pytestmark = pytest.mark.django_db
At = Callable[[float], None]
SECRET = "a seed of codes, for the moment between two pages"


def stored() -> str:
    return str(Session.objects.get().session_data)


def test_what_a_session_holds_comes_back_and_lies_in_the_database_in_another_form() -> None:
    store = SessionStore()
    store["seed"] = SECRET
    store.create()

    assert SessionStore(store.session_key)["seed"] == SECRET
    text = base64.urlsafe_b64decode(stored())
    assert SECRET.encode() not in text
    for start in range(len(text)):
        with pytest.raises(zlib.error):
            zlib.decompress(text[start:])


def test_who_was_signed_in_when_the_keys_were_lost_signs_in_again(system_admin: User, settings: Any) -> None:
    client = Client()
    client.force_login(system_admin)
    assert client.get("/account/").status_code == 200

    settings.ENCRYPTION_KEYS = ["another-key-than-the-one-before"]
    assert client.get("/account/").url.startswith("/accounts/login/")


def test_a_new_key_in_front_signs_nobody_out(system_admin: User, settings: Any) -> None:
    client = Client()
    client.force_login(system_admin)
    settings.ENCRYPTION_KEYS = ["a-newer-key-than-the-one-before", *settings.ENCRYPTION_KEYS]
    assert client.get("/account/").status_code == 200


# When a session ends


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> At:
    """Return a function that lets so many hours have gone by since the test began."""
    start = timezone.now()
    return lambda hours: monkeypatch.setattr("django.utils.timezone.now", lambda: start + dt.timedelta(hours=hours))


def signed_in(user: User) -> Client:
    client = Client()
    assert client.post("/accounts/login/", {"login": user.email, "password": PASSWORD}).status_code == 302
    return client


def is_in(client: Client, **headers: str) -> bool:
    return bool(client.get("/account/", **headers).status_code == 200)


@pytest.mark.both_databases
def test_a_session_ends_twelve_hours_after_sign_in_whatever_is_written_to_it(finance_admin: User, at: At) -> None:
    client = signed_in(finance_admin)
    for hours in range(1, 12):
        at(hours)
        assert client.post("/account/", {"name": f"Fiona {hours}", "time_zone": "UTC"}).status_code == 302
        held = client.session
        held["something"] = hours
        held.save()
        assert is_in(client)
    at(11.99)
    assert is_in(client)
    at(12.01)
    assert not is_in(client)


def test_the_cookie_ends_with_the_session(finance_admin: User, at: At) -> None:
    client = signed_in(finance_admin)
    at(3)
    new = {"oldpassword": PASSWORD, "password1": "another password entirely", "password2": "another password entirely"}
    cookie = client.post("/account/password/", new).cookies["sessionid"]
    assert abs(cookie["max-age"] - 9 * 3600) < 5
    for hours in (6.5, 10):
        at(hours)
        assert is_in(client)
    at(12.01)
    assert not is_in(client)


def test_signing_in_once_more_begins_anew(finance_admin: User, at: At) -> None:
    client = Client()
    held = client.session
    held["something"] = "from before anyone signed in"
    held.save()
    at(3.9)
    answer = client.post("/accounts/login/", {"login": finance_admin.email, "password": PASSWORD})
    assert answer.cookies["sessionid"]["max-age"] > 12 * 3600 - 5
    for hours in (7, 10, 13, 15.8):
        at(hours)
        assert is_in(client), hours


@pytest.mark.both_databases
def test_a_session_in_which_nobody_does_anything_ends_after_four_hours(finance_admin: User, at: At) -> None:
    client = signed_in(finance_admin)
    at(3.9)
    assert is_in(client)
    at(7.8)
    assert is_in(client)
    at(11.81)
    assert not is_in(client)


def test_a_page_that_asks_again_by_itself_keeps_no_session_alive_and_leads_to_sign_in(
    finance_admin: User, at: At
) -> None:
    client = signed_in(finance_admin)
    for minutes in range(0, 240, 10):
        at(minutes / 60)
        assert client.get("/invoices/logs/", headers={"HX-Request": "true"}).status_code == 200
        held = client.session
        held["something"] = minutes
        held.save()
    at(4.01)
    answer = client.get("/invoices/logs/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Refresh"], answer.content) == (401, "true", b"")
    assert not is_in(client)


def test_the_idle_time_can_be_set_and_switched_off(finance_admin: User, at: At, settings: Any) -> None:
    settings.SESSION_IDLE_AGE = 0
    client = signed_in(finance_admin)
    at(11.9)
    assert is_in(client)
    at(12.1)
    settings.SESSION_IDLE_AGE = 1800
    client = signed_in(finance_admin)
    at(12.5)
    assert is_in(client)
    at(13.1)
    assert not is_in(client)


def test_a_lower_setting_holds_for_who_is_signed_in_already(finance_admin: User, at: At, settings: Any) -> None:
    client = signed_in(finance_admin)
    at(2)
    settings.SESSION_COOKIE_AGE = 3600
    assert not is_in(client)


def test_a_session_from_before_ends_when_its_row_said(finance_admin: User, at: At) -> None:
    client = signed_in(finance_admin)
    row = Session.objects.get()
    held = SessionStore(row.session_key).load()
    del held["began"]
    Session.objects.update(session_data=SessionStore().encode(held), expire_date=timezone.now() + dt.timedelta(hours=2))
    at(1.9)
    assert client.post("/account/", {"name": "Fiona", "time_zone": "UTC"}).status_code == 302
    at(2.1)
    assert not is_in(client)


def test_pages_write_once_a_minute_at_most(finance_admin: User, at: At) -> None:
    client = signed_in(finance_admin)

    def writes() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert is_in(client)
        return sum("UPDATE" in each["sql"] for each in queries)

    at(0.01)
    assert writes() == 0
    at(0.02)
    assert [writes() for _ in range(5)] == [1, 0, 0, 0, 0]


def test_what_cannot_be_stored_keeps_nobody_from_reading(
    finance_admin: User, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = signed_in(finance_admin)
    at(1)

    def full(*args: Any, **values: Any) -> int:
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(QuerySet, "update", full)
    assert is_in(client)


@pytest.mark.both_databases
def test_the_list_of_places_shows_none_that_has_ended(finance_admin: User, at: At) -> None:
    signed_in(finance_admin)
    at(3)
    client = signed_in(finance_admin)
    assert client.get("/account/places/").context["session_count"] == 2
    at(4.1)
    assert client.get("/account/places/").context["session_count"] == 1
