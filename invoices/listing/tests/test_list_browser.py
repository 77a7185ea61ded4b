"""The list in a browser: how much of it is in view, what a selection sums up to, and the whole of it by keys."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Page, expect

from c3portal.models import User
from c3portal.tests.browser import LIST, is_accessible, sign_in
from invoices.models import BillingPeriod, UploadDraft
from xero_integration.models import XeroConnection

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PERIOD = "20260918"
# Rows whose whole height is between the table's head and the window's lower edge.
IN_VIEW = """() => {
  const head = document.querySelector(".list thead").getBoundingClientRect().bottom;
  return [...document.querySelectorAll(".list tbody tr")]
    .map((row) => row.getBoundingClientRect())
    .filter((box) => box.top >= head - 1 && box.bottom <= window.innerHeight).length;
}"""
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture
def listed(
    page: Page,
    portal: str,
    connected: XeroConnection,
    sample: BillingPeriod,
    finance_admin: User,
    complaints: list[str],
) -> Page:
    """The list of the September period, with a Finance Admin signed in."""
    sign_in(page, f"{portal}{LIST}?period={PERIOD}", finance_admin)
    expect(page.locator(".list tbody tr")).to_have_count(50)
    return page


@pytest.mark.parametrize(("width", "height", "least"), [(1280, 800, 14), (1440, 900, 20)])
@pytest.mark.parametrize("reconnect", [False, True])
def test_so_many_rows_are_in_view(listed: Page, width: int, height: int, least: int, reconnect: bool) -> None:
    if reconnect:
        XeroConnection.objects.update(status="needs_reconnecting", status_reason="It was disconnected in Xero. " * 9)
    listed.set_viewport_size({"width": width, "height": height})
    listed.reload()
    assert listed.evaluate(IN_VIEW) >= least


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_is_accessible_and_inside_its_screen(listed: Page, theme: str, width: int) -> None:
    listed.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    listed.set_viewport_size({"width": width, "height": 800})
    listed.locator("td.tick input").nth(1).check()
    assert not listed.evaluate(WIDER)
    is_accessible(listed)
    if width == 390:
        heights = listed.evaluate("[...document.querySelectorAll('.list tbody tr')].map((row) => row.offsetHeight)")
        assert set(heights) == {64}


def test_the_bar_comes_with_the_first_tick_and_tells_the_sums(listed: Page) -> None:
    bar = listed.get_by_role("region", name="What is selected")
    expect(bar).to_be_hidden()
    boxes = listed.locator("td.tick input")
    boxes.nth(0).check()
    boxes.nth(4).click(modifiers=["Shift"])
    expect(bar).to_contain_text("5 selected")
    # Adventure Clinic, Cloud, College, Ltd and Ski House.
    expect(bar).to_contain_text("AUD 10,816.10 · NZD 104.84")
    listed.get_by_label("Select all 120 of this filter").check()
    expect(bar).to_contain_text("AUD 274,215.28 · NZD 21,371.46 · USD 12,201.68")


def test_all_of_the_filter_posts_no_ids(listed: Page) -> None:
    listed.locator("td.tick input").first.check()
    listed.get_by_label("Select all 120 of this filter").check()
    with listed.expect_request(re.compile("/invoices/upload/")) as sent:
        listed.get_by_role("button", name="UPLOAD TO XERO").click()
    expect(listed.get_by_role("heading", name="Check before upload")).to_be_visible()
    posted = parse_qs(sent.value.post_data or "")
    assert posted["all"] == ["1"]
    draft = UploadDraft.objects.get()
    assert (draft.everything, draft.invoice_ids) == (True, [])
    assert len(posted.get("invoice", [])) <= 50


def test_keys_move_select_open_and_explain(listed: Page) -> None:
    listed.keyboard.press("j")
    listed.keyboard.press("j")
    second = listed.locator(".list tbody tr").nth(1)
    expect(second).to_have_class(re.compile("cursor"))
    listed.keyboard.press("x")
    expect(second.get_by_role("checkbox")).to_be_checked()
    listed.keyboard.press("k")
    listed.keyboard.press("?")
    expect(listed.get_by_role("dialog", name="Keys")).to_be_visible()
    is_accessible(listed)
    listed.keyboard.press("Escape")
    listed.keyboard.press("/")
    expect(listed.locator("#find")).to_be_focused()
    listed.keyboard.type("jx?")
    expect(listed.locator("#find")).to_have_value("jx?")
    listed.keyboard.press("Escape")
    listed.locator("body").click(position={"x": 700, "y": 110})
    listed.keyboard.press("j")
    listed.keyboard.press("Enter")
    expect(listed).to_have_url(re.compile(r"/invoices/[0-9a-f-]{36}/"))


def test_a_search_finds_in_all_periods(listed: Page) -> None:
    listed.locator("#find").fill("Adventure Clinic")
    listed.keyboard.press("Enter")
    expect(listed.get_by_role("heading", name="“Adventure Clinic”")).to_be_visible()
    expect(listed.get_by_role("row").filter(has_text="September 2026")).to_have_count(1)
    is_accessible(listed)


def test_filters_are_in_the_address_and_are_taken_away_one_by_one(listed: Page) -> None:
    listed.locator("summary", has_text="Filter").click()
    listed.get_by_label("Currency").fill("NZD")
    listed.get_by_label("Total from").fill("1000")
    is_accessible(listed)
    listed.get_by_role("button", name="Show").click()
    expect(listed).to_have_url(re.compile("currency=NZD.*least=1000"))
    rows = listed.locator(".list tbody tr").count()
    assert 0 < rows < 7
    listed.get_by_role("link", name="Remove the filter Total from").click()
    expect(listed.locator(".list tbody tr")).to_have_count(7)
