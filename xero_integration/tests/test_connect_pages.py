"""The way to Xero's consent page and back, walked as a browser walks it, with everything that can go wrong on it."""

from __future__ import annotations

import datetime as dt
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
import time_machine
from django import db
from django.test import Client
from django.utils import timezone

from c3portal.database import clock
from c3portal.models import User
from c3portal.tests.markup import markup
from xero_integration import connections, reference
from xero_integration.client import oauth
from xero_integration.client.errors import XeroAuthError
from xero_integration.models import Account, BrandingTheme, TokenSet, XeroConnection, XeroSettings
from xero_integration.tests.consent_walk import (
    AUSTRALIA,
    NEW_ZEALAND,
    answer_consent,
    come_back,
    give_consent,
    leave_for_xero,
    messages_of,
)

LIST = "/analyze/business/invoices/"
SETTINGS = "/settings/general/"
CHOOSE = "/xero/organisation/"
Status = XeroConnection.Status


def nothing_changed() -> bool:
    return not TokenSet.objects.exists() and XeroConnection.objects.current() is None


# The whole way


@pytest.mark.parametrize("role", ["system_admin", "finance_admin"])
def test_one_connects_and_is_back_at_the_list_with_the_organisations_name(
    app: XeroSettings, client_for: Callable[[User], Client], request: pytest.FixtureRequest, role: str
) -> None:
    user = request.getfixturevalue(role)
    page = give_consent(client_for(user))
    assert page.request["PATH_INFO"] == LIST
    assert messages_of(page) == [f"Connected to {AUSTRALIA}."]
    connection = XeroConnection.objects.current()
    assert connection
    assert (connection.name, connection.base_currency, connection.short_code) == (AUSTRALIA, "AUD", "!sbAU1")
    assert connection.connected_by == user
    assert connection.reference_read_at
    assert connection.is_usable


def test_what_the_organisation_has_is_read_on_the_way(app: XeroSettings, admin: Client) -> None:
    give_consent(admin)
    connection = XeroConnection.objects.get()
    accounts = reference.accounts_of(connection)
    assert (accounts["4010"].takes_sales, accounts["4090"].takes_sales) == (True, False)
    assert set(BrandingTheme.objects.values_list("name", flat=True)) == {"Standard", "Cloud services", "Azure usage"}
    assert connection.taxrates.filter(tax_type="OUTPUT", effective_rate=10, can_apply_to_revenue=True).exists()
    assert set(connection.currencys.values_list("code", flat=True)) == {"AUD", "NZD", "USD"}


def test_the_list_and_the_settings_show_the_organisation_from_then_on(app: XeroSettings, admin: Client) -> None:
    give_consent(admin)
    for path in (LIST, SETTINGS):
        page = admin.get(path).content.decode()
        assert AUSTRALIA in page
        assert "Connect to Xero</h2>" not in page


def test_the_consent_page_is_asked_for_by_state_pkce_and_scopes(app: XeroSettings, admin: Client) -> None:
    query = parse_qs(urlsplit(leave_for_xero(admin)).query)
    assert query["redirect_uri"] == ["http://localhost:8000/"]
    assert query["code_challenge_method"] == ["S256"]
    assert "accounting.invoices" in query["scope"][0].split()
    assert "accounting.transactions" not in query["scope"][0]
    assert len(query["state"][0]) >= 32


def test_an_app_of_before_march_2026_connects_with_its_broad_permissions(
    sandbox: Any, app: XeroSettings, admin: Client, settings: Any
) -> None:
    made = sandbox.ensure_app("An old app", [f"{settings.PORTAL_URL}/"], broad_scopes=True)
    app.client_id, app.client_secret, app.broad_scopes = made["client_id"], made["client_secret"], True
    app.save()
    query = parse_qs(urlsplit(leave_for_xero(admin)).query)
    assert "accounting.transactions" in query["scope"][0].split()
    assert messages_of(give_consent(admin)) == [f"Connected to {AUSTRALIA}."]
    assert TokenSet.objects.get().lacks == ""


def test_each_way_out_has_a_state_of_its_own(app: XeroSettings, admin: Client) -> None:
    states = {parse_qs(urlsplit(leave_for_xero(admin)).query)["state"][0] for _ in range(3)}
    assert len(states) == 3


