"""An upload's page says why invoices were refused, by cause, each with what mends it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from c3portal.models import User
from c3portal.tests.markup import markup
from invoices.conftest import MakeInvoice
from invoices.models import BillingPeriod, Invoice, Posting, Upload, UploadDraft
from invoices.posting import transitions
from invoices.tests.pages import post_ready
from xero_integration import connections

ACCOUNT = "Account code '4010' is not a valid code for this document."
LOCKED = "The document date cannot be before the period lock date, currently set at 30/09/2026."
UNKNOWN = "The moon is in the wrong house."
pytestmark = pytest.mark.usefixtures("woken")


@pytest.fixture
def refused(upload: Any, make_invoice: MakeInvoice) -> Callable[..., Upload]:
    """Return a function that makes an upload whose invoices were refused with these words."""

    def refused(*words: str) -> Upload:
        for _ in words:
            make_invoice()
        queued: Upload = upload().upload
        reasons = dict(zip(Posting.objects.order_by("pk").values_list("pk", flat=True), words, strict=True))
        transitions.mark_rejected(Posting.objects.filter(upload=queued), reasons)
        return queued

    return refused


def page_of(client: Client, upload: Upload) -> str:
    return markup(client.get(upload.get_absolute_url()).content.decode())


def test_a_hundred_with_one_cause_are_one_line_with_the_way_to_mend_it(
    finance: Client, refused: Callable[..., Upload]
) -> None:
    upload = refused(*[ACCOUNT] * 30, UNKNOWN)
    page = page_of(finance, upload)
    assert "Check again and post 30" in page
    assert page.count("The account is gone, archived, or takes no sales.") >= 1
    assert f'href="/settings/accounts/?q=4010&amp;next=%2Finvoices%2Flogs%2F{upload.pk}%2F"' in page
    (key,) = re.findall(r'\?why=(\w+)#invoices">30 invoices<', page)
    shown = markup(finance.get(f"{upload.get_absolute_url()}?why={key}").content.decode())
    assert "1 to 30 of 30" in shown


def test_words_that_are_not_known_are_shown_as_they_are(finance: Client, refused: Callable[..., Upload]) -> None:
    page = page_of(finance, refused(UNKNOWN))
    assert f'<th scope="row">{UNKNOWN}' in page
    assert "Xero: “" not in page


def test_a_locked_period_offers_drafts(finance: Client, refused: Callable[..., Upload]) -> None:
    upload = refused(LOCKED)
    page = page_of(finance, upload)
    assert "The date lies in a period that is locked in Xero." in page
    assert "Post as drafts" in page
    assert f"Xero: “{LOCKED}”" in page
    assert "1 invoice</a>" in page
    assert "Dated 18 Sep 2026" in page


def test_a_reader_sees_why_and_no_button(
    client_for: Callable[[User], Client], system_reader: User, refused: Callable[..., Upload]
) -> None:
    page = page_of(client_for(system_reader), refused(LOCKED, ACCOUNT))
    assert "The date lies in a period that is locked in Xero." in page
    assert "Post as drafts" not in page
    assert "Choose an account" not in page


def test_a_page_without_refusals_says_nothing_of_them(
    finance: Client, upload: Any, make_invoice: MakeInvoice, connected: Any
) -> None:
    make_invoice()
    assert 'class="table causes"' not in page_of(finance, upload().upload)


def test_upload_again_goes_through_the_preflight_which_stops_what_would_be_refused_again(
    finance: Client, refused: Callable[..., Upload], sandbox: Any, connected: Any
) -> None:
    upload = refused(ACCOUNT)
    sandbox.put_account("4010", status="ARCHIVED")
    connections.read_reference(connected)
    page = finance.post(reverse("upload_again", args=[upload.pk]), follow=True)
    assert page.redirect_chain == [(UploadDraft.objects.get().get_absolute_url(), 302)]  # type: ignore[attr-defined]
    assert "4010 Licence revenue is archived" in markup(page.content.decode())
    assert Posting.objects.get().status == Posting.Status.REJECTED
    sandbox.put_account("4010", status="ACTIVE")
    connections.read_reference(connected)
    post_ready(finance, finance.get(UploadDraft.objects.get().get_absolute_url()))  # type: ignore[arg-type]
    assert Posting.objects.get().status == Posting.Status.QUEUED
    assert Upload.objects.latest("pk").invoice_status == upload.invoice_status


def test_what_lies_in_a_locked_period_goes_as_drafts_by_one_click_and_the_check(
    finance: Client, refused: Callable[..., Upload], sandbox: Any, connected: Any
) -> None:
    upload = refused(LOCKED)
    sandbox.change_organisation(period_lock_date="2026-09-30")
    connections.read_reference(connected)
    page = finance.post(reverse("upload_again", args=[upload.pk]), {"drafts": "1"}, follow=True)
    post_ready(finance, page)  # type: ignore[arg-type]
    assert Upload.objects.latest("pk").locked_as_drafts
    assert Posting.objects.get().status == Posting.Status.QUEUED


def test_what_was_refused_of_several_billing_periods_goes_again_together(
    finance: Client, refused: Callable[..., Upload], connected: Any
) -> None:
    upload = refused(UNKNOWN, UNKNOWN)
    later = BillingPeriod.objects.create(
        billing_id="20261018", starts_on=dt.date(2026, 9, 16), ends_on=dt.date(2026, 10, 15)
    )
    Invoice.objects.filter(pk=Posting.objects.latest("pk").invoice_id).update(period=later)
    post_ready(finance, finance.post(reverse("upload_again", args=[upload.pk]), follow=True))  # type: ignore[arg-type]
    assert set(Posting.objects.values_list("status", flat=True)) == {Posting.Status.QUEUED}


def test_nothing_refused_leads_nowhere(finance: Client, refused: Callable[..., Upload]) -> None:
    upload = refused(UNKNOWN)
    Posting.objects.update(status=Posting.Status.QUEUED)
    page = finance.post(reverse("upload_again", args=[upload.pk]), follow=True)
    assert "Nothing is left to upload again" in markup(page.content.decode())
    assert not UploadDraft.objects.exists()
