"""The main job by keyboard alone and by thumb: choose the period, select all, upload, see the result, open the post
logs. Xero is connected already."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from c3portal.models import User
from c3portal.tests.browser import POST_THEM, is_accessible, is_signed_in
from invoices.conftest import Work
from invoices.models import BillingPeriod, Posting
from xero_integration.models import XeroConnection

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("woken")]
# Stops from the page's beginning to what is wanted of it, at most.
MOST_STOPS = 45
# Milliseconds, for what asks Xero about 120 invoices.
SLOW = 30_000
FOCUSED = "element => element === document.activeElement"
OUTLINED = "element => getComputedStyle(element).outlineStyle !== 'none'"
MOVING = "document.getAnimations().filter(each => each.playState === 'running').length"
# Seconds, of everything on the page and what stands before it.
LONGEST = """Math.max(...[...document.querySelectorAll("*")].flatMap((each) => ["", "::before"].map((part) => {
  const style = getComputedStyle(each, part);
  return Math.max(parseFloat(style.transitionDuration), parseFloat(style.animationDuration));
})))"""
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


def go_to(page: Page, wanted: Locator) -> None:
    """Move to the element by the tab key. Raises AssertionError when that takes too long or does not show."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        if wanted.count() and wanted.first.evaluate(FOCUSED):
            assert wanted.first.evaluate(OUTLINED), "Where the keyboard is does not show"
            return
    raise AssertionError(f"{wanted} is not among the first {MOST_STOPS} stops of {page.url}")


def press(page: Page, wanted: Locator, key: str = "Enter") -> None:
    go_to(page, wanted)
    page.keyboard.press(key)


def test_it_is_done_by_keyboard_alone(
    page: Page,
    portal: str,
    connected: XeroConnection,
    sample: BillingPeriod,
    finance_admin: User,
    work: Work,
    complaints: list[str],
) -> None:
    is_signed_in(page, portal, finance_admin)
    page.goto(portal)
    press(page, page.get_by_role("link", name="Download Invoice/Payments"))
    expect(page.get_by_role("heading", name="Download Invoice/Payments")).to_be_visible()
    press(page, page.locator(".top .period summary"))
    press(page, page.locator(".top .period").get_by_role("link", name=sample.billing_id))
    expect(page.get_by_role("row")).to_have_count(51)

    page.keyboard.press("a")
    expect(page.get_by_role("status").filter(has_text="120 selected")).to_be_visible()
    press(page, page.get_by_role("button", name="UPLOAD TO XERO"))
    expect(page.get_by_role("heading", name="Check before upload")).to_be_visible(timeout=SLOW)
    press(page, page.get_by_role("button", name=POST_THEM))

    said = page.locator("#said")
    expect(said).to_have_role("status", timeout=SLOW)
    work()
    expect(page.get_by_text("120 of 120 in Xero", exact=True)).to_be_visible(timeout=SLOW)
    # Whoever does not see it is told.
    expect(said).to_have_text("Finished: 120 of 120 in Xero.")
    press(page, page.get_by_role("link", name="Post logs").first)
    expect(page.get_by_role("row").filter(has_text="All in Xero")).to_contain_text("120")


def test_the_first_stop_leads_past_the_navigation(
    page: Page, portal: str, connected: XeroConnection, sample: BillingPeriod, finance_admin: User
) -> None:
    is_signed_in(page, portal, finance_admin)
    page.goto(portal)
    press(page, page.get_by_role("link", name="Skip to the content"))
    page.keyboard.press("Tab")
    assert page.locator("main").evaluate("main => main.contains(document.activeElement)")


@pytest.fixture
def phone(browser: Browser, portal: str, finance_admin: User) -> Iterator[Page]:
    """A phone with a Finance Admin signed in, whose browser has nothing to complain of."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    is_signed_in(page, portal, finance_admin)
    yield page
    context.close()
    assert said == []


def is_for_a_thumb(page: Page) -> None:
    """Hold the page against its screen, and against axe's rules, of which one is the size of what is touched."""
    assert not page.evaluate(WIDER), f"{page.url} is wider than its screen"
    is_accessible(page)


def test_it_is_done_by_thumb(
    phone: Page, portal: str, connected: XeroConnection, sample: BillingPeriod, work: Work
) -> None:
    phone.goto(portal)
    is_for_a_thumb(phone)
    phone.get_by_role("button", name="Menu").tap()
    phone.get_by_role("link", name="Download Invoice/Payments").tap()
    phone.locator(".top .period summary").tap()
    phone.locator(".top .period").get_by_role("link", name=sample.billing_id).tap()
    expect(phone.get_by_role("row").nth(1)).to_be_visible()
    phone.locator("td.tick input").first.tap()
    phone.get_by_label("Select all 120 of this filter").tap()
    is_for_a_thumb(phone)
    phone.get_by_role("button", name="UPLOAD TO XERO").tap()
    expect(phone.get_by_role("heading", name="Check before upload")).to_be_visible(timeout=SLOW)
    is_for_a_thumb(phone)
    phone.get_by_role("button", name=POST_THEM).tap()
    expect(phone.locator("#live")).to_be_visible(timeout=SLOW)
    work()
    expect(phone.get_by_text("120 of 120 in Xero", exact=True)).to_be_visible(timeout=SLOW)
    is_for_a_thumb(phone)
    phone.get_by_role("button", name="Menu").tap()
    phone.get_by_role("link", name="Post logs").first.tap()
    expect(phone.get_by_role("region", name="Uploads").get_by_text("All in Xero")).to_be_visible()
    is_for_a_thumb(phone)
    assert Posting.objects.filter(status=Posting.Status.POSTED).count() == 120


def test_nothing_moves_for_whom_it_must_not(
    page: Page, portal: str, connected: XeroConnection, sample: BillingPeriod, upload: Any, system_admin: User
) -> None:
    address = upload().upload.get_absolute_url()
    page.emulate_media(reduced_motion="reduce")
    is_signed_in(page, portal, system_admin)
    for path in ("/", "/analyze/business/invoices/", address):
        page.goto(f"{portal}{path}")
        page.wait_for_selector(".htmx-request", state="detached")
        assert page.evaluate(LONGEST) < 0.001, path
        assert page.evaluate(MOVING) == 0, path
