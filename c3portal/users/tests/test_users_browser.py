"""Someone is invited, comes in, gets another role and is sent away, in two browsers at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from c3portal.models import User
from c3portal.tests.browser import is_accessible, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "long enough for anyone"


@pytest.fixture
def theirs(browser: Browser) -> Iterator[Page]:
    """The browser of the person who is invited."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


def invite(page: Page) -> str:
    """Invite Alex New, and return the link that is shown to hand over."""
    page.get_by_role("link", name="Invite someone").click()
    is_accessible(page)
    page.get_by_label("E-mail address").fill("alex@contoso.example")
    page.get_by_label("Name").fill("Alex New")
    page.get_by_label("Role").select_option("System Reader")
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_role("heading", name="Invitation for Alex New")).to_be_visible()
    is_accessible(page)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    return page.locator("#link").inner_text()


def come_in(page: Page, link: str) -> None:
    referers: list[str] = []
    page.on("request", lambda request: referers.append(request.headers.get("referer", "")))
    page.goto(link)
    expect(page.get_by_role("heading", name="Welcome, Alex New")).to_be_visible()
    is_accessible(page)
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("New password, once more").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("link", name="Post logs", exact=True)).to_be_visible()
    token = link.rstrip("/").rpartition("/")[2]
    assert not [each for each in referers if token in each], "the link was told to whatever the page asked for"


def test_someone_is_invited_gets_another_role_and_is_sent_away(
    portal: str, page: Page, theirs: Page, system_admin: User, settings: Any
) -> None:
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.dummy.EmailBackend"}}
    sign_in(page, f"{portal}/settings/users/", system_admin)
    is_accessible(page)
    come_in(theirs, invite(page))
    expect(theirs.get_by_role("link", name="Import", exact=True)).to_have_count(0)

    page.get_by_role("link", name="Back to the users").click()
    page.get_by_role("link", name="Alex New").click()
    is_accessible(page)
    page.get_by_label("Role").select_option("Finance Admin")
    page.get_by_role("button", name="Change role").click()
    expect(page.get_by_role("status")).to_have_text("Alex New is Finance Admin from now on.")
    theirs.reload()
    expect(theirs.get_by_role("link", name="Import", exact=True)).to_be_visible()

    page.get_by_role("link", name="Deactivate …").click()
    is_accessible(page)
    page.get_by_role("button", name="Deactivate").click()
    expect(page.get_by_text("Alex New is deactivated and signed out everywhere.")).to_be_visible()
    theirs.reload()
    expect(theirs.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
