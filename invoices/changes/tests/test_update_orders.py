"""What a draft that is written anew says to the customer, and what proves it ours, stays as it was."""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from invoices.changes import amending
from invoices.changes.tests.credit_notes import credit_note
from invoices.conftest import MakeInvoice, Upload, Work
from invoices.documents import builder
from invoices.importing import later
from invoices.models import (
    CustomerOverride,
    Invoice,
    InvoiceLine,
    LaterLine,
    LaterVersion,
    Posting,
    SentDocument,
    SubscriptionOrder,
)
from xero_integration.models import XeroConnection, XeroSettings
from xero_sandbox.testing import SandboxControl


@pytest.fixture
def ordered(make_invoice: MakeInvoice, upload: Upload, work: Work) -> Callable[..., Posting]:
    """Return a function that posts an invoice whose subscription has a PO number, of a customer who requires one."""

    def ordered(invoice_status: str = "DRAFT") -> Posting:
        made = make_invoice()
        InvoiceLine.objects.filter(invoice=made).update(source={"SubscriptionID": "s-1"})
        CustomerOverride.objects.create(customer=made.customer, requires_purchase_order=True)
        SubscriptionOrder.objects.create(customer=made.customer, subscription="s-1", purchase_order="PO-77")
        upload(invoice_status=invoice_status)
        work()
        return Posting.objects.get()

    return ordered


def test_an_update_keeps_the_po_numbers_of_subscriptions(
    ordered: Any, work: Work, connected: XeroConnection, finance_admin: Any, sandbox: SandboxControl
) -> None:
    ordered()
    assert amending.differing(Posting.objects.all(), by_settings=True) == []
    XeroSettings.objects.update(license_account_code="200")
    amending.update(Posting.objects.all(), connection=connected, user=finance_admin)
    work()
    assert [each["reference"] for each in sandbox.documents()] == ["PO-77"]


def test_a_later_files_lines_have_the_po_numbers_of_their_own_subscriptions(ordered: Any) -> None:
    posting = ordered()
    SubscriptionOrder.objects.create(customer=posting.invoice.customer, subscription="s-2", purchase_order="PO-88")
    version = LaterVersion.objects.create(pk=uuid.uuid4(), invoice=posting.invoice, facts={})
    line = posting.invoice.lines.get()
    facts = {name: getattr(line, name) for name in later._LINE_FIELDS}
    LaterLine.objects.create(version=version, **facts | {"source": {"SubscriptionID": "s-2"}})
    (found,) = amending.of(Posting.objects.all())
    assert (found.problems, found.now and found.now["Reference"]) == ((), "PO-88")


def test_a_credit_note_names_the_po_numbers_of_what_it_corrects(ordered: Any, connected: XeroConnection) -> None:
    note = credit_note(ordered("AUTHORISED"), "10.00")
    note = Invoice.objects.select_related("customer", "period", "corrects__posting").get(pk=note.pk)
    prepared = builder.build(note, "DRAFT", "", builder.read_context(connected, [note]))
    assert prepared.document.reference.startswith("PO-77 ")
    assert not prepared.is_blocked


def test_an_update_of_what_an_earlier_release_posted_leaves_no_document_without_its_marker(ordered: Any) -> None:
    posting = ordered()
    kept = SentDocument.objects.get()
    content = zlib.decompress(kept.content).decode()
    address = f'"Url":"{builder.url(posting.invoice)}",'
    assert address in content
    kept.content = zlib.compress(content.replace(address, "").encode())
    kept.save()
    (found,) = amending.of(Posting.objects.all())
    assert found.now is not None
    assert builder.marker(posting.invoice) in found.now["Url"]
