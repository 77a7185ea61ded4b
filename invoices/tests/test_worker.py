"""Real workers, a real broker and the sandbox: what is queued arrives exactly once, whoever dies on the way."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest

from c3portal.testing import BrokerServer, WorkerProcess, wait_until
from invoices import posting, tasks
from invoices.models import BillingPeriod, Invoice, Posting, Submission
from invoices.tests.conftest import Work
from xero_integration.models import XeroConnection
from xero_sandbox.testing import SandboxControl

StartWorker = Callable[..., WorkerProcess]
State = Callable[[], dict[str, int]]
AT_ONCE = {"XERO_LOOK_AFTER": "0", "XERO_SETTLES_AFTER": "0"}


@pytest.fixture
def everything(transactional_db: None, connected: XeroConnection, sample: BillingPeriod) -> XeroConnection:
    """The September sample, ready to be uploaded to the connected organisation."""
    return connected


def upload(connection: XeroConnection) -> None:
    posting.queue(Invoice.objects.all(), connection=connection, user=None, invoice_status="AUTHORISED")
    tasks.wake_after_commit(connection.pk)


def in_flight() -> bool:
    """Whether invoices have left for Xero, and their answers have not come."""
    return Submission.objects.filter(outcome=Submission.Outcome.SENDING).exists()


def swept_until_posted(state: State) -> Callable[[], bool]:
    """Whether everything is in Xero; sweeps every second, as beat does every twenty."""
    swept_at = 0.0

    def all_posted() -> bool:
        nonlocal swept_at
        if time.monotonic() - swept_at > 1:
            tasks.sweep()
            swept_at = time.monotonic()
        return state() == {"posted": 120}

    return all_posted


def assert_exactly_once(sandbox: SandboxControl) -> None:
    documents = sandbox.documents()
    assert len(documents) == 120
    assert {each["id"] for each in documents} == set(Posting.objects.values_list("xero_id", flat=True))
    assert sandbox.organisations()[0]["duplicates"] == {"number": {}, "url": {}, "reference": {}}
    assert sandbox.sins() == []
    # Xero would refuse a number that comes twice; none did.
    sent = [
        call["elements"]
        for call in sandbox.calls()
        if call["path"] in ("Invoices", "CreditNotes")
        if call["method"] == "PUT"
    ]
    assert sum(sent) == 120


def test_nothing_is_lost_or_doubled_when_workers_are_killed_in_their_calls(
    everything: XeroConnection, sandbox: SandboxControl, start_worker: StartWorker, after_the_lease: Work, state: State
) -> None:
    worker = start_worker(**AT_ONCE)
    sandbox.set_limits(latency_seconds=0.4)
    upload(everything)
    wait_until(in_flight, "A call leaves")
    worker.kill()
    assert state()["sending"] > 0

    sandbox.set_limits(latency_seconds=0)
    start_worker(**AT_ONCE)
    after_the_lease()
    XeroConnection.objects.update(contacts_lease_until=None)
    wait_until(swept_until_posted(state), "Everything is posted")
    assert_exactly_once(sandbox)


def test_what_was_queued_while_the_broker_was_down_is_sent_by_the_sweep(
    everything: XeroConnection,
    sandbox: SandboxControl,
    broker: BrokerServer,
    start_worker: StartWorker,
    state: State,
    caplog: pytest.LogCaptureFixture,
) -> None:
    broker.stop(signal.SIGKILL)
    upload(everything)
    assert "the sweep sends what is queued once it is back" in caplog.text
    assert state() == {"queued": 120}
    assert [call for call in sandbox.calls() if call["method"] == "PUT"] == []

    broker.start()
    start_worker(**AT_ONCE)
    wait_until(swept_until_posted(state), "Everything is posted")
    assert_exactly_once(sandbox)


def test_a_task_that_is_delivered_many_times_finds_nothing_left_to_do(
    everything: XeroConnection, sandbox: SandboxControl, start_worker: StartWorker, state: State
) -> None:
    for _ in range(3):
        tasks.wake(everything.pk, workers=2)
    upload(everything)
    start_worker(2, **AT_ONCE)
    wait_until(lambda: state() == {"posted": 120}, "Everything is posted")
    assert_exactly_once(sandbox)
    assert sandbox.state()["max_in_flight"] <= 4
