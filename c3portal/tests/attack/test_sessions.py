"""Forged cookies, sessions chosen by somebody else, and forms sent from other sites: none of them acts for anyone."""

from __future__ import annotations

import base64
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core import signing
from django.db import transaction
from django.test import Client
from django.urls import reverse

from c3portal.http.tests.test_permissions import ROWS, path_of
from c3portal.models import User, roles
from c3portal.tests.attack.conftest import writes

pytestmark = pytest.mark.attack
ClientOf = Callable[..., Client]
SESSION, CSRF = django_settings.SESSION_COOKIE_NAME, django_settings.CSRF_COOKIE_NAME
PASSWORD = "a password of the tests"
HOME = "http://testserver"

# Headers and fields of a form that another site sends, or a visitor who has no token of this browser's.
FORGED: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "no token": ({}, {}),
    "an empty token": ({}, {"csrfmiddlewaretoken": ""}),
    "a token that is none": ({}, {"csrfmiddlewaretoken": "a"}),
    "a token of nobody's": ({}, {"csrfmiddlewaretoken": "a" * 64}),
    "a token of another length": ({}, {"csrfmiddlewaretoken": "\u00e9" * 32}),
    "another site's address": ({"Origin": "https://evil.example"}, {"csrfmiddlewaretoken": "a" * 32}),
    "no site's address": ({"Origin": "null"}, {"csrfmiddlewaretoken": "a" * 32}),
    "a site below ours": ({"Origin": "http://evil.testserver"}, {}),
    "a site that begins as ours": ({"Origin": "http://testserver.evil.example"}, {}),
    "a user before ours": ({"Origin": "http://testserver@evil.example"}, {}),
    "ours without a token": ({"Origin": HOME, "Referer": f"{HOME}/"}, {}),
    "a header without a token": ({"X-CSRFToken": "a" * 64, "X-Requested-With": "XMLHttpRequest"}, {}),
    "a method in a header": ({"X-HTTP-Method-Override": "GET"}, {}),
}


# Read before any session, and refused by their signature.
SIGNED = {"xero_webhook"}


@pytest.mark.parametrize("how", FORGED)
def test_no_form_from_elsewhere_does_anything(
    open_for_attack: list[int], things: dict[str, Any], client_of: ClientOf, how: str
) -> None:
    headers, fields = FORGED[how]
    wrong = []
    for row in ROWS:
        client = client_of(roles.SYSTEM_ADMIN, csrf=True)
        client.cookies[CSRF] = "b" * 32
        with transaction.atomic(), writes() as written:
            answer = client.post(path_of(row, things, roles.SYSTEM_ADMIN), fields, headers=headers)
            transaction.set_rollback(True)
        refused = (401, 405) if row.name in SIGNED else (403, 405)
        if answer.status_code not in refused or written:
            wrong.append(f"{row.name}: {answer.status_code}, wrote {written}")
    assert not wrong, "\n".join(wrong)
    assert open_for_attack == []


@pytest.mark.parametrize(
    "referer", ["https://evil.example/", "", "https://testserver.evil.example/", "http://testserver/"]
)
def test_at_https_a_form_comes_from_a_page_of_ours(
    open_for_attack: list[int], things: dict[str, Any], client_of: ClientOf, referer: str
) -> None:
    """The token is right here: someone planted cookie and field alike."""
    for row in ROWS:
        if not row.post:
            continue
        client = client_of(roles.SYSTEM_ADMIN, csrf=True)
        client.cookies[CSRF] = "b" * 32
        headers = {"Referer": referer} if referer else {}
        path, planted = path_of(row, things, roles.SYSTEM_ADMIN), {"csrfmiddlewaretoken": "b" * 32}
        answer = client.post(path, planted, secure=True, headers=headers)
        assert answer.status_code == (401 if row.name in SIGNED else 403), row.name


def test_another_browsers_token_opens_no_form(system_admin: User, finance_admin: User) -> None:
    tokens = {}
    for user in (system_admin, finance_admin):
        client = Client(enforce_csrf_checks=True)
        client.force_login(user)
        page = client.get(reverse("own_account"))
        tokens[user] = (client, str(page.context["csrf_token"]))
    client = tokens[finance_admin][0]
    answer = client.post(reverse("own_account"), {"name": "x", "csrfmiddlewaretoken": tokens[system_admin][1]})
    assert answer.status_code == 403


