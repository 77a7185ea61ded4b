"""Any interleaving of claims, answers, losses, deaths and sweeps: nothing twice in Xero, and nothing lost.

Workers stop at every point at which something else may come in between, or die there, while the clock moves on. Xero is
a model in memory, of two kinds: one that keeps numbers unique but may carry out a lost call at any later time, and one
that takes a number as often as it is sent but has done with a call when the portal says that it must. Against the
second only the portal's own care prevents duplicates, so what is careless must fail there: the last tests see to that.
"""

from __future__ import annotations

import copy
import datetime as dt
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from invoices.conftest import MakeInvoice
from invoices.models import Customer, Invoice, Posting, PostLog, Submission
from invoices.posting import outcomes, queueing, reconciliation, sender, transitions
from invoices.posting.outcomes import CallEnd, Outcome, Released
from invoices.posting.responses import kind_of, read_results
from invoices.tests.xero_in_memory import FATES, Worker, Xero, staged
from xero_integration import connections
from xero_integration.client.errors import XeroOutcomeUnknown
from xero_integration.client.gateway import Answer, Gateway
from xero_integration.models import ContactLink, XeroConnection

Status = Posting.Status
START = dt.datetime(2026, 9, 18, 9, 0, tzinfo=dt.UTC)
WORKERS = 3
# In one sequence; each ends whatever was in progress.
RESTORES = 2
# After how many moves a worker dies, if it does.
DEATHS = st.sampled_from([None, None, None, None, 0, 1, 2])
# What makes duplicates comes more often.
FATE = st.sampled_from([*FATES, "done late", "done late", "answer lost", "nothing done"])
LONG_ENOUGH = dt.timedelta(minutes=5)
ROUNDS = 15


