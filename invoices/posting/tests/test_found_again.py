"""After a doubt, in an organisation that takes a credit note's number as often as it comes: ours is found by its
marker, whoever changed its number and whoever else has it."""

from __future__ import annotations

from typing import Any

import pytest

from c3portal.database import clock
from invoices.conftest import MakeInvoice, Upload, Work
from invoices.documents.builder import marker
from invoices.models import Invoice, Posting
from xero_sandbox.testing import SandboxControl

pytestmark = pytest.mark.usefixtures("no_lookup_delay", "not_unique")


@pytest.fixture
def not_unique(sandbox: SandboxControl) -> None:
    sandbox.change_organisation(unique_credit_notes=False)


@pytest.fixture
def note(make_invoice: MakeInvoice) -> Invoice:
    return make_invoice(amount="-10.00")


def by_hand(sandbox: SandboxControl, number: str, reference: str, amount: str = "10.00") -> str:
    """Write a credit note as a bookkeeper would; return its id."""
    line = {"Description": "Credit", "Quantity": 1, "UnitAmount": amount, "AccountCode": "4010", "TaxType": "OUTPUT"}
    element = {
        "Type": "ACCRECCREDIT",
        "CreditNoteNumber": number,
        "Reference": reference,
        "Contact": {"Name": "Northwind Traders"},
        "Date": "2026-09-18",
        "Status": "AUTHORISED",
        "LineItems": [line],
    }
    return str(sandbox.write_document(element, resource="CreditNotes")["CreditNoteID"])


def creations(sandbox: SandboxControl) -> int:
    return sum((call["method"], call["path"]) == ("PUT", "CreditNotes") for call in sandbox.calls())


def lose_the_answer(sandbox: SandboxControl, upload: Upload, sweep: Work, fault: str = "drop_before") -> None:
    """Upload, and have the call's answer not come; the next sweep is the first that looks."""
    upload()
    sandbox.place_fault(fault, method="PUT", path="^CreditNotes$")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.XERO_LOOK_AFTER", 600)
        sweep()
    assert Posting.objects.get().status == "uncertain"
    Posting.objects.update(not_before=clock.now())


def test_a_credit_note_that_someone_renumbered_meanwhile_is_found_and_not_sent_again(
    note: Invoice, sandbox: SandboxControl, upload: Upload, sweep: Work
) -> None:
    lose_the_answer(sandbox, upload, sweep)
    renumbered = by_hand(sandbox, "CN-0042", f"Billing {marker(note)}")
    sweep()
    sweep()
    row = Posting.objects.get()
    assert (row.status, row.xero_id) == ("posted", renumbered)
    assert "CN-0042" in row.message
    assert creations(sandbox) == 1


@pytest.mark.parametrize("ours_first", [True, False])
def test_of_several_with_one_number_the_one_proved_ours_is_adopted(
    note: Invoice, sandbox: SandboxControl, upload: Upload, sweep: Work, ours_first: bool
) -> None:
    lose_the_answer(sandbox, upload, sweep)
    references = [f"Billing {marker(note)}", "Somebody else's"]
    made = {each: by_hand(sandbox, note.xero_number, each) for each in (references if ours_first else references[::-1])}
    sweep()
    row = Posting.objects.get()
    assert (row.status, row.xero_id) == ("posted", made[references[0]])


def test_a_credit_note_of_ours_that_was_renumbered_and_changed_is_told_and_not_sent_again(
    note: Invoice, sandbox: SandboxControl, upload: Upload, sweep: Work
) -> None:
    lose_the_answer(sandbox, upload, sweep)
    by_hand(sandbox, "CN-0042", marker(note), amount="99.00")
    sweep()
    sweep()
    row = Posting.objects.get()
    assert row.status == "rejected"
    assert "under the number CN-0042" in row.message
    assert creations(sandbox) == 1


def test_one_that_is_nowhere_is_sent_again_after_both_lookups(
    note: Invoice, sandbox: SandboxControl, upload: Upload, sweep: Work
) -> None:
    lose_the_answer(sandbox, upload, sweep)
    sandbox.forget()
    sweep()
    sweep()
    assert Posting.objects.get().status == "posted"
    # By number, by marker, again; and at the end, with no time to wait for, whether it is there once.
    assert [call["method"] for call in sandbox.calls()] == ["GET", "GET", "PUT", "GET"]
    assert [each["total"] for each in sandbox.documents()] == [str(abs(note.total))]


def test_one_that_its_number_shows_takes_no_second_lookup(
    note: Invoice, sandbox: SandboxControl, upload: Upload, sweep: Work
) -> None:
    lose_the_answer(sandbox, upload, sweep, "commit_then_drop")
    sandbox.forget()
    sweep()
    assert Posting.objects.get().status == "posted"
    # The second is whether it is there once, at the end of the upload.
    assert [call["method"] for call in sandbox.calls()] == ["GET", "GET"]
    assert [each["total"] for each in sandbox.documents()] == [str(abs(note.total))]


def test_someone_elses_with_the_number_settles_nothing_while_the_lost_call_may_still_arrive(
    note: Invoice, sandbox: SandboxControl, upload: Upload, sweep: Work, settings: Any
) -> None:
    settings.XERO_SETTLES_AFTER = 120
    lose_the_answer(sandbox, upload, sweep)
    by_hand(sandbox, note.xero_number, "Somebody else's")
    sweep()
    assert Posting.objects.get().status == "uncertain"
    late = by_hand(sandbox, note.xero_number, marker(note))
    Posting.objects.update(not_before=clock.now())
    sweep()
    assert (Posting.objects.get().status, Posting.objects.get().xero_id) == ("posted", late)
