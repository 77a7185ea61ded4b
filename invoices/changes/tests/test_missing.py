"""What Xero does not show any more is posted again: after another look, and never beside what is there after all."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from invoices.conftest import MakeInvoice, Upload, Work
from invoices.models import Invoice, PastDocument, Posting
from invoices.posting import taken_back
from invoices.preflight.preflight import inspect
from invoices.readback.documents import MISSING
from xero_integration.models import XeroConnection
from xero_sandbox.testing import SandboxControl

Post = Callable[..., list[Posting]]


@pytest.fixture
def post_again(finance: Client) -> Callable[[Posting], str]:
    """Return a function that presses *Post again* and returns what the page says then."""

    def post_again(row: Posting) -> str:
        form = {"period": row.invoice.period.billing_id, "page": str(row.invoice_id)}
        page = finance.get(row.invoice.get_absolute_url()).content.decode()
        assert reverse("post_again") in page
        return finance.post(reverse("post_again"), form, follow=True).content.decode()

    return post_again


def not_shown(row: Posting, xero_id: str = "") -> None:
    """Have it known that Xero does not show the document, or one with another id."""
    Posting.objects.filter(pk=row.pk).update(edits=MISSING, xero_id=xero_id or row.xero_id)


@pytest.mark.both_databases
@pytest.mark.parametrize("amount", ["100.00", "-40.00"])
def test_it_goes_again_under_its_number(
    make_invoice: MakeInvoice,
    upload: Upload,
    work: Work,
    sandbox: SandboxControl,
    post_again: Callable[[Posting], str],
    amount: str,
) -> None:
    invoice = make_invoice(amount=amount)
    upload(invoice)
    # The books were emptied, as those of a demo company are.
    row = Posting.objects.get()
    Posting.objects.update(status="posted", xero_status="AUTHORISED", xero_id=str(uuid.uuid4()), edits=MISSING)
    assert "Check before upload" in post_again(row)
    row.refresh_from_db()
    assert (row.status, row.number_in_xero, row.attempt) == ("undone", invoice.xero_number, 1)
    assert PastDocument.objects.get().status == "NOT_SHOWN"
    upload(invoice)
    work()
    row.refresh_from_db()
    assert row.status == "posted"
    assert [(each["number"], each["id"]) for each in sandbox.documents()] == [(invoice.xero_number, row.xero_id)]
    assert sandbox.violations() == []


def test_what_is_shown_again_stays_as_it_is(
    posted: Post, post_again: Callable[[Posting], str], sandbox: SandboxControl
) -> None:
    (row,) = posted("100.00")
    not_shown(row)
    assert "live in Xero" in post_again(row)
    row.refresh_from_db()
    assert (row.status, row.edits) == ("posted", {})


@pytest.mark.parametrize("amount", ["100.00", "-40.00"])
def test_what_is_there_under_its_number_after_all_is_not_posted_beside(
    posted: Post, post_again: Callable[[Posting], str], connected: XeroConnection, amount: str
) -> None:
    (row,) = posted(amount)
    not_shown(row, xero_id=str(uuid.uuid4()))
    assert "Xero has another document of this invoice" in post_again(row)
    found = inspect(Invoice.objects.all(), connected, invoice_status="DRAFT")
    assert found.postable() == []


def test_nothing_is_posted_again_while_xero_cannot_be_asked(
    posted: Post, post_again: Callable[[Posting], str], sandbox: SandboxControl
) -> None:
    (row,) = posted("100.00")
    not_shown(row)
    sandbox.place_fault("503_text", method="GET", path="^Invoices$")
    assert "nothing is posted again yet" in post_again(row)
    row.refresh_from_db()
    assert row.status == "posted"


@pytest.mark.both_databases
def test_what_was_shown_and_linked_again_is_taken_back_again(posted: Post) -> None:
    (row,) = posted("100.00")
    not_shown(row)
    assert taken_back.take_back({row.xero_id: taken_back.NOT_SHOWN}) == 1
    Posting.objects.filter(pk=row.pk).update(status="posted", xero_id=row.xero_id, xero_status="AUTHORISED")
    assert taken_back.take_back({row.xero_id: "VOIDED"}, why="The wrong account") == 1
    past = PastDocument.objects.get()
    assert (past.xero_id, past.status, past.why) == (row.xero_id, "VOIDED", "The wrong account")


def test_what_is_shown_again_by_the_time_it_would_be_taken_back_stays(posted: Post) -> None:
    (row,) = posted("100.00")
    assert taken_back.take_back({row.xero_id: taken_back.NOT_SHOWN}) == 0
    assert Posting.objects.get().status == "posted"
