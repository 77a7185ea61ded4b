"""The second factor: set up, asked for, required, and kept so that a stolen database is no use."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.test import Client

from c3portal.models import AuditEntry, User
from c3portal.users.sign_in.tests.test_sign_in import PASSWORD, recorded


def sign_in(client: Client, user: User, **to: Any) -> Any:
    return client.post("/accounts/login/", {"login": user.email, "password": PASSWORD}, **to)


def code_of(secret: str, at: float | None = None) -> str:
    counter = int(at or time.time()) // 30
    return totp.format_hotp_value(totp.hotp_value(secret, counter))


def add_app(client: Client) -> str:
    """Add an authenticator app to who is signed in; return its secret."""
    page = client.get("/account/second-factor/app/add/").content.decode()
    (secret,) = re.findall(r'<code id="secret">(\w+)</code>', page)
    answer = client.post("/account/second-factor/app/add/", {"code": code_of(secret)})
    assert answer["Location"] == "/account/second-factor/codes/"
    return secret


def recovery_codes(client: Client) -> list[str]:
    return re.findall(r"<li><code>(\d{8})</code></li>", client.get("/account/second-factor/codes/").content.decode())


def test_a_code_of_the_app_is_asked_for_after_the_password_and_works_once(client: Client, finance_admin: User) -> None:
    sign_in(client, finance_admin)
    secret = add_app(client)
    client.post("/accounts/logout/")

    answer = sign_in(client, finance_admin)
    assert answer["Location"] == "/accounts/login/second-factor/"
    assert client.get("/account/").status_code == 302
    wrong = client.post("/accounts/login/second-factor/", {"code": "000000"})
    assert "That is not right" in wrong.content.decode()
    code = code_of(secret)
    assert client.post("/accounts/login/second-factor/", {"code": code})["Location"] == "/"
    assert client.get("/account/").status_code == 200

    other = Client()
    sign_in(other, finance_admin)
    assert "was used already" in other.post("/accounts/login/second-factor/", {"code": code}).content.decode()
    assert recorded()[:5] == [
        "Signed in",
        "Authenticator app added",
        "Signed out",
        f"Sign-in failed: {finance_admin.email}",
        "Signed in",
    ]
    newest = AuditEntry.objects.filter(subject="Signed in").latest("pk")
    assert newest.after == {"With": ["password", "authenticator app"]}


def test_recovery_codes_are_shown_once_with_a_file_and_each_works_once(client: Client, finance_admin: User) -> None:
    sign_in(client, finance_admin)
    add_app(client)
    page = client.get("/account/second-factor/codes/")
    codes = re.findall(r"<li><code>(\d{8})</code></li>", page.content.decode())
    assert len(codes) == 10
    assert 'download="c3-portal-recovery-codes.txt"' in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert codes[0] not in client.get("/account/second-factor/codes/").content.decode()
    client.post("/accounts/logout/")

    for expected in ("/", None):
        sign_in(client, finance_admin)
        answer = client.post("/accounts/login/second-factor/", {"code": codes[0]})
        assert answer.get("Location") == expected
        client.post("/accounts/logout/")


def test_new_recovery_codes_end_the_old_ones(client: Client, finance_admin: User) -> None:
    sign_in(client, finance_admin)
    add_app(client)
    old = recovery_codes(client)
    client.post("/account/second-factor/codes/new/")
    new = recovery_codes(client)
    assert len(new) == 10
    assert not set(old) & set(new)


def test_the_database_holds_no_secret_of_a_second_factor_in_clear(client: Client, finance_admin: User) -> None:
    sign_in(client, finance_admin)
    secret = add_app(client)
    kept = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in kept
    assert kept.count("gAAAA") == 2
    assert secret not in str(dict(client.session))


# Required


@pytest.fixture
def required(settings: Any) -> None:
    settings.MFA_REQUIRED_FOR = ["System Admin"]


def test_a_system_admin_without_one_gets_to_the_set_up_page_and_nowhere_else(
    client: Client, system_admin: User, required: None
) -> None:
    answer = sign_in(client, system_admin, follow=True)
    assert answer.request["PATH_INFO"] == "/account/second-factor/"
    assert "Set up one to continue" in answer.content.decode()
    for path in ("/", "/settings/general/", "/account/", "/account/password/", "/analyze/business/invoices/"):
        assert client.get(path)["Location"] == "/account/second-factor/"
    assert client.post("/invoices/upload/")["Location"] == "/account/second-factor/"
    assert client.get("/health/live").status_code == 200
    assert client.get("/account/second-factor/app/add/").status_code == 200
    assert client.get("/account/second-factor/passkeys/add/").status_code == 200
    assert client.post("/accounts/logout/")["Location"] == "/accounts/login/"


def test_with_one_set_up_the_system_admin_goes_on_and_without_it_comes_back(
    client: Client, system_admin: User, required: None
) -> None:
    sign_in(client, system_admin)
    add_app(client)
    assert client.get("/settings/general/").status_code == 200
    assert client.post("/account/second-factor/app/remove/")["Location"] == "/account/second-factor/"
    assert client.get("/settings/general/")["Location"] == "/account/second-factor/"
    assert not Authenticator.objects.exists()
    assert "Authenticator app removed" in recorded()


@pytest.mark.parametrize(
    ("wanted", "led"), [(["System Admin"], False), (["all"], True), (["none"], False), (["Finance Admin"], True)]
)
def test_the_setting_says_who_needs_one(
    client: Client, finance_admin: User, settings: Any, wanted: list[str], led: bool
) -> None:
    settings.MFA_REQUIRED_FOR = wanted
    sign_in(client, finance_admin)
    assert (client.get("/account/").status_code == 302) is led


def test_changing_factors_asks_once_more_who_it_is(client_for: Callable[[User], Client], system_admin: User) -> None:
    client = client_for(system_admin)
    answer = client.get("/account/second-factor/app/add/")
    assert answer["Location"].startswith("/accounts/again/?next=")
    assert "Confirm it's you" in client.get(answer["Location"]).content.decode()
    answer = client.post(answer["Location"], {"password": PASSWORD})
    assert answer["Location"] == "/account/second-factor/app/add/"
    assert client.get("/account/second-factor/app/add/").status_code == 200


def test_guessing_codes_is_stopped(client: Client, finance_admin: User) -> None:
    sign_in(client, finance_admin)
    secret = add_app(client)
    client.post("/accounts/logout/")
    sign_in(client, finance_admin)
    for _ in range(5):
        client.post("/accounts/login/second-factor/", {"code": "000000"})
    answer = client.post("/accounts/login/second-factor/", {"code": code_of(secret)})
    assert "Too many failed attempts" in answer.content.decode()
