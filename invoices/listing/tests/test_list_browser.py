"""The list in a browser: how much of it is in view, what a selection sums up to, and the whole of it by keys."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect
from python_calamine import CalamineWorkbook

from c3portal.models import User
from c3portal.tests.browser import LIST, is_accessible, sign_in
from invoices.attention import counting
from invoices.models import BillingPeriod, HeldBackInvoice, ImportRun, Invoice, Posting, UploadDraft
from invoices.tests.makers import bring, uploaded
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
HEIGHTS = "[...new Set([...document.querySelectorAll('.list tbody tr')].map((row) => row.offsetHeight))]"
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
    # Its script listens from then on.
    page.wait_for_load_state("load")
    return page


@pytest.mark.parametrize(("width", "height", "least"), [(1280, 800, 14), (1440, 900, 20)])
@pytest.mark.parametrize("reconnect", [False, True])
@pytest.mark.parametrize("state", [None, Posting.Status.QUEUED, Posting.Status.POSTED])
def test_so_many_rows_are_in_view(
    listed: Page,
    width: int,
    height: int,
    least: int,
    reconnect: bool,
    state: str | None,
    connected: XeroConnection,
    finance_admin: User,
) -> None:
    if state:
        uploaded(connected, finance_admin, *Invoice.objects.all(), to=state)
        Posting.objects.update(amount_due=Decimal("2345.67"), read_at=timezone.now())
    if reconnect:
        XeroConnection.objects.update(status="needs_reconnecting", status_reason="It was disconnected in Xero. " * 9)
    listed.set_viewport_size({"width": width, "height": height})
    listed.reload()
    assert listed.evaluate(IN_VIEW) >= least
    assert listed.evaluate(HEIGHTS) == [36]


@pytest.mark.parametrize(("width", "height", "least"), [(1280, 800, 14), (1440, 900, 20)])
@pytest.mark.parametrize("reconnect", [False, True])
def test_what_needs_attention_takes_no_row_out_of_view(
    listed: Page, width: int, height: int, least: int, reconnect: bool, connected: XeroConnection, finance_admin: User
) -> None:
    upload = uploaded(connected, finance_admin, *Invoice.objects.all())
    bring(upload, Posting.Status.REJECTED, *Invoice.objects.values_list("number", flat=True)[:30])
    bring(upload, Posting.Status.POSTED)
    Posting.objects.update(amount_due=Decimal("2345.67"), read_at=timezone.now())
    HeldBackInvoice.objects.create(run=ImportRun.objects.create(file_name="a.csv", size=1), number="INV-9")
    counting.refresh()
    if reconnect:
        XeroConnection.objects.update(status="needs_reconnecting", status_reason="It was disconnected in Xero. " * 9)
    listed.set_viewport_size({"width": width, "height": height})
    listed.reload()
    expect(listed.locator(".banner > .line")).to_contain_text("30 Rejected: Account 999")
    assert listed.evaluate(IN_VIEW) >= least
    assert not listed.evaluate(WIDER)
    is_accessible(listed)
    listed.get_by_role("link", name="30 Rejected").click()
    expect(listed.locator(".list tbody tr")).to_have_count(30)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_is_accessible_and_inside_its_screen(listed: Page, theme: str, width: int) -> None:
    listed.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    listed.set_viewport_size({"width": width, "height": 800})
    listed.locator("td.tick input").nth(1).check()
    assert not listed.evaluate(WIDER)
    is_accessible(listed)
    assert listed.evaluate(HEIGHTS) == [64 if width == 390 else 36]


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
    listed.get_by_role("textbox", name="Currency").fill("NZD")
    listed.get_by_label("Total from").fill("1000")
    is_accessible(listed)
    listed.get_by_role("button", name="Show").click()
    expect(listed).to_have_url(re.compile("currency=NZD.*least=1000"))
    rows = listed.locator(".list tbody tr").count()
    assert 0 < rows < 7
    listed.get_by_role("link", name="Remove the filter Total from").click()
    expect(listed.locator(".list tbody tr")).to_have_count(7)


def saved(listed: Page, button: Locator, folder: Path) -> Path:
    """Return where the file is that the button brings."""
    with listed.expect_download() as begun:
        button.click()
    path = folder / begun.value.suggested_filename
    begun.value.save_as(path)
    return path


def test_what_is_selected_is_downloaded_and_the_list_stays_as_it_is(listed: Page, tmp_path: Path) -> None:
    for place in (1, 3):
        listed.locator("td.tick input").nth(place).check()
    bar = listed.get_by_role("region", name="What is selected")
    bar.locator("summary", has_text="Download").click()
    is_accessible(listed)
    lines = saved(listed, bar.get_by_role("button", name="CSV"), tmp_path).read_text("utf-8-sig").splitlines()
    assert len(lines) == 3
    path = saved(listed, bar.get_by_role("button", name="Excel"), tmp_path)
    assert path.name == f"c3-invoices-{PERIOD}-selected.xlsx"
    header, *rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    assert {row[header.index("InvoiceNumber")] for row in rows} == {line.split(",")[0] for line in lines[1:]}
    expect(bar).to_contain_text("2 selected")
    listed.get_by_label("Select all 120 of this filter").check()
    bar.locator("summary", has_text="Download").click()
    assert len(saved(listed, bar.get_by_role("button", name="CSV"), tmp_path).read_text().splitlines()) == 121


@pytest.mark.parametrize("width", [1280, 390])
def test_columns_are_chosen_in_a_menu(listed: Page, width: int) -> None:
    listed.set_viewport_size({"width": width, "height": 800})
    listed.locator(".list-bar summary", has_text="Columns").click()
    expect(listed.get_by_role("checkbox", name="Number", exact=True)).to_be_disabled()
    for name in ("PO number", "Microsoft invoice", "Bill to", "Issued", "Currency", "Subtotal", "Tax"):
        listed.get_by_role("checkbox", name=name, exact=True).check()
    assert not listed.evaluate(WIDER)
    is_accessible(listed)
    listed.get_by_role("button", name="Show").click()
    expect(listed.locator(".list")).to_have_class(re.compile("widest"))
    assert not listed.evaluate(WIDER)
    assert listed.evaluate(HEIGHTS) == [64 if width == 390 else 36]
    if width == 1280:
        expect(listed.get_by_role("columnheader", name="Microsoft invoice")).to_be_visible()
        # Nothing of the head lies over the rows.
        assert listed.evaluate(IN_VIEW) >= 14
    is_accessible(listed)


def test_a_view_is_saved_opened_and_deleted(listed: Page) -> None:
    views = listed.locator(".list-bar summary", has_text="Views")
    listed.goto(f"{listed.url}&currency=NZD&least=1000")
    views.click()
    listed.get_by_label("Save what is shown as").fill("Large ones of New Zealand")
    is_accessible(listed)
    listed.keyboard.press("Enter")
    listed.wait_for_load_state()
    listed.get_by_role("link", name="Remove the filter Currency").click()
    views.click()
    listed.get_by_role("link", name="Large ones of New Zealand").click()
    expect(listed).to_have_url(re.compile("currency=NZD.*least=1000"))
    views.click()
    expect(listed.locator(".views [aria-current]")).to_have_text("Large ones of New Zealand")
    is_accessible(listed)
    listed.get_by_role("button", name="Delete the view Large ones of New Zealand").click()
    views.click()
    expect(listed.get_by_role("link", name="Large ones of New Zealand")).to_have_count(0)
    expect(listed).to_have_url(re.compile("currency=NZD.*least=1000"))


# Where each is: the lower edge of the bar, whether it is in view, and the least height of what a thumb presses there.
BAR = """() => {
  const bar = document.querySelector(".select-bar");
  const box = bar.getBoundingClientRect();
  const all = [...bar.querySelectorAll("summary, button, select, .form-check-label")];
  const pressed = all.filter((each) => each.checkVisibility());
  const heights = pressed.map((each) => each.getBoundingClientRect().height).filter((height) => height > 1);
  return { top: box.top, bottom: box.bottom, window: window.innerHeight, least: Math.min(...heights) };
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone_the_bar_stays_below_the_rows_for_a_thumb(listed: Page, theme: str) -> None:
    listed.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    listed.set_viewport_size({"width": 390, "height": 780})
    listed.locator("td.tick input").nth(1).check()
    for scrolled in (0, 900, 1800):
        listed.evaluate(f"window.scrollTo(0, {scrolled})")
        bar = listed.evaluate(BAR)
        assert bar["bottom"] == bar["window"]
        assert bar["top"] > bar["window"] * 0.6
        assert bar["least"] >= 24
    for words in ("Download", "Exclude", "In Xero"):
        listed.locator(".select-bar summary", has_text=words).click()
        panel = listed.locator(".select-bar details[open] .menu-panel").bounding_box()
        assert panel is not None
        assert panel["x"] >= 0
        assert panel["x"] + panel["width"] <= 390
        assert panel["y"] >= 0
        is_accessible(listed)
    with listed.expect_request(re.compile("/invoices/upload/")):
        listed.get_by_role("button", name="UPLOAD TO XERO").click()
    expect(listed.get_by_role("heading", name="Check before upload")).to_be_visible()


def test_an_upload_under_way_is_on_the_list_until_all_of_it_is_in_xero(
    listed: Page, connected: XeroConnection, finance_admin: User
) -> None:
    upload = uploaded(connected, finance_admin, *Invoice.objects.all())
    bring(upload, Posting.Status.POSTED, *Invoice.objects.order_by("number").values_list("number", flat=True)[:40])
    listed.reload()
    running = listed.locator("#running")
    expect(running).to_contain_text("40 of 120 in Xero")
    expect(running.get_by_role("img", name="40 in Xero, 80 queued")).to_be_visible()
    listed.locator("td.tick input").nth(1).check()

    bring(upload, Posting.Status.POSTED)

    expect(running).to_be_empty()
    expect(listed.get_by_role("link", name="In Xero 120")).to_be_visible()
    expect(listed.locator(".list tbody .state", has_text="Draft")).to_have_count(50)
    expect(listed.locator("td.tick input:checked")).to_have_count(1)
    expect(listed.locator("#follows")).to_have_attribute("hx-trigger", "every 20s")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_line_of_an_upload_under_way_is_accessible_and_inside_its_screen(
    listed: Page, theme: str, width: int, connected: XeroConnection, finance_admin: User
) -> None:
    uploaded(connected, finance_admin, *Invoice.objects.all())
    listed.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    listed.set_viewport_size({"width": width, "height": 800})
    listed.reload()
    expect(listed.locator("#running").get_by_role("link")).to_be_visible()
    assert not listed.evaluate(WIDER)
    is_accessible(listed)
