"""What is done to the connection is asked about, shows what it is about, and can be left."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.test import Client

from c3portal.database import clock
from c3portal.tests.markup import markup
from xero_integration import connections
from xero_integration.models import CallBudget, XeroConnection, XeroSettings
from xero_integration.testing import connect, consent
from xero_integration.tests.consent_walk import NEW_ZEALAND, messages_of
from xero_sandbox.testing import SandboxControl

CHOOSE = "/xero/organisation/"
SETTINGS = "/settings/general/"
Status = XeroConnection.Status


@pytest.fixture
def connection(sandbox: SandboxControl, db: None) -> XeroConnection:
    return connect(sandbox)


def text(answer: Any) -> str:
    assert answer.status_code == 200
    return markup(answer.content.decode())


def test_disconnecting_asks_first_and_says_what_follows(connection: XeroConnection, admin: Client) -> None:
    page = text(admin.get("/xero/disconnect/"))
    assert f"Disconnect {connection.name}?" in page
    assert "Nothing in Xero is changed." in page
    assert "Cancel" in page
    assert XeroConnection.objects.current() == connection
    admin.post("/xero/disconnect/", {"sure": "1"})
    assert XeroConnection.objects.current() is None


def test_the_answer_is_about_the_organisation_that_was_asked_about(
    sandbox: SandboxControl, connection: XeroConnection, admin: Client
) -> None:
    page = admin.get("/xero/disconnect/").content.decode()
    asked = dict(re.findall(r'name="(organisation)" value="(\d+)"', markup(page)))
    connections.choose(consent(sandbox, XeroSettings.load().client_id, NEW_ZEALAND))
    (said,) = messages_of(admin.post("/xero/disconnect/", asked | {"sure": "1"}, follow=True))
    assert said == f"Nothing was disconnected: {NEW_ZEALAND} is in use now."
    assert set(XeroConnection.objects.values_list("status", flat=True)) == {Status.CONNECTED}


def test_the_list_leads_to_the_question_and_disconnects_by_no_click(connection: XeroConnection, admin: Client) -> None:
    page = text(admin.get("/analyze/business/invoices/"))
    assert 'href="/xero/disconnect/"' in page
    assert 'action="/xero/disconnect/"' not in page


def test_the_choice_shows_country_currency_and_which_is_in_use(
    sandbox: SandboxControl, connection: XeroConnection, admin: Client
) -> None:
    consent(sandbox, XeroSettings.load().client_id, NEW_ZEALAND)
    page = text(admin.get(CHOOSE))
    assert f"{connection.name} (AU, AUD, in use now)" in page
    assert f"{NEW_ZEALAND} (NZ, NZD)" in page
    assert re.search(r'<a class="btn btn-quiet" href="[^"]+">Cancel</a>', page)


def test_the_one_in_use_is_offered_unless_one_comes_from_a_consent(
    sandbox: SandboxControl, connection: XeroConnection, admin: Client
) -> None:
    other = consent(sandbox, XeroSettings.load().client_id, NEW_ZEALAND)
    assert admin.get(CHOOSE).context["form"].initial["connection"] == connection
    assert admin.get(f"{CHOOSE}?new=1").context["form"].initial["connection"] == other


def test_the_choice_can_be_reached_again(connection: XeroConnection, admin: Client, finance: Client) -> None:
    for client in (admin, finance):
        assert f'href="{CHOOSE}"' in text(client.get("/analyze/business/invoices/"))


def test_an_organisation_that_cannot_be_asked_is_offered_by_its_name(
    sandbox: SandboxControl, connection: XeroConnection, admin: Client
) -> None:
    other = consent(sandbox, XeroSettings.load().client_id, NEW_ZEALAND)
    XeroConnection.objects.filter(pk=other.pk).update(
        paused_until=clock.now() + dt.timedelta(hours=1), pause_reason="Xero's daily limit is reached"
    )
    page = text(admin.get(CHOOSE))
    assert NEW_ZEALAND in page
    assert f"{NEW_ZEALAND} (" not in page


def test_try_now_after_the_days_limit_asks_xero_once_and_waits_again(
    sandbox: SandboxControl, connection: XeroConnection, admin: Client
) -> None:
    paused = {"paused_until": clock.now() + dt.timedelta(hours=9), "pause_reason": "Xero's daily limit is reached"}
    XeroConnection.objects.update(**paused, pause_problem="day")
    CallBudget.objects.update_or_create(connection=connection, defaults={"day_remaining": 0})
    sandbox.place_fault("429_day", path="^Organisation$", method="GET")
    sandbox.forget()
    (said,) = messages_of(admin.post("/xero/try-now/", follow=True))
    assert said.startswith("Xero was asked once, and not yet: Xero's daily limit is reached")
    assert len(sandbox.calls()) == 1
    assert XeroConnection.objects.get(pk=connection.pk).is_paused(clock.now())


def test_try_now_goes_on_where_xero_takes_calls_again(
    sandbox: SandboxControl, connection: XeroConnection, admin: Client
) -> None:
    XeroConnection.objects.update(paused_until=clock.now() + dt.timedelta(hours=9), pause_reason="The daily limit")
    CallBudget.objects.update_or_create(connection=connection, defaults={"day_remaining": 0})
    sandbox.forget()
    (said,) = messages_of(admin.post("/xero/try-now/", follow=True))
    assert said == f"Xero takes calls again: uploads to {connection.name} go on now."
    assert len(sandbox.calls()) == 1
    assert CallBudget.objects.get(connection=connection).day_remaining
    assert not XeroConnection.objects.get(pk=connection.pk).is_paused(clock.now())


@pytest.mark.parametrize("field", ["client_id", "license_account_code", "azure_account_code", "custom_account_code"])
def test_what_a_live_connection_needs_is_not_blanked(connection: XeroConnection, admin: Client, field: str) -> None:
    page = admin.get(SETTINGS)
    kept = {each.html_name: each.value() or "" for each in page.context["form"]}
    sent = kept | {"version": page.context["version"], field: ""}
    answer = admin.post(SETTINGS, sent)
    assert f"{connection.name} is connected and needs this" in text(answer)
    assert getattr(XeroSettings.load(), field)
    connection.status = Status.DISCONNECTED
    connection.save()
    sent["version"] = admin.get(SETTINGS).context["version"]
    admin.post(SETTINGS, sent)
    assert not getattr(XeroSettings.load(), field)
