"""A wrong account on 120 invoices, put right in five clicks: in a browser, with a real worker."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from c3portal.models import User
from c3portal.testing import WorkerProcess, wait_until
from c3portal.tests.browser import is_accessible, sign_in
from invoices.changes import amending
from invoices.changes.tests.test_update import accounts
from invoices.conftest import Upload, Work
from invoices.models import BillingPeriod, DocumentChange, Posting
from xero_integration.models import XeroConnection
from xero_sandbox.testing import SandboxControl

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
FIELDS = ("License based SKUs", "Azure Usage based SKUs", "Custom offer SKUs")


@pytest.fixture
def drafts(sample: BillingPeriod, connected: XeroConnection, upload: Upload, work: Work) -> XeroConnection:
    """120 drafts in Xero."""
    upload(invoice_status="DRAFT")
    while Posting.objects.in_progress().exists():
        work()
    assert Posting.objects.filter(status="posted", xero_status="DRAFT").count() == 120
    return connected


def test_a_wrong_account_on_120_invoices_is_put_right_in_five_clicks(
    page: Page,
    portal: str,
    drafts: XeroConnection,
    sandbox: SandboxControl,
    system_admin: User,
    start_worker: Callable[..., WorkerProcess],
    complaints: list[str],
) -> None:
    start_worker()
    sign_in(page, f"{portal}/settings/general/", system_admin)
    for field in FIELDS:
        page.get_by_label(field).select_option("200")

    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="Download Invoice/Payments").first.click()
    page.locator(".head summary", has_text="Xero").click()
    page.get_by_role("link", name="Compare with today's settings").click()
    is_accessible(page)
    page.get_by_role("link", name="Update all 120 drafts").click()
    is_accessible(page)
    page.get_by_role("button", name="Update in Xero").click()

    expect(page.get_by_text("120 invoices to be updated")).to_be_visible(timeout=30_000)
    wait_until(lambda: not DocumentChange.objects.in_progress().exists(), "All are updated", patience=60)
    page.reload()
    expect(page.get_by_text("120 done")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("Nothing differs")).to_be_visible()
    assert accounts(drafts) == {"200"}
    assert len(sandbox.documents()) == 120
    assert {each["status"] for each in sandbox.documents()} == {"DRAFT"}
    assert amending.differing(Posting.objects.all(), by_settings=True) == []
    assert sandbox.violations() == []
