"""Settings → General: what is saved, what is refused in words, and a secret that never comes out again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from c3portal.models import User
from xero_integration import connections
from xero_integration.models import BrandingTheme, XeroConnection, XeroSettings

PAGE = "/settings/general/"
SECRET = "canary-of-the-client-secret"
SENT = {
    "client_id": "0123456789ABCDEF0123456789ABCDEF",
    "client_secret": SECRET,
    "theme_name": "Cloud services",
    "invoice_status": "AUTHORISED",
    "license_account_code": "4010",
    "azure_account_code": "4020",
    "custom_account_code": "4030",
}


@pytest.fixture
def admin(client_for: Callable[[User], Client], system_admin: User) -> Client:
    return client_for(system_admin)


@pytest.fixture
def organisation(connection: XeroConnection) -> XeroConnection:
    """The Australian organisation, its accounts and themes read."""
    connections.read_reference(connection)
    return connection


def errors(page: Any) -> dict[str, list[str]]:
    """Return what the form refuses, by field."""
    return {name: list(words) for name, words in page.context["form"].errors.items()}


# Saving


def test_what_is_saved_is_what_was_sent(admin: Client, system_admin: User) -> None:
    page = admin.post(PAGE, SENT, follow=True)
    assert "Saved." in page.content.decode()
    row = XeroSettings.load()
    assert {name: getattr(row, name) for name in SENT} == SENT
    assert row.updated_by == system_admin


def test_before_anything_is_connected_codes_are_taken_as_they_are(admin: Client) -> None:
    assert admin.post(PAGE, SENT | {"license_account_code": "999", "theme_name": "No such theme"}).status_code == 302
    assert XeroSettings.load().license_account_code == "999"


def test_blanks_around_what_was_pasted_are_dropped(admin: Client) -> None:
    admin.post(PAGE, {name: f"  {value} " if name != "invoice_status" else value for name, value in SENT.items()})
    row = XeroSettings.load()
    assert {name: getattr(row, name) for name in SENT} == SENT


@pytest.mark.parametrize("client_id", ["my app", "<script>", "short", "0123456789abcdef@contoso"])
def test_what_is_no_client_id_is_refused_with_where_to_find_it(admin: Client, client_id: str) -> None:
    page = admin.post(PAGE, SENT | {"client_id": client_id})
    assert errors(page) == {"client_id": ["This does not look like a Client ID: copy it from the app's page in Xero."]}
    assert XeroSettings.load().client_id == ""


def test_a_status_that_is_none_of_xeros_is_refused(admin: Client) -> None:
    assert "invoice_status" in errors(admin.post(PAGE, SENT | {"invoice_status": "PAID"}))


def test_everything_may_be_left_for_later(admin: Client) -> None:
    empty = dict.fromkeys(SENT, "") | {"invoice_status": "DRAFT"}
    assert admin.post(PAGE, empty).status_code == 302
    assert XeroSettings.load().missing() == [
        "Client ID",
        "Client Secret",
        "License based SKUs",
        "Azure Usage based SKUs",
        "Custom offer SKUs",
    ]


def test_the_words_are_those_that_c3s_users_know(admin: Client) -> None:
    text = admin.get(PAGE).content.decode()
    for words in (
        "Client ID",
        "Client Secret",
        "Theme",
        "License based SKUs",
        "Azure Usage based SKUs",
        "Custom offer SKUs",
        "Save",
    ):
        assert f">{words}" in text


def test_the_redirect_uri_is_shown_to_the_letter(admin: Client, settings: Any) -> None:
    settings.PORTAL_URL = "https://portal.contoso.example"
    assert ">https://portal.contoso.example/<" in admin.get(PAGE).content.decode()


# The secret


@pytest.fixture
def saved(admin: Client) -> None:
    assert admin.post(PAGE, SENT).status_code == 302


def test_a_secret_goes_in_and_never_comes_out(admin: Client, saved: None) -> None:
    page = admin.get(PAGE).content.decode()
    assert SECRET not in page
    assert "A secret is set" in page
    assert 'type="password"' in page


def test_without_a_secret_the_page_does_not_say_that_one_is_set(admin: Client) -> None:
    assert "A secret is set" not in admin.get(PAGE).content.decode()


def test_an_empty_secret_keeps_the_one_that_is_set(admin: Client, saved: None) -> None:
    admin.post(PAGE, SENT | {"client_secret": "", "theme_name": "Standard"})
    row = XeroSettings.load()
    assert (row.client_secret, row.theme_name) == (SECRET, "Standard")


def test_a_new_secret_replaces_the_old_one(admin: Client, saved: None) -> None:
    admin.post(PAGE, SENT | {"client_secret": "canary-of-another-secret"})
    assert XeroSettings.load().client_secret == "canary-of-another-secret"


@pytest.mark.parametrize("typed", ["", SECRET, "canary-of-another-secret"])
def test_a_refused_form_does_not_send_the_secret_back(admin: Client, saved: None, typed: str) -> None:
    page = admin.post(PAGE, SENT | {"client_id": "wrong id", "client_secret": typed})
    assert page.status_code == 200
    text = page.content.decode()
    assert SECRET not in text
    assert "canary-of-another-secret" not in text
    assert XeroSettings.load().client_secret == SECRET


def test_the_secret_is_in_no_message_log_or_session(
    admin: Client, saved: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    admin.post(PAGE, SENT)
    admin.get(PAGE)
    assert SECRET not in caplog.text
    assert SECRET not in str(dict(admin.session))
    assert SECRET not in str(admin.cookies)


def test_text_in_a_field_is_shown_as_text(admin: Client) -> None:
    page = admin.post(PAGE, SENT | {"client_id": '"><script>alert(1)</script>'})
    assert "<script>alert(1)" not in page.content.decode()


# What the organisation does not have


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"license_account_code": "999"}, "license_account_code", "Contoso Cloud (AU) has no account 999"),
        (
            {"azure_account_code": "4090"},
            "azure_account_code",
            "Account 4090 Hosting revenue (closed) is archived in Contoso Cloud (AU)",
        ),
        ({"custom_account_code": "400"}, "custom_account_code", "Account 400 Advertising is of type EXPENSE"),
        ({"custom_account_code": "4010x"}, "custom_account_code", "Contoso Cloud (AU) has no account 4010x"),
        ({"theme_name": "Cloud"}, "theme_name", "has no theme “Cloud”. It has: Standard, Cloud services, Azure usage"),
    ],
)
def test_what_the_organisation_does_not_have_is_refused_at_save(
    admin: Client, organisation: XeroConnection, change: dict[str, str], field: str, words: str
) -> None:
    page = admin.post(PAGE, SENT | change)
    assert page.status_code == 200
    refused = errors(page)
    assert list(refused) == [field]
    assert words in refused[field][0]
    assert XeroSettings.load().license_account_code == ""


def test_every_field_that_does_not_fit_is_marked_at_once(admin: Client, organisation: XeroConnection) -> None:
    wrong = {"license_account_code": "1", "azure_account_code": "2", "custom_account_code": "3", "theme_name": "4"}
    assert set(errors(admin.post(PAGE, SENT | wrong))) == set(wrong)


def test_what_was_new_in_xero_is_taken_after_reading_again(
    sandbox: Any, admin: Client, organisation: XeroConnection
) -> None:
    sandbox.put_account("4050", name="New licences")
    refused = errors(admin.post(PAGE, SENT | {"license_account_code": "4050"}))
    assert "Read again" in refused["license_account_code"][0]
    page = admin.post("/xero/refresh/", follow=True)
    assert "were read again" in page.content.decode()
    assert page.redirect_chain[-1][0] == PAGE
    assert admin.post(PAGE, SENT | {"license_account_code": "4050"}).status_code == 302


def test_capitals_do_not_make_another_theme(admin: Client, organisation: XeroConnection) -> None:
    assert admin.post(PAGE, SENT | {"theme_name": "CLOUD  services"}).status_code == 302
    assert XeroSettings.load().theme_id == BrandingTheme.objects.get(name="Cloud services").theme_id


def test_a_theme_renamed_in_xero_stays_the_theme(sandbox: Any, admin: Client, organisation: XeroConnection) -> None:
    admin.post(PAGE, SENT)
    theme_id = XeroSettings.load().theme_id
    sandbox.put_theme("Cloud services", new_name="Cloud, all of it")
    connections.read_reference(organisation)
    assert admin.post(PAGE, SENT).status_code == 302
    assert XeroSettings.load().theme_id == theme_id


def test_another_theme_takes_the_old_ones_id_away(admin: Client, organisation: XeroConnection) -> None:
    admin.post(PAGE, SENT)
    admin.post(PAGE, SENT | {"theme_name": "Azure usage"})
    assert XeroSettings.load().theme_id == BrandingTheme.objects.get(name="Azure usage").theme_id
    admin.post(PAGE, SENT | {"theme_name": ""})
    assert XeroSettings.load().theme_id == ""


def test_what_is_not_known_yet_refuses_nothing(admin: Client, connection: XeroConnection) -> None:
    assert admin.post(PAGE, SENT | {"license_account_code": "999"}).status_code == 302


# Reading again


def test_reading_again_when_xero_cannot_be_asked_changes_nothing(
    sandbox: Any, admin: Client, organisation: XeroConnection
) -> None:
    sandbox.place_fault("503_text", path="TaxRates")
    page = admin.post("/xero/refresh/", follow=True)
    assert "Nothing was changed" in page.content.decode()
    assert organisation.accounts.filter(code="4010").exists()


def test_reading_again_without_a_connection_is_said_so(admin: Client) -> None:
    assert "No organisation in Xero is connected" in admin.post("/xero/refresh/", follow=True).content.decode()


# Who may


@pytest.mark.parametrize("role", ["finance_admin", "system_reader"])
def test_it_is_for_system_admins_alone(
    client_for: Callable[[User], Client], saved: None, request: pytest.FixtureRequest, role: str
) -> None:
    client = client_for(request.getfixturevalue(role))
    for answer in (client.get(PAGE), client.post(PAGE, SENT | {"theme_name": "changed"})):
        text = answer.content.decode()
        assert answer.status_code == 403
        assert "Not for your role" in text
        assert SENT["client_id"] not in text
        assert SECRET not in text
    assert XeroSettings.load().theme_name == SENT["theme_name"]


def test_a_form_from_another_site_is_refused(system_admin: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(system_admin)
    assert client.post(PAGE, SENT).status_code == 403
    assert XeroSettings.load().client_id == ""
