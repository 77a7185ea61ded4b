"""What strangers send to the pages of sign-in: odd JSON, odd types, odd encodings; and what they learn by it."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from c3portal.http.tests.test_permissions import credential
from c3portal.models import AuditEntry, User
from c3portal.tests.addresses import paths
from c3portal.users.sign_in.account_adapter import AccountAdapter
from c3portal.users.sign_in.tests.test_mfa import add_app
from c3portal.users.sign_in.tests.test_sign_in import PASSWORD, guess, recorded

pytestmark = [pytest.mark.attack, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def no_limits(settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = settings.MFA_RATE_LIMITS = False
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def answer(**changes: Any) -> dict[str, Any]:
    """Return the shape of a passkey's answer; `changes` are made to its `response`."""
    client_data = {"type": "webauthn.get", "challenge": "AAAA", "origin": "http://localhost:8000"}
    held = {
        "clientDataJSON": encoded(json.dumps(client_data).encode()),
        "authenticatorData": encoded(bytes(37)),
        "signature": "AAAA",
        "userHandle": encoded(b"1"),
    }
    return {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {**held, **changes}}


ODD_VALUES: list[Any] = [None, 0, 1.5, True, "", "\ud800", "x" * 5, [], {}, [[]], {"a": 1}, encoded(b"\xff\xfe")]
ODD_JSON = [
    "",
    "null",
    "true",
    "[]",
    "{}",
    '""',
    "0",
    "NaN",
    "1e999999",
    "-Infinity",
    "1" * 5000,
    "[" * 9000,
    '{"response":' * 1500,
    '"\\ud800"',
    '{"response": null}',
    '{"response": []}',
    '{"id": "\\ud800", "rawId": "\\u0000", "response": {}}',
    "{" * 30_000,
    *(json.dumps({**answer(), name: odd}) for name in ("id", "rawId", "type", "response") for odd in ODD_VALUES),
    *(
        json.dumps(answer(**{name: odd}))
        for name in ("clientDataJSON", "authenticatorData", "signature", "userHandle", "attestationObject")
        for odd in ODD_VALUES
    ),
    *(json.dumps({**answer(), "clientExtensionResults": odd}) for odd in ODD_VALUES),
    *(json.dumps(answer(userHandle=encoded(odd))) for odd in (b"\x00", b"zzzzzzzzzzzzzzzzzzzzzzzz", b"-1", b"9" * 99)),
    *(json.dumps(answer(authenticatorData=encoded(odd))) for odd in (b"", b"\xff" * 37, b"\xff" * 55, b"\xff" * 300)),
    *(json.dumps(answer(clientDataJSON=encoded(odd))) for odd in (b"", b"[]", b"{}", b"null", b"\xff", b"[" * 9000)),
]


@pytest.mark.parametrize("name", ["mfa_login_webauthn", "mfa_authenticate", "mfa_reauthenticate_webauthn"])
def test_no_answer_of_a_passkey_is_too_odd(finance_admin: User, name: str) -> None:
    client = Client(raise_request_exception=False)
    guess(client, finance_admin.email, PASSWORD)
    add_app(client)
    if name != "mfa_reauthenticate_webauthn":
        client.post(reverse("account_logout"))
        client.get(reverse("mfa_login_webauthn"), headers={"Accept": "application/json"})
    if name == "mfa_authenticate":
        guess(client, finance_admin.email, PASSWORD)
    odd = [each for each in ODD_JSON if client.post(reverse(name), {"credential": each}).status_code >= 500]
    assert odd == []


def test_no_new_passkey_is_too_odd(finance_admin: User) -> None:
    client = Client(raise_request_exception=False)
    guess(client, finance_admin.email, PASSWORD)
    page = reverse("mfa_add_webauthn")
    odd = [each for each in ODD_JSON if client.post(page, {"credential": each, "name": "x"}).status_code >= 500]
    assert odd == []


ODD_BODIES = [
    ("application/json", b"{"),
    ("application/json", b"[" * 5000),
    ("application/json", b'{"login": {"a": 1}, "email": [1]}'),
    ("application/x-www-form-urlencoded; charset=rot13", b"login=a&email=b"),
    ("application/x-www-form-urlencoded; charset=base64", b"login=a&email=b"),
    ("application/x-www-form-urlencoded; charset=utf-16", b"login=a&email=b"),
    ("application/x-www-form-urlencoded; charset=\xff", b"login=a"),
    ("application/x-www-form-urlencoded", b"login=%ed%a0%80&password=%ff%fe&email=%ed%a0%80@b.example&credential=%ff"),
    ("application/x-www-form-urlencoded", "email=a@\u0130\u00df.example&login=\u202e@x.example&password=x".encode()),
    ("application/x-www-form-urlencoded", b"email=" + b"a" * 5000 + b"@b.example&password=" + b"x" * 5000),
    ("application/x-www-form-urlencoded", b"login=a@b.example&login=c@d.example&password=x&password=y&next=//x&next=y"),
    ("multipart/form-data", b"no boundary"),
    ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=\xff\r\n\r\n\xff\r\n--x--"),
    (
        "multipart/form-data; boundary=x; charset=rot13",
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--',
    ),
    ("", b"login=a"),
    ("/", b"\x00"),
]
ODD_QUERIES = [
    "",
    "next=%00",
    "next=%ff%fe",
    "next=[&state=%ed%a0%80",
    "code=x&state=%ff",
    "error=%ed%a0%80&code=",
    "next=http://[",
]


