"""Drafts are written anew in their place: by a later file, by today's settings, and never over somebody's work."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from c3portal.database import clock
from c3portal.models import User
from invoices.changes import amending, transitions, updates
from invoices.changes.amending import Way
from invoices.conftest import Upload, Work
from invoices.importing.importer import import_file
from invoices.models import (
    ChangeCall,
    DocumentChange,
    DocumentEvent,
    Invoice,
    LaterVersion,
    Posting,
    PostLog,
    SentDocument,
    Submission,
)
from invoices.posting import responses
from invoices.tests.c3_files import of_customer, write
from xero_integration import connections
from xero_integration.client import document_lists
from xero_integration.client.gateway import Gateway
from xero_integration.models import XeroConnection, XeroSettings
from xero_sandbox.testing import SandboxControl

Post = Callable[..., list[Posting]]
State = Callable[[], dict[str, int]]
DEARER = {"SubTotal": "100.00", "UnitPriceOfProduct": "10.00", "TaxAmount": "10.00", "Total": "110.00"}


@pytest.fixture
def update(connected: XeroConnection, finance_admin: Any) -> Callable[..., Any]:
    """Return a function that asks for all that differs to be updated."""

    def update(**more: Any) -> Any:
        more = {"connection": connected, "user": finance_admin, "reason": "Wrong account"} | more
        return amending.update(Posting.objects.all(), **more)

    return update


def other_account(code: str = "200") -> None:
    XeroSettings.objects.update(license_account_code=code)


def accounts(connection: XeroConnection) -> set[str]:
    """Return the accounts of all lines of what is posted, as Xero shows them."""
    ids: dict[str, list[str]] = {"Invoices": [], "CreditNotes": []}
    for posting in Posting.objects.all():
        ids[responses.kind_of(posting).endpoint].append(posting.xero_id)

    def read(gateway: Gateway) -> list[dict[str, Any]]:
        return [row for endpoint, some in ids.items() for row in document_lists.with_ids(gateway, endpoint, some)]

    return {line["AccountCode"] for row in connections.call(connection, read) for line in row["LineItems"]}


def test_a_wrong_account_is_put_right_in_the_drafts(
    posted: Post, update: Any, work: Work, changes: State, sandbox: SandboxControl, connected: XeroConnection
) -> None:
    before = posted("100.00", "50.00", "-40.00", invoice_status="DRAFT")
    assert amending.differing(Posting.objects.all(), by_settings=True) == []
    other_account()
    assert amending.differing(Posting.objects.all()) == []

    assert update().queued == 3
    work()

    assert changes() == {"done": 3}
    assert accounts(connected) == {"200"}
    assert {(each["id"], each["status"]) for each in sandbox.documents()} == {(row.xero_id, "DRAFT") for row in before}
    assert amending.differing(Posting.objects.all(), by_settings=True) == []
    assert PostLog.objects.filter(message="Updated in place. Wrong account", user__isnull=False).count() == 3
    assert DocumentEvent.objects.filter(source="us").count() == 3
    assert {row.edits == {} and row.status == "posted" for row in Posting.objects.all()} == {True}
    assert sandbox.violations() == []


@pytest.fixture
def imported(
    tmp_path: Path, upload: Upload, work: Work, connected: XeroConnection, finance_admin: User
) -> Callable[..., Posting]:
    """Return a function that posts an invoice of a file, which a later file then has dearer by a line."""

    def imported(invoice_status: str = "DRAFT") -> Posting:
        import_file(write(tmp_path, of_customer(1)))
        upload(invoice_status=invoice_status)
        work()
        import_file(write(tmp_path, of_customer(1, **DEARER), of_customer(1)))
        return Posting.objects.get()

    return imported


@pytest.mark.both_databases
def test_a_later_file_is_brought_to_the_draft_and_to_the_invoice(
    imported: Callable[..., Posting], update: Any, work: Work, sandbox: SandboxControl
) -> None:
    posting = imported()
    (found,) = amending.differing(Posting.objects.all())
    assert [each.change for each in found.differences.lines] == ["changed", "added"]  # type: ignore[union-attr]
    assert found.total_now == Decimal("209.00")

    assert update(by_settings=False).queued == 1
    work()

    posting.refresh_from_db()
    (document,) = sandbox.documents()
    assert (document["id"], Decimal(document["total"])) == (posting.xero_id, Decimal("209.00"))
    assert (posting.xero_total, posting.total_difference, posting.edits) == (Decimal("209.00"), 0, {})
    assert posting.sent_facts["total"] == "209.00"
    invoice = Invoice.objects.get()
    assert (invoice.total, invoice.difference, invoice.lines.count()) == (Decimal("209.00"), "", 2)
    assert not LaterVersion.objects.exists()


def test_each_way_is_open_or_says_why_not(imported: Callable[..., Posting]) -> None:
    imported()
    expected = {
        ("DRAFT", ""): {Way.UPDATE, Way.UNDO},
        ("SUBMITTED", ""): {Way.UPDATE, Way.UNDO},
        ("AUTHORISED", ""): {Way.UNDO, Way.CREDIT},
        ("PAID", ""): {Way.CREDIT},
        ("VOIDED", ""): {Way.UNDO},
        ("DRAFT", "edited"): {Way.UNDO},
    }
    for (status, edited), ways in expected.items():
        edits = {"total": {"sent": "1", "now": "2"}} if edited else {}
        Posting.objects.update(xero_status=status, edits=edits)
        (found,) = amending.differing(Posting.objects.all())
        assert {way for way in Way if found.allows(way)} == ways, (status, edited)
        assert all(found.why_not.values())


def test_what_was_not_kept_line_by_line_is_said_and_not_overwritten(imported: Callable[..., Posting]) -> None:
    imported()
    SentDocument.objects.all().delete()
    (found,) = amending.differing(Posting.objects.all())
    assert found.allows(Way.UPDATE), "The bytes of its call are there still"
    Submission.objects.update(body=None)
    (found,) = amending.differing(Posting.objects.all())
    assert found.why_not[Way.UPDATE] == amending.NOT_KEPT


@pytest.mark.parametrize(
    ("meanwhile", "said"),
    [
        ({"Status": "AUTHORISED"}, "Approved by now"),
        ({"Status": "DELETED"}, "Deleted by now"),
        ({"Reference": "By hand"}, "changed in Xero since it was last read"),
    ],
)
def test_what_changed_in_xero_meanwhile_is_never_overwritten(
    posted: Post, update: Any, work: Work, sandbox: SandboxControl, meanwhile: dict[str, str], said: str
) -> None:
    (row,) = posted("100.00", invoice_status="DRAFT")
    other_account()
    update()
    sandbox.change(row.invoice.xero_number, **meanwhile)
    before = sandbox.documents()

    work()

    change = DocumentChange.objects.get()
    assert (change.status, said in change.message) == ("refused", True), change.message
    assert sandbox.documents() == before
    assert not [call for call in sandbox.calls() if call["method"] == "POST" and call["path"].endswith("Invoices")]


def test_what_xero_refuses_is_left_with_its_words(
    posted: Post, update: Any, work: Work, sandbox: SandboxControl, connected: XeroConnection
) -> None:
    posted("100.00", "50.00", invoice_status="DRAFT")
    other_account()
    update()
    sandbox.put_account("200", status="ARCHIVED")
    work()
    assert {each.status for each in DocumentChange.objects.all()} == {"refused"}
    assert "In Xero it is: Draft. It was left as it is." in DocumentChange.objects.first().message  # type: ignore[union-attr]
    assert accounts(connected) == {"4010"}
    assert {each.invoice.lines.count() for each in Posting.objects.all()} == {1}


def test_nothing_is_asked_that_the_check_before_posting_would_block(
    posted: Post, update: Any, connected: XeroConnection
) -> None:
    posted("100.00", invoice_status="DRAFT")
    other_account("999")
    assert update().queued == 0
    (found,) = amending.differing(Posting.objects.all(), by_settings=True)
    assert "999" in found.why_not[Way.UPDATE]


def test_what_a_person_was_not_shown_is_not_asked(posted: Post, update: Any) -> None:
    posted("100.00", invoice_status="DRAFT")
    other_account()
    seen = amending.digest(amending.differing(Posting.objects.all(), by_settings=True))
    other_account("260")
    assert update(seen=seen) is None
    assert not DocumentChange.objects.exists()


@pytest.mark.both_databases
@pytest.mark.usefixtures("no_lookup_delay")
def test_a_worker_killed_after_its_call_left_updates_once(
    posted: Post, update: Any, sweep: Work, changes: State, connected: XeroConnection, sandbox: SandboxControl
) -> None:
    posted("100.00", invoice_status="DRAFT")
    other_account()
    update()
    sandbox.place_fault("commit_then_drop", method="POST", path="^Invoices$")
    sweep()
    assert len([call for call in sandbox.calls() if call["method"] == "POST"]) == 1
    sweep()
    assert changes() == {"done": 1}
    assert accounts(connected) == {"200"}
    assert len([call for call in sandbox.calls() if call["method"] == "POST"]) == 1


@pytest.mark.both_databases
def test_a_worker_killed_before_its_call_left_nothing_in_doubt(
    posted: Post, update: Any, sweep: Work, changes: State, connected: XeroConnection
) -> None:
    posted("100.00", invoice_status="DRAFT")
    other_account()
    update()
    assert transitions.claim(connected) is not None
    ChangeCall.objects.update(lease_until=clock.now())
    sweep()
    assert changes() == {"done": 1}


def test_taking_back_brings_the_later_file_in(
    imported: Callable[..., Posting], undo: Any, work: Work, upload: Upload, sandbox: SandboxControl
) -> None:
    imported()
    undo()
    work()
    assert (Invoice.objects.get().total, Invoice.objects.get().difference) == (Decimal("209.00"), "")
    assert upload().queued == 1
    work()
    assert Posting.objects.get().xero_total == Decimal("209.00")


@pytest.mark.parametrize(
    ("was", "now", "is_same"),
    [("1.5 TB", "15 TB", False), ("日本", "中国", False), ("Größe", "Grösse", False), ("A  B 🙂", "A B", True)],
)
def test_an_update_is_told_by_what_xero_keeps_of_a_text(was: str, now: str, is_same: bool) -> None:
    assert (updates._squeezed(was) == updates._squeezed(now)) is is_same
