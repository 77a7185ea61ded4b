"""A billing period that was generated again, as a Finance Admin meets it in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from c3portal.models import User
from c3portal.tests.browser import is_accessible, select_all, sign_in
from invoices.conftest import Upload, Work
from invoices.duplicates.tests.test_generated_again import AGAIN, generated_again, lines
from invoices.importing.importer import import_file
from invoices.models import Invoice
from invoices.tests.c3_files import write
from xero_integration.models import XeroConnection

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_period_generated_again_is_decided_about_at_once_and_one_by_one(
    portal: str,
    connected: XeroConnection,
    upload: Upload,
    work: Work,
    page: Page,
    finance_admin: User,
    tmp_path: Path,
) -> None:
    rows = lines(4)
    import_file(write(tmp_path, *rows))
    upload()
    work()
    new = lines(1, TenantID="new", InvoiceNumber="New", CustomerName="Woodgrove", **AGAIN)
    import_file(write(tmp_path, *generated_again(rows), *new))
    sign_in(page, portal, finance_admin)
    page.get_by_role("link", name="Looks the same 4").click()
    expect(page.get_by_role("row", name="Looks the same")).to_have_count(4)
    page.get_by_role("link", name="All 5").click()
    select_all(page, 5)
    page.get_by_role("button", name="UPLOAD TO XERO").click()

    expect(page.get_by_role("row").filter(has_text="Looks the same")).to_contain_text("4 invoices")
    told = "The same lines and total as an invoice of billing 20260918, which is in Xero."
    expect(page.get_by_role("rowheader").filter(has_text=told)).to_be_visible()
    page.get_by_text("Which 4 invoices").click()
    is_accessible(page)
    page.get_by_label("Why").fill("Ordered twice")
    page.get_by_role("button", name="Post anyway Invoice_1_again").click()
    expect(page.get_by_text("Ready to be posted beside what they look like: 1 invoice.")).to_be_visible()
    page.get_by_label("Why").fill("Generated twice")
    page.get_by_role("button", name="Do not post these 3").click()
    expect(page.get_by_text("Fix before posting")).to_have_count(0)
    assert Invoice.objects.filter(ignored_because="Generated twice").count() == 3

    page.goto(portal + Invoice.objects.get(number="Invoice_1_again").get_absolute_url())
    expect(page.get_by_text("Post it anyway:")).to_be_visible()
    is_accessible(page)
    page.get_by_role("button", name="Take this decision back").click()
    expect(page.get_by_text("The same lines and total as Invoice_1, which is in Xero.")).to_be_visible()
    is_accessible(page)
