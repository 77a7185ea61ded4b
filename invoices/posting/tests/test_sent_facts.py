"""What was sent is kept with the posting."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from invoices.conftest import MakeInvoice, Upload, Work
from invoices.models import Posting
from xero_integration.models import ContactLink


@pytest.mark.parametrize("amount", ["100.00", "-40.00"])
def test_a_posted_document_keeps_what_was_sent_and_what_is_owed(
    amount: str, make_invoice: MakeInvoice, upload: Upload, work: Work
) -> None:
    invoice = make_invoice(amount=amount)
    upload()
    work()
    posting = Posting.objects.get()
    assert posting.status == Posting.Status.POSTED
    assert posting.sent_facts == {
        "contact": ContactLink.objects.get().contact_id,
        "date": "2026-09-18",
        "due_date": "2026-10-06",
        "subtotal": str(abs(Decimal(amount))),
        "total": str(abs(invoice.total)),
    }
    assert (posting.amount_due, posting.amount_paid, posting.amount_credited) == (abs(invoice.total), 0, 0)
    assert posting.read_at is not None
    assert posting.xero_updated_at is not None


def test_one_whose_answer_was_lost_keeps_them_too(
    make_invoice: MakeInvoice, upload: Upload, work: Work, sandbox: Any, no_lookup_delay: None
) -> None:
    make_invoice()
    sandbox.place_fault("commit_then_500", path="Invoices", method="PUT", times=1)
    upload()
    work()
    work()
    posting = Posting.objects.get()
    assert posting.status == Posting.Status.POSTED
    assert posting.sent_facts["subtotal"] == "100.00"
    assert posting.amount_due == Decimal("110.00")
