"""Mending what the preflight found, and coming back to it, as a Finance Admin does it in a browser."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from c3portal.models import User
from c3portal.tests.browser import POST_THEM, choose_period, is_accessible, select_all, sign_in
from invoices.importing import billed_taxes
from invoices.models import BillingPeriod, Invoice, InvoiceLine, Posting
from xero_integration.models import XeroConnection

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def unmapped(sample: BillingPeriod) -> set[str]:
    """The numbers of three invoices of the period with a tax that the organisation has no rate for by itself."""
    chosen = list(Invoice.objects.filter(currency="AUD", total__gt=0).order_by("number")[:3])
    keys = [each.pk for each in chosen]
    billed_taxes.take_off(keys)
    InvoiceLine.objects.filter(invoice__in=chosen).update(tax_name="Levy")
    billed_taxes.put_on(keys)
    return {each.number for each in chosen}


@pytest.fixture
def preflight(
    portal: str, connected: XeroConnection, sandbox: Any, unmapped: set[str], page: Page, finance_admin: User
) -> Page:
    """The preflight page of the whole period, reached by signing in and pressing UPLOAD TO XERO."""
    from xero_integration import connections

    sandbox.put_tax_rate("OUTPUTX", name="Another tenth", rate="10")
    connections.read_reference(connected)
    sign_in(page, portal, finance_admin)
    choose_period(page, "20260918")
    select_all(page, 120)
    page.get_by_role("button", name="UPLOAD TO XERO").click()
    expect(page.get_by_role("heading", name="Check before upload")).to_be_visible()
    return page


def test_an_unmapped_tax_is_mapped_and_the_selection_is_still_there(preflight: Page, unmapped: set[str]) -> None:
    page = preflight
    address = page.url
    expect(page.get_by_role("row").filter(has_text="Blocked")).to_contain_text("3 invoices")
    page.get_by_role("link", name="Map this tax").click()
    page.get_by_label("Tax rate in Xero").select_option("OUTPUT")
    page.get_by_role("button", name="Override", exact=True).click()

    expect(page.get_by_role("heading", name="Check before upload")).to_be_visible()
    assert page.url == address
    expect(page.get_by_text("120 invoices", exact=True)).to_be_visible()
    expect(page.get_by_text("Fix before posting")).to_have_count(0)
    page.get_by_role("button", name=POST_THEM).click()
    expect(page.get_by_text("0 of 120 in Xero", exact=True)).to_be_visible()
    assert Posting.objects.count() == 120


def test_what_is_blocked_is_found_again_after_the_others_went(preflight: Page, unmapped: set[str]) -> None:
    page = preflight
    page.get_by_role("button", name=POST_THEM).click()
    expect(page.get_by_text("3 invoices stay selected")).to_be_visible()
    page.get_by_role("link", name="See what").click()
    page.get_by_text("Which 3 invoices").click()
    for number in unmapped:
        expect(page.get_by_role("link", name=number, exact=True).last).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_pages_are_accessible(preflight: Page, portal: str, scheme: Any, width: int) -> None:
    page = preflight
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    blocked, sound = Invoice.objects.order_by("number")[0], Invoice.objects.order_by("number")[40]
    of_invoices = [f"{each.get_absolute_url()}{tail}" for each in (blocked, sound) for tail in ("", "payload/")]
    for address in (page.url, portal, *(f"{portal}{path}" for path in of_invoices)):
        page.goto(address)
        for summary in page.locator("main summary").all():
            if summary.is_visible():
                summary.click()
        is_accessible(page)
        too_wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not too_wide, address
