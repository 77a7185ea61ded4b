"""Posted documents, to be read back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from c3portal.database import clock
from invoices.conftest import MakeInvoice, Upload, Work
from invoices.models import Posting, ReadingState
from xero_integration.models import XeroConnection

Post = Callable[..., list[Posting]]
Calls = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def post(make_invoice: MakeInvoice, upload: Upload, work: Work) -> Post:
    """Return a function that posts an invoice of each amount, and returns the postings in that order."""

    def post(*amounts: str, invoice_status: str = "AUTHORISED") -> list[Posting]:
        made = [make_invoice(amount=each) for each in amounts or ("100.00",)]
        upload(*made, invoice_status=invoice_status)
        work()
        found = {each.invoice_id: each for each in Posting.objects.select_related("invoice", "connection")}
        assert all(found[each.pk].status == Posting.Status.POSTED for each in made)
        return [found[each.pk] for each in made]

    return post


@pytest.fixture
def reads(sandbox: Any) -> Calls:
    """Return a function that tells of the calls that read documents since it was last asked."""

    def reads() -> list[dict[str, Any]]:
        found = [each for each in sandbox.calls() if each["method"] == "GET"]
        sandbox.forget()
        return [each for each in found if each["path"].endswith(("Invoices", "CreditNotes"))]

    return reads


@pytest.fixture
def polled(connected: XeroConnection) -> XeroConnection:
    """The organisation, as it is after its first reading."""
    long_ago = clock.now() - dt.timedelta(hours=1)
    ReadingState.objects.create(
        connection=connected, changes_read_until=long_ago, reconciled_at=clock.now(), next_poll_at=long_ago
    )
    return connected
