"""Nobody keeps somebody else out: who comes from where they always come from has a count of their own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from c3portal.models import User
from c3portal.testing import wait_until
from c3portal.users.sign_in.tests.test_mfa import add_app, code_of
from c3portal.users.sign_in.tests.test_sign_in import PASSWORD, guess

HOME, OFFICE, ABROAD = "192.0.2.1", "192.0.2.2", "198.51.100.7"
STRANGERS = [f"203.0.113.{number}" for number in range(1, 60)]
NEW_PASSWORD = "another password entirely"
TOO_MANY = "Too many failed attempts"
RESET = "/accounts/password/reset/"


@pytest.fixture(autouse=True)
def counts(db: None, settings: Any) -> Iterator[None]:
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
    cache.clear()
    yield
    cache.clear()


def browser_of(user: User, address: str = HOME) -> Client:
    """Return a browser in which `user` signed in from `address`, and out again."""
    client = Client(REMOTE_ADDR=address)
    assert guess(client, user.email, PASSWORD).status_code == 302
    client.post("/accounts/logout/")
    return client


def strangers_shut(user: User) -> None:
    """Guess from everywhere until no stranger may guess any more."""
    answers = [guess(Client(REMOTE_ADDR=each), user.email).content.decode() for each in STRANGERS[:6]]
    assert [TOO_MANY in each for each in answers] == [False] * 5 + [True]


def may_sign_in(client: Client, user: User, password: str = PASSWORD) -> bool:
    answer = guess(client, user.email, password)
    assert answer.status_code == 302 or TOO_MANY in answer.content.decode()
    return bool(answer.status_code == 302)


@pytest.mark.both_databases
def test_strangers_guesses_keep_the_owner_out_of_no_browser_and_network_of_theirs(finance_admin: User) -> None:
    client = browser_of(finance_admin)
    strangers_shut(finance_admin)
    client.defaults["REMOTE_ADDR"] = ABROAD
    assert may_sign_in(client, finance_admin)
    assert may_sign_in(Client(REMOTE_ADDR=HOME), finance_admin)
    assert not may_sign_in(Client(REMOTE_ADDR=OFFICE), finance_admin)


def test_guesses_in_a_familiar_browser_stop_too(finance_admin: User) -> None:
    client = browser_of(finance_admin)
    answers = [guess(client, finance_admin.email).content.decode() for _ in range(6)]
    assert [TOO_MANY in each for each in answers] == [False] * 5 + [True]
    assert may_sign_in(Client(REMOTE_ADDR=OFFICE), finance_admin)


def test_guesses_from_a_familiar_network_stop_too_and_leave_its_familiar_browser_alone(finance_admin: User) -> None:
    client = browser_of(finance_admin)
    answers = [guess(Client(REMOTE_ADDR=HOME), finance_admin.email).content.decode() for _ in range(6)]
    assert [TOO_MANY in each for each in answers] == [False] * 5 + [True]
    assert may_sign_in(client, finance_admin)


def test_a_browser_is_familiar_to_its_own_account_alone(finance_admin: User, system_reader: User) -> None:
    client = browser_of(system_reader)
    strangers_shut(finance_admin)
    assert not may_sign_in(client, finance_admin)


def test_several_people_of_one_browser_are_all_familiar_to_it(finance_admin: User, system_reader: User) -> None:
    client = browser_of(system_reader)
    guess(client, finance_admin.email, PASSWORD)
    client.post("/accounts/logout/")
    client.defaults["REMOTE_ADDR"] = ABROAD
    for user in (finance_admin, system_reader):
        strangers_shut(user)
        assert may_sign_in(client, user)
        client.post("/accounts/logout/")
        cache.clear()


@pytest.mark.parametrize("change", ["password", "forged", "elsewhere signed"])
def test_what_is_no_longer_or_never_was_familiar_counts_with_strangers(finance_admin: User, change: str) -> None:
    client = browser_of(finance_admin)
    if change == "password":
        finance_admin.set_password(PASSWORD)
        finance_admin.save()
    elif change == "forged":
        client.cookies["familiar"] = client.cookies["familiar"].value[:-3] + "abc"
    else:
        client.cookies["familiar"] = client.cookies["sessionid"].value
    client.defaults["REMOTE_ADDR"] = HOME if change == "password" else ABROAD
    strangers_shut(finance_admin)
    assert not may_sign_in(client, finance_admin)


def test_many_guesses_from_the_owners_own_address_leave_the_familiar_browser_in(finance_admin: User) -> None:
    client = browser_of(finance_admin)
    answers = [guess(Client(REMOTE_ADDR=HOME), f"nobody{number}@contoso.example") for number in range(32)]
    assert answers[-1].status_code == 429
    assert may_sign_in(client, finance_admin)
    client.post("/accounts/logout/")
    answers = [guess(client, f"nobody{number}@contoso.example") for number in range(32)]
    assert answers[-1].status_code == 429


def test_strangers_guesses_keep_nobody_from_showing_once_more_who_they_are(finance_admin: User) -> None:
    client = Client(REMOTE_ADDR=HOME)
    guess(client, finance_admin.email, PASSWORD)
    del client.cookies["familiar"]
    client.defaults["REMOTE_ADDR"] = ABROAD
    strangers_shut(finance_admin)
    assert client.post("/accounts/again/", {"password": PASSWORD}).status_code == 302


def test_who_has_the_password_alone_keeps_the_owner_from_no_code(finance_admin: User) -> None:
    client = Client(REMOTE_ADDR=HOME)
    guess(client, finance_admin.email, PASSWORD)
    secret = add_app(client)
    client.post("/accounts/logout/")
    for number, address in enumerate(STRANGERS[:6]):
        thief = Client(REMOTE_ADDR=address)
        guess(thief, finance_admin.email, PASSWORD)
        page = thief.post("/accounts/login/second-factor/", {"code": "000000"}).content.decode()
        assert (TOO_MANY in page) is (number == 5)
    guess(client, finance_admin.email, PASSWORD)
    assert client.post("/accounts/login/second-factor/", {"code": code_of(secret)}).status_code == 302


# New passwords


def ask(client: Client, email: str) -> int:
    return int(client.post(RESET, {"email": email}).status_code)


@pytest.mark.both_databases
def test_strangers_use_up_nobodys_hour_of_reset_requests(finance_admin: User) -> None:
    client = browser_of(finance_admin)
    assert [ask(Client(REMOTE_ADDR=each), finance_admin.email) for each in STRANGERS[:6]] == [302] * 5 + [429]
    client.defaults["REMOTE_ADDR"] = ABROAD
    assert [ask(client, finance_admin.email) for _ in range(6)] == [302] * 5 + [429]
    assert [ask(Client(REMOTE_ADDR=HOME), finance_admin.email) for _ in range(6)] == [302] * 5 + [429]
    wait_until(lambda: len(mail.outbox) == 15, "Every mail arrives")


def test_an_address_that_nobody_has_is_answered_alike(finance_admin: User, system_reader: User) -> None:
    User.objects.filter(pk=system_reader.pk).update(is_active=False)
    for email in (finance_admin.email, system_reader.email, "nobody@contoso.example"):
        assert [ask(Client(REMOTE_ADDR=each), email) for each in STRANGERS[:6]] == [302] * 5 + [429]
        cache.clear()


def test_a_new_password_by_link_makes_the_browser_familiar(finance_admin: User) -> None:
    client = Client(REMOTE_ADDR=ABROAD)
    ask(client, finance_admin.email)
    wait_until(lambda: bool(mail.outbox), "The mail arrives")
    (link,) = [word for word in str(mail.outbox[0].body).split() if "/reset/key/" in word]
    form = client.get(link.removeprefix("http://localhost:8000"), follow=True).request["PATH_INFO"]
    client.post(form, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    strangers_shut(finance_admin)
    assert may_sign_in(client, finance_admin, NEW_PASSWORD)


def test_ones_own_new_password_keeps_the_browser_familiar(finance_admin: User) -> None:
    client = Client(REMOTE_ADDR=ABROAD)
    guess(client, finance_admin.email, PASSWORD)
    new = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    client.post("/account/password/", new)
    client.post("/accounts/logout/")
    strangers_shut(finance_admin)
    assert may_sign_in(client, finance_admin, NEW_PASSWORD)


# The cookie


def test_the_cookie_is_of_use_to_no_script_and_lasts_half_a_year(
    finance_admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser_of(finance_admin)
    cookie = client.cookies["familiar"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 180 * 24 * 3600)
    assert finance_admin.email not in cookie.value
    old = Client(REMOTE_ADDR=ABROAD)
    old.cookies["familiar"] = cookie.value
    later = timezone.now() + dt.timedelta(days=181)
    monkeypatch.setattr("django.core.signing.time.time", later.timestamp)
    strangers_shut(finance_admin)
    assert not may_sign_in(old, finance_admin)
