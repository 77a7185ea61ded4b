"""An upload of 120 is taken back and posted again: in a browser, with a real worker and the sandbox."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from c3portal.models import User
from c3portal.testing import WorkerProcess, wait_until
from c3portal.tests.browser import POST_THEM, is_accessible, sign_in
from invoices.conftest import Upload, Work
from invoices.models import BillingPeriod, DocumentChange, Invoice, Posting
from invoices.models import Upload as UploadRow
from invoices.selection.selection import totals
from xero_sandbox.testing import SandboxControl

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
GOES_AS = re.compile(r"(\S.*) goes as (.*)\.")


@pytest.fixture
def approved(sample: BillingPeriod, upload: Upload, work: Work, sandbox: SandboxControl) -> UploadRow:
    """120 approved documents in Xero."""
    uploaded = upload(invoice_status="AUTHORISED").upload
    while Posting.objects.in_progress().exists():
        work()
    assert uploaded
    assert {(each["status"], each["number"]) for each in sandbox.documents()} == {
        ("AUTHORISED", each.xero_number) for each in Invoice.objects.all()
    }
    return uploaded


def test_an_upload_of_120_is_taken_back_and_posted_again_as_the_pages_said(
    page: Page,
    portal: str,
    approved: UploadRow,
    sandbox: SandboxControl,
    finance_admin: User,
    start_worker: Callable[..., WorkerProcess],
    complaints: list[str],
) -> None:
    start_worker()
    sign_in(page, f"{portal}{approved.get_absolute_url()}", finance_admin)

    page.get_by_role("link", name="Undo upload…").click()
    shown = page.get_by_role("region", name="How many, and how much").get_by_role("row").all_inner_texts()[1:]
    assert sorted(shown) == sorted(
        f"Voided: approved\t{each.count}\t{each.currency} {each.total:,.2f}" for each in totals(Invoice.objects.all())
    )
    assert DocumentChange.objects.count() == 0
    is_accessible(page)
    page.get_by_label("Why (optional)").fill("The wrong period")
    page.get_by_role("button", name="Take back in Xero").click()

    expect(page.get_by_text("Done: 120")).to_be_visible(timeout=60_000)
    assert {each["status"] for each in sandbox.documents()} == {"VOIDED"}
    page.get_by_role("button", name="Post 120 again…").click()
    expect(page.get_by_role("row").filter(has_text="Needs a look")).to_contain_text("120 invoices", timeout=30_000)
    page.get_by_text("Which 120 invoices").click()
    said = dict(GOES_AS.findall(page.locator(".cause-more").inner_text()))
    assert said
    is_accessible(page)
    page.get_by_role("button", name=POST_THEM).click()

    expect(page.get_by_text("120 invoices are on the way")).to_be_visible(timeout=30_000)
    wait_until(lambda: not Posting.objects.exclude(status="posted").exists(), "All are in Xero again", patience=60)
    live = [each for each in sandbox.documents() if each["status"] != "VOIDED"]
    again = {each.number_in_xero: abs(each.invoice.total) for each in Posting.objects.select_related("invoice")}
    assert sorted((each["number"], Decimal(each["total"])) for each in live) == sorted(again.items())
    assert {each["status"] for each in live} == {"AUTHORISED"}
    numbers = dict(Posting.objects.values_list("invoice__xero_number", "number"))
    assert said.items() <= numbers.items()
    assert sandbox.violations() == []
