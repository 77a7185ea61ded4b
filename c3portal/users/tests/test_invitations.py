"""Invitations: a link that lets one person in, once, for seven days."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone

from c3portal.models import AuditEntry, User, roles
from c3portal.settings import mailer
from c3portal.tests.receivers import mail_server
from c3portal.users import administration, invitations

PASSWORD = "long enough for anyone"
BOTH = {"password1": PASSWORD, "password2": PASSWORD}
BACKENDS = "django.core.mail.backends"
INVITATION = {"email": "Alex@Contoso.example", "name": "Alex New", "role": roles.FINANCE_ADMIN}


@pytest.fixture
def sends_mail(settings: Any) -> None:
    settings.MAILERS = {"default": {"BACKEND": f"{BACKENDS}.locmem.EmailBackend"}}


@pytest.fixture
def sends_no_mail(settings: Any) -> None:
    settings.MAILERS = {"default": {"BACKEND": f"{BACKENDS}.dummy.EmailBackend"}}


@pytest.fixture
def invited(db: None) -> User:
    return administration.invite(None, "alex@contoso.example", "Alex New", roles.FINANCE_ADMIN)


def path(link: str) -> str:
    return link.removeprefix("http://localhost:8000")


def is_good(link: str) -> bool:
    """Whether the link still leads to the page on which a password is chosen."""
    answer = Client().get(path(link), follow=True)
    assert answer.redirect_chain == [("/accounts/invitation/", 302)], "the token stays in no address"
    return answer.status_code == 200 and "choose a password" in answer.content.decode()


def test_an_invitation_is_mailed_and_lets_the_person_in_with_their_role(
    admin: Client, sends_mail: None, client: Client
) -> None:
    answer = admin.post("/settings/users/invite/", INVITATION, follow=True)
    assert "on its way to alex@contoso.example" in answer.content.decode()
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["alex@contoso.example"], "Your invitation to the C3 portal")
    (link,) = re.findall(r"http://\S+", sent.body)
    assert link not in answer.content.decode()

    client.get(path(link))
    answer = client.post("/accounts/invitation/", BOTH)
    assert answer["Location"] == "/"
    assert client.get("/invoices/import/").status_code == 200
    assert list(AuditEntry.objects.order_by("pk").values_list("actor", "subject")) == [
        ("admin@contoso.example", "Invited alex@contoso.example"),
        ("alex@contoso.example", "Accepted the invitation"),
        ("alex@contoso.example", "Signed in"),
    ]
    later = Client()
    later.post("/accounts/login/", {"login": "alex@contoso.example", "password": PASSWORD})
    assert later.get("/invoices/import/").status_code == 200


def test_where_no_mail_is_sent_the_link_is_shown_once_to_hand_over(admin: Client, sends_no_mail: None) -> None:
    answer = admin.post("/settings/users/invite/", INVITATION)
    (link,) = re.findall(r"<code id=\"link\">(.+?)</code>", answer.content.decode())
    assert is_good(link)
    assert "no-store" in answer["Cache-Control"]
    user = User.objects.get(email="alex@contoso.example")
    for page in ("/settings/users/", f"/settings/users/{user.pk}/", "/settings/audit/"):
        assert link.rsplit("/", 2)[1] not in admin.get(page).content.decode()


def test_a_mail_that_cannot_be_handed_over_leaves_the_link_to_the_admin(
    admin: Client, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.MAILERS = {
        "default": {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "OPTIONS": {"host": "localhost", "port": 9},
        }
    }
    page = admin.post("/settings/users/invite/", INVITATION).content.decode()
    assert "E-mail not sent" in page
    (link,) = re.findall(r"<code id=\"link\">(.+?)</code>", page)
    assert is_good(link)
    assert link not in caplog.text


def test_no_log_names_who_the_mail_server_refuses(
    admin: Client, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with mail_server() as server:
        server.answer = "550 <alex@contoso.example>: nobody of that name"
        settings.MAILERS = {"default": mailer(f"smtp://localhost:{server.port}")}
        assert "E-mail not sent" in admin.post("/settings/users/invite/", INVITATION).content.decode()
    assert "could not be mailed: The mail server refused it (550)" in caplog.text
    assert "alex@" not in caplog.text


def test_an_address_is_invited_once_whatever_its_capitals(admin: Client, finance_admin: User) -> None:
    page = admin.post("/settings/users/invite/", {**INVITATION, "email": "FINANCE@contoso.example"}).content.decode()
    assert "among the users already" in page
    assert User.objects.count() == 2


def test_a_link_works_once(client: Client, invited: User) -> None:
    link = invitations.link(invited)
    assert is_good(link)
    assert is_good(link), "opening it uses nothing up: mail scanners do"
    second = Client()
    for each in (client, second):
        each.get(path(link))
    assert client.post("/accounts/invitation/", BOTH).status_code == 302
    answer = second.post("/accounts/invitation/", BOTH)
    assert (answer.status_code, "Invitation not valid" in answer.content.decode()) == (410, True)
    assert not is_good(link)


def test_of_two_who_use_it_in_the_same_moment_one_is_let_in(rf: Any, invited: User) -> None:
    first, second = User.objects.get(pk=invited.pk), User.objects.get(pk=invited.pk)
    assert invitations.accept(rf.post("/"), first, PASSWORD)
    assert not invitations.accept(rf.post("/"), second, "another password")
    assert User.objects.get(pk=invited.pk).check_password(PASSWORD)


def test_a_link_is_good_for_seven_days(invited: User) -> None:
    now, link = timezone.now(), invitations.link(invited)
    with time_machine.travel(now + dt.timedelta(days=6, hours=23)):
        assert is_good(link)
    with time_machine.travel(now + dt.timedelta(days=7, minutes=1)):
        assert not is_good(link)


def test_a_forged_link_gets_a_plain_page(invited: User) -> None:
    link = invitations.link(invited)
    assert not is_good(f"{link[:-2]}x/")
    assert not is_good("http://localhost:8000/accounts/invitation/anything/")
    assert Client().get("/accounts/invitation/").status_code == 410


def test_a_newer_invitation_makes_the_older_void(admin: Client, invited: User, sends_no_mail: None) -> None:
    older = invitations.link(invited)
    page = admin.post(f"/settings/users/{invited.pk}/invite/").content.decode()
    (newer,) = re.findall(r"<code id=\"link\">(.+?)</code>", page)
    assert is_good(newer)
    assert not is_good(older)


def test_a_deactivated_person_does_not_come_in_by_an_old_link_even_when_let_in_again(
    admin: Client, invited: User
) -> None:
    link = invitations.link(invited)
    admin.post(f"/settings/users/{invited.pk}/deactivate/")
    assert not is_good(link)
    admin.post(f"/settings/users/{invited.pk}/activate/")
    assert not is_good(link)
    assert "no link is out" in admin.get(f"/settings/users/{invited.pk}/").content.decode()


def test_whoever_has_been_here_is_not_invited_again(admin: Client, finance_admin: User) -> None:
    answer = admin.post(f"/settings/users/{finance_admin.pk}/invite/", follow=True)
    assert "needs no invitation" in answer.content.decode()


def test_a_weak_password_is_refused(client: Client, invited: User) -> None:
    client.get(path(invitations.link(invited)))
    weak = {"password1": "alexnew", "password2": "alexnew"}
    page = client.post("/accounts/invitation/", weak).content.decode()
    assert "too short" in page
    assert "At least 12 characters" in page
    assert User.objects.get(pk=invited.pk).is_invited


def test_whoever_was_signed_in_here_is_signed_out_first(admin: Client, invited: User) -> None:
    admin.get(path(invitations.link(invited)))
    assert "Signs out admin@contoso.example first" in admin.get("/accounts/invitation/").content.decode()
    admin.post("/accounts/invitation/", BOTH)
    assert admin.session["_auth_user_id"] == str(invited.pk)


def test_an_invited_system_admin_is_led_to_the_second_factor(client: Client, settings: Any, db: None) -> None:
    settings.MFA_REQUIRED_FOR = [roles.SYSTEM_ADMIN]
    user = administration.invite(None, "alex@contoso.example", "", roles.SYSTEM_ADMIN)
    client.get(path(invitations.link(user)))
    client.post("/accounts/invitation/", BOTH)
    assert client.get("/settings/users/")["Location"] == "/account/second-factor/"
    assert client.get("/account/second-factor/app/add/").status_code == 200, "the password just chosen is not asked for"


def test_where_passwords_are_switched_off_the_company_alone_lets_people_in(
    client: Client, settings: Any, invited: User
) -> None:
    settings.PASSWORD_SIGN_IN = False
    client.get(path(invitations.link(invited)))
    assert "choose a password" not in client.get("/accounts/invitation/").content.decode()
    client.post("/accounts/invitation/", BOTH)
    assert User.objects.get(pk=invited.pk).is_invited
