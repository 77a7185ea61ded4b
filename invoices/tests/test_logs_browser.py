"""The post logs and the page of an upload, in a browser."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, Request, Route, expect

from c3portal.models import User
from c3portal.tests.browser import is_accessible, sign_in
from invoices.models import Posting, Upload, UploadDraft
from invoices.posting import transitions
from invoices.tests import makers
from xero_integration.models import XeroConnection

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("woken")]
Status = Posting.Status
LOCKED = "The document date cannot be before the period lock date, currently set at 31/08/2026."
# What became of each invoice.
SHEET = "#invoices ~ .table-box table"


def running(connection: XeroConnection, user: User) -> Upload:
    upload = makers.uploaded(connection, user, *makers.invoices(makers.a_period(), 12))
    makers.bring(upload, Status.POSTED, *[f"INV-{number:03}" for number in range(1, 6)])
    return upload


def paused(connection: XeroConnection, user: User) -> Upload:
    until = timezone.now() + dt.timedelta(minutes=2)
    XeroConnection.objects.update(paused_until=until, pause_reason="Xero's limit of calls a minute is used up")
    return running(connection, user)


def rejected(connection: XeroConnection, user: User) -> Upload:
    upload = makers.uploaded(connection, user, *makers.invoices(makers.a_period(), 6))
    rows = Posting.objects.filter(upload=upload, invoice__number__in=["INV-001", "INV-002"])
    transitions.mark_rejected(rows, dict.fromkeys(rows.values_list("pk", flat=True), LOCKED))
    makers.bring(upload, Status.UNCERTAIN, "INV-003")
    Posting.objects.filter(status=Status.UNCERTAIN).update(not_before=timezone.now() + dt.timedelta(seconds=90))
    makers.bring(upload, Status.POSTED)
    return upload


def finished(connection: XeroConnection, user: User) -> Upload:
    return makers.uploaded(connection, user, *makers.invoices(makers.a_period(), 6), to=Status.POSTED)


def is_whole(page: Page) -> None:
    """Hold the page against axe and against its screen."""
    is_accessible(page)
    assert page.evaluate("document.querySelector('main').scrollWidth <= document.querySelector('main').clientWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(
    ("made", "says"),
    [
        (running, ["5 of 12 in Xero", "7 queued", "Withdraw 7 queued…"]),
        (paused, ["5 of 12 in Xero", "used up", "(in 1 min"]),
        (rejected, ["3 of 6 in Xero", "2 rejected", "AUD 220.00", "Post as drafts", "2 invoices"]),
        (finished, ["6 of 6 in Xero", "AUD 660.00 matches", "Approve 6 drafts…", "done"]),
    ],
    ids=["running", "paused", "rejected", "finished"],
)
def test_an_upload_is_shown_whole(
    portal: str,
    connected: XeroConnection,
    page: Page,
    finance_admin: User,
    complaints: list[str],
    made: Callable[[XeroConnection, User], Upload],
    says: list[str],
    width: int,
    scheme: str,
) -> None:
    upload = made(connected, finance_admin)
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    sign_in(page, portal, finance_admin)
    page.goto(f"{portal}{upload.get_absolute_url()}")
    for each in says:
        expect(page.locator("#live")).to_contain_text(each)
    is_whole(page)
    page.goto(f"{portal}/invoices/logs/")
    expect(page.locator(f"#upload-{upload.pk}")).to_be_visible()
    is_whole(page)


def test_the_numbers_are_the_same_on_the_list_after_a_reload_and_in_two_tabs(
    portal: str, connected: XeroConnection, page: Page, finance_admin: User
) -> None:
    upload = rejected(connected, finance_admin)
    sign_in(page, portal, finance_admin)
    address = f"{portal}{upload.get_absolute_url()}"

    def counts(tab: Page) -> tuple[str, list[str]]:
        return tab.locator(".big").inner_text(), tab.locator(".counts a").all_inner_texts()

    page.goto(address)
    shown = counts(page)
    assert shown == ("3 of 6 in Xero", ["3 in Xero", "2 rejected", "1 confirming with Xero"])
    other = page.context.new_page()
    other.goto(address)
    page.reload()
    assert counts(other) == counts(page) == shown
    other.goto(f"{portal}/invoices/logs/")
    row = other.get_by_role("row").filter(has_text=f"Upload {upload.pk}")
    assert row.locator(".figure").all_inner_texts()[:4] == ["6", "3", "2", "1"]


def test_a_count_shows_those_invoices(portal: str, connected: XeroConnection, page: Page, finance_admin: User) -> None:
    upload = rejected(connected, finance_admin)
    sign_in(page, portal, finance_admin)
    page.goto(f"{portal}{upload.get_absolute_url()}")
    page.get_by_role("link", name="2 rejected", exact=True).click()
    expect(page.locator(SHEET).get_by_role("row")).to_have_count(3)
    page.get_by_role("link", name="Show all 6").click()
    expect(page.locator(SHEET).get_by_role("row")).to_have_count(7)


def test_a_countdown_runs_and_nobody_is_told_each_second(
    portal: str, connected: XeroConnection, page: Page, finance_admin: User
) -> None:
    upload = paused(connected, finance_admin)
    sign_in(page, portal, finance_admin)
    page.goto(f"{portal}{upload.get_absolute_url()}")
    left = page.locator(".counting")
    first = left.inner_text()
    assert left.get_attribute("aria-hidden") == "true"
    expect(left).not_to_have_text(first)
    expect(page.locator("#said")).to_have_text("")


def test_what_matters_is_said_when_it_changes(
    portal: str, connected: XeroConnection, page: Page, finance_admin: User
) -> None:
    upload = running(connected, finance_admin)
    sign_in(page, portal, finance_admin)
    page.goto(f"{portal}{upload.get_absolute_url()}")
    said = page.locator("#said")
    expect(said).to_have_text("")
    makers.bring(upload, Status.POSTED, "INV-006")
    expect(said).to_have_text("50 % done.")
    before = page.locator("#invoices").bounding_box()
    makers.bring(upload, Status.POSTED)
    expect(said).to_have_text("Finished: 12 of 12 in Xero.")
    assert said.get_attribute("role") == "status"
    # The end of it moves nothing.
    assert page.locator("#invoices").bounding_box() == before


def test_what_is_to_be_fixed_comes_without_moving_who_reads_below_it(
    portal: str, connected: XeroConnection, page: Page, finance_admin: User
) -> None:
    upload = makers.uploaded(connected, finance_admin, *makers.invoices(makers.a_period(), 45))
    sign_in(page, portal, finance_admin)
    page.set_viewport_size({"width": 1280, "height": 700})
    page.goto(f"{portal}{upload.get_absolute_url()}")
    read = page.get_by_role("link", name="INV-030")
    read.evaluate("link => link.scrollIntoView({ block: 'center' })")
    before = read.bounding_box()
    rows = Posting.objects.filter(upload=upload, invoice__number="INV-045")
    transitions.mark_rejected(rows, dict.fromkeys(rows.values_list("pk", flat=True), LOCKED))
    expect(page.get_by_role("heading", name="Needs attention")).to_have_count(1)
    after = read.bounding_box()
    assert before
    assert after
    assert abs(after["y"] - before["y"]) < 2


def test_a_button_that_waits_says_so_and_is_not_pressed_twice(
    portal: str, connected: XeroConnection, page: Page, finance_admin: User
) -> None:
    upload = rejected(connected, finance_admin)
    Posting.objects.filter(status=Status.UNCERTAIN).update(status=Status.QUEUED, submission=None)
    sign_in(page, portal, finance_admin)
    page.goto(f"{portal}{upload.get_absolute_url()}")
    asked: list[Request] = []

    def slow(route: Route) -> None:
        asked.append(route.request)
        page.wait_for_timeout(3_500)
        route.continue_()

    page.route("**/again/", slow)
    # The page renews itself meanwhile, and the button stays as it is.
    shown = page.get_by_role("button", name="Upload 2 rejected again…").evaluate(
        "button => { button.click(); button.click(); button.form.requestSubmit(button);"
        " return [button.getAttribute('aria-busy'), button.textContent]; }"
    )
    assert shown == ["true", "Checking…"]
    page.wait_for_url("**/preflight/**")
    assert len(asked) == 1
    assert UploadDraft.objects.count() == 1
    page.go_back()
    expect(page.get_by_role("button", name="Upload 2 rejected again…")).not_to_have_attribute("aria-busy", "true")


def test_it_keeps_what_it_shows_while_the_database_is_away_and_goes_on_by_itself(
    portal: str, connected: XeroConnection, page: Page, finance_admin: User
) -> None:
    upload = makers.uploaded(connected, finance_admin, *makers.invoices(makers.a_period(), 1))
    sign_in(page, portal, finance_admin)
    refused: list[Request] = []

    def unavailable(route: Route) -> None:
        if len(refused) < 2 and route.request.headers.get("hx-request"):
            refused.append(route.request)
            route.fulfill(status=503, body="The portal cannot reach its database")
        else:
            route.continue_()

    address = f"{portal}/invoices/logs/{upload.pk}/"
    page.route(address, unavailable)
    page.goto(address)
    live = page.locator("#live")
    expect(live).to_contain_text("1 queued")
    with page.expect_response(lambda answer: answer.status == 503 and len(refused) == 2):
        pass
    expect(live).to_contain_text("1 queued")
    Posting.objects.update(status=Posting.Status.POSTED, xero_id="an-id")
    expect(live).not_to_contain_text("1 queued", timeout=15_000)
    assert len(refused) == 2


def test_paper_has_the_sheet_alone(portal: str, connected: XeroConnection, page: Page, finance_admin: User) -> None:
    upload = rejected(connected, finance_admin)
    sign_in(page, portal, finance_admin)
    page.goto(f"{portal}{upload.get_absolute_url()}")
    page.emulate_media(media="print")
    expect(page.locator(".big")).to_be_visible()
    expect(page.locator(SHEET)).to_be_visible()
    for hidden in (page.locator(".side"), page.locator(".top"), page.get_by_role("button", name="Post as drafts")):
        expect(hidden).to_be_hidden()


@pytest.mark.parametrize("width", [1280, 390])
def test_what_a_search_finds_stays_inside_the_page(
    portal: str, connected: XeroConnection, page: Page, finance_admin: User, width: int
) -> None:
    invoice = makers.invoices(makers.a_period(), 1)[0]
    invoice.number = f"Invoice_{'AHumongousCustomer' * 4}_ERP1000_20260918_AUD"
    invoice.save()
    makers.uploaded(connected, finance_admin, invoice)
    sign_in(page, portal, finance_admin)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{portal}/invoices/logs/?q={invoice.number}")
    expect(page.get_by_role("link", name=invoice.number)).to_be_visible()
    is_accessible(page)
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
