"""Fifty invoices are mended by one choice and posted, in a browser."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from c3portal.models import User
from c3portal.tests.browser import POST_THEM, is_accessible, sign_in
from invoices.attention import counting
from invoices.conftest import MakeInvoice, Work
from invoices.models import Posting
from xero_integration import connections
from xero_integration.models import XeroConnection

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("woken")]


def is_whole(page: Page) -> None:
    """Hold the page against axe and against its screen."""
    is_accessible(page)
    assert page.evaluate("document.querySelector('main').scrollWidth <= document.querySelector('main').clientWidth")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")])
def test_fifty_invoices_are_mended_by_one_choice(
    portal: str,
    sandbox: Any,
    connected: XeroConnection,
    make_invoice: MakeInvoice,
    system_admin: User,
    page: Page,
    complaints: list[str],
    work: Work,
    width: int,
    scheme: str,
) -> None:
    for _ in range(50):
        make_invoice()
    sandbox.put_account("4010", status="ARCHIVED")
    connections.read_reference(connected)
    counting.refresh()
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    sign_in(page, portal, system_admin)
    page.goto(f"{portal}/needs-attention/")
    expect(page.get_by_role("link", name="50 invoices")).to_be_visible()
    is_whole(page)
    page.get_by_label("Account in place of 4010").select_option("4030")
    page.get_by_role("button", name="Use it and check 50").click()
    expect(page.get_by_text("Account 4030 is used in place of 4010")).to_be_visible()
    page.get_by_role("button", name=POST_THEM).first.click()
    expect(page.locator("#live")).to_be_visible()
    work()
    assert Posting.objects.filter(status=Posting.Status.POSTED).count() == 50
    page.goto(f"{portal}/needs-attention/")
    expect(page.get_by_text("Nothing needs attention")).to_be_visible()
    is_whole(page)
