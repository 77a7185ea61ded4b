"""The page of an upload in progress, in a browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Request, Route, expect

from c3portal.models import User
from c3portal.tests.browser import is_accessible, sign_in
from invoices.models import Posting
from invoices.tests import makers
from xero_integration.models import XeroConnection

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


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
    expect(live).to_contain_text("Waiting")
    with page.expect_response(lambda answer: answer.status == 503 and len(refused) == 2):
        pass
    expect(live).to_contain_text("Waiting")
    Posting.objects.update(status=Posting.Status.POSTED, xero_id="an-id")
    expect(live).not_to_contain_text("Waiting", timeout=15_000)
    assert len(refused) == 2


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
