"""Choosing notices and adding a webhook, as people do it in a browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from c3portal.models import Notice, User, Webhook
from c3portal.models.notices import Kind
from c3portal.notifications import publish
from c3portal.notifications.texts import Words
from c3portal.tests.browser import is_accessible, sign_in
from c3portal.tests.receivers import Receiver

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_user_chooses_what_they_are_told(portal: str, page: Page, finance_admin: User) -> None:
    sign_in(page, portal, finance_admin)
    page.locator("summary").filter(has_text=finance_admin.email).click()
    page.get_by_role("link", name="Your account").click()
    page.get_by_label("Your account").get_by_role("link", name="Notices").click()
    is_accessible(page)
    page.get_by_label("Xero's daily limit is reached").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved.")
    expect(page.get_by_label("Xero's daily limit is reached")).not_to_be_checked()
    expect(page.get_by_label("An upload is finished")).to_be_checked()


def test_the_bell_counts_what_its_reader_has_not_seen(
    portal: str, page: Page, complaints: list[str], finance_admin: User, system_reader: User
) -> None:
    for number in range(3):
        tell(f"number {number}")
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(page, portal, finance_admin)
    bell = page.get_by_role("link", name="Notices 3 new")
    expect(bell).to_be_in_viewport()
    bell.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("New", exact=True)).to_have_count(3)
    page.get_by_text("Details").first.click()
    expect(page.get_by_text("They arrived").first).to_be_visible()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        is_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_role("button", name="Mark all as seen").click()
    expect(page.get_by_role("status")).to_have_text("Marked as seen.")
    expect(page.get_by_text("New", exact=True)).to_have_count(0)
    expect(page.get_by_role("link", name="Notices", exact=True)).to_be_visible()
    assert Notice.objects.unseen_by(User.objects.get(pk=system_reader.pk)).count() == 3


def tell(key: str) -> None:
    publish.create_notice(key, Kind.UPLOAD_FINISHED, Words("Contoso: 3 invoices in Xero", "They arrived."), path="/")


def test_a_webhook_is_added_tested_and_deleted(portal: str, page: Page, system_admin: User, receiver: Receiver) -> None:
    sign_in(page, portal, system_admin)
    page.goto(f"{portal}/settings/webhooks/")
    is_accessible(page)
    page.get_by_label("Address").fill(f"{receiver.url}/hooks")
    page.get_by_role("button", name="Add").click()
    secret = page.locator("#webhook-secret").inner_text()
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]+=*", secret)
    assert Webhook.objects.get().secret == secret
    is_accessible(page)
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_role("status")).to_contain_text("The test arrived.")
    assert secret not in page.content()
    is_accessible(page)
    page.get_by_role("link", name="Webhooks").first.click()
    is_accessible(page)
    page.get_by_role("link", name=receiver.url).click()
    page.get_by_text("Delete this webhook").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status").first).to_contain_text("is deleted")
