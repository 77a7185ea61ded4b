"""What becomes of documents in Xero is seen on the open page without a click: by Xero's webhook, and without one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import QuerySet
from django.urls import reverse
from playwright.sync_api import Page, expect

from c3portal.models import User
from c3portal.testing import BeatProcess, WorkerProcess, wait_until
from c3portal.tests.browser import is_accessible, sign_in
from invoices.models import DocumentEvent, Posting, ReadingState, XeroEvent
from invoices.readback.tests.conftest import Post
from xero_integration.models import XeroSettings
from xero_sandbox.testing import SandboxControl

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
A_MINUTE = 60_000
Start = Callable[..., Any]


def noticed() -> QuerySet[DocumentEvent]:
    """What the portal noticed by itself; Xero's history is read beside it whenever the page is opened."""
    return DocumentEvent.objects.exclude(source=DocumentEvent.Source.XERO)


def sources() -> set[str]:
    return set(noticed().filter(facts__icontains="voided").values_list("source", flat=True))


def test_what_is_voided_in_xero_is_seen_within_a_minute_by_webhook(
    page: Page,
    portal: str,
    sandbox: SandboxControl,
    post: Post,
    finance_admin: User,
    start_worker: Callable[..., WorkerProcess],
    complaints: list[str],
) -> None:
    (posting,) = post("100.00")
    start_worker()
    app = XeroSettings.load()
    webhook = sandbox.put_webhook(app.client_id, f"{portal}{reverse('xero_webhook')}", confirm=False)
    # Without the key, which Xero shows once the webhook is set up, its intent to receive is not answered.
    assert sandbox.confirm_webhook(app.client_id)["status"] == "UNCONFIRMED"
    app.webhook_key = webhook["key"]
    app.save()
    assert sandbox.confirm_webhook(app.client_id)["status"] == "ACTIVE"

    sign_in(page, portal, finance_admin)
    page.goto(f"{portal}{posting.invoice.get_absolute_url()}")
    expect(page.get_by_text("Changed in Xero")).to_have_count(0)
    sandbox.void(posting.invoice.xero_number)

    expect(page.locator("#document-state")).to_contain_text("Voided in Xero", timeout=A_MINUTE)
    expect(page.locator("#document-edits")).to_contain_text("Changed in Xero")
    expect(page.locator("#document-events")).to_contain_text("Webhook")
    assert sources() == {DocumentEvent.Source.WEBHOOK}
    wait_until(lambda: sandbox.webhooks()[0]["pending"] == 0 and not XeroEvent.objects.exists(), "All is delivered")
    # At least once, as Xero promises: what comes again is no news.
    events = noticed().count()
    sandbox.replay_events(app.client_id, last=1)
    wait_until(lambda: sandbox.webhooks()[0]["pending"] == 0 and not XeroEvent.objects.exists(), "It is read again")
    assert noticed().count() == events
    is_accessible(page)


def test_what_xero_could_not_deliver_arrives_when_it_tries_again(
    portal: str, sandbox: SandboxControl, post: Post
) -> None:
    (posting,) = post("100.00")
    app = XeroSettings.load()
    app.webhook_key = key = sandbox.put_webhook(app.client_id, f"{portal}{reverse('xero_webhook')}", confirm=False)[
        "key"
    ]
    app.save()
    assert sandbox.confirm_webhook(app.client_id)["status"] == "ACTIVE"
    XeroSettings.objects.update(webhook_key="of another app")
    sandbox.void(posting.invoice.xero_number)
    wait_until(lambda: sandbox.webhooks()[0]["tries"] == 2, "It is tried twice at once")
    assert not XeroEvent.objects.exists()

    app.webhook_key = key
    app.save()
    sandbox.advance_clock(15 * 60)
    wait_until(lambda: sandbox.webhooks()[0]["pending"] == 0, "It is delivered")
    assert [each.resource_id for each in XeroEvent.objects.all()] == [posting.xero_id.lower()]


def test_what_is_voided_in_xero_is_seen_on_the_list_by_poll(
    page: Page,
    portal: str,
    sandbox: SandboxControl,
    post: Post,
    finance_admin: User,
    start_worker: Callable[..., WorkerProcess],
    start_beat: Callable[..., BeatProcess],
    complaints: list[str],
) -> None:
    posting, other = post("100.00", "50.00")
    start_worker(READ_BACK_EVERY="1")
    start_beat(READ_BACK_EVERY="1")
    wait_until(lambda: ReadingState.objects.filter(changes_read_until__isnull=False).exists(), "All is read once")

    sign_in(page, portal, finance_admin)
    page.goto(f"{portal}{reverse('invoice_list')}")
    state, others = (page.locator(f"#state-{each.invoice_id}") for each in (posting, other))
    expect(state).to_contain_text("Approved")
    sandbox.void(posting.invoice.xero_number)

    expect(state).to_contain_text("Voided", timeout=A_MINUTE)
    expect(state).to_contain_text("Changed in Xero")
    expect(others).to_contain_text("Approved")
    expect(page.locator("#state-pills")).to_contain_text("Voided 1")
    expect(page.locator("#totals")).to_contain_text(re.compile(r"owed\s+AUD\s+55.00"))
    assert sources() == {DocumentEvent.Source.POLL}
    assert Posting.objects.filter(xero_status="VOIDED").count() == 1
    is_accessible(page)


def test_what_someone_types_stays_while_the_page_follows(
    page: Page, portal: str, sandbox: SandboxControl, post: Post, finance_admin: User
) -> None:
    (posting,) = post("100.00")
    Posting.objects.update(edits={"total": {"sent": "110.00", "now": "121.00"}})
    sign_in(page, portal, finance_admin)
    page.goto(f"{portal}{posting.invoice.get_absolute_url()}")
    reason = page.get_by_label("Why is it right?")
    reason.fill("Freight added")
    Posting.objects.update(edits={"total": {"sent": "110.00", "now": "122.00"}})
    expect(page.locator("#document-edits")).to_contain_text("Xero has AUD 122.00", timeout=A_MINUTE)
    expect(reason).to_have_value("Freight added")
