"""What was taken back is posted again: once, under a number that is free, and proved by a marker of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from c3portal.database import clock
from invoices.changes.tests.conftest import Undo
from invoices.conftest import MakeInvoice, Upload, Work
from invoices.documents.builder import first_marker, marker
from invoices.importing import xero_numbers
from invoices.models import Invoice, PastDocument, Posting
from invoices.preflight.preflight import Verdict, inspect
from xero_integration.models import XeroConnection, XeroSettings
from xero_sandbox.testing import SandboxControl

Post = Callable[..., list[Posting]]


def live(sandbox: SandboxControl) -> list[dict[str, Any]]:
    return [each for each in sandbox.documents() if each["status"] not in ("VOIDED", "DELETED")]


def only_live(sandbox: SandboxControl) -> tuple[str, str]:
    (document,) = live(sandbox)
    return document["number"], document["id"]


@pytest.mark.both_databases
@pytest.mark.parametrize("free", [False, True], ids=["voided keep their numbers", "voided free their numbers"])
@pytest.mark.parametrize("lost", [None, "commit_then_drop", "drop_before"])
@pytest.mark.usefixtures("no_lookup_delay")
def test_a_voided_invoice_goes_again_under_the_next_number_exactly_once(
    posted: Post, undo: Undo, upload: Upload, work: Work, sandbox: SandboxControl, free: bool, lost: str | None
) -> None:
    sandbox.change_organisation(free_after_void=free)
    (row,) = posted("100.00")
    for again in (1, 2):
        undo()
        work()
        upload()
        if lost:
            sandbox.place_fault(lost, method="PUT", path="^Invoices$")
        for _ in range(3):
            work()
        row.refresh_from_db()
        assert (row.status, row.attempt) == ("posted", again)
        assert only_live(sandbox) == (f"{row.invoice.xero_number}-R{again}", row.xero_id)
    assert sandbox.violations() == []
    assert PastDocument.objects.count() == 2


@pytest.mark.usefixtures("no_lookup_delay")
@pytest.mark.parametrize("amount", ["100.00", "-40.00"])
@pytest.mark.parametrize("lost", ["commit_then_drop", "drop_before"])
def test_a_deleted_document_never_proves_that_the_next_attempt_arrived(
    posted: Post, undo: Undo, upload: Upload, work: Work, sandbox: SandboxControl, amount: str, lost: str
) -> None:
    (row,) = posted(amount, invoice_status="DRAFT")
    undo()
    work()
    upload(invoice_status="DRAFT")
    sandbox.place_fault(lost, method="PUT", path="^(Invoices|CreditNotes)$")
    for _ in range(3):
        work()
    row.refresh_from_db()
    assert (row.status, row.number) == ("posted", "")
    assert only_live(sandbox) == (row.invoice.xero_number, row.xero_id)
    assert row.xero_id != PastDocument.objects.get().xero_id
    first, second = sorted(sandbox.documents(), key=lambda each: each["status"] == "DRAFT")
    texts = [f"{each['url']} {each['reference']}" for each in (first, second)]
    assert first_marker(row.invoice) in texts[0]
    assert [f"{first_marker(row.invoice)}-2" in text for text in texts] == [False, True]


def test_a_live_document_of_an_earlier_attempt_is_said_and_nothing_is_sent_beside_it(
    posted: Post, undo: Undo, work: Work, sandbox: SandboxControl, connected: XeroConnection
) -> None:
    (row,) = posted("-40.00")
    text = f"Billing {marker(row.invoice)}"
    line = {
        "Description": "A",
        "Quantity": 1,
        "UnitAmount": str(-row.invoice.total),
        "AccountCode": "4010",
        "TaxType": "EXEMPTOUTPUT",
    }
    contact = {"Name": sandbox.documents()[0]["contact"]}
    facts = {"CreditNoteNumber": row.invoice.xero_number, "Reference": text, "Contact": contact, "LineItems": [line]}
    sandbox.write_document(facts | {"Type": "ACCRECCREDIT", "Status": "AUTHORISED"}, resource="CreditNotes")
    undo()
    work()
    (inspected,) = inspect(Invoice.objects.all(), connected, invoice_status="DRAFT").rows
    assert inspected.verdict == Verdict.BLOCKED
    assert "from before it was taken back" in "".join(each.detail for each in inspected.problems)
    assert len(live(sandbox)) == 1


@pytest.mark.usefixtures("no_lookup_delay")
def test_a_number_that_a_deleted_draft_keeps_after_all_is_left_for_the_next(
    posted: Post, undo: Undo, upload: Upload, work: Work, sandbox: SandboxControl
) -> None:
    sandbox.change_organisation(free_after_delete=False)
    (row,) = posted("100.00", invoice_status="DRAFT")
    undo()
    work()
    upload()
    work()
    row.refresh_from_db()
    assert row.status == "rejected"
    assert row.message.endswith(f"Upload again: it then goes as {row.invoice.xero_number}-R1.")
    upload()
    work()
    row.refresh_from_db()
    assert only_live(sandbox) == (f"{row.invoice.xero_number}-R1", row.xero_id)


@pytest.mark.both_databases
@pytest.mark.parametrize("free", [False, True], ids=["voided keep their numbers", "voided free their numbers"])
@pytest.mark.parametrize("suffix", ["-R", "/v"], ids=["the same suffix", "another suffix"])
@pytest.mark.usefixtures("no_lookup_delay")
def test_a_restored_database_finds_the_attempt_that_it_does_not_know_of(
    posted: Post,
    undo: Undo,
    upload: Upload,
    work: Work,
    sandbox: SandboxControl,
    connected: XeroConnection,
    settings: Any,
    free: bool,
    suffix: str,
) -> None:
    sandbox.change_organisation(free_after_void=free)
    settings.XERO_SETTLES_AFTER = 0
    (row,) = posted("100.00")
    # Chosen after the backup, as what follows.
    XeroSettings.objects.update(again_suffix=suffix)
    for _ in range(2):
        undo()
        work()
        upload()
        work()
    number, xero_id = only_live(sandbox)
    assert number.endswith(f"{suffix}2")
    XeroSettings.objects.update(again_suffix="-R")
    # As it was when the first upload had just been asked for.
    PastDocument.objects.all().delete()
    Posting.objects.update(status="queued", attempt=0, number="", xero_id="", submission=None, looked_at=None)
    connected.restored_at = clock.now()
    connected.save(update_fields=["restored_at"])
    for _ in range(3):
        work()
    row.refresh_from_db()
    assert (row.status, row.number, row.attempt, row.xero_id) == ("posted", number, 2, xero_id)
    assert only_live(sandbox) == (number, xero_id)


@pytest.mark.usefixtures("no_lookup_delay")
def test_a_restored_database_finds_the_attempt_after_one_that_it_knows_of(
    posted: Post, undo: Undo, upload: Upload, work: Work, sandbox: SandboxControl, connected: XeroConnection
) -> None:
    """Taken back and queued again before the backup, posted after it under a suffix that was chosen since."""
    (row,) = posted("100.00")
    undo()
    work()
    Posting.objects.update(number=f"{row.invoice.xero_number}/v1")
    upload()
    work()
    number, xero_id = only_live(sandbox)
    Posting.objects.update(
        status="queued", number=f"{row.invoice.xero_number}-R1", xero_id="", submission=None, looked_at=None
    )
    connected.restored_at = clock.now()
    connected.save(update_fields=["restored_at"])
    for _ in range(3):
        work()
    row.refresh_from_db()
    assert (row.status, row.xero_id) == ("posted", xero_id)
    assert only_live(sandbox) == (number, xero_id)


def test_the_number_that_it_goes_under_is_shown_before_it_goes(
    posted: Post, undo: Undo, work: Work, connected: XeroConnection
) -> None:
    XeroSettings.load()
    XeroSettings.objects.update(again_suffix="/v")
    (row,) = posted("100.00")
    undo()
    work()
    inspection = inspect(Invoice.objects.all(), connected, invoice_status="DRAFT")
    (group,) = [each for each in inspection.groups() if each.problem.code == "other_number"]
    assert group.invoices[0].detail == f"{row.invoice.xero_number} goes as {row.invoice.xero_number}/v1."
    assert [each.invoice for each in inspection.rows if each.may_go] == [row.invoice]


def test_no_two_invoices_get_one_number(posted: Post, undo: Undo, work: Work, make_invoice: MakeInvoice) -> None:
    (row,) = posted("100.00")
    number = row.invoice.xero_number
    make_invoice(f"{number}-r1")
    undo()
    work()
    row.refresh_from_db()
    assert row.number == f"{number}-R2"
    assert xero_numbers.for_new([f"{number}-R2"])[f"{number}-R2"] != f"{number}-R2"