class Portal(RuleBasedStateMachine):
    """A portal with a few invoices on their way, its workers, and the model of Xero."""

    def __init__(self, connection: XeroConnection, *, unique: bool) -> None:
        super().__init__()
        self.connection = connection
        totals = {number: abs(total) for number, total in Invoice.objects.values_list("xero_number", "total")}
        self.xero = Xero(totals, unique)
        self.workers: list[Worker] = []
        self.backup: dict[Any, list[Any]] = {}
        self.forgotten: set[str] = set()
        self.restores = 0
        connection.refresh_from_db()
        self.stage = ExitStack()
        self.clock = self.stage.enter_context(time_machine.travel(START, tick=False))
        self.stage.enter_context(transaction.atomic())
        self.stage.enter_context(staged(self.xero))
        self.click()

    # What may happen

    @precondition(lambda self: self._has(Status.QUEUED))
    @rule(moves=DEATHS)
    def send(self, moves: int | None) -> None:
        """A worker begins to send; now and then it dies after a few moves."""
        self._begin(sender.send_next, moves)

    @precondition(lambda self: self._has(Status.UNCERTAIN))
    @rule(moves=DEATHS)
    def reconcile(self, moves: int | None) -> None:
        """A worker looks for what is uncertain."""
        self._begin(reconciliation.reconcile, moves)

    @precondition(lambda self: self._has(Status.SENDING))
    @rule(moves=DEATHS)
    def sweep(self, moves: int | None) -> None:
        """A worker releases what dead workers have left."""
        self._begin(lambda connection: reconciliation.release_expired_leases(), moves)

    def _has(self, status: str) -> bool:
        return len(self.workers) < WORKERS and Posting.objects.filter(status=status).exists()

    def _begin(self, work: Callable[[XeroConnection], object], moves: int | None) -> None:
        self.workers.append(Worker(partial(work, self.connection)))
        self._go(self.workers[-1], moves=moves)

    @precondition(lambda self: self.workers)
    @rule(which=st.integers(0, WORKERS - 1), fate=FATE, moves=DEATHS)
    def go_on(self, which: int, fate: str, moves: int | None) -> None:
        """A worker goes on to its next stop; `fate` is what becomes of its call."""
        self._go(self.workers[which % len(self.workers)], fate=fate, moves=moves)

    def _go(self, worker: Worker, **how: Any) -> None:
        worker.go(**how)
        self.workers = [each for each in self.workers if not each.ended]

    @precondition(lambda self: self.workers)
    @rule(which=st.integers(0, WORKERS - 1))
    def die(self, which: int) -> None:
        """A worker is killed where it stands."""
        self.workers.pop(which % len(self.workers)).kill()

    @rule(seconds=st.sampled_from([11, 60, 125, 250, 400]))
    def wait(self, seconds: int) -> None:
        """Time passes; what Xero had put off until then is done."""
        self.clock.shift(seconds)
        if not self.xero.unique:
            self.xero.finish_late(timezone.now())

    @precondition(lambda self: self.xero.late)
    @rule()
    def finish_late(self) -> None:
        """Xero carries out what it had put off."""
        self.xero.finish_late()

    @precondition(lambda self: Posting.objects.filter(status=Status.REJECTED).exists())
    @rule()
    def click(self) -> None:
        """UPLOAD TO XERO, however often."""
        queueing.enqueue(Invoice.objects.all(), connection=self.connection, user=None, invoice_status="DRAFT")

    @rule()
    def back_up(self) -> None:
        """The rows are kept as they are now."""
        self.backup = {model: list(model.objects.order_by("pk")) for model in (Submission, Posting, PostLog)}

    @precondition(lambda self: self.backup and self.restores < RESTORES)
    @rule()
    def restore(self) -> None:
        """The portal is lost with its workers, and comes back from the backup: of anything sent it may know nothing."""
        self.restores += 1
        for worker in self.workers:
            worker.kill()
        self.workers = []
        for model in (PostLog, Posting, Submission):
            model.objects.all().delete()
        for model, rows in self.backup.items():
            model.objects.bulk_create(copy.deepcopy(rows))
        now = timezone.now()
        self.connection.restored_at = now
        self.connection.save(update_fields=["restored_at"])
        Posting.objects.update(looked_at=None)
        Submission.objects.open().update(lease_until=now)
        self.xero.in_doubt.update(self.xero.totals)
        self.forgotten = {*self.xero.numbers(), *self.xero.expected()}

    @precondition(lambda self: self.connection.restored_at)
    @rule(moves=DEATHS)
    def doubt(self, moves: int | None) -> None:
        """A worker has what a restored portal would send looked for first."""
        if len(self.workers) < WORKERS:
            self._begin(reconciliation.require_lookups, moves)

    # What must hold at every moment

    @invariant()
    def all_is_well(self) -> None:
        """What the portal believes is so, and nothing is there twice."""
        self._nothing_is_there_twice()
        self._what_is_posted_is_there()
        self._what_is_queued_or_refused_is_not_there()
        self._each_move_left_its_line()

    def _nothing_is_there_twice(self) -> None:
        twice = [number for number, count in Counter(self.xero.numbers()).items() if count > 1]
        assert not twice, twice

    def _what_is_posted_is_there(self) -> None:
        there = {document["Number"]: document for document in self.xero.documents}
        for row in Posting.objects.filter(status=Status.POSTED).select_related("invoice"):
            document = there[row.invoice.xero_number]
            assert row.xero_id == document[kind_of(row).id_key]
            assert row.xero_total == document["Total"]

    def _what_is_queued_or_refused_is_not_there(self) -> None:
        # A restored portal does not know what was posted after what it was told last, until it looks.
        elsewhere = self._numbers(Status.REJECTED) - self.forgotten
        assert not elsewhere.intersection(self.xero.numbers())
        # A model that may carry out a lost call at any time can do so after the last lookup.
        if not self.xero.unique:
            elsewhere |= self._numbers(Status.QUEUED) - self._not_looked_up()
            assert not elsewhere & {*self.xero.numbers(), *self.xero.expected()}

    def _not_looked_up(self) -> set[str]:
        return set(transitions.not_looked_up(self.connection).values_list("invoice__xero_number", flat=True))

    def _numbers(self, status: str) -> set[str]:
        return set(Posting.objects.filter(status=status).values_list("invoice__xero_number", flat=True))

    def _each_move_left_its_line(self) -> None:
        last = {log.invoice_id: log.status for log in PostLog.objects.order_by("pk")}
        assert last == dict(Posting.objects.values_list("invoice_id", "status"))

    # And in the end

    def teardown(self) -> None:
        """The faults stop: within bounded time everything is posted exactly once."""
        try:
            for worker in self.workers:
                worker.kill()
            self.xero.finish_late()
            self._calm()
            self._nothing_is_there_twice()
            self._what_is_posted_is_there()
            assert sorted(self.xero.numbers()) == sorted(self.xero.totals)
        finally:
            transaction.set_rollback(True)
            self.stage.close()

    def _calm(self) -> None:
        for _ in range(ROUNDS):
            self.clock.shift(LONG_ENOUGH)
            reconciliation.release_expired_leases()
            reconciliation.require_lookups(self.connection)
            reconciliation.reconcile(self.connection)
            self.click()
            while sender.send_next(self.connection):
                pass
            if not Posting.objects.exclude(status=Status.POSTED).exists():
                return
        states = Counter(Posting.objects.values_list("status", flat=True))
        raise AssertionError(f"Stuck: {dict(states)}")


