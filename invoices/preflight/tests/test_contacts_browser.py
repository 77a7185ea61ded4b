"""Answering what the preflight asks about contacts, as a Finance Admin does it in a browser."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from c3portal.models import User
from c3portal.tests.browser import POST_THEM, is_accessible, select_all, sign_in
from invoices.conftest import MakeInvoice
from invoices.documents.tests.test_billing_contact import a_reseller
from invoices.models import Customer, Posting
from xero_integration import connections, contacts
from xero_integration.models import ContactLink, XeroConnection

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def preflight(
    portal: str, connected: XeroConnection, sandbox: Any, make_invoice: MakeInvoice, page: Page, finance_admin: User
) -> Page:
    """The preflight of an invoice each to a reseller, for a keyless customer and for two much like a contact."""
    sandbox.put_contacts(
        [{"name": name, "email": "old@x.example"} for name in ("Proseware Pty Ltd", "Litware & Sons", "Known")]
    )
    connections.call(connected, lambda gateway: contacts.read_listing(connected, gateway))
    make_invoice(bill_to=a_reseller())
    for key, name in {"t-1": "Proseware Limited", "t-2": "Litware and Sons", "t-3": "Known"}.items():
        details = {"email": "new@x.example"}
        make_invoice(customer=Customer.objects.create(tenant_id=key, name=name, c3_details=details))
    make_invoice(customer=Customer.objects.create(tenant_id="erp:9", key_from="erp", name="Keyless Ltd", erp_id="9"))
    sign_in(page, portal, finance_admin)
    select_all(page, 5)
    page.get_by_role("button", name="UPLOAD TO XERO").click()
    expect(page.get_by_role("heading", name="Check before upload")).to_be_visible()
    return page


def test_two_questions_are_answered_in_place_and_the_rest_is_posted(preflight: Page) -> None:
    page = preflight
    address = page.url
    asked = page.get_by_role("row").filter(has=page.get_by_role("button", name="Create another"))
    expect(asked).to_have_count(2)
    asked.filter(has_text="Proseware").get_by_role("button", name="Use this contact").click()
    expect(page.get_by_text("Proseware Limited is linked.")).to_be_visible()
    asked.filter(has_text="Litware").get_by_role("button", name="Create another").click()
    expect(page.get_by_text("The next upload creates a contact for Litware and Sons.")).to_be_visible()
    assert page.url == address
    page.get_by_role("button", name=POST_THEM).click()
    expect(page.get_by_text("0 of 4 in Xero", exact=True)).to_be_visible()
    assert Posting.objects.count() == 4
    assert ContactLink.objects.get(customer_key="t-1").contact_name == "Proseware Pty Ltd"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_pages_are_accessible(preflight: Page, portal: str, scheme: Any, width: int) -> None:
    page = preflight
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    connected = XeroConnection.objects.get(is_current=True)
    contacts.link_by_hand(connected, "t-3", connected.contacts.get(name="Known"))
    reseller = Customer.objects.get(key_from="reseller").billed_invoices.get()
    addresses = (page.url, portal, f"{portal}{reseller.get_absolute_url()}", f"{portal}/contacts/")
    for address in addresses:
        page.goto(address)
        is_accessible(page)
        too_wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not too_wide, address
