"""Settings → Users: roles, sending people away and letting them in again, with those it is about at their browsers."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client

from c3portal.models import AuditEntry, User, roles
from c3portal.testing import at_once
from c3portal.users import administration
from invoices.tests.makers import queries_of

PASSWORD = "a password of the tests"


def sign_in(user: User) -> Client:
    client = Client()
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    return client


def is_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def message_of(answer: Any) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


def newest() -> AuditEntry:
    entry = AuditEntry.objects.order_by("pk").last()
    assert entry is not None
    return entry


# The list


def test_the_list_says_of_everyone_their_role_state_last_sign_in_and_second_factor(
    admin: Client, finance_admin: User, system_reader: User
) -> None:
    TOTP.activate(finance_admin, generate_totp_secret())
    User.objects.filter(pk=system_reader.pk).update(is_active=False)
    administration.invite(None, "new@contoso.example", "Alex New", roles.SYSTEM_READER)
    page = admin.get("/settings/users/").content.decode()
    rows = {row.split("</a>")[0].rsplit(">", 1)[-1]: row for row in page.split('<tr role="row">')[2:]}
    assert [word in rows[finance_admin.email] for word in ("Finance Admin", "Active", "never", ">yes<")] == [True] * 4
    assert "Deactivated" in rows[system_reader.email]
    assert "Invited" in rows["Alex New"]


def test_the_list_takes_the_same_queries_for_three_people_and_for_thirty(
    admin: Client, finance_admin: User, system_reader: User
) -> None:
    TOTP.activate(finance_admin, generate_totp_secret())
    for_three = queries_of(admin, "/settings/users/")
    for number in range(27):
        user = User.objects.create_user(f"user{number}@contoso.example", role=roles.SYSTEM_READER)
        TOTP.activate(user, generate_totp_secret())
    assert User.objects.count() == 30
    assert queries_of(admin, "/settings/users/") == for_three <= 9


# Roles


def test_another_role_counts_from_the_next_request(admin: Client, finance_admin: User) -> None:
    theirs = sign_in(finance_admin)
    assert theirs.get("/invoices/import/").status_code == 200
    answer = admin.post(f"/settings/users/{finance_admin.pk}/role/", {"role": "System Reader"}, follow=True)
    assert message_of(answer) == f"{finance_admin.email} is System Reader from now on."
    assert theirs.get("/invoices/import/").status_code == 403
    assert theirs.get("/analyze/business/invoices/").status_code == 200
    assert (newest().before, newest().after) == ({"Role": "Finance Admin"}, {"Role": "System Reader"})


def test_someone_without_a_role_gets_one(admin: Client, db: None) -> None:
    user = User.objects.create_user("new@contoso.example", PASSWORD)
    theirs = sign_in(user)
    assert theirs.get("/analyze/business/invoices/").status_code == 403
    admin.post(f"/settings/users/{user.pk}/role/", {"role": "System Reader"})
    assert theirs.get("/analyze/business/invoices/").status_code == 200


def test_there_is_no_other_role(admin: Client, finance_admin: User) -> None:
    assert "Select a valid choice" in (
        admin.post(f"/settings/users/{finance_admin.pk}/role/", {"role": "Emperor"}).content.decode()
    )
    assert roles.role_of(User.objects.get(pk=finance_admin.pk)) == roles.FINANCE_ADMIN


def test_giving_up_ones_own_role_is_asked_once_more(admin: Client, system_admin: User) -> None:
    User.objects.create_user("second@contoso.example", PASSWORD, role=roles.SYSTEM_ADMIN)
    address, role = f"/settings/users/{system_admin.pk}/role/", {"role": "Finance Admin"}
    assert "Give up your own role?" in admin.post(address, role).content.decode()
    assert admin.get("/settings/users/").status_code == 200
    assert admin.post(address, {**role, "sure": "1"})["Location"] == "/"
    assert admin.get("/settings/users/").status_code == 403


# The last System Admin


def test_the_last_system_admin_keeps_the_role(admin: Client, system_admin: User) -> None:
    # An invited one cannot sign in yet, a deactivated one not any more.
    administration.invite(None, "new@contoso.example", "", roles.SYSTEM_ADMIN)
    User.objects.create_user("gone@contoso.example", PASSWORD, role=roles.SYSTEM_ADMIN, is_active=False)
    answer = admin.post(f"/settings/users/{system_admin.pk}/role/", {"role": "System Reader", "sure": "1"}, follow=True)
    assert "the last System Admin who can sign in" in message_of(answer)
    assert roles.role_of(User.objects.get(pk=system_admin.pk)) == roles.SYSTEM_ADMIN


def test_the_last_system_admin_is_not_deactivated_from_the_command_line_either(system_admin: User) -> None:
    with pytest.raises(administration.NotDone, match="the last System Admin"):
        administration.deactivate("manage.py shell", system_admin)


def test_nobody_deactivates_themselves(admin: Client, system_admin: User) -> None:
    User.objects.create_user("second@contoso.example", PASSWORD, role=roles.SYSTEM_ADMIN)
    assert "yourself" in message_of(admin.post(f"/settings/users/{system_admin.pk}/deactivate/", follow=True))
    assert is_in(admin)


@pytest.mark.django_db(transaction=True)
def test_of_two_system_admins_who_send_each_other_away_one_stays(system_admin: User) -> None:
    other = User.objects.create_user("second@contoso.example", PASSWORD, role=roles.SYSTEM_ADMIN)
    admins, refused = (system_admin, other), []

    def send_away(turn: int) -> None:
        try:
            administration.deactivate(None, admins[turn])
        except administration.NotDone:
            refused.append(admins[turn])

    at_once(2, send_away)
    assert len(refused) == 1
    assert User.objects.filter(is_active=True).count() == 1


# Sending away, and letting in again


def test_whoever_is_deactivated_is_signed_out_of_every_browser_at_once(admin: Client, finance_admin: User) -> None:
    at_work, at_home, company = sign_in(finance_admin), sign_in(finance_admin), Client()
    # As after the company's sign-in, which leaves a session like any other.
    company.force_login(finance_admin)
    assert [is_in(each) for each in (at_work, at_home, company)] == [True] * 3

    words = admin.get(f"/settings/users/{finance_admin.pk}/deactivate/").content.decode()
    assert "signed out everywhere at once" in words
    assert is_in(at_work), "asking changed something"
    admin.post(f"/settings/users/{finance_admin.pk}/deactivate/")

    for theirs in (at_work, at_home, company):
        assert theirs.get("/analyze/business/invoices/")["Location"].startswith("/accounts/login/?next=")
    assert Session.objects.count() == 1, "only the System Admin's is left"
    assert not UserSession.objects.filter(user=finance_admin).exists()
    assert newest().after == {"State": "deactivated", "Sessions ended": 3}
    assert not is_in(sign_in(finance_admin))
    assert is_in(admin)


def test_a_sign_in_that_waits_for_the_second_factor_ends_too(admin: Client) -> None:
    # A number that is written otherwise to the base of 36, as a sign-in in progress has it.
    user = User.objects.create_user("their@contoso.example", PASSWORD, role=roles.FINANCE_ADMIN, pk=4711)
    TOTP.activate(user, generate_totp_secret())
    half_signed_in = sign_in(user)
    assert half_signed_in.get("/accounts/login/second-factor/").status_code == 200
    admin.post(f"/settings/users/{user.pk}/deactivate/")
    assert half_signed_in.get("/accounts/login/second-factor/").status_code == 302


def test_whoever_is_let_in_again_has_the_role_and_password_of_before_but_not_the_sessions(
    admin: Client, finance_admin: User
) -> None:
    theirs = sign_in(finance_admin)
    admin.post(f"/settings/users/{finance_admin.pk}/deactivate/")
    admin.post(f"/settings/users/{finance_admin.pk}/activate/")
    assert not is_in(theirs)
    again = sign_in(finance_admin)
    assert again.get("/invoices/import/").status_code == 200
    assert newest().subject == "Signed in"


# A lost second factor


def test_a_lost_second_factor_is_taken_away_and_every_session_with_it(admin: Client, finance_admin: User) -> None:
    theirs = sign_in(finance_admin)
    TOTP.activate(finance_admin, generate_totp_secret())
    answer = admin.post(f"/settings/users/{finance_admin.pk}/second-factor/", follow=True)
    assert "has no second factor any more" in message_of(answer)
    assert not Authenticator.objects.exists()
    assert not is_in(theirs)
    assert is_in(sign_in(finance_admin)), "the password alone lets them in"
    entry = AuditEntry.objects.get(subject__contains="taken away")
    assert (entry.before, entry.after["Sessions ended"]) == ({"Second factor": ["TOTP Authenticator"]}, 1)


def test_ones_own_second_factor_is_not_taken_away_here(admin: Client, system_admin: User) -> None:
    TOTP.activate(system_admin, generate_totp_secret())
    assert "your account" in message_of(admin.post(f"/settings/users/{system_admin.pk}/second-factor/", follow=True))
    assert Authenticator.objects.count() == 1


def test_a_command_takes_away_the_second_factor_of_the_last_admin(system_admin: User, capsys: Any) -> None:
    TOTP.activate(system_admin, generate_totp_secret())
    call_command("reset_second_factor", "Admin@contoso.example")
    assert "password alone" in capsys.readouterr().out
    assert not Authenticator.objects.exists()
    assert newest().actor == "manage.py reset_second_factor"


def typed(monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
    """Have these typed when a command asks for a password."""
    left = list(answers)
    monkeypatch.setattr("getpass.getpass", lambda prompt: left.pop(0))


def test_a_command_sets_a_forgotten_password_signs_out_and_is_recorded(
    finance_admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, new = sign_in(finance_admin), "another password entirely"
    typed(monkeypatch, new, new)
    call_command("set_password", "Finance@contoso.example")
    assert not is_in(theirs)
    finance_admin.refresh_from_db()
    assert finance_admin.check_password(new)
    entry = newest()
    assert (entry.actor, entry.subject) == ("manage.py set_password", "Password of finance@contoso.example set")
    assert entry.after == {"Sessions ended": 1}


@pytest.mark.parametrize(
    ("email", "answers", "refusal"),
    [
        ("x@contoso.example", [], "Nobody"),
        ("finance@contoso.example", ["another password", "another passwort"], "The two differ"),
        ("finance@contoso.example", ["too short"] * 2, "at least 12"),
        ("finance@contoso.example", ["finance@contoso.example"] * 2, "too similar"),
        ("finance@contoso.example", ["Petronella Fin"] * 2, "too similar to the name"),
    ],
)
def test_the_command_sets_no_password_that_is_not_good_enough(
    finance_admin: User, monkeypatch: pytest.MonkeyPatch, email: str, answers: list[str], refusal: str
) -> None:
    User.objects.update(name="Petronella Finch")
    typed(monkeypatch, *answers)
    with pytest.raises(CommandError, match=refusal):
        call_command("set_password", email)
    finance_admin.refresh_from_db()
    assert finance_admin.check_password(PASSWORD)


@pytest.mark.parametrize(
    ("email", "refusal"), [("x@contoso.example", "Nobody"), ("admin@contoso.example", "has no second")]
)
def test_the_command_says_why_it_did_nothing(system_admin: User, email: str, refusal: str) -> None:
    with pytest.raises(CommandError, match=refusal):
        call_command("reset_second_factor", email)
