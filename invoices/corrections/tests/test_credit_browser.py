"""A person credits a part of an invoice in a browser, and posts the credit note."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from c3portal.models import User
from c3portal.tests.browser import POST_THEM, is_accessible, sign_in
from invoices.conftest import Upload, Work
from invoices.models import BillingPeriod, Invoice, Posting
from xero_integration.models import XeroConnection

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_part_of_an_invoice_is_credited(
    page: Page,
    portal: str,
    sample: BillingPeriod,
    connected: XeroConnection,
    upload: Upload,
    work: Work,
    finance_admin: User,
    complaints: list[str],
) -> None:
    invoice = Invoice.objects.filter(currency="AUD", total__gt=500).order_by("number")[0]
    upload(invoice)
    work()
    sign_in(page, f"{portal}{invoice.get_absolute_url()}", finance_admin)
    page.get_by_text("More", exact=True).click()
    page.get_by_role("link", name="Credit…").click()
    is_accessible(page)
    page.get_by_label("Only what is chosen below").check()
    page.get_by_label("Amount without tax of").first.fill("1.25")
    page.get_by_label("Why").fill("A licence too many")
    page.get_by_label("Arrives in Xero as").select_option("AUTHORISED")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="What will be sent")).to_be_visible()
    is_accessible(page)
    page.get_by_role("button", name="Make the credit note").click()
    expect(page.get_by_role("heading", name="Check before upload")).to_be_visible()
    page.get_by_role("button", name=POST_THEM).click()
    expect(page.get_by_text("0 of 1 in Xero", exact=True)).to_be_visible()
    for _ in range(3):
        work()
    note = Invoice.objects.get(corrects=invoice)
    assert Posting.objects.get(invoice=note).status == "posted"
    page.goto(f"{portal}{note.get_absolute_url()}")
    expect(page.get_by_text("Set in Xero")).to_be_visible()
    is_accessible(page)
    page.goto(f"{portal}{invoice.get_absolute_url()}")
    expect(page.get_by_role("link", name=note.number)).to_be_visible()
