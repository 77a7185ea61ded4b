"""Any interleaving of posting, taking back, posting again, losses, deaths and hands in Xero: never two live documents
of one invoice, none lost, and the states agree with the books.

As in the state machine of posting (`invoices/posting/tests/test_state_machine.py`), with what takes documents back.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
import time_machine
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from invoices.changes import asking, reconciliation, sender, transitions
from invoices.conftest import MakeInvoice
from invoices.models import Customer, DocumentChange, Invoice, PastDocument, Posting
from invoices.posting import reconciliation as posting_reconciliation
from invoices.posting import sender as posting_sender
from invoices.posting import taken_back
from invoices.posting import transitions as posting_transitions
from invoices.posting.responses import kind_of
from invoices.posting.tests import test_state_machine as of_posting
from invoices.tests.books_in_memory import Books
from invoices.tests.xero_in_memory import staged
from xero_integration.client.vocabulary import GONE
from xero_integration.models import ContactLink, XeroConnection

Status = Posting.Status
STATUSES = st.sampled_from(["DRAFT", "AUTHORISED"])
WHICH = st.integers(0, 7)
MOVES = ("mark_done", "mark_refused", "requeue", "mark_uncertain", "close")


class Portal(of_posting.Portal):
    """The portal of posting, whose documents may end in Xero."""

    # A restored database is of other tests.
    back_up = restore = doubt = None  # type: ignore[assignment]

    def __init__(self, connection: XeroConnection, *, unique: bool, free: bool) -> None:
        super(of_posting.Portal, self).__init__()
        self.connection = connection
        totals = {number: abs(total) for number, total in Invoice.objects.values_list("xero_number", "total")}
        self.xero = self.books = Books(totals, unique, free_after_void=free)
        self.workers = []
        self.forgotten = set()
        connection.refresh_from_db()
        self.stage = ExitStack()
        self.clock = self.stage.enter_context(time_machine.travel(of_posting.START, tick=False))
        self.stage.enter_context(transaction.atomic())
        self.stage.enter_context(staged(self.books, {transitions: MOVES}))
        self.click()

    # What may happen besides

    @precondition(lambda self: Posting.objects.filter(status=Status.POSTED).exists())
    @rule(which=WHICH)
    def take_back(self, which: int) -> None:
        """A person takes a document back, or all of them."""
        keys = list(Posting.objects.filter(status=Status.POSTED).order_by("pk").values_list("pk", flat=True))
        chosen = keys if which >= len(keys) else keys[which : which + 1]
        asking.undo(Posting.objects.filter(pk__in=chosen), connection=self.connection, user=None)

    @precondition(lambda self: Posting.objects.filter(status=Status.UNDONE).exists())
    @rule(status=STATUSES)
    def post_again(self, status: str) -> None:
        """A person posts again whatever is not in Xero."""
        every = Invoice.objects.all()
        posting_transitions.enqueue(every, connection=self.connection, user=None, invoice_status=status)

    @precondition(lambda self: self._changes(DocumentChange.Status.QUEUED))
    @rule(moves=of_posting.DEATHS)
    def send_changes(self, moves: int | None) -> None:
        """A worker begins to send what was asked of documents."""
        self._begin(sender.send_next, moves)

    @precondition(lambda self: self._changes(DocumentChange.Status.UNCERTAIN))
    @rule(moves=of_posting.DEATHS)
    def reconcile_changes(self, moves: int | None) -> None:
        """A worker looks up what became of it."""
        self._begin(reconciliation.reconcile, moves)

    @precondition(lambda self: self._changes(DocumentChange.Status.SENDING))
    @rule(moves=of_posting.DEATHS)
    def sweep_changes(self, moves: int | None) -> None:
        """A worker releases the changes that dead workers have left."""
        self._begin(lambda connection: reconciliation.release_expired_leases(), moves)

    def _changes(self, status: str) -> bool:
        return len(self.workers) < of_posting.WORKERS and DocumentChange.objects.filter(status=status).exists()

    @precondition(lambda self: self.books.live())
    @rule(which=WHICH)
    def end_by_hand(self, which: int) -> None:
        """Somebody deletes or voids a document in Xero."""
        live = self.books.live()
        document = live[which % len(live)]
        self.books.end(document.get("InvoiceID") or document["CreditNoteID"])

    @precondition(lambda self: self._untold())
    @rule()
    def read_back(self) -> None:
        """What became of posted documents is read back."""
        for row in Posting.objects.filter(status=Status.POSTED):
            status = self.books.with_ids(row.xero_id)[0]["Status"]
            Posting.objects.filter(pk=row.pk).update(xero_status=status)

    def _untold(self) -> bool:
        rows = Posting.objects.filter(status=Status.POSTED).values_list("xero_id", "xero_status")
        return any(self.books.with_ids(xero_id)[0]["Status"] != status for xero_id, status in rows)

    # What must hold at every moment

    def _what_is_posted_is_there(self) -> None:
        for row in Posting.objects.filter(status=Status.POSTED).select_related("invoice"):
            (document,) = self.books.with_ids(row.xero_id)
            assert document["Number"] == row.number_in_xero
            assert document[kind_of(row).id_key] == row.xero_id
            assert document["Total"] == row.xero_total
            assert row.xero_status not in GONE or document["Status"] == row.xero_status
        for past in PastDocument.objects.all():
            assert self.books.with_ids(past.xero_id)[0]["Status"] == past.status
        undone = self._numbers(Status.UNDONE)
        assert not undone & {*self.xero.numbers(), *self.xero.expected()}

    # And in the end

    def _calm(self) -> None:
        for _ in range(of_posting.ROUNDS):
            self.clock.shift(of_posting.LONG_ENOUGH)
            posting_reconciliation.release_expired_leases()
            reconciliation.release_expired_leases()
            posting_reconciliation.reconcile(self.connection)
            reconciliation.reconcile(self.connection)
            while sender.send_next(self.connection):
                pass
            self._read_back_and_post_again()
            while posting_sender.send_next(self.connection):
                pass
            if self._is_settled():
                return
        raise AssertionError(f"Stuck: {dict(Counter(Posting.objects.values_list('status', flat=True)))}")

    def _read_back_and_post_again(self) -> None:
        self.read_back()
        gone = dict(Posting.objects.filter(xero_status__in=GONE).values_list("xero_id", "xero_status"))
        taken_back.take_back(gone)
        self.click()

    def _is_settled(self) -> bool:
        waiting = Posting.objects.exclude(status=Status.POSTED).exists()
        return not waiting and not DocumentChange.objects.in_progress().exists()


@pytest.fixture
def portal(make_invoice: MakeInvoice, connected: XeroConnection, settings: Any) -> XeroConnection:
    """Two invoices and a credit note whose customers have contacts; two travel together."""
    settings.XERO_BATCH = 2
    for amount in ("100.00", "20.05", "-30.00"):
        make_invoice(amount=amount)
    for key in Customer.objects.values_list("tenant_id", flat=True):
        ContactLink.objects.create(connection=connected, customer_key=key, contact_id=f"of {key}", contact_name=key)
    return connected


def run(connection: XeroConnection, *, unique: bool, free: bool, examples: int, **options: Any) -> None:
    """Try so many sequences of up to thirty steps."""
    run_state_machine_as_test(
        partial(Portal, connection, unique=unique, free=free),
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            suppress_health_check=list(HealthCheck),
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            **{"phases": (Phase.generate, Phase.shrink), **options},
        ),
    )


@pytest.mark.parametrize(
    ("unique", "free"),
    [(True, False), (True, True), (False, False)],
    ids=["voided_keep_their_numbers", "voided_free_their_numbers", "any_numbers"],
)
def test_no_invoice_has_two_live_documents_whatever_is_taken_back_and_posted_again(
    portal: XeroConnection, unique: bool, free: bool
) -> None:
    run(portal, unique=unique, free=free, examples=12)


def believe_every_answer(rows: Any, *, looked_at: Any = None) -> int:
    """Count a lost change as done."""
    calls = {each.call for each in rows}
    taken_back.take_back(dict.fromkeys(rows.values_list("xero_id", flat=True), "VOIDED"))
    return sum(transitions.answered_by(call).update(status="done") for call in calls if call)


def test_who_counts_a_lost_change_as_done_is_found_out(portal: XeroConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the test above would prove nothing."""
    monkeypatch.setattr(transitions, "requeue", believe_every_answer)
    machine = Portal(portal, unique=True, free=False)
    while Posting.objects.filter(status=Status.QUEUED).exists():
        machine.send(moves=None)
        go_on(machine, "answered", "answered", "answered")
    machine.take_back(which=7)
    machine.send_changes(moves=None)
    go_on(machine, "answered", "nothing done", "answered")
    machine.wait(400)
    machine.reconcile_changes(moves=None)
    with pytest.raises(AssertionError):
        go_on(machine, "answered")
    transaction.set_rollback(True)
    machine.stage.close()


def go_on(machine: Portal, *fates: str) -> None:
    for fate in fates:
        machine.go_on(which=0, fate=fate, moves=None)
        machine.all_is_well()
