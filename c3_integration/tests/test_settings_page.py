"""Settings → Invoices from C3: what it keeps, what it never shows, and what *Test* says."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from c3_integration.models import C3Settings, C3Token
from c3portal.database import clock
from c3portal.models import AuditEntry

CHOSEN = {
    "api_url": "https://contoso-prod-api.azurewebsites.net/",
    "tenant_id": "08e91d7e-4f3f-49a0-8973-8b2547341ec7",
    "client_id": "an id",
    "client_secret": "the canary secret",
    "scope": "a scope",
    "resource": "a resource",
    "fetch_enabled": "on",
    "fetch_hour": "7",
    "time_zone": "Australia/Sydney",
}


def test_it_keeps_what_c3_handed_out_and_never_shows_the_secret(admin: Client) -> None:
    assert admin.post(reverse("settings_c3"), CHOSEN).status_code == 302
    app = C3Settings.load()
    assert (app.api_url, app.client_secret) == ("https://contoso-prod-api.azurewebsites.net", "the canary secret")
    assert (app.fetch_enabled, app.fetch_hour, app.time_zone) == (True, 7, "Australia/Sydney")
    page = admin.get(reverse("settings_c3")).content.decode()
    assert "canary" not in page
    assert "Set; never shown again" in page
    entry = AuditEntry.objects.get(action=AuditEntry.Action.SETTINGS)
    assert entry.after["Client Secret"] == "••••"
    assert "canary" not in str(entry.after)


def test_an_empty_secret_keeps_the_one_that_is_there(admin: Client) -> None:
    admin.post(reverse("settings_c3"), CHOSEN)
    admin.post(reverse("settings_c3"), CHOSEN | {"client_secret": "", "fetch_hour": "8"})
    assert C3Settings.load().client_secret == "the canary secret"
    assert AuditEntry.objects.latest("pk").after == {"Hour of the morning": 8}


def test_the_directory_of_c3_is_filled_in_beforehand(admin: Client) -> None:
    assert "08e91d7e-4f3f-49a0-8973-8b2547341ec7" in admin.get(reverse("settings_c3")).content.decode()
    assert not C3Settings.objects.exists()


def test_another_secret_forgets_the_token_and_another_hour_does_not(admin: Client) -> None:
    admin.post(reverse("settings_c3"), CHOSEN)
    C3Token.objects.create(pk=1, access_token="x", expires_at=clock.now())
    admin.post(reverse("settings_c3"), CHOSEN | {"client_secret": "", "fetch_hour": "8"})
    assert C3Token.objects.exists()
    admin.post(reverse("settings_c3"), CHOSEN | {"client_secret": "another"})
    assert not C3Token.objects.exists()


@pytest.mark.parametrize(
    "url",
    [
        "http://contoso.example",
        "https://someone:secret@contoso.example",
        "https://contoso.example?x=1",
        "https://contoso.example#x",
        "ftp://contoso.example",
        "contoso.example",
        "https://",
        "https://[",
        "https://contoso.example:99999",
        "javascript:alert(1)",
        "http://localhost:8000",
        "http://169.254.169.254",
    ],
)
def test_an_address_that_the_portal_does_not_call_is_not_kept(admin: Client, settings: Any, url: str) -> None:
    settings.C3_LOGIN_URL = "https://login.microsoftonline.com"
    page = admin.post(reverse("settings_c3"), CHOSEN | {"api_url": url})
    assert page.context["form"].errors["api_url"]
    assert not C3Settings.load().api_url


@pytest.mark.parametrize("host", ["10.0.0.1", "127.0.0.1", "169.254.169.254", "[::1]", "localhost", "[fe80::1]"])
def test_an_address_in_a_private_network_is_not_called(admin: Client, settings: Any, host: str) -> None:
    settings.C3_LOGIN_URL = "https://login.microsoftonline.com"
    admin.post(reverse("settings_c3"), CHOSEN | {"api_url": f"https://{host}"})
    steps = admin.post(reverse("settings_c3_test")).context["steps"]
    assert [step.works for step in steps] == [False, None, None, None]
    assert "no address of the internet" in steps[0].words


def test_who_saves_second_is_told(admin: Client) -> None:
    version = admin.get(reverse("settings_c3")).context["version"]
    admin.post(reverse("settings_c3"), CHOSEN | {"version": version})
    page = admin.post(reverse("settings_c3"), CHOSEN | {"fetch_hour": "9", "version": version})
    assert "changed meanwhile" in page.content.decode()
    assert C3Settings.load().fetch_hour == 7


# Test


def test_it_says_what_works(admin: Client, app: C3Settings) -> None:
    page = admin.post(reverse("settings_c3_test"))
    steps = page.context["steps"]
    assert [step.works for step in steps] == [True, True, True, True]
    assert "3 billing periods" in steps[2].words
    assert "ERPCustomerID" in steps[3].words
    assert page.content.decode().count(": works") == 4
    assert not C3Token.objects.exists()


@pytest.mark.parametrize(
    ("fault", "call", "works", "said"),
    [
        ("token_refused", "", [True, False, None, None], "AADSTS7000215: Invalid client secret"),
        ("401", "periods", [True, True, False, None], "does not take the token"),
        ("error_at_200", "periods", [True, True, False, None], "An error occurred while processing"),
        ("html_sign_in", "periods", [True, True, False, None], "it is no JSON but text/html"),
        ("500", "invoices", [True, True, True, False], "HTTP 500"),
        ("error_at_200", "invoices", [True, True, True, False], "An error occurred while processing"),
    ],
)
def test_it_says_what_does_not_work_and_what_was_not_tried(
    admin: Client, app: C3Settings, c3_sandbox: Any, fault: str, call: str, works: list[bool | None], said: str
) -> None:
    c3_sandbox.place_fault(fault, call=call, times=None)
    page = admin.post(reverse("settings_c3_test"))
    assert [step.works for step in page.context["steps"]] == works
    assert said in next(step.words for step in page.context["steps"] if step.works is False)
    assert said.partition(":")[0] in page.content.decode()


def test_a_refusal_shows_c3s_id_of_the_call(admin: Client, app: C3Settings, c3_sandbox: Any) -> None:
    c3_sandbox.place_fault("error_at_200", call="invoices")
    page = admin.post(reverse("settings_c3_test")).content.decode()
    assert c3_sandbox.calls("invoices")[-1]["correlation_id"] in page
