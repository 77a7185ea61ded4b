"""Passwords: guessing is stopped, strangers learn nothing, and what happened is in the record."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from c3portal.models import AuditEntry, User
from c3portal.testing import BASE_DIR, wait_until
from c3portal.users.sign_in import checks, user_agents
from conftest import _database_url

PASSWORD = "a password of the tests"


def guess(client: Client, email: str, password: str = "a guess", **extra: Any) -> Any:
    return client.post("/accounts/login/", {"login": email, "password": password}, **extra)


def recorded() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("subject", flat=True))


# Guessing


def test_an_account_is_shut_for_a_while_after_five_wrong_guesses_from_anywhere(
    client: Client, finance_admin: User, system_reader: User
) -> None:
    for number in range(5):
        guess(client, finance_admin.email, REMOTE_ADDR=f"192.0.2.{number}")
    answer = guess(client, finance_admin.email, PASSWORD, REMOTE_ADDR="192.0.2.99")
    assert "Too many failed attempts. Wait five minutes" in answer.content.decode()
    assert "_auth_user_id" not in client.session
    assert guess(client, system_reader.email, PASSWORD).status_code == 302


def test_an_address_that_tries_too_much_gets_the_portals_own_page(client: Client, db: None) -> None:
    answers = [guess(client, f"user{number}@contoso.example") for number in range(31)]
    assert [answer.status_code for answer in answers[:30]] == [200] * 30
    assert answers[30].status_code == 429
    assert "Too many attempts" in answers[30].content.decode()
    assert guess(client, "someone@contoso.example", REMOTE_ADDR="192.0.2.1").status_code == 200


GUESS_FIVE_TIMES = """
import django
django.setup()
from django.test import Client
for _ in range(5):
    Client().post("/accounts/login/", {"login": "finance@contoso.example", "password": "a guess"})
