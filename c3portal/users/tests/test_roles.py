"""Who may do what."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from c3portal.http.permissions import role_required
from c3portal.models import User, roles


@role_required(roles.SYSTEM_ADMIN, roles.FINANCE_ADMIN)
def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("seen")


def seen_by(user: User, rf: RequestFactory) -> bool:
    request = rf.get("/")
    request.user = user
    try:
        return page(request).status_code == 200
    except PermissionDenied:
        return False


def test_the_three_roles_are_there_from_the_start(db: None) -> None:
    assert set(Group.objects.values_list("name", flat=True)) == set(roles.ALL)


def test_a_page_is_seen_by_its_roles_alone(
    system_admin: User, finance_admin: User, system_reader: User, rf: RequestFactory
) -> None:
    assert [seen_by(user, rf) for user in (system_admin, finance_admin, system_reader)] == [True, True, False]


def test_someone_without_a_role_sees_nothing(db: None, rf: RequestFactory) -> None:
    assert not seen_by(User.objects.create_user("nobody@contoso.example"), rf)


def test_a_new_role_takes_the_old_one_away(system_admin: User) -> None:
    roles.grant(system_admin, roles.SYSTEM_READER)
    assert list(system_admin.groups.values_list("name", flat=True)) == [roles.SYSTEM_READER]


def test_an_unknown_role_is_refused(system_admin: User) -> None:
    with pytest.raises(Group.DoesNotExist):
        roles.grant(system_admin, "Emperor")


@pytest.mark.parametrize("path", ["/", "/settings/general/", "/analyze/business/invoices/"])
def test_everyone_signs_in_first(client: Client, db: None, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


def test_one_signs_in_with_e_mail_and_password(client: Client, finance_admin: User) -> None:
    sign_in = {"login": "Finance@contoso.example", "password": "a password of the tests"}
    assert client.post("/accounts/login/", sign_in).status_code == 302
    assert client.session["_auth_user_id"] == str(finance_admin.pk)


def test_a_wrong_password_signs_nobody_in(client: Client, finance_admin: User) -> None:
    answer = client.post("/accounts/login/", {"login": finance_admin.email, "password": "a guess"})
    assert answer.status_code == 200
    assert "_auth_user_id" not in client.session


def test_nobody_signs_up_by_themselves(client: Client, db: None) -> None:
    sign_up = {
        "email": "me@fabrikam.example",
        "password1": "correct horse battery",
        "password2": "correct horse battery",
    }
    assert client.post("/accounts/signup/", sign_up).status_code == 404
    assert not User.objects.exists()


def test_a_system_admin_made_on_the_command_line_has_the_role(db: None) -> None:
    user = User.objects.create_superuser("root@contoso.example", "correct horse battery")
    assert roles.role_of(user) == roles.SYSTEM_ADMIN


def test_a_client_of_a_signed_in_user_is_let_in(client_for: Callable[[User], Client], system_admin: User) -> None:
    assert client_for(system_admin).get("/account/password/").status_code == 200


@pytest.mark.parametrize("path", ["/invoices/upload/", "/xero/connect/", "/invoices/logs/1/again/"])
def test_a_form_sent_when_signed_out_leads_to_a_page_and_not_to_the_address_of_the_form(
    client: Client, finance_admin: User, path: str
) -> None:
    answer = client.post(path, follow=True)
    assert answer.redirect_chain == [("/accounts/login/?next=/", 302)]
    assert "nothing was done" in answer.content.decode()
    answer = client.post(
        "/accounts/login/?next=/", {"login": finance_admin.email, "password": "a password of the tests"}, follow=True
    )
    assert answer.status_code == 200


def test_the_address_of_a_form_shows_the_portals_own_page(
    client_for: Callable[[User], Client], finance_admin: User
) -> None:
    answer = client_for(finance_admin).get("/invoices/upload/")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert "Nothing to see here" in answer.content.decode()


@pytest.mark.parametrize(("backend", "words"), [("dummy", "Ask an administrator"), ("smtp", "Send the link")])
def test_a_link_to_a_new_password_is_promised_only_where_mail_leaves(
    client: Client, db: None, settings: Any, backend: str, words: str
) -> None:
    settings.MAILERS = {"default": {"BACKEND": f"django.core.mail.backends.{backend}.EmailBackend"}}
    assert words in client.get("/accounts/password/reset/").content.decode()