def test_account_codes_and_theme_that_do_not_fit_are_told_at_connect(app: XeroSettings, admin: Client) -> None:
    app.license_account_code, app.azure_account_code, app.theme_name = "999", "4090", "Gone"
    app.custom_account_code = "4030"
    app.save()
    words = messages_of(give_consent(admin))
    assert words[0] == f"Connected to {AUSTRALIA}."
    assert len(words) == 4
    for said_once in ("License based SKUs", "Azure Usage based SKUs", "Theme"):
        assert [f"{said_once}:" in each for each in words].count(True) == 1
    assert all("Settings → General" in each for each in words[1:])


# Several organisations


@pytest.mark.parametrize("consents", [[AUSTRALIA, NEW_ZEALAND], [AUSTRALIA, NEW_ZEALAND, AUSTRALIA]])
def test_with_several_organisations_one_chooses_and_the_newest_consents_is_offered(
    app: XeroSettings, admin: Client, consents: list[str]
) -> None:
    for name in consents:
        page = give_consent(admin, name)
    assert page.request["PATH_INFO"] == CHOOSE
    text = page.content.decode()
    assert all(name in text for name in consents)
    offered = page.context["form"].initial["connection"]
    assert offered.name == consents[-1]

    back = admin.post(CHOOSE, {"connection": offered.pk}, follow=True)
    assert back.request["PATH_INFO"] == LIST
    assert messages_of(back) == [f"Connected to {offered.name}."]
    current = XeroConnection.objects.current()
    assert current == offered
    assert current.reference_read_at


def test_who_connected_an_organisation_stays_known_when_someone_connects_another(
    app: XeroSettings, admin: Client, finance: Client, system_admin: User
) -> None:
    give_consent(admin, AUSTRALIA)
    give_consent(finance, NEW_ZEALAND)
    assert XeroConnection.objects.get(name=AUSTRALIA).connected_by == system_admin


def test_until_one_has_chosen_uploads_go_where_they_went(app: XeroSettings, admin: Client) -> None:
    give_consent(admin, AUSTRALIA)
    give_consent(admin, NEW_ZEALAND)
    assert XeroConnection.objects.current() == XeroConnection.objects.get(name=AUSTRALIA)


def test_an_organisation_that_is_not_connected_cannot_be_chosen(app: XeroSettings, admin: Client) -> None:
    give_consent(admin)
    disconnected = XeroConnection.objects.create(
        tenant_id="gone", connection_id="gone", name="Gone", status="disconnected"
    )
    for chosen in (disconnected.pk, 12345, "", "x"):
        page = admin.post(CHOOSE, {"connection": chosen})
        assert page.status_code == 200
        assert page.context["form"].errors
    assert "Gone" not in admin.get(CHOOSE).content.decode()


def test_with_nothing_to_choose_from_one_is_back_at_the_list(admin: Client) -> None:
    page = admin.get(CHOOSE, follow=True)
    assert page.request["PATH_INFO"] == LIST
    assert messages_of(page) == [connections.NOT_CONNECTED]


# What goes wrong on the way


def test_without_id_and_secret_one_is_told_what_is_missing(admin: Client) -> None:
    page = admin.post("/xero/connect/", follow=True)
    assert messages_of(page) == ["Client ID and Client Secret are needed first: a System Admin saves them in Settings."]


def test_a_wrong_secret_is_said_in_words_at_the_moment_of_connecting(app: XeroSettings, admin: Client) -> None:
    app.client_secret = "F" * 32
    app.save()
    (words,) = messages_of(give_consent(admin))
    assert words.startswith("Not connected:")
    assert oauth.CHECK_BOTH in words
    assert nothing_changed()


def test_a_wrong_client_id_ends_at_xero_and_the_page_before_said_what_to_check(
    app: XeroSettings, admin: Client
) -> None:
    app.client_id = "F" * 32
    app.save()
    page = markup(admin.get(LIST).content.decode())
    assert "Compare Client ID and redirect URI" in page
    assert "http://localhost:8000/" in page
    assert requests.get(leave_for_xero(admin), timeout=10).status_code == 400
    assert admin.get(LIST).status_code == 200
    assert nothing_changed()


