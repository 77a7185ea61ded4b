"""Real workers, a real broker and the sandbox: what is queued arrives exactly once, whoever dies on the way."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable

import pytest

from c3portal.testing import BrokerServer, WorkerProcess, wait_until
from invoices import tasks
from invoices.conftest import Work
from invoices.models import BillingPeriod, Invoice, Posting, Submission
from invoices.posting import queueing, wakeups
from xero_integration.models import XeroConnection
from xero_sandbox.testing import SandboxControl

StartWorker = Callable[..., WorkerProcess]
State = Callable[[], dict[str, int]]
AT_ONCE = {"XERO_LOOK_AFTER": "0", "XERO_SETTLES_AFTER": "0", "XERO_RETRY_AFTER": "1"}


@pytest.fixture
def everything(transactional_db: None, connected: XeroConnection, sample: BillingPeriod) -> XeroConnection:
    """The September sample, ready to be uploaded to the connected organisation."""
    return connected


def upload(connection: XeroConnection) -> None:
    queueing.enqueue(Invoice.objects.all(), connection=connection, user=None, invoice_status="AUTHORISED")
    wakeups.wake_after_commit(connection.pk)


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
    assert sandbox.violations() == []
    # Xero would refuse a number that comes twice; none ever left twice.
    bodies = [json.loads(bytes(call.body)) for call in Submission.objects.all() if call.body]
    assert sum(len(elements) for body in bodies for elements in body.values()) == 120


def _ended(sandbox: SandboxControl) -> int:
    return sum(call["fault"] == "hang_after_commit" for call in sandbox.calls())


@pytest.mark.both_databases
def test_nothing_is_lost_or_doubled_when_workers_are_killed_in_their_calls(
    everything: XeroConnection, sandbox: SandboxControl, start_worker: StartWorker, after_the_lease: Work, state: State
) -> None:
    worker = start_worker(**AT_ONCE)
    # Xero does what it is asked, and keeps its answer back.
    sandbox.place_fault("hang_after_commit", method="PUT", path="^Invoices$", seconds=5, times=2)
    upload(everything)
    wait_until(lambda: sandbox.faults()[0]["fired"] == 2, "Two calls are in flight")
    worker.kill()
    assert state()["sending"] == 100

    sandbox.cancel_faults()
    start_worker(**AT_ONCE)
    after_the_lease()
    XeroConnection.objects.update(contacts_lease_until=None)
    wait_until(swept_until_posted(state), "Everything is posted")
    assert_exactly_once(sandbox)
    wait_until(lambda: _ended(sandbox) == 2, "The two calls end, and not in the next test")


def test_what_was_queued_while_the_broker_was_down_is_sent_by_sweeps_however_many(
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
    for _ in range(3):
        tasks.sweep()
    start_worker(**AT_ONCE)
    wait_until(swept_until_posted(state), "Everything is posted")
    assert_exactly_once(sandbox)
    assert sandbox.state()["max_in_flight"] <= 4
