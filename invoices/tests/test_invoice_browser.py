"""One invoice's page in a browser: whole at both widths and in both themes, its keys, copies and paper."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from c3portal.models import User
from c3portal.tests.browser import is_accessible, sign_in
from invoices.models import BillingPeriod, Invoice, InvoiceLine, Posting, Submission
from invoices.tests import makers
from xero_integration.models import XeroConnection

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("woken")]
Status = Posting.Status
LONG = f"Invoice_{'AHumongousCustomer' * 3}_ERP1000_20260918_AUD"
BODY = b'{"Invoices":[{"InvoiceNumber":"%s","LineItems":[{"AccountCode":"200","TaxType":"OUTPUT"}]}]}' % LONG.encode()


def an_invoice(period: BillingPeriod) -> Invoice:
    invoice = makers.an_invoice(period, LONG, total="1234.50", customer="شركة الأفق للتجارة", erp_id="ERP1000")
    InvoiceLine.objects.create(
        invoice=invoice,
        position=2,
        kind=InvoiceLine.Kind.AZURE,
        sku="DZH318Z0BPS6:0001",
        name="Azure plan - Log Analytics",
        quantity=Decimal("668.77313"),
        unit_price=Decimal("0.058122686400"),
        subtotal=Decimal("38.87"),
        tax_name="GST",
        tax_percentage=Decimal(10),
        tax=Decimal("3.89"),
        total=Decimal("42.76"),
    )
    return invoice


def new(connection: XeroConnection, user: User) -> Invoice:
    return an_invoice(makers.a_period())


def rejected(connection: XeroConnection, user: User) -> Invoice:
    invoice = an_invoice(makers.a_period())
    makers.uploaded(connection, user, invoice, to=Status.REJECTED)
    Submission.objects.update(sent_at=timezone.now(), body=BODY, status_code=200, correlation_id="a-correlation-id")
    return invoice


def posted(connection: XeroConnection, user: User) -> Invoice:
    invoice = an_invoice(makers.a_period())
    makers.uploaded(connection, user, invoice, to=Status.POSTED)
    Submission.objects.update(sent_at=timezone.now(), body=BODY, status_code=200, correlation_id="a-correlation-id")
    Posting.objects.update(xero_status="AUTHORISED", amount_due=Decimal("1234.50"))
    return invoice


def is_whole(page: Page) -> None:
    """Hold the page against axe and against its screen."""
    is_accessible(page)
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("made", [new, rejected, posted], ids=["new", "rejected", "posted"])
def test_an_invoice_is_shown_whole(
    portal: str,
    connected: XeroConnection,
    page: Page,
    finance_admin: User,
    complaints: list[str],
    made: Callable[[XeroConnection, User], Invoice],
    width: int,
    scheme: str,
) -> None:
    invoice = made(connected, finance_admin)
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    sign_in(page, f"{portal}{invoice.get_absolute_url()}", finance_admin)
    expect(page.get_by_role("heading", level=1)).to_have_text(invoice.customer.name)
    expect(page.locator(".how-much .total")).to_have_text("AUD 1,234.50")
    expect(page.locator("#next-step .btn-primary")).to_be_in_viewport()
    is_whole(page)
    for closed in page.locator("main details").all():
        closed.evaluate("each => { each.open = true; }")
    is_whole(page)


def test_keys_lead_to_the_invoices_beside_it(
    portal: str, connected: XeroConnection, page: Page, finance_admin: User
) -> None:
    first, second = makers.invoices(makers.a_period(), 2)
    sign_in(page, f"{portal}{first.get_absolute_url()}", finance_admin)
    expect(page.get_by_role("link", name="Next invoice")).to_be_visible()
    # The script comes after what is seen.
    page.wait_for_load_state()
    page.keyboard.press("j")
    page.wait_for_url(f"**{second.get_absolute_url()}")
    page.keyboard.press("k")
    page.wait_for_url(f"**{first.get_absolute_url()}")
    page.locator("#find").press("j")
    expect(page.locator("#find")).to_have_value("j")


def test_number_and_support_text_are_copied_as_they_are(
    portal: str, connected: XeroConnection, page: Page, finance_admin: User
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    invoice = posted(connected, finance_admin)
    sign_in(page, f"{portal}{invoice.get_absolute_url()}", finance_admin)
    for button, begins in (("Copy the number", invoice.number), ("Copy for support", "Invoice number: ")):
        page.get_by_role("button", name=button).click()
        expect(page.locator("main [role=status]", has_text="Copied").first).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()").startswith(begins)
    assert str(invoice.pk) in page.evaluate("navigator.clipboard.readText()")


def test_without_script_the_text_for_support_can_be_read(
    portal: str, connected: XeroConnection, page: Page, finance_admin: User
) -> None:
    invoice = posted(connected, finance_admin)
    sign_in(page, f"{portal}{invoice.get_absolute_url()}", finance_admin)
    state = page.context.storage_state()
    assert page.context.browser
    plain = page.context.browser.new_context(java_script_enabled=False, storage_state=state).new_page()
    plain.goto(f"{portal}{invoice.get_absolute_url()}")
    plain.get_by_text("What is copied").click()
    expect(plain.locator("#support-text")).to_contain_text(str(invoice.pk))
    plain.context.close()


def test_paper_has_the_sheet_alone(portal: str, connected: XeroConnection, page: Page, finance_admin: User) -> None:
    invoice = posted(connected, finance_admin)
    sign_in(page, f"{portal}{invoice.get_absolute_url()}", finance_admin)
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator(".lines")).to_be_visible()
    for hidden in (".side", ".top", ".neighbours", ".invoice-head .actions", "#support", ".raw"):
        expect(page.locator(hidden).first).to_be_hidden()
