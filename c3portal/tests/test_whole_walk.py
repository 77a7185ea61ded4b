"""The main job, start to end, as C3's guide tells it: in a browser, with a real worker, into the sandbox's books."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from c3portal.models import User
from c3portal.testing import WorkerProcess, wait_until
from c3portal.tests.browser import LIST, POST_THEM, choose_period, select_all, sign_in
from invoices import tasks
from invoices.models import BillingPeriod, Invoice
from operations import demo
from xero_integration.models import XeroSettings

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def app_saved(portal: str, sandbox: Any) -> None:
    """Settings → General is filled in, as `make run` does it."""
    app = sandbox.ensure_app("C3 portal", [f"{portal}/"])
    XeroSettings.objects.create(
        pk=1,
        client_id=app["client_id"],
        client_secret=app["client_secret"],
        license_account_code="4010",
        azure_account_code="4020",
        custom_account_code="4030",
    )


def arrived(sandbox: Any) -> dict[str, Decimal]:
    """Return the sandbox's total for each currency, credit notes taken off."""
    totals: Counter[str] = Counter()
    for each in sandbox.documents():
        sign = -1 if each["type"] == "ACCRECCREDIT" else 1
        totals[each["currency"]] += sign * Decimal(each["total"])  # type: ignore[assignment]
    return dict(totals)  # type: ignore[arg-type]


def test_it_brings_the_september_invoices_to_xero(
    page: Page,
    portal: str,
    sandbox: Any,
    app_saved: None,
    sample: BillingPeriod,
    finance_admin: User,
    start_worker: Callable[..., WorkerProcess],
) -> None:
    start_worker()
    sign_in(page, portal, finance_admin)

    page.get_by_role("button", name="Connect to Xero").click()
    page.get_by_label("Contoso Cloud (AU)").check()
    page.get_by_role("button", name="Allow access").click()
    expect(page.get_by_text("Connected to Contoso Cloud (AU).")).to_be_visible()

    choose_period(page, "20260918")
    select_all(page, 120)
    page.get_by_role("button", name="UPLOAD TO XERO").click()
    page.get_by_role("button", name=POST_THEM).click()
    expect(page.get_by_text("120 of 120 in Xero", exact=True)).to_be_visible(timeout=30_000)

    page.get_by_role("link", name="Download Invoice/Payments").first.click()
    page.get_by_role("link", name="VIEW POST LOGS").click()
    expect(page.get_by_role("row").filter(has_text="All in Xero")).to_contain_text("120")

    kinds = Counter(each["type"] for each in sandbox.documents())
    assert kinds == {"ACCREC": 117, "ACCRECCREDIT": 3}
    wanted: Counter[str] = Counter()
    for currency, total in Invoice.objects.values_list("currency", "total"):
        wanted[currency] += total
    assert arrived(sandbox) == wanted
    assert set(wanted) == {"AUD", "NZD", "USD"}
    assert sandbox.violations() == []


def test_it_fetches_from_c3_matches_once_and_posts_to_the_cent(
    page: Page,
    portal: str,
    sandbox: Any,
    c3_sandbox: Any,
    app_saved: None,
    finance_admin: User,
    start_worker: Callable[..., WorkerProcess],
) -> None:
    c3_sandbox.reset(periods=2)
    demo.c3_sandbox()
    start_worker()
    sign_in(page, portal, finance_admin)

    page.get_by_role("button", name="Fetch from C3").click()
    page.get_by_role("link", name="20260918").click(timeout=60_000)
    page.get_by_role("button", name="Confirm and preview").click()
    page.get_by_role("button", name="Import", exact=True).click(timeout=60_000)
    expect(page.get_by_text("Imported: September 2026")).to_be_visible(timeout=60_000)
    both = {**c3_sandbox.periods()[0]["totals"], **c3_sandbox.periods()[1]["totals"]}
    # The scheduler's task of every minute, now.
    tasks.fetch_when_due.delay()
    wait_until(lambda: Invoice.objects.count() == 240, "The other period follows by itself", patience=60)
    assert totals() == both

    page.goto(portal)
    page.get_by_role("button", name="Connect to Xero").click()
    page.get_by_label("Contoso Cloud (AU)").check()
    page.get_by_role("button", name="Allow access").click()
    show_and_upload_all(page, portal, "20260918")
    expect(page.get_by_text("120 of 120 in Xero", exact=True)).to_be_visible(timeout=60_000)
    assert len(sandbox.documents()) == 120
    wanted: Counter[str] = Counter()
    for number, total in c3_sandbox.periods()[1]["totals"].items():
        wanted[number.rpartition("_")[2]] += Decimal(total)  # type: ignore[assignment]
    assert arrived(sandbox) == wanted

    # Generated again at C3, it comes straight through, and nothing of it is posted without a decision.
    again = c3_sandbox.generate_again("20260918")
    page.goto(portal)
    page.get_by_role("button", name="Fetch from C3").click()
    expect(page.get_by_text("Fetched: 120 invoices new")).to_be_visible(timeout=60_000)
    assert totals() == {**both, **again["totals"]}
    show_and_upload_all(page, portal, again["billing_id"], ready=False)
    expect(page.get_by_role("row").filter(has_text="Looks the same")).to_contain_text("120 invoices")
    expect(page.get_by_role("button", name=POST_THEM)).to_have_count(0)
    assert len(sandbox.documents()) == 120
    assert sandbox.violations() == []


def totals() -> dict[str, str]:
    return {number: str(total) for number, total in Invoice.objects.values_list("number", "total")}


def show_and_upload_all(page: Page, portal: str, billing_id: str, *, ready: bool = True) -> None:
    """Choose a period on the list, select its 120 invoices, and post those that are ready."""
    page.goto(f"{portal}{LIST}?period={billing_id}")
    select_all(page, 120)
    page.get_by_role("button", name="UPLOAD TO XERO").click()
    if ready:
        page.get_by_role("button", name=POST_THEM).click()


def test_it_leads_from_an_invoice_to_the_document_in_xero(
    page: Page,
    portal: str,
    sandbox: Any,
    app_saved: None,
    sample: BillingPeriod,
    finance_admin: User,
    start_worker: Callable[..., WorkerProcess],
) -> None:
    start_worker()
    sign_in(page, portal, finance_admin)
    page.get_by_role("button", name="Connect to Xero").click()
    page.get_by_role("button", name="Allow access").click()

    invoice = Invoice.objects.exclude(total__lt=0).order_by("number")[0]
    page.locator("summary", has_text="Filter").click()
    page.get_by_label("Search in this period").fill(invoice.number)
    page.get_by_role("button", name="Show").click()
    page.get_by_role("checkbox", name=re.compile(re.escape(invoice.number))).check()
    page.get_by_role("button", name="UPLOAD TO XERO").click()
    page.get_by_role("button", name=POST_THEM).click()
    expect(page.get_by_text("1 of 1 in Xero", exact=True)).to_be_visible(timeout=30_000)

    with page.expect_popup() as opened:
        page.get_by_role("link", name=re.compile("Open .*in Xero")).first.click()
    expect(opened.value.get_by_text(invoice.xero_number).first).to_be_visible()
    expect(opened.value.get_by_text(f"{invoice.total:,.2f}").first).to_be_visible()