def test_a_redirect_uri_that_differs_by_a_slash_ends_at_xero(sandbox: Any, app: XeroSettings, admin: Client) -> None:
    sandbox.ensure_app("C3 portal", ["http://localhost:8000"])
    answer = requests.get(leave_for_xero(admin), timeout=10)
    assert answer.status_code == 400
    assert "redirect_uri" in answer.text


def test_a_cancelled_consent_changes_nothing_and_one_may_try_again(app: XeroSettings, admin: Client) -> None:
    page = give_consent(admin, decision="cancel")
    assert messages_of(page) == [
        "The consent was cancelled in Xero. Nothing was changed; press Connect to Xero to try again."
    ]
    assert nothing_changed()
    assert messages_of(give_consent(admin)) == [f"Connected to {AUSTRALIA}."]


def test_another_refusal_is_named_and_shown_as_text(app: XeroSettings, admin: Client) -> None:
    state = parse_qs(urlsplit(leave_for_xero(admin)).query)["state"][0]
    page = admin.get("/", {"error": "<b>server_error</b>" + "x" * 500, "state": state}, follow=True)
    (words,) = messages_of(page)
    assert words.startswith("Xero refused the consent (<b>server_error</b>")
    assert len(words) < 200
    assert "<b>server_error" not in page.content.decode()


NOT_OURS = "does not belong to a connection started here"


@pytest.mark.parametrize("state", ["forged", "", "é", "forged" * 1000, None])
def test_a_forged_state_is_not_used(app: XeroSettings, admin: Client, state: str | None) -> None:
    back = answer_consent(leave_for_xero(admin))
    code = parse_qs(urlsplit(back).query)["code"][0]
    page = come_back(admin, "/?" + urlencode({"code": code} | ({"state": state} if state is not None else {})))
    assert NOT_OURS in messages_of(page)[0]
    assert nothing_changed()
    assert messages_of(give_consent(admin)) == [f"Connected to {AUSTRALIA}."]


@pytest.mark.parametrize("query", ["state=x", "code=x&state=x", "error=access_denied&state=", "code=x"])
def test_a_strangers_page_uses_up_no_consent_in_progress(app: XeroSettings, admin: Client, query: str) -> None:
    back = answer_consent(leave_for_xero(admin))
    assert NOT_OURS in messages_of(come_back(admin, f"/?{query}"))[0]
    assert messages_of(come_back(admin, back)) == [f"Connected to {AUSTRALIA}."]
    assert NOT_OURS in messages_of(come_back(admin, back))[0]


def test_a_consent_that_someone_else_gave_is_not_slipped_in(app: XeroSettings, admin: Client, finance: Client) -> None:
    back = answer_consent(leave_for_xero(finance))
    leave_for_xero(admin)
    assert NOT_OURS in messages_of(come_back(admin, back))[0]
    assert nothing_changed()


def test_an_answer_that_nobody_asked_for_is_not_used(app: XeroSettings, admin: Client) -> None:
    for query in ("code=abc&state=def", "code=abc", "state=def", "error=access_denied", "code="):
        assert NOT_OURS in messages_of(come_back(admin, f"/?{query}"))[0]
    assert nothing_changed()


def test_of_two_tabs_the_newer_ones_consent_counts_and_the_older_ones_harms_nothing(
    app: XeroSettings, admin: Client
) -> None:
    older, newer = leave_for_xero(admin), leave_for_xero(admin)
    (said,) = messages_of(come_back(admin, answer_consent(older, NEW_ZEALAND)))
    assert said.endswith("was not used. Press Connect to Xero to start again.")
    assert nothing_changed()
    page = come_back(admin, answer_consent(newer, AUSTRALIA))
    (offered,) = [each for each in XeroConnection.objects.usable() if each.name == AUSTRALIA]
    admin.post(CHOOSE, {"connection": offered.pk})
    assert page.request["PATH_INFO"] == CHOOSE
    assert XeroConnection.objects.current() == offered


def test_a_tab_that_was_forgotten_changes_nothing_after_the_newer_one_connected(
    app: XeroSettings, admin: Client
) -> None:
    older, newer = leave_for_xero(admin), leave_for_xero(admin)
    come_back(admin, answer_consent(newer, AUSTRALIA))
    before = TokenSet.objects.values("pk", "generation", "refreshed_at").get()
    for decision in ("allow", "cancel"):
        (said,) = messages_of(come_back(admin, answer_consent(older, NEW_ZEALAND, decision)))
        assert said.endswith(f"was not used. {AUSTRALIA} stays connected.")
    assert TokenSet.objects.values("pk", "generation", "refreshed_at").get() == before
    assert [each.name for each in XeroConnection.objects.usable()] == [AUSTRALIA]


