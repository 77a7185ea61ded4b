"""Passkeys in a real browser, with an authenticator that lives in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from c3portal.models import User
from c3portal.tests.browser import is_accessible, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def authenticator(page: Page) -> Iterator[Any]:
    """A device in the browser that makes and keeps passkeys."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    yield session
    session.detach()


def add_passkey(portal: str, page: Page, alone: bool) -> None:
    page.goto(f"{portal}/account/second-factor/passkeys/add/")
    page.get_by_label("Name").fill("Laptop")
    page.get_by_label("Sign in with it alone").set_checked(alone)
    page.get_by_role("button", name="Add the passkey").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()


def sign_out(portal: str, page: Page) -> None:
    page.goto(f"{portal}/accounts/logout/")
    page.locator("form[action*=logout] button").last.click()


def test_a_passkey_is_added_and_signs_in_alone_also_where_a_second_factor_is_required(
    portal: str, page: Page, system_admin: User, settings: Any, authenticator: Any, complaints: list[str]
) -> None:
    settings.MFA_REQUIRED_FOR = ["System Admin"]
    sign_in(page, portal, system_admin)
    expect(page).to_have_url(f"{portal}/account/second-factor/")
    is_accessible(page)
    add_passkey(portal, page, alone=True)
    page.get_by_role("link", name="I have kept them").click()
    expect(page).not_to_have_url(f"{portal}/account/second-factor/")

    sign_out(portal, page)
    page.goto(f"{portal}/accounts/login/?next=/account/")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(f"{portal}/account/")
    assert Authenticator.objects.get(type="webauthn").last_used_at


def test_a_passkey_comes_after_the_password_as_a_second_factor(
    portal: str, page: Page, finance_admin: User, authenticator: Any, complaints: list[str]
) -> None:
    sign_in(page, portal, finance_admin)
    add_passkey(portal, page, alone=False)
    sign_out(portal, page)
    sign_in(page, portal, finance_admin)
    expect(page).to_have_url(f"{portal}/accounts/login/second-factor/")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()


def test_the_pages_of_ones_own_account_can_be_used_by_everyone(
    portal: str, page: Page, finance_admin: User, authenticator: Any, complaints: list[str]
) -> None:
    sign_in(page, portal, finance_admin)
    add_passkey(portal, page, alone=True)
    found = {"codes": Axe().run(page)}
    for place in (
        "",
        "password/",
        "second-factor/",
        "second-factor/app/add/",
        "second-factor/passkeys/add/",
        "places/",
    ):
        page.goto(f"{portal}/account/{place}")
        found[place] = Axe().run(page)
    assert {place: each.generate_report() for place, each in found.items() if each.violations_count} == {}


def test_a_device_that_does_not_answer_is_told_in_words(
    portal: str, page: Page, finance_admin: User, authenticator: Any
) -> None:
    page.goto(portal)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("broken off, or took too long")