def sign_in_paths() -> list[str]:
    """Return a path of each address below /accounts/."""
    found = paths(provider_id="company", uidb36="z" * 20, key="a-b").values()
    return [path for path in found if path.startswith("/accounts/")]


def test_no_page_of_sign_in_fails_at_what_strangers_send(finance_admin: User) -> None:
    client = Client(raise_request_exception=False)
    found = sign_in_paths()
    assert {"/accounts/login/passkey/", "/accounts/password/reset/", "/accounts/oidc/company/login/"} <= set(found)
    for path in found:
        for query in ODD_QUERIES:
            for headers in ({}, {"Accept": "application/json"}):
                status = client.get(
                    f"{path}?{query.encode('utf-8', 'surrogatepass').decode('latin-1')}", headers=headers
                )
                assert status.status_code < 500, (path, query, headers)
        for content_type, body in ODD_BODIES:
            page = client.generic("POST", path, body, content_type=content_type)
            assert page.status_code < 500, (path, content_type, body[:60])


# A script learns no more than a browser


@pytest.mark.parametrize("headers", [{"X-Requested-With": "XMLHttpRequest"}, {"Accept": "application/json"}])
def test_no_answer_holds_the_password_that_was_typed(finance_admin: User, headers: dict[str, str]) -> None:
    for password in ("a wrong password", PASSWORD):
        answer = guess(Client(headers=headers), finance_admin.email, password)
        assert password not in answer.content.decode()
        assert "json" not in answer["Content-Type"]
    client = Client(headers=headers)
    guess(client, finance_admin.email, PASSWORD)
    typed = {"oldpassword": "a wrong password", "password1": "another one entirely", "password2": "yet another one"}
    page = client.post("/account/password/", typed).content.decode()
    assert not [each for each in typed.values() if each in page]


def test_an_answer_of_the_consent_page_goes_into_no_address(db: None) -> None:
    location = Client().get("/?code=a-secret-code&state=x")["Location"]
    assert parse_qs(urlsplit(location).query) == {"next": ["/"]}
    assert "next=/contacts/%3Fq%3Dx" in Client().get("/contacts/?q=x")["Location"]


# Asked once more, and asking for a new password: in the record, and no more than so often


def test_who_does_not_confirm_who_it_is_is_in_the_record(finance_admin: User) -> None:
    client = Client()
    guess(client, finance_admin.email, PASSWORD)
    add_app(client)
    client.post("/accounts/again/", {"password": "a guess"})
    client.post("/accounts/again/second-factor/", {"code": "000000"})
    client.post("/account/password/", {"oldpassword": "a guess", "password1": "x", "password2": "x"})
    entries = AuditEntry.objects.filter(subject=f"Did not confirm who it is: {finance_admin.email}").order_by("pk")
    assert [each.after["With"] for each in entries] == ["password", "authenticator app", "password"]
    assert {each.actor for each in entries} == {finance_admin.email}
    assert "a guess" not in str(list(AuditEntry.objects.values()))


def test_a_wrong_passkey_is_in_the_record(finance_admin: User) -> None:
    client = Client()
    guess(client, finance_admin.email, PASSWORD)
    add_app(client)
    wrong = {"credential": json.dumps(answer())}
    Authenticator.objects.create(
        user=finance_admin, type="webauthn", data={"name": "Passkey", "credential": credential()}
    )
    client.post(reverse("mfa_reauthenticate_webauthn"), wrong)
    client.post(reverse("account_logout"))
    guess(client, finance_admin.email, PASSWORD)
    client.post(reverse("mfa_authenticate"), wrong)
    failures = [each for each in AuditEntry.objects.order_by("pk") if each.after == {"With": "passkey"}]
    assert [each.subject for each in failures] == [
        f"Did not confirm who it is: {finance_admin.email}",
        f"Sign-in failed: {finance_admin.email}",
    ]


def test_who_is_asked_for_a_new_password_is_in_the_record_and_no_strangers_address(finance_admin: User) -> None:
    for email in (finance_admin.email, "private@fabrikam.example"):
        Client().post("/accounts/password/reset/", {"email": email})
    assert recorded() == [
        f"New password asked for: {finance_admin.email}",
        "New password asked for: an unknown address",
    ]


@pytest.mark.both_databases
def test_nobody_fills_the_record(finance_admin: User) -> None:
    for number in range(25):
        Client().post("/accounts/password/reset/", {"email": f"user{number}@contoso.example"})
    assert len(recorded()) == 20
    for number in range(110):
        elsewhere = Client(REMOTE_ADDR=f"192.0.2.{number}")
        elsewhere.post("/accounts/password/reset/", {"email": finance_admin.email})
    assert len(recorded()) == 100


def test_a_request_for_a_new_password_is_the_same_work_for_an_address_that_nobody_has(
    finance_admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    render = AccountAdapter.render_mail

    def count(self: AccountAdapter, template: str, email: str, context: dict[str, Any]) -> Any:
        written.append(template)
        return render(self, template, email, context)

    monkeypatch.setattr(AccountAdapter, "render_mail", count)
    work = []
    for email in (finance_admin.email, "nobody@contoso.example"):
        Client().post("/accounts/password/reset/", {"email": email})
        with CaptureQueriesContext(connection) as queries:
            Client().post("/accounts/password/reset/", {"email": email})
        work.append([each["sql"].split()[0] for each in queries])
    assert work[0] == work[1]
    assert written == ["account/email/password_reset_key"] * 4
    assert not [message for message in mail.outbox if "nobody@contoso.example" in message.to]
