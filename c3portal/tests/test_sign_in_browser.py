"""Signing in and out, in a real browser."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from c3portal.models import User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_one_signs_in_on_the_page_and_out_again(portal: str, page: Page, system_reader: User) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)

    page.goto(portal)
    page.get_by_label("E-mail address").fill(system_reader.email)
    page.get_by_label("Password", exact=True).fill("a password of the tests")
    page.get_by_role("button", name="Sign in").click()
    expect(page).not_to_have_url(f"{portal}/accounts/login/?next=/")

    page.goto(f"{portal}/accounts/logout/")
    page.locator("form[action*=logout] button").last.click()
    page.goto(portal)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert complaints == []


def test_the_sign_in_page_can_be_used_by_everyone(portal: str, page: Page) -> None:
    page.goto(portal)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
