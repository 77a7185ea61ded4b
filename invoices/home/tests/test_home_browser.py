"""Home in a browser: each figure leads to its invoices; and the test draft, clicked from the checklist to its end."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from c3portal.models import User
from c3portal.tests.browser import is_accessible, sign_in
from invoices.models import BillingPeriod, Invoice, Posting, TrialDraft
from invoices.tests import makers
from xero_integration.models import CallBudget, XeroConnection

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("woken")]
Status = Posting.Status
LOCKED = "The document date cannot be before the period lock date, currently set at 31/08/2026."


@pytest.fixture
def month(connected: XeroConnection, finance_admin: User) -> BillingPeriod:
    """A month in full: paid, approved, drafts, rejected, not posted, excluded, in two currencies."""
    period = makers.a_period()
    makers.uploaded(connected, finance_admin, *makers.invoices(period, 6), to=Status.POSTED)
    rows = list(Posting.objects.order_by("invoice__number"))
    Posting.objects.update(xero_total=Decimal("110.00"), amount_due=Decimal("110.00"), xero_status="DRAFT")
    for row in rows[:3]:
        Posting.objects.filter(pk=row.pk).update(xero_status="AUTHORISED", sent_to_contact=False)
    Posting.objects.filter(pk=rows[0].pk).update(
        xero_status="PAID", amount_due=Decimal(0), amount_paid=Decimal("110.00"), sent_to_contact=True
    )
    makers.uploaded(connected, finance_admin, *makers.invoices(period, 2, "BAD"), to=Status.REJECTED)
    Posting.objects.filter(status=Status.REJECTED).update(message=LOCKED)
    makers.an_invoice(period, "NEW-1", currency="NZD")
    out = makers.an_invoice(period, "OUT-1")
    Invoice.objects.filter(pk=out.pk).update(ignored_because="Billed by hand", ignored_by=finance_admin)
    CallBudget.objects.update_or_create(connection=connected, defaults={"day_remaining": 4991})
    return period


def shown(page: Page, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")


def is_whole(page: Page) -> None:
    is_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_home_is_whole_and_each_figure_leads_to_exactly_its_invoices(
    portal: str,
    month: BillingPeriod,
    page: Page,
    finance_admin: User,
    complaints: list[str],
    width: int,
    scheme: str,
) -> None:
    shown(page, width, scheme)
    sign_in(page, portal, finance_admin)
    page.goto(portal)
    expect(page.locator("#charts table").first).to_be_attached()
    expect(page.get_by_role("meter", name="Calls left today")).to_have_attribute("value", "4991")
    expect(page.get_by_role("link", name="Fix 2, then post them")).to_be_visible()
    is_whole(page)

    links = page.locator(".strip a")
    figures = {
        links.nth(place).locator(".quiet").first.inner_text(): (
            int(links.nth(place).locator("b").inner_text()),
            links.nth(place).get_attribute("href"),
        )
        for place in range(links.count())
    }
    assert {name: count for name, (count, _) in figures.items()} == {
        "Imported": 10,
        "Checked": 10,
        "In Xero": 6,
        "Approved and sent": 3,
        "Paid": 1,
    }
    for name, (count, address) in figures.items():
        page.goto(f"{portal}{address}")
        if name == "Checked":
            expect(page.get_by_role("link", name="2 invoices")).to_be_visible()
        else:
            expect(page.locator("td.col-number")).to_have_count(count)
    page.goto(portal)
    page.get_by_role("link", name="All 10").click()
    expect(page.locator("td.col-number")).to_have_count(10)


def test_what_is_approved_and_not_sent_is_sent_next(
    portal: str, month: BillingPeriod, page: Page, finance_admin: User
) -> None:
    Invoice.objects.exclude(posting__status=Status.POSTED).update(ignored_because="Billed by hand")
    Posting.objects.filter(xero_status="DRAFT").update(xero_status="AUTHORISED", sent_to_contact=True)
    sign_in(page, portal, finance_admin)
    page.goto(portal)
    page.get_by_role("button", name="Send 2 invoices").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(re.compile("Send", re.IGNORECASE))
    page.goto(f"{portal}/analyze/business/invoices/?period={month.billing_id}&owed=unsent")
    expect(page.locator("td.col-number")).to_have_count(2)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_test_draft_is_clicked_from_the_checklist_to_its_end(
    portal: str,
    connected: XeroConnection,
    page: Page,
    finance_admin: User,
    complaints: list[str],
    sandbox: Any,
    width: int,
    scheme: str,
) -> None:
    shown(page, width, scheme)
    sign_in(page, portal, finance_admin)
    page.goto(portal)
    is_whole(page)
    page.get_by_role("link", name="Post a test draft").click()
    is_whole(page)
    page.get_by_role("button", name="Post a test draft").click()
    expect(page.get_by_text("Total matches")).to_be_visible()
    is_whole(page)
    number = TrialDraft.objects.get().number
    assert [each["status"] for each in sandbox.documents() if each["number"] == number] == ["DRAFT"]
    page.get_by_role("button", name="Delete it in Xero").click()
    expect(page.get_by_text("Deleted again", exact=True)).to_be_visible()
    is_whole(page)
    assert [each["status"] for each in sandbox.documents() if each["number"] == number] == ["DELETED"]
    page.get_by_role("link", name="Go home").click()
    expect(page.locator(".steps > li.done").filter(has_text="Test")).to_be_visible()
