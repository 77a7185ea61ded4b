"""Overriding and reverting, as a Finance Admin does it in a browser."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from c3portal.models import User
from c3portal.tests.browser import is_accessible, sign_in
from invoices.models import AccountOverride, BillingPeriod, TaxOverride
from xero_integration.models import XeroConnection

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def finance(portal: str, connected: XeroConnection, sample: BillingPeriod, page: Page, finance_admin: User) -> Page:
    """The September period, with a Finance Admin signed in and on the Accounts page."""
    sign_in(page, portal, finance_admin)
    page.get_by_role("link", name="Accounts", exact=True).click()
    expect(page.get_by_role("heading", name="Accounts", exact=True)).to_be_visible()
    return page


def test_an_account_is_overridden_and_reverted(finance: Page) -> None:
    page = finance
    is_accessible(page)
    row = page.get_by_role("row").filter(has_text="License based SKUs").nth(0)
    sku = row.get_by_role("rowheader").inner_text().splitlines()[0]
    row.get_by_role("link", name="Override").click()
    bar = page.get_by_role("region", name="Override what is selected")
    bar.get_by_label("Account").select_option("4030")
    bar.get_by_role("button", name="Override").click()
    expect(page.get_by_text("1 override was kept.")).to_be_visible()

    page.get_by_role("link", name="Overridden").click()
    row = page.get_by_role("row").filter(has_text=sku)
    expect(row).to_contain_text("4030")
    expect(row).to_contain_text(f"because SKU {sku} overrides License based SKUs")
    is_accessible(page)
    row.get_by_role("button", name="Revert").click()
    expect(page.get_by_text("1 override was reverted to the default.")).to_be_visible()
    assert not AccountOverride.objects.exists()


def test_everything_unmapped_is_mapped_at_once_and_the_reader_is_back_where_they_were(
    finance: Page, sandbox: Any, connected: XeroConnection, portal: str
) -> None:
    page = finance
    page.goto(f"{portal}/settings/taxes/?next=/invoices/logs/")
    is_accessible(page)
    page.get_by_role("searchbox", name="Search").fill("AU")
    page.get_by_role("button", name="Show").click()
    page.get_by_label("Select all 1 of this filter").check()
    page.get_by_label("Tax rate in Xero").select_option("OUTPUT")
    page.get_by_role("button", name="Override", exact=True).click()
    expect(page.get_by_role("heading", name="Post logs")).to_be_visible()
    assert set(TaxOverride.objects.values_list("tax_type", flat=True)) == {"OUTPUT"}


@pytest.mark.parametrize("kind", ["accounts", "taxes", "customers"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_is_accessible(finance: Page, portal: str, kind: str, scheme: Any, width: int) -> None:
    finance.set_viewport_size({"width": width, "height": 900})
    finance.emulate_media(color_scheme=scheme)
    finance.goto(f"{portal}/settings/{kind}/")
    is_accessible(finance)