def test_a_consent_page_left_open_too_long_is_started_anew(app: XeroSettings, admin: Client) -> None:
    back = answer_consent(leave_for_xero(admin))
    with time_machine.travel(timezone.now() + dt.timedelta(hours=2)):
        page = come_back(admin, back)
    assert NOT_OURS in messages_of(page)[0]
    assert nothing_changed()


def test_a_code_that_waited_too_long_at_xero_is_told_plainly(sandbox: Any, app: XeroSettings, admin: Client) -> None:
    back = answer_consent(leave_for_xero(admin))
    sandbox.advance_clock(400)
    (words,) = messages_of(come_back(admin, back))
    assert words.startswith("Not connected:")
    assert "connect again" in words
    assert nothing_changed()


def test_going_back_in_the_browser_reuses_nothing_and_breaks_nothing(
    sandbox: Any, app: XeroSettings, admin: Client
) -> None:
    back = answer_consent(leave_for_xero(admin))
    assert messages_of(come_back(admin, back)) == [f"Connected to {AUSTRALIA}."]
    assert NOT_OURS in messages_of(come_back(admin, back))[0]
    connection = XeroConnection.objects.current()
    assert connection
    assert connection.is_usable
    assert [call["path"] for call in sandbox.calls()].count("connect/token") == 1


def test_a_code_that_was_used_elsewhere_is_told_plainly(app: XeroSettings, admin: Client) -> None:
    used = parse_qs(urlsplit(answer_consent(leave_for_xero(admin))).query)["code"][0]
    state = parse_qs(urlsplit(leave_for_xero(admin)).query)["state"][0]
    (words,) = messages_of(admin.get("/", {"code": used, "state": state}, follow=True))
    assert words.startswith("Not connected:")
    assert "connect again" in words
    assert nothing_changed()


def test_an_answer_without_a_code_is_told_plainly(app: XeroSettings, admin: Client) -> None:
    state = parse_qs(urlsplit(leave_for_xero(admin)).query)["state"][0]
    (words,) = messages_of(admin.get("/", {"state": state}, follow=True))
    assert "held no code" in words


def test_when_nobody_comes_back_everything_goes_on(app: XeroSettings, admin: Client) -> None:
    leave_for_xero(admin)
    leave_for_xero(admin)
    assert admin.get(LIST).status_code == 200
    assert messages_of(give_consent(admin)) == [f"Connected to {AUSTRALIA}."]


def test_an_app_that_was_changed_in_between_is_not_asked_with_the_old_code(app: XeroSettings, admin: Client) -> None:
    back = answer_consent(leave_for_xero(admin))
    app.client_id = "0" * 32
    app.save()
    assert NOT_OURS in messages_of(come_back(admin, back))[0]


def test_who_was_signed_out_in_between_signs_in_and_starts_again(
    app: XeroSettings, admin: Client, system_admin: User
) -> None:
    back = answer_consent(leave_for_xero(admin))
    admin.logout()
    page = come_back(admin, back)
    assert page.request["PATH_INFO"] == "/accounts/login/"
    admin.force_login(system_admin)
    assert NOT_OURS in messages_of(come_back(admin, back))[0]
    assert nothing_changed()


@pytest.mark.parametrize(
    ("fault", "path"),
    [
        ("refresh_answer_lost", "connect/token"),
        ("503_text", "connect/token"),
        ("html_200_after_commit", "connect/token"),
    ],
)
def test_trouble_with_xeros_sign_in_is_told_and_one_may_try_again(
    sandbox: Any, app: XeroSettings, admin: Client, fault: str, path: str
) -> None:
    sandbox.place_fault(fault, path=path)
    (words,) = messages_of(give_consent(admin))
    assert words.startswith("Not connected:")
    assert "Try again" in words
    assert nothing_changed()
    assert messages_of(give_consent(admin)) == [f"Connected to {AUSTRALIA}."]


