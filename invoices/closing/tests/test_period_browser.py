"""The billing periods and the sheet of one, in a browser: on a screen, on paper, and as a file with a checksum."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from c3portal.models import User
from c3portal.tests.browser import is_accessible, sign_in
from invoices.closing.tests.test_closing import LIST
from invoices.models import BillingPeriod, Invoice, OthersInXero, PeriodClosing, Posting
from invoices.tests import makers
from xero_integration.models import XeroConnection

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("woken")]
HAND = {
    "number": "HAND-1",
    "type": "Invoice",
    "date": "2026-09-01",
    "contact": "By hand Ltd",
    "currency": "AUD",
    "total": "50.00",
    "status": "AUTHORISED",
}


@pytest.fixture
def period(connected: XeroConnection, finance_admin: User) -> BillingPeriod:
    """A period in Xero to the cent, 60 of it excluded, with a document that somebody made by hand."""
    made = makers.a_period()
    makers.uploaded(connected, finance_admin, *makers.invoices(made, 2), to=Posting.Status.POSTED)
    Posting.objects.update(xero_total=Decimal("110.00"), amount_due=Decimal("110.00"))
    out = makers.invoices(made, 60, "OUT")
    Invoice.objects.filter(pk__in=[each.pk for each in out]).update(
        ignored_because="Billed by hand", ignored_by=finance_admin
    )
    makers.an_invoice(made, "NZ-1", currency="NZD")
    OthersInXero.objects.create(period=made, connection=connected, documents=[HAND], count=1)
    return made


def is_whole(page: Page) -> None:
    is_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_periods_and_the_sheet_are_whole(
    portal: str,
    period: BillingPeriod,
    page: Page,
    finance_admin: User,
    complaints: list[str],
    width: int,
    scheme: str,
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    sign_in(page, portal, finance_admin)
    page.goto(f"{portal}{LIST}")
    row = page.get_by_role("row").filter(has_text="September 2026")
    for words in ("AUD 6,820.00", "NZD 110.00", "Open"):
        expect(row).to_contain_text(words)
    is_whole(page)
    row.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("September 2026")
    for words in ("2 of 63 in Xero", "HAND-1", "By hand Ltd", "Billed by hand", finance_admin.email):
        expect(page.locator("main")).to_contain_text(words)
    is_whole(page)


def test_paper_has_every_excluded_invoice_with_who_and_why(
    portal: str, period: BillingPeriod, page: Page, finance_admin: User
) -> None:
    sign_in(page, portal, finance_admin)
    page.goto(f"{portal}{LIST}{period.pk}/")
    page.emulate_media(media="print")
    expect(page.get_by_text("50 of 60: open Print view for all.")).to_be_visible()
    page.emulate_media(media="screen")
    page.get_by_role("link", name="Print view").click()
    page.emulate_media(media="print")
    rows = page.get_by_role("table").filter(has_text="OUT-001").get_by_role("row")
    expect(rows).to_have_count(61)
    expect(rows.nth(60)).to_contain_text("OUT-060")
    expect(rows.nth(60)).to_contain_text("Billed by hand")
    expect(rows.nth(60)).to_contain_text(finance_admin.email)
    for hidden in (".side", ".top", ".actions >> nth=0"):
        expect(page.locator(hidden)).to_be_hidden()


def test_it_is_closed_and_the_file_has_the_checksum_that_the_page_tells(
    portal: str, period: BillingPeriod, page: Page, finance_admin: User, tmp_path: Path
) -> None:
    sign_in(page, portal, finance_admin)
    page.goto(f"{portal}{LIST}{period.pk}/")
    for reason in ("The first reason", "The second reason"):
        page.get_by_label("Why close it all the same?").fill(reason)
        page.get_by_role("button", name="Close the period").click()
        expect(page.get_by_text(reason)).to_be_visible()
        if reason == "The first reason":
            page.get_by_role("button", name="Open again").click()
    earlier = page.locator(".closings li")
    expect(earlier).to_have_count(1)
    expect(earlier).to_contain_text("The first reason")
    expect(earlier).to_contain_text(finance_admin.email)
    with page.expect_download() as told:
        page.get_by_role("link", name="Download the file").click()
    told.value.save_as(tmp_path / "period.csv")
    checksum = hashlib.sha256((tmp_path / "period.csv").read_bytes()).hexdigest()
    assert checksum == PeriodClosing.objects.get(reopened_at=None).checksum
    expect(page.get_by_role("status").get_by_text(checksum)).to_be_visible()
