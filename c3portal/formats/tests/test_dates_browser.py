"""The zone that a browser is in, and the one that its reader chooses."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from c3portal.models import User
from c3portal.tests.browser import is_accessible, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_times_are_in_the_browsers_zone_and_then_in_the_chosen_one(
    portal: str, browser: Browser, finance_admin: User
) -> None:
    context = browser.new_context(timezone_id="Australia/Sydney")
    page = context.new_page()
    loads: list[str] = []
    page.on("framenavigated", lambda frame: loads.append(frame.url))
    sign_in(page, f"{portal}/account/", finance_admin)
    person = page.locator("details.person")
    person.locator("summary").click()
    expect(person).to_contain_text("times in Australia/Sydney")
    # To sign-in, from there to the page: nothing was loaded again for the zone.
    assert len(loads) == 2, loads
    (cookie,) = [each for each in context.cookies() if each.get("name") == "time_zone"]
    assert (cookie["value"], cookie["sameSite"], cookie["path"]) == ("Australia/Sydney", "Lax", "/")
    page.keyboard.press("Escape")
    is_accessible(page)
    page.get_by_label("Time zone").select_option("Europe/Dublin")
    page.get_by_label("Date format").select_option(label="25/11/2026")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved.")
    person.locator("summary").click()
    expect(person).to_contain_text("times in Europe/Dublin")
    context.close()