@pytest.mark.parametrize("fault", ["503_text", "drop_before", "429_minute", "garbled_json_after_commit", "403"])
def test_when_the_accounts_cannot_be_read_one_is_connected_and_told(
    sandbox: Any, app: XeroSettings, admin: Client, fault: str
) -> None:
    sandbox.place_fault(fault, path="BrandingThemes")
    (words,) = messages_of(give_consent(admin))
    assert words.startswith(f"Connected to {AUSTRALIA}, but its accounts could not be read yet:")
    connection = XeroConnection.objects.current()
    assert connection
    assert connection.reference_read_at is None
    assert not Account.objects.exists()


# Reconnecting and disconnecting


def test_a_connection_that_died_shows_a_banner_with_the_way_back(
    sandbox: Any, app: XeroSettings, admin: Client
) -> None:
    give_consent(admin)
    sandbox.disconnect(AUSTRALIA)
    admin.post("/xero/refresh/")
    page = markup(admin.get(LIST).content.decode())
    assert f"{AUSTRALIA} needs reconnecting." in page
    assert "Reconnect to Xero" in page

    assert messages_of(give_consent(admin)) == [f"Connected to {AUSTRALIA}."]
    assert "needs reconnecting" not in admin.get(LIST).content.decode()


def test_a_missing_permission_is_named_with_what_it_is_for_and_the_way_to_give_it(
    sandbox: Any, app: XeroSettings, admin: Client
) -> None:
    give_consent(admin)
    few = sandbox.tokens(app.client_id, [AUSTRALIA], scopes=["offline_access", "accounting.settings.read"])
    TokenSet.objects.update(access_token=few["access_token"], scopes=few["scope"])
    lacks = "lacks permissions: accounting.contacts, needed to find customers"
    page = markup(admin.get(SETTINGS).content.decode())
    assert lacks in page
    assert "Reconnect to Xero</button>" in page
    connection = XeroConnection.objects.get()
    with pytest.raises(XeroAuthError, match=r"accounting\.contacts, needed to"):
        connections.call(connection, lambda gateway: list(gateway.contacts()))
    page = markup(admin.get(LIST).content.decode())
    assert "needs reconnecting" in page
    assert lacks in page
    assert "Reconnect to Xero</button>" in page
    give_consent(admin)
    assert "lacks" not in admin.get(SETTINGS).content.decode()


def test_reconnecting_ends_a_pause(app: XeroSettings, admin: Client) -> None:
    give_consent(admin)
    until = clock.now() + dt.timedelta(days=20_000)
    XeroConnection.objects.update(paused_until=until, pause_reason="Xero's daily limit is reached")
    assert "Xero&#x27;s daily limit is reached; goes on at" in admin.get(LIST).content.decode()
    assert messages_of(give_consent(admin)) == [f"Connected to {AUSTRALIA}."]
    connection = XeroConnection.objects.get()
    assert (connection.paused_until, connection.pause_reason) == (None, "")
    assert "goes on at" not in admin.get(LIST).content.decode()


def test_a_reader_sees_the_banner_without_a_button(
    sandbox: Any, app: XeroSettings, admin: Client, client_for: Callable[[User], Client], system_reader: User
) -> None:
    give_consent(admin)
    XeroConnection.objects.update(status=Status.NEEDS_RECONNECTING, status_reason="Connect again.")
    page = client_for(system_reader).get(LIST).content.decode()
    assert "needs reconnecting" in page
    assert "/xero/connect/" not in page


def test_disconnecting_is_said_and_the_settings_stay(app: XeroSettings, admin: Client) -> None:
    give_consent(admin)
    page = admin.post("/xero/disconnect/", follow=True)
    assert messages_of(page) == [f"{AUSTRALIA} is disconnected."]
    assert "Connect to Xero" in page.content.decode()
    assert XeroSettings.load().has_app
    assert nothing_changed()
    assert admin.post("/xero/disconnect/").status_code == 302


# Who may


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", SETTINGS),
        ("post", SETTINGS),
        ("post", "/xero/connect/"),
        ("get", CHOOSE),
        ("post", CHOOSE),
        ("get", "/xero/disconnect/"),
        ("post", "/xero/disconnect/"),
        ("post", "/xero/refresh/"),
        ("get", "/?code=abc&state=def"),
    ],
)
def test_a_reader_is_refused_in_the_portals_look_and_told_nothing(
    connection: XeroConnection,
    client_for: Callable[[User], Client],
    system_reader: User,
    app: XeroSettings,
    method: str,
    path: str,
) -> None:
    answer = getattr(client_for(system_reader), method)(path)
    text = answer.content.decode()
    assert answer.status_code == 403
    assert "Not for your role" in text
    assert 'class="logo"' in text
    for secret in (app.client_id, app.client_secret, connection.tenant_id, connection.connection_id):
        assert secret not in text
    assert XeroConnection.objects.current() == connection


