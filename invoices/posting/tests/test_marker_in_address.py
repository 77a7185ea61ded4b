"""Proof of ownership by the marker, wherever the document bears it: in its address, or in the Reference as the release
before wrote it."""

from __future__ import annotations

from typing import Any

import pytest

from c3portal.database import clock
from invoices.conftest import MakeInvoice, Upload, Work
from invoices.documents.builder import marker
from invoices.models import Invoice, Posting
from xero_sandbox.testing import SandboxControl

pytestmark = pytest.mark.usefixtures("no_lookup_delay")

HOME = "https://portal.contoso.example"


@pytest.fixture(autouse=True)
def at_home(settings: Any) -> None:
    settings.PORTAL_URL = HOME


def by_hand(sandbox: SandboxControl, invoice: Invoice, amount: str = "110", **facts: str) -> str:
    """Write an invoice in Xero under the number of ours; return its id."""
    line = {"Description": "A", "Quantity": 1, "UnitAmount": amount, "AccountCode": "4010", "TaxType": "EXEMPTOUTPUT"}
    element = {"InvoiceNumber": invoice.xero_number, "Contact": {"Name": "Adventure Works"}, "LineItems": [line]}
    return str(sandbox.write_document(element | facts)["InvoiceID"])


def lose_the_answer(sandbox: SandboxControl, upload: Upload, sweep: Work, fault: str) -> None:
    upload()
    sandbox.place_fault(fault, method="PUT", path="^Invoices$")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.XERO_LOOK_AFTER", 600)
        sweep()
    assert Posting.objects.get().status == "uncertain"
    Posting.objects.update(not_before=clock.now())


@pytest.mark.parametrize("fault", ["commit_then_drop", "commit_then_500", "hang_after_commit", "drop_before"])
def test_it_is_in_xero_once_though_the_answer_is_lost_and_its_reference_says_nothing_of_us(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, sweep: Work, fault: str
) -> None:
    make_invoice(purchase_order="PO-1")
    lose_the_answer(sandbox, upload, sweep, fault)
    sweep()
    sweep()
    (document,) = sandbox.documents()
    assert Posting.objects.get().status == "posted"
    assert document["reference"] == "PO-1"


def test_it_is_found_after_a_lost_answer_when_the_portal_moved_to_another_address(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, sweep: Work, settings: Any
) -> None:
    make_invoice()
    lose_the_answer(sandbox, upload, sweep, "commit_then_drop")
    settings.PORTAL_URL = "https://elsewhere.contoso.example"
    sweep()
    assert Posting.objects.get().status == "posted"
    assert len(sandbox.documents()) == 1


@pytest.mark.parametrize("with_address", [True, False])
@pytest.mark.parametrize("reference_kept", [True, False])
def test_what_the_release_before_posted_is_proved_ours_by_reference_or_address(
    make_invoice: MakeInvoice,
    sandbox: SandboxControl,
    upload: Upload,
    sweep: Work,
    with_address: bool,
    reference_kept: bool,
) -> None:
    invoice = make_invoice()
    lose_the_answer(sandbox, upload, sweep, "drop_before")
    facts = {"Reference": f"Billing 20260918 {marker(invoice)}" if reference_kept else "Somebody wrote over it"}
    if with_address:
        facts["Url"] = f"{HOME}/invoices/{invoice.pk}/"
    ours = by_hand(sandbox, invoice, **facts)
    sweep()
    row = Posting.objects.get()
    proved = with_address or reference_kept
    assert (row.status, row.xero_id) == (("posted", ours) if proved else ("rejected", ""))
    assert len(sandbox.documents()) == 1


def test_another_invoice_s_address_proves_nothing(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, sweep: Work
) -> None:
    invoice, other = make_invoice(), make_invoice()
    upload(invoice)
    by_hand(sandbox, invoice, Url=f"{HOME}/invoices/{other.pk}/?marker={marker(other)}")
    sweep()
    sweep()
    assert Posting.objects.get().status == "rejected"
