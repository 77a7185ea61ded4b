"""Documents in Xero, and how they come to be taken back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db.models import QuerySet

from invoices.changes import asking
from invoices.conftest import MakeInvoice, Upload, Work
from invoices.models import DocumentChange, Posting
from xero_integration.models import XeroConnection
from xero_sandbox.testing import SandboxControl

Undo = Callable[..., asking.Asked]
Approve = Callable[..., asking.Asked]
Send = Callable[..., asking.Asked]


@pytest.fixture
def posted(make_invoice: MakeInvoice, upload: Upload, work: Work) -> Callable[..., list[Posting]]:
    """Return a function that posts one document for each amount."""

    def post(*amounts: str, invoice_status: str = "AUTHORISED") -> list[Posting]:
        made = [make_invoice(amount=amount) for amount in amounts]
        upload(*made, invoice_status=invoice_status)
        # A turn of a worker's is limited in time.
        while Posting.objects.in_progress().exists():
            work()
        return list(Posting.objects.filter(invoice__in=made).order_by("pk"))

    return post


@pytest.fixture
def undo(connected: XeroConnection, finance_admin: Any) -> Undo:
    """Return a function that asks for all postings, or those given, to be taken back."""

    def undo(*chosen: Posting, reason: str = "Wrong account") -> asking.Asked:
        rows = Posting.objects.filter(pk__in=[each.pk for each in chosen]) if chosen else Posting.objects.all()
        return asking.undo(rows, connection=connected, user=finance_admin, reason=reason)

    return undo


@pytest.fixture
def approve(connected: XeroConnection, finance_admin: Any) -> Approve:
    """Return a function that asks for all postings, or those given, to be approved."""

    def approve(*chosen: Posting) -> asking.Asked:
        return asking.approve(_rows(chosen), connection=connected, user=finance_admin)

    return approve


@pytest.fixture
def send(connected: XeroConnection, finance_admin: Any) -> Send:
    """Return a function that asks for all postings, or those given, to be mailed."""

    def send(*chosen: Posting, again: bool = False) -> asking.Asked:
        connection = XeroConnection.objects.get(pk=connected.pk)
        return asking.send(_rows(chosen), connection=connection, user=finance_admin, again=again)

    return send


def _rows(chosen: Sequence[Posting]) -> QuerySet[Posting]:
    return Posting.objects.filter(pk__in=[each.pk for each in chosen]) if chosen else Posting.objects.all()


@pytest.fixture
def addresses(sandbox: SandboxControl, connected: XeroConnection) -> None:
    """Give the contacts of customers that come later an address each."""
    contacts = [
        {"name": f"Customer {count:04}", "number": f"tenant-{count:04}", "email": f"customer{count:04}@example.com"}
        for count in range(1, 6)
    ]
    sandbox.put_contacts(contacts)


@pytest.fixture
def changes() -> Callable[[], dict[str, int]]:
    """Return a function that tells how many changes are in each state."""

    def changes() -> dict[str, int]:
        counts: dict[str, int] = {}
        for status in DocumentChange.objects.values_list("status", flat=True):
            counts[status] = counts.get(status, 0) + 1
        return counts

    return changes