"""


@pytest.mark.django_db(transaction=True)
def test_guesses_at_one_process_count_at_every_other(client: Client, finance_admin: User, settings: Any) -> None:
    environment = {
        "DJANGO_SETTINGS_MODULE": "c3portal.tests.settings",
        "TEST_VAR_DIR": str(settings.VAR_DIR),
        "TEST_DATABASE_URL": _database_url(),
    }
    subprocess.run(
        [sys.executable, "-c", GUESS_FIVE_TIMES], cwd=BASE_DIR, env={**os.environ, **environment}, check=True
    )
    answer = guess(client, finance_admin.email, PASSWORD)
    assert "Too many failed attempts" in answer.content.decode()


def test_the_address_counted_is_the_proxys_word_only_where_proxies_are_trusted(
    client: Client, db: None, settings: Any
) -> None:
    def tries(count: int) -> int:
        answers = [
            guess(client, f"user{number}@contoso.example", HTTP_X_FORWARDED_FOR=f"198.51.100.{number}")
            for number in range(count)
        ]
        return sum(answer.status_code == 429 for answer in answers)

    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert tries(32) == 0
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 0
    assert tries(32) == 2


def test_more_proxies_than_there_are_shut_nobody_out_and_are_told_in_the_log(
    client: Client, finance_admin: User, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 2
    for password, status in (("wrong", 200), (PASSWORD, 302)):
        answer = guess(client, finance_admin.email, password, HTTP_X_FORWARDED_FOR="198.51.100.7")
        assert answer.status_code == status
    assert set(AuditEntry.objects.values_list("address", flat=True)) == {"127.0.0.1"}
    assert "TRUSTED_PROXIES is 2, but a request came through fewer" in caplog.text


# Strangers learn nothing


def test_a_wrong_password_and_an_unknown_address_are_answered_alike(
    client: Client, finance_admin: User, system_reader: User
) -> None:
    User.objects.filter(pk=system_reader.pk).update(is_active=False)
    tried = (finance_admin.email, "nobody@contoso.example", system_reader.email)
    pages = [guess(Client(), email).content.decode() for email in tried]
    assert all("The e-mail address or the password is not right." in page for page in pages)
    assert len({_without_tokens(page, email) for page, email in zip(pages, tried, strict=True)}) == 1


def _without_tokens(page: str, email: str) -> str:
    lines = page.replace(email, "…").splitlines()
    return "\n".join(line for line in lines if "csrfmiddlewaretoken" not in line)


def test_asking_for_a_new_password_tells_nobody_who_has_an_account(
    client: Client, finance_admin: User, settings: Any
) -> None:
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
    known = client.post("/accounts/password/reset/", {"email": finance_admin.email}, follow=True)
    unknown = client.post("/accounts/password/reset/", {"email": "nobody@contoso.example"}, follow=True)
    assert known.redirect_chain == unknown.redirect_chain == [("/accounts/password/reset/done/", 302)]
    assert known.content == unknown.content
    wait_until(lambda: bool(mail.outbox), "The mail arrives")
    assert [message.to for message in mail.outbox] == [[finance_admin.email]]


def test_a_link_to_a_new_password_sets_one_and_works_once(client: Client, finance_admin: User, settings: Any) -> None:
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
    client.post("/accounts/password/reset/", {"email": finance_admin.email})
    wait_until(lambda: bool(mail.outbox), "The mail arrives")
    (link,) = re.findall(r"http://localhost:8000(/accounts/password/reset/key/\S+)", str(mail.outbox[0].body))
    form = client.get(link, follow=True)
    new = {"password1": "another password entirely", "password2": "another password entirely"}
    client.post(form.request["PATH_INFO"], new)
    assert guess(Client(), finance_admin.email, "another password entirely").status_code == 302
    assert "This link was used already, or is too old" in client.get(link, follow=True).content.decode()
    assert recorded()[:2] == [f"New password asked for: {finance_admin.email}", "Password set"]
    wait_until(lambda: len(mail.outbox) == 2, "The second mail arrives")
    assert "a new password was set by a link in a mail" in str(mail.outbox[1].body)


def test_mail_that_cannot_leave_is_no_sign_of_an_account_either(
    client: Client, finance_admin: User, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.MAILERS = {
        "default": {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "OPTIONS": {"host": "localhost", "port": 9},
        }
    }
    known = client.post("/accounts/password/reset/", {"email": finance_admin.email}, follow=True)
    unknown = client.post("/accounts/password/reset/", {"email": "nobody@contoso.example"}, follow=True)
    assert known.redirect_chain == unknown.redirect_chain == [("/accounts/password/reset/done/", 302)]
    assert known.content == unknown.content
    wait_until(lambda: "could not be sent" in caplog.text, "The mail was tried")
    assert finance_admin.email not in caplog.text


# One's own account


def test_one_changes_ones_own_name_and_time_zone_and_nothing_else(client: Client, finance_admin: User) -> None:
    guess(client, finance_admin.email, PASSWORD)
    sent = {"name": "Fiona", "time_zone": "Europe/Dublin", "email": "boss@contoso.example", "is_superuser": "1"}
    assert client.post("/account/", sent)["Location"] == "/account/"
    finance_admin.refresh_from_db()
    assert (finance_admin.name, str(finance_admin.zone)) == ("Fiona", "Europe/Dublin")
    assert (finance_admin.email, finance_admin.is_superuser) == ("finance@contoso.example", False)
    entry = AuditEntry.objects.latest("pk")
    assert entry.before == {"Name": "", "Time zone": ""}
    assert entry.after == {"Name": "Fiona", "Time zone": "Europe/Dublin"}
    assert "Select a valid choice" in client.post("/account/", {"time_zone": "Mars"}).content.decode()


def test_a_sign_in_lasts_twelve_hours_and_gets_a_key_of_its_own(client: Client, finance_admin: User) -> None:
    client.get("/accounts/login/")
    before = client.session.session_key
    answer = guess(client, finance_admin.email, PASSWORD)
    cookie = answer.cookies["sessionid"]
    assert cookie["max-age"] == 12 * 3600
    assert cookie.value != before
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


WHAT_IS_TAKEN = "At least 12 characters; not common, not like your name or address."
TWICE = ["New password", "New password, once more"]


@pytest.mark.parametrize(
    ("page", "labels"),
    [
        ("/accounts/login/", ["E-mail address", "Password"]),
        ("/accounts/password/reset/", ["E-mail address"]),
        ("/accounts/again/", ["Password"]),
        ("/account/password/", ["Current password", *TWICE]),
        ("/account/password/set/", TWICE),
    ],
)
def test_every_page_calls_a_password_the_same(
    client: Client, finance_admin: User, settings: Any, page: str, labels: list[str]
) -> None:
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
    if page.startswith("/account/") or "again" in page:
        guess(client, finance_admin.email, PASSWORD)
    if page.endswith("set/"):
        finance_admin.set_unusable_password()
        finance_admin.save()
        client.force_login(finance_admin)
    answer = client.get(page)
    text = answer.content.decode()
    assert re.findall(r"<label[^>]*>(.+?)</label>", text) == labels
    assert "placeholder" not in text[text.index("<main") :]
    assert (WHAT_IS_TAKEN in text) is ("New password" in labels)


def test_two_new_passwords_that_differ_are_refused(client: Client, finance_admin: User) -> None:
    guess(client, finance_admin.email, PASSWORD)
    new = {"oldpassword": "a guess", "password1": "another password entirely", "password2": "another password"}
    page = client.post("/account/password/", new).content.decode()
    assert "The two differ" in page
    assert "That is not your password" in page
    finance_admin.refresh_from_db()
    assert finance_admin.check_password(PASSWORD)


def test_signing_in_says_nothing_and_signing_out_says_so(client: Client, finance_admin: User) -> None:
    guess(client, finance_admin.email, PASSWORD)
    assert not list(client.get("/account/").context["messages"])
    answer = client.post("/accounts/logout/", follow=True)
    assert [str(message) for message in answer.context["messages"]] == ["You are signed out."]


def test_a_new_password_signs_out_every_other_place(client: Client, finance_admin: User) -> None:
    other = Client()
    guess(other, finance_admin.email, PASSWORD)
    guess(client, finance_admin.email, PASSWORD)
    new = {"oldpassword": PASSWORD, "password1": "another password entirely", "password2": "another password entirely"}
    client.post("/account/password/", new)
    assert client.get("/account/").status_code == 200
    assert other.get("/account/").status_code == 302
    assert "Password set" in recorded()


def test_one_sees_where_one_is_signed_in_and_signs_out_the_others(client: Client, finance_admin: User) -> None:
    other = Client()
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    guess(other, finance_admin.email, PASSWORD, HTTP_USER_AGENT=firefox, REMOTE_ADDR="192.0.2.7")
    guess(client, finance_admin.email, PASSWORD)
    page = client.get("/account/places/").content.decode()
    assert "Firefox on Linux" in page
    assert "192.0.2.7" in page
    client.post("/account/places/")
    assert other.get("/account/").status_code == 302
    assert client.get("/account/").status_code == 200
    assert recorded()[-1] == "Signed out everywhere else"


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140 Safari/537.36 Edg/140",
            "Edge on Windows",
        ),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605 Version/18 Safari/605", "Safari on macOS"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18 Safari/604", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.5", "Another program"),
    ],
)
def test_a_browser_is_named_as_its_owner_knows_it(user_agent: str, words: str) -> None:
    assert user_agents.in_words(user_agent) == words


# The record


def test_sign_in_sign_out_and_failures_are_in_the_record_without_strangers_addresses(
    client: Client, finance_admin: User
) -> None:
    guess(client, "private@fabrikam.example")
    guess(client, finance_admin.email)
    guess(client, finance_admin.email, PASSWORD, REMOTE_ADDR="192.0.2.7")
    client.post("/accounts/logout/")
    assert recorded() == [
        "Sign-in failed: an unknown address",
        "Sign-in failed: finance@contoso.example",
        "Signed in",
        "Signed out",
    ]
    entry = AuditEntry.objects.get(subject="Signed in")
    assert (entry.actor, entry.address) == (finance_admin.email, "192.0.2.7")
    kept = str(list(AuditEntry.objects.values()))
    assert "private@" not in kept
    assert PASSWORD not in kept
    assert "a guess" not in kept


def test_pages_that_lead_nowhere_are_not_there(client_for: Callable[[User], Client], finance_admin: User) -> None:
    client = client_for(finance_admin)
    for path in ("signup/", "email/", "confirm-email/", "login/code/", "3rdparty/", "social/signup/", "2fa/", ""):
        assert client.get(f"/accounts/{path}").status_code == 404, path


# The settings


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [(["System Admin"], []), (["all"], []), (["none"], []), (["Admin", "System Reader"], ["c3portal.E020"])],
)
def test_a_misspelt_role_is_told_at_start(settings: Any, wanted: list[str], expected: list[str]) -> None:
    settings.MFA_REQUIRED_FOR = wanted
    assert [each.id for each in checks.required_factors()] == expected


@pytest.mark.parametrize(
    ("issuer", "expected"),
    [
        ("https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0", []),
        ("https://login.microsoftonline.com/common/v2.0", ["c3portal.E024"]),
        ("https://login.microsoftonline.com/Organizations/v2.0", ["c3portal.E024"]),
        ("https://login.microsoftonline.com/consumers/v2.0", ["c3portal.E024"]),
        ("http://login.contoso.example", ["c3portal.E023"]),
        ("login.contoso.example", ["c3portal.E023"]),
    ],
)
def test_only_one_organisations_provider_is_taken(settings: Any, issuer: str, expected: list[str]) -> None:
    from c3portal.settings import openid_provider

    settings.OIDC_ISSUER = issuer
    settings.SOCIALACCOUNT_PROVIDERS = openid_provider(issuer, "the-portal", "its-secret", "Microsoft")
    assert [each.id for each in checks.company_sign_in()] == expected


def test_a_half_set_up_provider_and_passwords_off_without_one_are_told_at_start(settings: Any) -> None:
    from c3portal.settings import openid_provider

    settings.PASSWORD_SIGN_IN = False
    assert [each.id for each in checks.company_sign_in()] == ["c3portal.E021"]
    settings.OIDC_ISSUER = "https://login.contoso.example"
    settings.SOCIALACCOUNT_PROVIDERS = openid_provider(settings.OIDC_ISSUER, "the-portal", "", "Microsoft")
    (error,) = checks.company_sign_in()
    assert (error.id, error.msg) == ("c3portal.E022", "OIDC_ISSUER is set, OIDC_CLIENT_SECRET not.")
