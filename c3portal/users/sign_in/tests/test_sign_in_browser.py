"""Signing in and out, in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from c3portal.models import User
from c3portal.tests.browser import is_accessible, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_one_signs_in_on_the_page_and_out_again(
    portal: str, page: Page, system_reader: User, complaints: list[str]
) -> None:
    sign_in(page, portal, system_reader)
    expect(page).not_to_have_url(f"{portal}/accounts/login/?next=/")

    page.goto(f"{portal}/accounts/logout/")
    page.locator("form[action*=logout] button").last.click()
    page.goto(portal)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_the_sign_in_page_can_be_used_by_everyone(portal: str, page: Page) -> None:
    page.goto(portal)
    is_accessible(page)
