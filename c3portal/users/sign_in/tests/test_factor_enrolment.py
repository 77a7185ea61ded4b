"""Whatever happened to an account before: its owner can set up a second factor, and so is never shut out for good."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from c3portal.models import User
from c3portal.testing import wait_until
from c3portal.users.sign_in.tests.test_mfa import add_app, sign_in
from c3portal.users.sign_in.tests.test_sign_in import PASSWORD

NEW_PASSWORD = "another password entirely"


@pytest.fixture(autouse=True)
def mail_is_kept(settings: Any) -> None:
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
    settings.MFA_REQUIRED_FOR = ["System Admin"]


def ask_for_reset(user: User) -> str:
    """Ask for a new password as a stranger does; return the path of the link that the owner is mailed."""
    before = len(mail.outbox)
    Client().post("/accounts/password/reset/", {"email": user.email})
    wait_until(lambda: len(mail.outbox) > before, "The mail arrives")
    (link,) = re.findall(r"http://localhost:8000(/accounts/password/reset/key/\S+)", str(mail.outbox[-1].body))
    return link


def can_enrol(client: Client) -> None:
    """Set up a second factor from the page that one is led to, and be let in by it."""
    for page in ("mfa_activate_totp", "mfa_add_webauthn"):
        assert client.get(reverse(page)).status_code == 200, page
    add_app(client)
    assert client.get("/settings/general/").status_code == 200


@pytest.mark.both_databases
def test_after_a_stranger_asked_for_a_reset(system_admin: User) -> None:
    ask_for_reset(system_admin)
    client = Client()
    sign_in(client, system_admin)
    can_enrol(client)


def test_after_a_reset_was_asked_for_and_used(system_admin: User) -> None:
    link = ask_for_reset(system_admin)
    client = Client()
    form = client.get(link, follow=True).request["PATH_INFO"]
    client.post(form, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    answer = client.post("/accounts/login/", {"login": system_admin.email, "password": NEW_PASSWORD})
    assert answer.status_code == 302
    can_enrol(client)


def test_after_an_admin_took_the_factor_away(admin: Client, client_for: Callable[[User], Client]) -> None:
    colleague = User.objects.create_user("second@contoso.example", PASSWORD, role="System Admin")
    client = Client()
    sign_in(client, colleague)
    add_app(client)
    ask_for_reset(colleague)
    call_command("reset_second_factor", colleague.email)
    client = Client()
    sign_in(client, colleague)
    can_enrol(client)


def test_the_first_system_admin_of_a_fresh_installation(
    db: None, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.PORTAL_ADMIN_EMAIL, settings.PORTAL_ADMIN_PASSWORD = "first@contoso.example", PASSWORD
    call_command("ensure_admin")
    first = User.objects.get(email="first@contoso.example")
    ask_for_reset(first)
    client = Client()
    sign_in(client, first)
    can_enrol(client)


def test_where_everyone_must_have_one(system_reader: User, settings: Any) -> None:
    settings.MFA_REQUIRED_FOR = ["all"]
    ask_for_reset(system_reader)
    client = Client()
    sign_in(client, system_reader)
    assert client.get("/account/")["Location"] == reverse("mfa_index")
    add_app(client)
    assert client.get("/account/").status_code == 200


def test_a_reset_leaves_no_address_that_waits_to_be_confirmed(system_admin: User) -> None:
    ask_for_reset(system_admin)
    assert not EmailAddress.objects.filter(verified=False).exists()


def test_an_address_that_waits_shuts_nobody_out_whoever_wrote_it(system_admin: User) -> None:
    EmailAddress.objects.create(user=system_admin, email=system_admin.email, verified=False)
    client = Client()
    sign_in(client, system_admin)
    can_enrol(client)


@pytest.mark.both_databases
def test_addresses_that_wait_from_before_are_taken_away(system_admin: User, system_reader: User) -> None:
    EmailAddress.objects.create(user=system_admin, email=system_admin.email, verified=False)
    kept = EmailAddress.objects.create(user=system_reader, email=system_reader.email, verified=True)
    migration = importlib.import_module("c3portal.migrations.0005_no_unconfirmed_addresses")
    migration.forget_unconfirmed(apps, None)
    assert list(EmailAddress.objects.all()) == [kept]


def test_a_link_dies_with_the_password_and_with_the_address(system_admin: User) -> None:
    link = ask_for_reset(system_admin)
    system_admin.email = "elsewhere@contoso.example"
    system_admin.save()
    assert "was used already" in Client().get(link, follow=True).content.decode()


def test_a_link_does_nothing_for_a_deactivated_account(system_reader: User) -> None:
    link = ask_for_reset(system_reader)
    User.objects.filter(pk=system_reader.pk).update(is_active=False)
    client = Client()
    page = client.get(link, follow=True)
    assert "was used already" in page.content.decode()
    client.post(page.request["PATH_INFO"], {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    assert not User.objects.get(pk=system_reader.pk).check_password(NEW_PASSWORD)


def test_a_link_that_is_open_already_does_nothing_for_an_account_deactivated_meanwhile(system_reader: User) -> None:
    client = Client()
    form = client.get(ask_for_reset(system_reader), follow=True).request["PATH_INFO"]
    User.objects.filter(pk=system_reader.pk).update(is_active=False)
    client.post(form, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    assert not User.objects.get(pk=system_reader.pk).check_password(NEW_PASSWORD)
