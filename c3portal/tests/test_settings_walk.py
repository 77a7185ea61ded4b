"""From an empty portal to a connected one, as a System Admin does it in a browser, with nothing but the pages."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from c3portal.models import User
from c3portal.tests.browser import is_accessible, sign_in
from xero_integration.models import XeroConnection

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

AUSTRALIA = "Contoso Cloud (AU)"
NEW_ZEALAND = "Contoso Cloud (NZ)"


@pytest.fixture
def settings_page(portal: str, sandbox: Any, page: Page, system_admin: User, complaints: list[str]) -> Page:
    """Settings → General, reached by signing in."""
    sign_in(page, portal, system_admin)
    page.get_by_role("link", name="General", exact=True).click()
    expect(page.get_by_role("heading", name="General")).to_be_visible()
    return page


def make_app(page: Page, context: BrowserContext, sandbox: Any) -> tuple[str, str]:
    """Copy the redirect URI, make an app with it in Xero's My Apps in another tab; return its id and secret."""
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status").filter(has_text="Copied")).to_be_visible()

    xero = context.new_page()
    xero.goto(f"{sandbox.url}/apps/")
    xero.get_by_label("App name").fill("C3 portal of Contoso")
    xero.get_by_label("Company or application URL").fill("https://contoso.example")
    xero.get_by_label("Redirect URIs").click()
    xero.keyboard.press("Control+V")
    expect(xero.get_by_label("Redirect URIs")).to_have_value(f"{page.url.partition('/settings')[0]}/")
    xero.get_by_role("button", name="Create app").click()
    xero.get_by_role("button", name="Generate a secret").click()
    client_id = xero.get_by_label("Client id", exact=True).inner_text()
    client_secret = xero.get_by_label("Client secret: copy it now").inner_text()
    xero.close()
    return client_id, client_secret


def fill_in(page: Page, client_id: str, client_secret: str) -> None:
    page.get_by_label("Client ID").fill(client_id)
    page.get_by_label("Client Secret").fill(client_secret)
    page.get_by_label("Theme").fill("Cloud services")
    page.get_by_label("License based SKUs").fill("4010")
    page.get_by_label("Azure Usage based SKUs").fill("4020")
    page.get_by_label("Custom offer SKUs").fill("4030")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved.")).to_be_visible()


def allow(page: Page, organisation: str) -> None:
    expect(page.get_by_role("heading", name="C3 portal of Contoso wants to connect")).to_be_visible()
    page.get_by_label(organisation).check()
    page.get_by_role("button", name="Allow access").click()


def test_a_system_admin_connects_the_portal_with_the_pages_alone(
    settings_page: Page, context: BrowserContext, sandbox: Any
) -> None:
    page = settings_page
    is_accessible(page)
    client_id, client_secret = make_app(page, context, sandbox)
    fill_in(page, client_id, client_secret)
    assert page.get_by_label("Client Secret").input_value() == ""
    assert client_secret not in page.content()

    page.get_by_role("button", name="Connect to Xero").click()
    allow(page, AUSTRALIA)
    expect(page.get_by_role("heading", name="Download Invoice/Payments")).to_be_visible()
    expect(page.get_by_text(f"Connected to {AUSTRALIA}.")).to_be_visible()

    page.get_by_role("link", name="General", exact=True).click()
    expect(page.get_by_role("main").get_by_text(AUSTRALIA)).to_be_visible()
    is_accessible(page)
    expect(page.get_by_label("License based SKUs").locator("option:checked")).to_have_text(
        "4010 Licence revenue (Revenue)"
    )
    expect(page.get_by_label("Theme").locator("option:checked")).to_have_text("Cloud services")
    sandbox.put_account("4010", status="ARCHIVED")
    page.get_by_role("button", name="Refresh").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Account 4010 Licence revenue is archived").first).to_be_visible()
    is_accessible(page)
    page.get_by_label("License based SKUs").select_option("200")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved.")).to_be_visible()

    page.get_by_role("button", name="Connect another").click()
    allow(page, NEW_ZEALAND)
    expect(page.get_by_role("heading", name="Choose the organisation")).to_be_visible()
    expect(page.get_by_label(NEW_ZEALAND)).to_be_checked()
    is_accessible(page)
    page.get_by_label(AUSTRALIA).check()
    page.get_by_role("button", name="Use this organisation").click()
    expect(page.get_by_text(f"Connected to {AUSTRALIA}.")).to_be_visible()
    assert str(XeroConnection.objects.current()) == AUSTRALIA


def test_a_cancelled_consent_leads_back_with_a_plain_message(
    settings_page: Page, context: BrowserContext, sandbox: Any
) -> None:
    page = settings_page
    fill_in(page, *make_app(page, context, sandbox))
    page.get_by_role("button", name="Connect to Xero").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("The consent was cancelled in Xero.")).to_be_visible()
    expect(page.get_by_role("button", name="Connect to Xero")).to_be_visible()