# Sessions


def whoever(client: Client) -> int:
    """Return the status of a page that only signed-in people see."""
    return client.get(reverse("own_account")).status_code


@pytest.mark.both_databases
@pytest.mark.parametrize("key", ["attack" * 6, "a" * 32, "", "../../etc/passwd", "\u00e9" * 32, "a" * 4000, "a;b=c"])
def test_a_session_that_a_stranger_chose_is_never_the_one_that_is_signed_in(finance_admin: User, key: str) -> None:
    client = Client()
    client.cookies[SESSION] = key
    client.get(reverse("account_login"))
    client.post(reverse("account_login"), {"login": finance_admin.email, "password": PASSWORD})
    assert client.cookies[SESSION].value not in (key, "")
    assert whoever(client) == 200
    stranger = Client()
    stranger.cookies[SESSION] = key
    assert whoever(stranger) == 302


@pytest.mark.both_databases
def test_signing_in_leaves_the_session_from_before_signed_out(finance_admin: User) -> None:
    client = Client()
    session = client.session
    session["attack"] = "planted"
    session.save()
    planted = session.session_key
    client.cookies[SESSION] = planted
    client.post(reverse("account_login"), {"login": finance_admin.email, "password": PASSWORD})
    assert client.cookies[SESSION].value != planted
    stranger = Client()
    stranger.cookies[SESSION] = planted
    assert whoever(stranger) == 302


@pytest.mark.both_databases
def test_signing_in_as_another_keeps_nothing_of_the_first(system_admin: User, finance_admin: User) -> None:
    client = Client()
    client.force_login(system_admin)
    before = client.cookies[SESSION].value
    client.post(reverse("account_logout"))
    client.post(reverse("account_login"), {"login": finance_admin.email, "password": PASSWORD})
    assert client.cookies[SESSION].value != before
    assert client.get(reverse("users")).status_code == 403
    stolen = Client()
    stolen.cookies[SESSION] = before
    assert whoever(stolen) == 302


FORGERIES: dict[str, Callable[[User], str]] = {
    "a user's id": lambda user: str(user.pk),
    "JSON": lambda user: json.dumps({"_auth_user_id": str(user.pk)}),
    "signed with no key": lambda user: signing.dumps(
        {"_auth_user_id": str(user.pk)}, key="", salt="django.contrib.sessions.backends.signed_cookies"
    ),
    "signed with the key, but for something else": lambda user: signing.dumps({"_auth_user_id": str(user.pk)}),
    "a pickle": lambda user: base64.b64encode(pickle.dumps({"_auth_user_id": str(user.pk)})).decode(),
    "a token without a signature": lambda user: "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
    "a lookup": lambda user: "__all__",
    "SQL": lambda user: "' OR 1=1 --",
}


@pytest.mark.both_databases
@pytest.mark.parametrize("how", FORGERIES)
@pytest.mark.parametrize("cookie", [SESSION, CSRF, "messages", "sessionid", "remember"])
def test_no_cookie_that_was_made_up_opens_anything(system_admin: User, how: str, cookie: str) -> None:
    client = Client(raise_request_exception=False)
    client.cookies[cookie] = FORGERIES[how](system_admin)
    for name in ("own_account", "home", "users", "account_login"):
        answer = client.get(reverse(name))
        assert answer.status_code == (200 if name == "account_login" else 302), name


@pytest.mark.both_databases
def test_what_a_session_holds_cannot_be_read_or_written_without_the_keys(
    admin: Client, finance: Client, settings: Any
) -> None:
    """Who can write to the table, but has no keys, cannot make a session, nor one of another's into their own."""
    from django.contrib.sessions.models import Session

    rows = {
        key: Session.objects.get(pk=client.cookies[SESSION].value)
        for key, client in (("admin", admin), ("finance", finance))
    }
    assert "_auth_user_id" not in rows["admin"].session_data
    plain = base64.b64encode(b'{"_auth_user_id": "1", "_auth_user_backend": "x"}').decode()
    for data in (plain, signing.dumps({"_auth_user_id": "1"}, key="another key"), rows["admin"].session_data[:-4], ""):
        Session.objects.filter(pk=rows["finance"].pk).update(session_data=data)
        assert whoever(finance) == 302, data
