"""Ten things that a finance person comes for, each from home in so many clicks as README says, four at most.

What is typed is no click; pressing Enter in a search is one, and so is a choice in a list of choices.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Sum
from playwright.sync_api import Locator, Page, expect

from c3portal.models import User
from c3portal.testing import BASE_DIR
from c3portal.tests.browser import POST_THEM, is_signed_in
from invoices.attention import counting
from invoices.conftest import Work
from invoices.importing.importer import import_file
from invoices.models import BillingPeriod, ChangeRequest, Invoice, PeriodClosing, Posting
from invoices.posting import queueing
from invoices.readback import schedule
from operations.demo import SAMPLE_DATA
from xero_integration import connections
from xero_integration.models import XeroConnection

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("woken")]
MOST = 4
# Milliseconds, for what asks Xero about all invoices.
SLOW = 30_000
AUGUST, SEPTEMBER = "20260818", "20260918"


class Visitor:
    """Someone who begins at home; counts the clicks since."""

    def __init__(self, page: Page, portal: str) -> None:
        self.page, self.clicks = page, 0
        page.goto(portal)

    def click(self, wanted: Locator) -> None:
        wanted.click()
        self.clicks += 1

    def link(self, name: str | re.Pattern[str], within: str = "main") -> None:
        self.click(self.page.locator(within).get_by_role("link", name=name).first)

    def button(self, name: str | re.Pattern[str]) -> None:
        self.click(self.page.get_by_role("button", name=name).first)

    def menu(self, name: str) -> None:
        self.click(self.page.locator("main summary", has_text=name).first)

    def choose(self, wanted: Locator, value: str) -> None:
        wanted.select_option(value)
        self.clicks += 1

    def period(self, billing_id: str) -> None:
        self.click(self.page.locator(".top .period summary"))
        self.link(billing_id, within=".top .period")

    def search(self, words: str) -> None:
        self.page.locator("#find").fill(words)
        self.page.keyboard.press("Enter")
        self.clicks += 1

    def sees(self, words: str | re.Pattern[str]) -> None:
        expect(self.page.get_by_text(words).filter(visible=True).first).to_be_visible()


# The tasks, in an order in which each finds what it needs


def why_it_is_not_in_xero(visitor: Visitor, work: Work) -> None:
    rejected = Posting.objects.get(status=Posting.Status.REJECTED).invoice
    visitor.search(rejected.number)
    expect(visitor.page.get_by_role("row").filter(has_text=rejected.customer.name)).to_contain_text("4010")


def what_august_owes_in_nzd(visitor: Visitor, work: Work) -> None:
    owed = Posting.objects.filter(invoice__period__billing_id=AUGUST, invoice__currency="NZD", invoice__total__gt=0)
    visitor.period(AUGUST)
    visitor.link(re.compile("^Imported"))
    total = owed.aggregate(sum=Sum("amount_due"))["sum"]
    credited = Posting.objects.filter(
        invoice__period__billing_id=AUGUST, invoice__currency="NZD", invoice__total__lt=0
    ).aggregate(sum=Sum("amount_due", default=0))["sum"]
    owed_words = re.compile(rf"owed\s.*NZD\s+{total - credited:,.2f}", re.DOTALL)
    expect(visitor.page.locator("#totals")).to_contain_text(owed_words)


def what_was_changed_in_xero(visitor: Visitor, work: Work) -> None:
    row = visitor.page.get_by_role("row").filter(has_text="Changed in Xero")
    visitor.click(row.get_by_role("link", name="1 invoice"))
    expect(visitor.page.locator(".list tbody tr")).to_have_count(1)


def what_xero_received(visitor: Visitor, work: Work) -> None:
    sent = Posting.objects.filter(status=Posting.Status.POSTED).order_by("pk")[0].invoice
    visitor.search(sent.number)
    visitor.link(sent.customer.name)
    visitor.menu("What was sent")
    expect(visitor.page.get_by_role("region", name="What was sent").first).to_contain_text("LineItems")


def all_invoices_as_a_file(visitor: Visitor, work: Work) -> None:
    visitor.link(re.compile("^Imported"))
    visitor.menu("Download")
    with visitor.page.expect_download() as file:
        visitor.link("Invoices")
    assert file.value.path().read_text().count("\n") > 120


def fix_the_account_for_all(visitor: Visitor, work: Work) -> None:
    visitor.link(re.compile("^Choose account"))
    blocked = visitor.page.get_by_role("row").filter(has_text="Blocked")
    visitor.choose(blocked.get_by_label("Account in place of 4010"), "4030")
    visitor.click(blocked.get_by_role("button", name=re.compile("^Use it and check")))
    expect(visitor.page.get_by_role("button", name=POST_THEM).first).to_be_visible(timeout=SLOW)
    # What August still lacks is no part of the tasks that follow.
    Invoice.objects.filter(posting__status=Posting.Status.REJECTED).update(ignored_because="Billed by hand")


def post_the_open_period(visitor: Visitor, work: Work) -> None:
    visitor.button(re.compile("^Check and post"))
    visitor.button(POST_THEM)
    expect(visitor.page.locator("#live")).to_be_visible(timeout=SLOW)
    work()
    visitor.sees(re.compile(r"^(\d+) of \1 in Xero$"))


def how_the_upload_fares(visitor: Visitor, work: Work) -> None:
    visitor.sees(re.compile(r"^\d+ of \d+ in Xero$"))
    visitor.link(re.compile(r"^Upload \d+"))
    visitor.sees("Finished")


def approve_the_drafts(visitor: Visitor, work: Work) -> None:
    visitor.button(re.compile("^Approve [0-9]+ drafts?"))
    visitor.button("Approve in Xero")
    expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()
    assert ChangeRequest.objects.exists()
    work()


def close_the_period(visitor: Visitor, work: Work) -> None:
    visitor.link("Billing periods", within=".side")
    visitor.link("September 2026")
    if visitor.page.get_by_label("Why close it all the same?").count():
        visitor.page.get_by_label("Why close it all the same?").fill("Read by the bookkeeper")
    visitor.button("Close the period")
    visitor.sees(re.compile("^Closed "))
    assert PeriodClosing.objects.exists()


TASKS: dict[str, Callable[[Visitor, Work], None]] = {
    "Why is this invoice not in Xero?": why_it_is_not_in_xero,
    "What is owed for August in NZD?": what_august_owes_in_nzd,
    "What did somebody change in Xero?": what_was_changed_in_xero,
    "What did Xero receive of this invoice?": what_xero_received,
    "Have all invoices of the period as a file": all_invoices_as_a_file,
    "Put another account in the place of the archived one, for all (System Admin)": fix_the_account_for_all,
    "Post the open period": post_the_open_period,
    "How far is the upload?": how_the_upload_fares,
    "Approve the drafts of the period": approve_the_drafts,
    "Close the period": close_the_period,
}


@pytest.fixture
def books(connected: XeroConnection, sandbox: Any, system_admin: User, work: Work) -> XeroConnection:
    """August is in Xero, and one of it was changed there; an account is archived, so another of it was rejected, and
    September is blocked."""
    for billing_id in (AUGUST, SEPTEMBER):
        (path,) = SAMPLE_DATA.glob(f"*{billing_id}.csv")
        import_file(path, name=path.name)
    august = Invoice.objects.filter(period__billing_id=AUGUST)
    last = august.filter(lines__kind="license", total__gt=0, currency="AUD").order_by("-number")[0]
    _upload(august.exclude(pk=last.pk), connected, system_admin, "AUTHORISED")
    work()
    sandbox.change(august.filter(total__gt=0).exclude(pk=last.pk)[0].xero_number, DueDate="2026-12-24")
    schedule.read(connected)
    sandbox.put_account("4010", status="ARCHIVED")
    _upload(august.filter(pk=last.pk), connected, system_admin, "DRAFT")
    work()
    connections.read_reference(connected)
    counting.refresh()
    return connected


def _upload(rows: Any, connection: XeroConnection, user: User, status: str) -> None:
    queueing.enqueue(rows, connection=connection, user=user, invoice_status=status)


def in_readme() -> dict[str, int]:
    """Return the clicks of each task that README names."""
    part = (BASE_DIR / "README.md").read_text().partition("| task | clicks |")[2].partition("\n\n")[0]
    return {task: int(clicks) for task, clicks in re.findall(r"^\| (.+?) \| (\d) \|$", part, re.MULTILINE)}


def test_each_task_takes_so_many_clicks_from_home(
    page: Page, portal: str, books: XeroConnection, system_admin: User, work: Work, complaints: list[str]
) -> None:
    assert BillingPeriod.objects.count() == 2
    is_signed_in(page, portal, system_admin)
    taken: dict[str, int] = {}
    for name, does in TASKS.items():
        visitor = Visitor(page, portal)
        does(visitor, work)
        taken[name] = visitor.clicks
        schedule.read(books)
        counting.refresh()
    assert max(taken.values()) <= MOST
    assert taken == in_readme()
