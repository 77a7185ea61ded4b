"""What walks through the pages in a browser share."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page

from c3portal.models import User

LIST = "/analyze/business/invoices/"
# The button of a preflight, which says how many invoices it posts.
POST_THEM = re.compile(r"Post [\d,]+\s+invoices?")


def sign_in(page: Page, address: str, user: User) -> None:
    """Come to a page of the portal by signing in; to the list of invoices where the address names no page."""
    page.goto(address if urlsplit(address).path.strip("/") else f"{address.rstrip('/')}{LIST}")
    page.get_by_label("E-mail address").fill(user.email)
    page.get_by_label("Password", exact=True).fill("a password of the tests")
    page.get_by_role("button", name="Sign in", exact=True).click()


def is_signed_in(page: Page, portal: str, user: User) -> None:
    """Have the browser be signed in as the user, without the page for it."""
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": portal}])


def choose_period(page: Page, billing_id: str) -> None:
    """Choose the billing period in the top bar."""
    page.locator(".top .period summary").click()
    page.locator(".top .period").get_by_role("link", name=billing_id).click()


def select_all(page: Page, count: int) -> None:
    """Select all invoices of the list's filter, of which there are `count`: the bar comes with the first one."""
    page.locator("td.tick input:not(:disabled)").first.check()
    page.get_by_label(f"Select all {count:,} of this filter").check()


def is_accessible(page: Page) -> None:
    """Hold the page against axe's rules, once its colours stand still. Raises AssertionError with what it finds."""
    page.evaluate("Promise.allSettled(document.getAnimations().map(each => each.finished))")
    found = Axe().run(page)
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"
