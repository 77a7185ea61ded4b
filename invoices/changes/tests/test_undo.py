"""Documents are taken back from Xero: drafts deleted, approved ones voided, paid ones left."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from c3portal.database import clock
from invoices import tasks
from invoices.changes import plan, transitions
from invoices.changes.tests.conftest import Undo
from invoices.conftest import Upload, Work
from invoices.models import ChangeCall, DocumentChange, PastDocument, Posting, PostLog, Twin
from invoices.posting import taken_back, wakeups
from xero_integration.models import XeroConnection
from xero_sandbox.testing import SandboxControl

Post = Callable[..., list[Posting]]
State = Callable[[], dict[str, int]]


def statuses(sandbox: SandboxControl) -> dict[str, str]:
    return {each["number"]: each["status"] for each in sandbox.documents()}


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("invoice_status", "becomes"), [("DRAFT", "DELETED"), ("SUBMITTED", "DELETED"), ("AUTHORISED", "VOIDED")]
)
def test_documents_end_as_their_status_asks_and_their_invoices_are_not_posted(
    posted: Post, undo: Undo, work: Work, sandbox: SandboxControl, invoice_status: str, becomes: str
) -> None:
    before = posted("100.00", "-40.00", invoice_status=invoice_status)

    asked = undo()
    work()

    assert (asked.queued, asked.gone) == (2, 0)
    assert set(statuses(sandbox).values()) == {becomes}
    assert {(row.status, row.xero_id, row.amount_due) for row in Posting.objects.all()} == {("undone", "", None)}
    past = PastDocument.objects.order_by("number")
    assert [(each.xero_id, each.status, each.number, each.total, each.why) for each in past] == [
        (row.xero_id, becomes, row.invoice.xero_number, abs(row.invoice.total), "Wrong account") for row in before
    ]
    assert PostLog.objects.filter(status="undone", message="Wrong account", user__isnull=False).count() == 2
    assert sandbox.violations() == []


def test_what_is_paid_or_credited_there_twice_or_of_unknown_state_is_left(
    posted: Post, undo: Undo, work: Work, sandbox: SandboxControl
) -> None:
    paid, part, twice, unknown, gone = posted("100.00", "50.00", "-40.00", "30.00", "20.00")
    Posting.objects.filter(pk=paid.pk).update(xero_status="PAID")
    Posting.objects.filter(pk=part.pk).update(amount_paid=Decimal("1.00"))
    Posting.objects.filter(pk=unknown.pk).update(xero_status="")
    Posting.objects.filter(pk=gone.pk).update(xero_status="VOIDED")
    Twin.objects.create(posting=twice, xero_id="another", number="CN")

    assert {each.posting.pk: each.fate.value for each in plan.of(Posting.objects.all())} == {
        paid.pk: "settled",
        part.pk: "settled",
        twice.pk: "twice",
        unknown.pk: "unknown",
        gone.pk: "gone",
    }
    asked = undo()

    assert (asked.request, asked.queued, asked.gone) == (None, 0, 1)
    assert set(Posting.objects.filter(status="undone")) == {gone}
    assert set(statuses(sandbox).values()) == {"AUTHORISED"}


def test_what_was_paid_meanwhile_is_refused_by_xero_and_left_with_its_words(
    posted: Post, undo: Undo, work: Work, sandbox: SandboxControl
) -> None:
    paid, other = posted("100.00", "50.00")
    sandbox.pay(paid.invoice.xero_number)

    undo()
    work()

    refused = DocumentChange.objects.get(posting=paid)
    assert refused.status == "refused"
    assert "payment" in refused.message
    assert "In Xero it is: Paid. It was left as it is." in refused.message
    paid.refresh_from_db()
    other.refresh_from_db()
    assert (paid.status, other.status) == ("posted", "undone")


def test_what_someone_voided_meanwhile_is_taken_back(
    posted: Post, undo: Undo, work: Work, changes: State, sandbox: SandboxControl
) -> None:
    (row,) = posted("100.00")
    sandbox.void(row.invoice.xero_number)

    undo()
    work()

    row.refresh_from_db()
    assert changes() == {"done": 1}
    assert row.status == "undone"
    assert PastDocument.objects.get().status == "VOIDED"


@pytest.mark.both_databases
def test_pressing_twice_asks_once(posted: Post, undo: Undo) -> None:
    posted("100.00", "50.00")
    assert undo().queued == 2
    again = undo()
    assert (again.request, again.queued) == (None, 0)
    assert DocumentChange.objects.count() == 2


@pytest.mark.both_databases
def test_fifty_go_in_one_call(
    posted: Post, undo: Undo, work: Work, changes: State, sandbox: SandboxControl, settings: Any
) -> None:
    settings.XERO_BATCH = 3
    posted(*["10.00"] * 7)
    before = len(sandbox.calls())
    undo()
    work()
    assert changes() == {"done": 7}
    assert [call["method"] for call in sandbox.calls()[before:]] == ["POST"] * 3


def test_what_waits_can_be_withdrawn(posted: Post, undo: Undo, work: Work, sandbox: SandboxControl) -> None:
    posted("100.00")
    undo()
    assert transitions.withdraw(DocumentChange.objects.all()) == 1
    work()
    assert set(statuses(sandbox).values()) == {"AUTHORISED"}
    assert undo().queued == 1


def test_a_deleted_draft_is_posted_again_under_its_number(
    posted: Post, undo: Undo, upload: Upload, work: Work, sandbox: SandboxControl
) -> None:
    (row,) = posted("100.00", invoice_status="DRAFT")
    undo()
    work()
    assert upload().queued == 1
    work()
    row.refresh_from_db()
    assert row.status == "posted"
    live = [each for each in sandbox.documents() if each["status"] == "AUTHORISED"]
    assert [(each["number"], each["id"]) for each in live] == [(row.invoice.xero_number, row.xero_id)]
    assert row.xero_id != PastDocument.objects.get().xero_id
    assert sandbox.violations() == []


# Workers that die, portals that move and databases that come back


@pytest.mark.both_databases
def test_a_worker_that_died_before_its_call_left_nothing_in_doubt(
    posted: Post, undo: Undo, sweep: Work, changes: State, connected: XeroConnection
) -> None:
    posted("100.00")
    undo()
    assert transitions.claim(connected) is not None
    ChangeCall.objects.update(lease_until=clock.now())
    sweep()
    assert changes() == {"done": 1}


@pytest.mark.both_databases
@pytest.mark.usefixtures("no_lookup_delay")
def test_what_a_worker_sent_before_it_died_is_looked_up(
    posted: Post, undo: Undo, sweep: Work, changes: State, connected: XeroConnection, sandbox: SandboxControl
) -> None:
    (row,) = posted("100.00")
    undo()
    call = transitions.claim(connected)
    assert call is not None
    transitions.store_body(call, b"{}", "")
    sandbox.void(row.invoice.xero_number)
    ChangeCall.objects.update(lease_until=clock.now())
    sweep()
    assert changes() == {"done": 1}
    assert ChangeCall.objects.get().outcome == "unknown"


def test_a_worker_that_was_declared_dead_sends_nothing(posted: Post, undo: Undo, connected: XeroConnection) -> None:
    posted("100.00")
    undo()
    call = transitions.claim(connected)
    assert call is not None
    ChangeCall.objects.update(lease_until=clock.now())
    assert not transitions.store_body(call, b"{}", "")


@pytest.mark.usefixtures("no_lookup_delay")
def test_a_restored_database_looks_before_it_sends(
    posted: Post, undo: Undo, work: Work, changes: State, connected: XeroConnection, sandbox: SandboxControl
) -> None:
    done, _ = posted("100.00", "50.00")
    undo()
    sandbox.void(done.invoice.xero_number)
    connected.restored_at = clock.now()
    connected.save(update_fields=["restored_at"])
    before = len(sandbox.calls())
    work()
    assert changes() == {"done": 2}
    assert [call["method"] for call in sandbox.calls()[before:]] == ["GET", "POST"]
    assert set(statuses(sandbox).values()) == {"VOIDED"}
    assert sandbox.violations() == []


def test_one_document_is_taken_back_once(posted: Post) -> None:
    (row,) = posted("100.00")
    assert taken_back.take_back({row.xero_id: "VOIDED"}) == 1
    assert taken_back.take_back({row.xero_id: "VOIDED"}) == 0
    assert PastDocument.objects.count() == 1


def test_the_first_worker_calls_as_many_others_as_the_changes_can_use(
    posted: Post, undo: Undo, connected: XeroConnection, settings: Any, monkeypatch: Any
) -> None:
    posted(*["10.00"] * 4, invoice_status="DRAFT")
    posted("10.00")
    settings.XERO_BATCH = 2
    undo()
    woken: list[tuple[int, bool]] = []
    monkeypatch.setattr(wakeups, "wake", lambda pk, *, workers=1, spread=True, after=0: woken.append((workers, spread)))
    tasks.work(connected.pk)
    # Two calls delete, one voids.
    assert woken == [(2, False)]


def test_what_lies_in_a_locked_period_is_named_and_left(posted: Post, undo: Undo) -> None:
    draft, approved = posted("10.00", invoice_status="DRAFT") + posted("20.00")
    XeroConnection.objects.update(period_lock_date=approved.invoice.issued_on)
    found = {each.posting.pk: each.fate for each in plan.of(Posting.objects.all())}
    assert found == {draft.pk: "deleted", approved.pk: "locked"}
    assert undo().queued == 1
