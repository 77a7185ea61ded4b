"""Settings → General: what is saved, what is refused in words, and a secret that never comes out again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from c3portal.models import User
from c3portal.tests.markup import markup
from xero_integration import connections, reference
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
    "difference_policy": "block",
    "difference_limit": "0.05",
    "rounding_account_code": "",
}


@pytest.fixture
def organisation(connection: XeroConnection) -> XeroConnection:
    """The Australian organisation, its accounts and themes read."""
    connections.read_reference(connection)
    return connection


def kept() -> dict[str, str]:
    """Return what is saved of what was sent."""
    row = XeroSettings.load()
    return {name: str(getattr(row, name)) for name in SENT}


def theme_id(name: str) -> str:
    return BrandingTheme.objects.get(name=name).theme_id


def options(page: Any, field: str) -> dict[str, str]:
    """Return what a drop-down offers: words by value."""
    return {value: str(words) for value, words in page.context["form"].fields[field].widget.choices}


def errors(page: Any) -> dict[str, list[str]]:
    """Return what the form refuses, by field."""
    return {name: list(words) for name, words in page.context["form"].errors.items()}


# Saving


def test_a_template_of_the_reference_names_what_there_is_and_nothing_else(admin: Client) -> None:
    admin.post(PAGE, SENT | {"reference_template": " Your {po},  {period} {number}"})
    assert XeroSettings.load().reference_template == "Your {po}, {period} {number}"
    for wrong in ("{PO}", "{", "}", "{customer} {po}"):
        assert "reference_template" in errors(admin.post(PAGE, SENT | {"reference_template": wrong}))
    assert XeroSettings.load().reference_template == "Your {po}, {period} {number}"


def test_what_is_saved_is_what_was_sent(admin: Client, system_admin: User) -> None:
    page = admin.post(PAGE, SENT, follow=True)
    assert "Saved." in page.content.decode()
    assert kept() == SENT
    assert XeroSettings.load().updated_by == system_admin


def test_before_anything_is_connected_codes_are_taken_as_they_are(admin: Client) -> None:
    assert admin.post(PAGE, SENT | {"license_account_code": "999", "theme_name": "No such theme"}).status_code == 302
    assert XeroSettings.load().license_account_code == "999"


def test_blanks_around_what_was_pasted_are_dropped(admin: Client) -> None:
    chosen = ("invoice_status", "difference_policy")
    admin.post(PAGE, {name: value if name in chosen else f"  {value} " for name, value in SENT.items()})
    assert kept() == SENT


@pytest.mark.parametrize("client_id", ["my app", "<script>", "short", "0123456789abcdef@contoso"])
def test_what_is_no_client_id_is_refused_with_where_to_find_it(admin: Client, client_id: str) -> None:
    page = admin.post(PAGE, SENT | {"client_id": client_id})
    assert errors(page) == {"client_id": ["This does not look like a Client ID: copy it from the app's page in Xero."]}
    assert XeroSettings.load().client_id == ""


def test_a_status_that_is_none_of_xeros_is_refused(admin: Client) -> None:
    assert "invoice_status" in errors(admin.post(PAGE, SENT | {"invoice_status": "PAID"}))


def test_everything_may_be_left_for_later(admin: Client) -> None:
    empty = dict.fromkeys(SENT, "") | {
        "invoice_status": "DRAFT",
        "difference_policy": "block",
        "difference_limit": "0.05",
    }
    assert admin.post(PAGE, empty).status_code == 302
    assert XeroSettings.load().missing() == [
        "Client ID",
        "Client Secret",
        "License based SKUs",
        "Azure Usage based SKUs",
        "Custom offer SKUs",
    ]


def test_the_words_are_those_that_c3s_users_know(admin: Client) -> None:
    text = markup(admin.get(PAGE).content.decode())
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
    page = markup(admin.get(PAGE).content.decode())
    assert SECRET not in page
    assert "Set; never shown again" in page
    assert 'type="password"' in page


def test_without_a_secret_the_page_does_not_say_that_one_is_set(admin: Client) -> None:
    assert "Set; never shown again" not in admin.get(PAGE).content.decode()


def test_an_empty_secret_keeps_the_one_that_is_set(admin: Client, saved: None) -> None:
    admin.post(PAGE, SENT | {"client_secret": "", "theme_name": "Standard"})
    row = XeroSettings.load()
    assert (row.client_secret, row.theme_name) == (SECRET, "Standard")


def test_a_new_secret_replaces_the_old_one(admin: Client, saved: None) -> None:
    admin.post(PAGE, SENT | {"client_secret": "canary-of-another-secret"})
    assert XeroSettings.load().client_secret == "canary-of-another-secret"


def test_a_mended_secret_connects_again_and_says_so(
    admin: Client, connection: XeroConnection, app: XeroSettings
) -> None:
    XeroSettings.objects.update(client_secret="wrong")
    connections.needs_reconnecting(connection, connection.token_set, "Xero refused the Client Secret.")
    sent = SENT | {"client_id": app.client_id}
    admin.post(PAGE, sent | {"client_secret": ""})
    admin.post(PAGE, sent | {"client_secret": "wrong too"})
    assert XeroConnection.objects.get().status == "needs_reconnecting"
    page = admin.post(PAGE, sent | {"client_secret": app.client_secret}, follow=True).content.decode()
    assert f"{connection.name}: connected again." in page
    assert XeroConnection.objects.get().is_usable


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
        (
            {"difference_policy": "rounding_line", "rounding_account_code": "090"},
            "rounding_account_code",
            "is of type BANK",
        ),
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
    wrong = {"license_account_code": "1", "azure_account_code": "2", "custom_account_code": "3", "theme": "4"}
    assert set(errors(admin.post(PAGE, SENT | wrong))) == set(wrong)


def test_what_was_new_in_xero_is_taken_after_reading_again(
    sandbox: Any, admin: Client, organisation: XeroConnection
) -> None:
    sandbox.put_account("4050", name="New licences")
    refused = errors(admin.post(PAGE, SENT | {"license_account_code": "4050"}))
    assert "Refresh" in refused["license_account_code"][0]
    page = admin.post("/xero/refresh/", follow=True)
    assert "were refreshed" in page.content.decode()
    assert page.redirect_chain[-1][0] == PAGE
    assert admin.post(PAGE, SENT | {"license_account_code": "4050"}).status_code == 302


def test_a_theme_typed_before_connecting_is_found_then_whatever_its_capitals(
    sandbox: Any, admin: Client, connection: XeroConnection
) -> None:
    assert admin.post(PAGE, SENT | {"theme_name": "CLOUD  services"}).status_code == 302
    page = admin.post("/xero/refresh/", follow=True)
    assert XeroSettings.load().theme_id == theme_id("Cloud services")
    assert page.context["form"]["theme"].value() == theme_id("Cloud services")


def test_a_theme_renamed_in_xero_stays_the_theme_and_is_told(
    sandbox: Any, admin: Client, organisation: XeroConnection
) -> None:
    chosen = theme_id("Cloud services")
    admin.post(PAGE, SENT | {"theme": chosen})
    sandbox.put_theme("Cloud services", new_name="Cloud, all of it")
    connections.read_reference(organisation)
    assert "is now called “Cloud, all of it”" in admin.get(PAGE).content.decode()
    page = admin.post("/xero/refresh/", follow=True)
    assert "“Cloud services” is now called “Cloud, all of it” in Xero" in page.content.decode()
    assert "is now called" not in admin.get(PAGE).content.decode()
    assert admin.post(PAGE, SENT | {"theme": chosen}).status_code == 302
    row = XeroSettings.load()
    assert (row.theme_id, row.theme_name) == (chosen, "Cloud, all of it")


def test_a_theme_that_is_gone_is_shown_as_such_and_refused(
    sandbox: Any, admin: Client, organisation: XeroConnection
) -> None:
    admin.post(PAGE, SENT | {"theme": theme_id("Azure usage")})
    sandbox.put_theme("Azure usage", delete=True)
    connections.read_reference(organisation)
    page = admin.get(PAGE)
    missing_theme = page.context["form"]["theme"].value()
    assert options(page, "theme")[missing_theme] == "Azure usage (not in Contoso Cloud (AU))"
    assert "has no theme “Azure usage”" in errors(admin.post(PAGE, SENT | {"theme": missing_theme}))["theme"][0]
    assert admin.post(PAGE, SENT | {"theme": ""}).status_code == 302
    assert (XeroSettings.load().theme_id, XeroSettings.load().theme_name) == ("", "")


def test_another_theme_takes_the_old_ones_place(admin: Client, organisation: XeroConnection) -> None:
    admin.post(PAGE, SENT | {"theme": theme_id("Cloud services")})
    admin.post(PAGE, SENT | {"theme": theme_id("Azure usage")})
    assert XeroSettings.load().theme_name == "Azure usage"
    admin.post(PAGE, SENT | {"theme": ""})
    assert XeroSettings.load().theme_id == ""


def test_a_page_from_before_the_connection_keeps_the_theme(admin: Client, organisation: XeroConnection) -> None:
    admin.post(PAGE, SENT | {"theme": theme_id("Azure usage")})
    assert admin.post(PAGE, SENT).status_code == 302
    assert XeroSettings.load().theme_id == theme_id("Azure usage")


# What the organisation offers


def test_once_connected_accounts_and_themes_are_chosen_from_the_organisations(
    admin: Client, organisation: XeroConnection
) -> None:
    page = admin.get(PAGE)
    accounts = options(page, "license_account_code")
    assert accounts["4010"] == "4010 Licence revenue (Revenue)"
    assert accounts["200"].endswith("(Sales)") or accounts["200"].endswith("(Revenue)")
    assert not {"4090", "400", "090"} & set(accounts)
    assert list(options(page, "theme").values())[1:] == ["Standard", "Cloud services", "Azure usage"]


def test_an_account_that_is_gone_is_shown_as_such(sandbox: Any, admin: Client, organisation: XeroConnection) -> None:
    admin.post(PAGE, SENT)
    sandbox.put_account("4010", status="ARCHIVED")
    connections.read_reference(organisation)
    page = admin.get(PAGE)
    assert options(page, "license_account_code")["4010"] == "4010 (not to be used in Contoso Cloud (AU))"
    assert "Account 4010 Licence revenue is archived" in page.content.decode()
    assert "4010" not in options(page, "azure_account_code")


def test_before_anything_is_connected_text_is_typed(admin: Client) -> None:
    text = markup(admin.get(PAGE).content.decode())
    assert '<input type="text" name="theme_name"' in text
    assert '<input type="text" name="license_account_code"' in text


# Rounding


def test_rounding_lines_need_an_account(admin: Client, organisation: XeroConnection) -> None:
    rounding = SENT | {"difference_policy": "rounding_line"}
    assert "Choose the account" in errors(admin.post(PAGE, rounding))["rounding_account_code"][0]
    assert admin.post(PAGE, rounding | {"rounding_account_code": "260"}).status_code == 302


def test_an_account_for_rounding_lines_that_are_not_used_holds_nothing_up(
    admin: Client, organisation: XeroConnection
) -> None:
    assert admin.post(PAGE, SENT | {"rounding_account_code": "090"}).status_code == 302
    assert reference.settings_problems(XeroSettings.load(), organisation) == {}


@pytest.mark.parametrize("limit", ["-0.01", "1.01", "much", ""])
def test_a_limit_is_at_most_one_unit_of_money(admin: Client, limit: str) -> None:
    assert "difference_limit" in errors(admin.post(PAGE, SENT | {"difference_limit": limit}))


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
    assert connections.NOT_CONNECTED in admin.post("/xero/refresh/", follow=True).content.decode()


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