@pytest.mark.parametrize(
    ("path", "status"), [("/xero/connect/", 405), ("/xero/disconnect/", 200), ("/xero/refresh/", 405)]
)
def test_a_link_alone_changes_nothing(connection: XeroConnection, admin: Client, path: str, status: int) -> None:
    assert admin.get(path).status_code == status
    assert XeroConnection.objects.current() == connection


@pytest.mark.parametrize("path", ["/xero/connect/", "/xero/disconnect/", "/xero/refresh/", CHOOSE])
def test_a_form_of_another_site_changes_nothing(connection: XeroConnection, system_admin: User, path: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(system_admin)
    assert client.post(path).status_code == 403
    assert XeroConnection.objects.current() == connection


def test_a_finance_admin_reads_again_chooses_and_disconnects(connection: XeroConnection, finance: Client) -> None:
    assert messages_of(finance.post("/xero/refresh/", follow=True)) == [
        f"Accounts, themes, tax rates and currencies of {AUSTRALIA} were refreshed."
    ]
    assert (
        messages_of(finance.post(CHOOSE, {"connection": connection.pk}, follow=True))[0] == f"Connected to {AUSTRALIA}."
    )
    assert messages_of(finance.post("/xero/disconnect/", follow=True)) == [f"{AUSTRALIA} is disconnected."]


def test_someone_without_a_role_connects_nothing(app: XeroSettings, client_for: Callable[[User], Client]) -> None:
    nobody = client_for(User.objects.create_user("nobody@contoso.example"))
    assert nobody.post("/xero/connect/").status_code == 403


# Secrets


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_no_secret_leaves_the_server_or_lies_in_the_database_in_clear(
    sandbox: Any,
    app: XeroSettings,
    client_for: Callable[[User], Client],
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
    settings: Any,
) -> None:
    caplog.set_level("DEBUG")
    clients = [client_for(request.getfixturevalue(role)) for role in ("system_admin", "finance_admin", "system_reader")]
    give_consent(clients[0])
    secrets = {app.client_secret} | _tokens()
    TokenSet.objects.update(access_expires_at=TokenSet.objects.get().created_at)
    give_consent(clients[1], NEW_ZEALAND)
    clients[0].post("/xero/refresh/")
    secrets |= _tokens()
    sandbox.revoke_tokens(app.client_id)
    TokenSet.objects.update(access_expires_at=TokenSet.objects.get().created_at)
    clients[0].post("/xero/refresh/")
    leave_for_xero(clients[0])

    shown = [
        client.get(path, follow=True) for client in clients for path in ("/", LIST, SETTINGS, CHOOSE, "/invoices/logs/")
    ]
    places = {
        "pages": "".join(page.content.decode() + str(page.headers) for page in shown),
        "logs": caplog.text + "".join(str(vars(record)) for record in caplog.records),
        "sessions": "".join(str(dict(client.session)) + str(client.cookies) for client in clients),
        "database": _database_in_clear(),
    }
    assert len(secrets) == 5
    assert AUSTRALIA in places["database"]
    for place, text in places.items():
        assert not [secret for secret in secrets if secret in text], place


def _tokens() -> set[str]:
    return {token for one in TokenSet.objects.all() for token in (one.access_token, one.refresh_token)}


def _database_in_clear() -> str:
    """Return all that lies on the disk of the portal's database, or in its tables where it is on a server."""
    if db.connection.vendor == "sqlite":
        name = str(db.connection.settings_dict["NAME"])
        files = [path for path in (name, f"{name}-wal") if Path(path).exists()]
        # By a process of its own: whoever closes a file of SQLite's gives up all locks that its process has on it, and
        # another process may then take away the log beside it while this one goes on writing there.
        return subprocess.run(["cat", *files], capture_output=True, check=True).stdout.decode("latin-1")
    with db.connection.cursor() as cursor:
        rows = []
        for table in db.connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            rows += cursor.fetchall()
    return str(rows)
