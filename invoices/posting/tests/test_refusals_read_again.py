"""A refusal that shows that the organisation changed makes the portal read it again at once, once for an upload."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from invoices.conftest import MakeInvoice, Upload, Work
from invoices.models import Posting
from xero_integration.models import Account, XeroConnection

Change = Callable[[Any], object]


def times_read(sandbox: Any) -> int:
    return sum(1 for call in sandbox.calls() if call["path"] == "Accounts")


@pytest.mark.parametrize(
    ("change", "is_known"),
    [
        (
            lambda sandbox: sandbox.put_account("4010", status="ARCHIVED"),
            lambda: Account.objects.get(code="4010").status == "ARCHIVED",
        ),
        (
            lambda sandbox: sandbox.change_organisation(period_lock_date="2026-09-30"),
            lambda: XeroConnection.objects.get().period_lock_date is not None,
        ),
    ],
)
def test_what_xero_refuses_for_is_known_at_once(
    connected: XeroConnection,
    sandbox: Any,
    make_invoice: MakeInvoice,
    upload: Upload,
    work: Work,
    change: Change,
    is_known: Callable[[], bool],
) -> None:
    make_invoice()
    upload()
    change(sandbox)
    work()
    assert Posting.objects.get().status == Posting.Status.REJECTED
    assert is_known()


def test_it_reads_once_for_an_upload_however_many_calls_are_refused(
    connected: XeroConnection, sandbox: Any, make_invoice: MakeInvoice, upload: Upload, work: Work, settings: Any
) -> None:
    settings.XERO_BATCH = 2
    for _ in range(6):
        make_invoice()
    upload()
    sandbox.put_account("4010", status="ARCHIVED")
    sandbox.forget()
    work()
    assert set(Posting.objects.values_list("status", flat=True)) == {Posting.Status.REJECTED}
    assert times_read(sandbox) == 1


def test_a_refusal_about_one_document_alone_reads_nothing(
    connected: XeroConnection, sandbox: Any, make_invoice: MakeInvoice, upload: Upload, work: Work
) -> None:
    make_invoice()
    upload()
    sandbox.place_fault("whole_batch_400", method="PUT", path="^Invoices$")
    sandbox.forget()
    work()
    assert times_read(sandbox) == 0
