"""A suggested contact is looked at and linked, in a browser, with nothing but the pages."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from c3portal.models import User
from c3portal.tests.browser import is_accessible, sign_in
from invoices.contacts import matching
from invoices.models import Customer
from xero_integration.models import ContactLink, XeroConnection

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def customers(connected: XeroConnection) -> XeroConnection:
    """Customers of whom Xero knows one under a similar name, one under its own, one not at all, and twins."""
    for key, name in (
        ("5d1c1a52-0c3e-4a53-9f6e-0d4c9c1a7a01", "Tailspin Toys Pty Ltd"),
        ("5d1c1a52-0c3e-4a53-9f6e-0d4c9c1a7a02", "Adventure Works"),
        ("5d1c1a52-0c3e-4a53-9f6e-0d4c9c1a7a03", "Proseware"),
        ("5d1c1a52-0c3e-4a53-9f6e-0d4c9c1a7a04", "Northwind Traders"),
        ("5d1c1a52-0c3e-4a53-9f6e-0d4c9c1a7a05", "Northwind Traders"),
    ):
        Customer.objects.create(tenant_id=key, name=name, erp_id=f"ERP-{key[-2:]}")
    matching.create(connected, [Customer.objects.get(name="Adventure Works")])
    return connected


def row(page: Page, name: str) -> Any:
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name))


def test_a_finance_admin_links_a_suggested_contact(
    page: Page, portal: str, customers: XeroConnection, finance_admin: User, complaints: list[str]
) -> None:
    sign_in(page, portal, finance_admin)
    page.get_by_role("link", name="Customers", exact=True).click()
    expect(page.get_by_role("heading", name="Customers")).to_be_visible()
    is_accessible(page)
    page.get_by_role("navigation", name="Link state").get_by_role("link", name="Suggested").click()
    suggested = row(page, "Tailspin Toys Pty Ltd")
    expect(suggested.get_by_title("Nearly the same name")).to_have_text("Tailspin Toys")
    suggested.get_by_role("checkbox").check()
    expect(page.get_by_text("1 selected")).to_be_visible()
    page.get_by_role("button", name="Link suggested").click()
    expect(page.get_by_text("1 customer linked.")).to_be_visible()
    is_accessible(page)
    page.get_by_role("navigation", name="Link state").get_by_role("link", name="Linked").click()
    expect(row(page, "Tailspin Toys Pty Ltd").get_by_title("Linked by hand")).to_contain_text("Tailspin Toys")
    assert ContactLink.objects.get(contact_name="Tailspin Toys").matched_by == "hand"


def test_a_clash_is_settled_by_choosing_a_contact(
    page: Page, portal: str, customers: XeroConnection, finance_admin: User, complaints: list[str]
) -> None:
    sign_in(page, portal, finance_admin)
    page.goto(f"{portal}/contacts/?state=clash&q=ERP-04")
    row(page, "Northwind Traders").get_by_role("link", name="Northwind Traders").first.click()
    expect(page.get_by_text("could be either's")).to_be_visible()
    is_accessible(page)
    page.get_by_role("link", name="Choose the contact of Northwind Traders").click()
    is_accessible(page)
    page.get_by_role("button", name="Link Northwind Traders").click()
    expect(page.get_by_text("Northwind Traders is linked")).to_be_visible()
    expect(page.get_by_role("heading", name="Northwind Traders")).to_be_visible()
    page.goto(f"{portal}/customers/?q=ERP-05")
    row(page, "Northwind Traders").get_by_role("link", name="Northwind Traders").first.click()
    expect(page.get_by_text("could be either's")).to_be_visible()
    assert ContactLink.objects.filter(contact_name="Northwind Traders").count() == 1
