"""What changed in Xero a moment ago is known to the preflight, and what knowing it costs is shown."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client

from c3portal.database import clock
from c3portal.tests.markup import markup
from invoices.conftest import MakeInvoice
from invoices.models import BillingPeriod, UploadDraft
from invoices.tests.pages import press
from xero_integration import reference
from xero_integration.models import TrackingCategory, XeroConnection

pytestmark = pytest.mark.usefixtures("woken")
READ = {"Organisation", "Accounts", "BrandingThemes", "TaxRates", "Currencies"}


def aged(seconds: int) -> None:
    XeroConnection.objects.update(reference_read_at=clock.now() - dt.timedelta(seconds=seconds))


def what_was_read(sandbox: Any) -> list[str]:
    return sorted(path for call in sandbox.calls() if (path := call["path"]) in READ)


def test_a_period_that_was_locked_a_minute_ago_blocks(
    finance: Client, connected: XeroConnection, sandbox: Any, make_invoice: MakeInvoice, period: BillingPeriod
) -> None:
    make_invoice()
    aged(61)
    sandbox.change_organisation(period_lock_date="2026-09-30")
    sandbox.forget()
    page = markup(press(finance, period, all="1", invoice_status="AUTHORISED").content.decode())
    assert "is locked up to 30 September 2026" in page
    assert what_was_read(sandbox) == sorted(READ)
    assert f"{len(sandbox.calls())} calls made by this check" in page


def test_check_again_knows_of_a_lock_date_that_was_set_within_the_minute(
    finance: Client, connected: XeroConnection, sandbox: Any, make_invoice: MakeInvoice, period: BillingPeriod
) -> None:
    make_invoice()
    page = markup(press(finance, period, all="1", invoice_status="AUTHORISED").content.decode())
    sandbox.change_organisation(period_lock_date="2026-09-30")
    assert '<a class="btn btn-quiet" href="?anew=1">' in page
    again = finance.get(f"{UploadDraft.objects.get().get_absolute_url()}?anew=1").content.decode()
    assert "is locked up to 30 September 2026" in markup(again)


def test_what_was_read_within_the_minute_is_not_read_again_by_coming_back_to_the_page(
    finance: Client, connected: XeroConnection, sandbox: Any, make_invoice: MakeInvoice, period: BillingPeriod
) -> None:
    make_invoice()
    press(finance, period, all="1")
    sandbox.forget()
    finance.get(UploadDraft.objects.get().get_absolute_url())
    assert what_was_read(sandbox) == []


def test_what_no_invoice_needs_is_left_as_it_was(
    connected: XeroConnection, finance: Client, make_invoice: MakeInvoice, period: BillingPeriod
) -> None:
    make_invoice()
    TrackingCategory.objects.create(connection=connected, category_id="1", name="Region", status="ACTIVE")
    before = TrackingCategory.objects.count()
    aged(int(reference.LIFE.total_seconds()) + 1)
    press(finance, period, all="1")
    assert TrackingCategory.objects.count() == before