@pytest.fixture
def portal(make_invoice: MakeInvoice, connected: XeroConnection, settings: Any) -> XeroConnection:
    """Four invoices and a credit note whose customers have contacts; three travel together."""
    settings.XERO_BATCH = 3
    for amount in ("100.00", "20.05", "-30.00", "7.50", "0.01"):
        make_invoice(amount=amount)
    for key in Customer.objects.values_list("tenant_id", flat=True):
        ContactLink.objects.create(connection=connected, customer_key=key, contact_id=f"of {key}", contact_name=key)
    return connected


def run(connection: XeroConnection, *, unique: bool, examples: int, **options: Any) -> None:
    """Try so many sequences of up to forty steps; of those that fail the shortest found is shown."""
    run_state_machine_as_test(
        partial(Portal, connection, unique=unique),
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            suppress_health_check=list(HealthCheck),
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            **{"phases": (Phase.generate, Phase.shrink), **options},
        ),
    )


@pytest.mark.parametrize("unique", [True, False], ids=["unique_numbers", "any_numbers"])
def test_nothing_is_ever_twice_and_nothing_is_lost(portal: XeroConnection, unique: bool) -> None:
    run(portal, unique=unique, examples=40)


# What is careless fails: else these tests would prove nothing


def send_anew(error: XeroOutcomeUnknown) -> Outcome:
    """Take a lost answer for a failure: the next try goes out under a new key."""
    return Outcome(rest=Released(), call=CallEnd(Submission.Outcome.UNKNOWN))


def send_the_same_again(connection: XeroConnection) -> int:
    """Rely on the key alone: send the stored bytes again under it, however much later."""
    lost = Submission.objects.filter(postings__status=Status.UNCERTAIN, connection=connection)
    for submission in lost.exclude(body=None).distinct():
        rows = {
            each.pk: each.invoice.xero_number for each in transitions.answered_by(submission).select_related("invoice")
        }
        kind, body, key = kind_of(submission), bytes(submission.body or b""), str(submission.pk)
        answer = connections.call(connection, partial(_create, kind.endpoint, body, key))
        transitions.mark_posted(submission, read_results(kind, rows, answer.rows(kind.endpoint)).recorded)
    return 0


def send_without_a_lookup(connection: XeroConnection) -> QuerySet[Posting]:
    """Have a restored portal go on as if nothing had happened after its backup."""
    return Posting.objects.filter(connection=connection, status=Status.QUEUED)


def _create(endpoint: str, body: bytes, key: str, gateway: Gateway) -> Answer:
    return gateway.create_documents(endpoint, body, key)


@pytest.mark.parametrize(
    ("module", "name", "careless"),
    [
        (outcomes, "lost", send_anew),
        (reconciliation, "reconcile", send_the_same_again),
    ],
    ids=["a new key for each try", "the key alone"],
)
def test_who_is_careless_is_found_out(
    portal: XeroConnection, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, careless: Any
) -> None:
    monkeypatch.setattr(module, name, careless)
    with pytest.raises(AssertionError):
        run(portal, unique=False, examples=100, phases=(Phase.generate,), derandomize=True)


# What the search found


def test_a_lookup_tells_how_it_was_when_xero_was_asked(portal: XeroConnection) -> None:
    """Xero finishes a lost call while the answer to a lookup, which left before that, is still on its way."""
    machine = Portal(portal, unique=False)
    machine.send(moves=None)
    machine.go_on(which=0, fate="answered", moves=None)
    machine.go_on(which=0, fate="done late", moves=None)
    machine.go_on(which=0, fate="answered", moves=None)
    machine.wait(11)
    machine.reconcile(moves=None)
    machine.wait(145)
    machine.go_on(which=0, fate="answered", moves=None)
    machine.all_is_well()
    machine.teardown()


def test_a_restored_portal_that_sends_before_it_looks_is_found_out(
    portal: XeroConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transitions, "_queued", send_without_a_lookup)
    machine = Portal(portal, unique=False)
    machine.back_up()
    machine.restore()
    machine.send(moves=None)
    machine.go_on(which=0, fate="answered", moves=None)
    machine.go_on(which=0, fate="answered", moves=None)
    with pytest.raises(AssertionError, match="Sent again without a lookup"):
        machine.go_on(which=0, fate="answered", moves=None)
    transaction.set_rollback(True)
    machine.stage.close()
