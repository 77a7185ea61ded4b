"""Real workers that die, stand still or have wrong clocks: what they held is soon free, and nothing is posted twice."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection

from c3portal.models import LiveProcess
from c3portal.testing import BrokerServer, WorkerProcess, wait_until
from invoices import tasks
from invoices.conftest import MakeInvoice
from invoices.models import Invoice, Submission
from invoices.posting import queueing, wakeups
from xero_integration.models import CallBudget, XeroConnection
from xero_sandbox.testing import SandboxControl

StartWorker = Callable[..., WorkerProcess]
State = Callable[[], dict[str, int]]
AT_ONCE = {"XERO_LOOK_AFTER": "0.5", "XERO_SETTLES_AFTER": "0", "XERO_RETRY_AFTER": "1"}
# Shorter than what the clocks are off by, in the order of production.
SOON = {
    "XERO_CALL_TIMEOUT": "1",
    "XERO_DEPARTS_WITHIN": "1",
    "XERO_LEASE": "4",
    "XERO_LOOK_AFTER": "0.5",
    "XERO_SETTLES_AFTER": "4",
    "XERO_RETRY_AFTER": "1",
}
BESIDE_ITS_CLOCK = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="on SQLite the machine's clock is the database's"
)
pytestmark = pytest.mark.both_databases


@pytest.fixture
def credit_notes(transactional_db: None, connected: XeroConnection, make_invoice: MakeInvoice) -> XeroConnection:
    """Twelve credit notes, for an organisation that takes a number as often as it comes."""
    for amount in range(12):
        make_invoice(amount=f"-{amount + 1}.00")
    return connected


def upload(connection: XeroConnection) -> None:
    queueing.enqueue(Invoice.objects.all(), connection=connection, user=None, invoice_status="AUTHORISED")
    wakeups.wake_after_commit(connection.pk)


def swept_until(holds: Callable[[], bool]) -> Callable[[], bool]:
    """Whether it holds; sweeps every second, as the scheduler does every ten."""
    swept_at = 0.0

    def swept() -> bool:
        nonlocal swept_at
        if time.monotonic() - swept_at > 1:
            tasks.sweep()
            swept_at = time.monotonic()
        return holds()

    return swept


def in_order(sandbox: SandboxControl, state: State) -> bool:
    return state() == {"posted": 12} and len(sandbox.documents()) == 12


def two_living(_: object = None) -> bool:
    """Whether two workers' processes have lived for long enough to judge others."""
    return LiveProcess.objects.filter(dead_at=None).count() >= 2


def test_what_a_killed_worker_held_is_free_within_20_seconds(
    credit_notes: XeroConnection,
    sandbox: SandboxControl,
    start_worker: StartWorker,
    state: State,
    broker: BrokerServer,
) -> None:
    worker, other = start_worker(1, **AT_ONCE), start_worker(1, **AT_ONCE)
    other.process.send_signal(signal.SIGSTOP)
    # Its last question to the broker stands for a second, and would be given the message that it does not take.
    wait_until(lambda: broker.client.info("clients")["blocked_clients"] == 1, "One of them waits for messages")
    # The other's pool of one process goes on by itself: it judges, and takes no messages.
    wait_until(two_living, "Both give signs of life")
    sandbox.place_fault("hang_after_commit", method="PUT", path="^CreditNotes$", seconds=5)
    upload(credit_notes)
    wait_until(lambda: sandbox.faults()[0]["fired"] == 1, "A call is in flight")
    assert state() == {"sending": 12}
    assert len(CallBudget.objects.get().in_flight) == 1
    died = time.monotonic()
    worker.kill()
    # Nobody sweeps: those who live find out by themselves.
    wait_until(lambda: state() == {"uncertain": 12}, "The rows are free", patience=40)
    assert time.monotonic() - died < 20 + 5, "with the machine's other work"
    assert CallBudget.objects.get().in_flight == {}
    assert Submission.objects.get().outcome == "unknown"
    other.process.send_signal(signal.SIGCONT)
    wait_until(swept_until(lambda: in_order(sandbox, state)), "All are posted, once")


def test_who_stalled_in_its_call_loses_what_it_held_and_changes_nothing_when_it_wakes(
    credit_notes: XeroConnection, sandbox: SandboxControl, start_worker: StartWorker, state: State
) -> None:
    stalled, other = start_worker(1, **AT_ONCE), start_worker(1, **AT_ONCE)
    wait_until(two_living, "Both give signs of life")
    sandbox.place_fault("hang_after_commit", method="PUT", path="^CreditNotes$", seconds=3)
    upload(credit_notes)
    wait_until(lambda: sandbox.faults()[0]["fired"] == 1, "A call is in flight")
    process = Submission.objects.get().process
    ours = f"/proc/{stalled.process.pid}/task/{stalled.process.pid}/children"
    if str(LiveProcess.objects.get(pk=process).pid) not in Path(ours).read_text().split():
        stalled, other = other, stalled
    os.killpg(stalled.process.pid, signal.SIGSTOP)
    try:
        wait_until(swept_until(lambda: in_order(sandbox, state)), "The other finishes", patience=60)
        assert LiveProcess.objects.get(pk=process).dead_at is not None
    finally:
        os.killpg(stalled.process.pid, signal.SIGCONT)
    wait_until(lambda: "it goes on as a new one" in stalled.log.read_text(), "It notices that it stalled")
    time.sleep(1)
    assert in_order(sandbox, state)
    assert Submission.objects.filter(body__isnull=False).count() == 1


@BESIDE_ITS_CLOCK
@pytest.mark.parametrize("seconds", [(-50, 50), (50, 50), (-50, -50)])
def test_workers_whose_clocks_are_wrong_post_each_credit_note_once(
    credit_notes: XeroConnection,
    sandbox: SandboxControl,
    start_worker: StartWorker,
    state: State,
    tmp_path: Path,
    seconds: tuple[int, int],
) -> None:
    # Xero does what it is asked, but only after the answer was lost.
    sandbox.place_fault("finish_late", method="PUT", path="^CreditNotes$", seconds=2, times=4)
    for number, ahead in enumerate(seconds):
        wrong = tmp_path / f"clock-{number}"
        wrong.write_text(str(ahead))
        start_worker(1, wrong, **SOON)
    upload(credit_notes)
    wait_until(swept_until(lambda: state() == {"posted": 12}), "All are posted", patience=60)
    time.sleep(2)
    assert len(sandbox.documents()) == 12
    assert sandbox.violations() == []


@BESIDE_ITS_CLOCK
@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_clock_that_jumps_in_the_middle_of_a_call_posts_nothing_twice_and_stops_all_claims(
    credit_notes: XeroConnection,
    sandbox: SandboxControl,
    start_worker: StartWorker,
    state: State,
    tmp_path: Path,
    minutes: int,
) -> None:
    clock = tmp_path / "clock"
    clock.write_text("0")
    worker = start_worker(1, clock, **SOON)
    sandbox.place_fault("finish_late", method="PUT", path="^CreditNotes$", seconds=2)
    sandbox.place_fault("slow", method="PUT", path="^CreditNotes$", seconds=0.5)
    upload(credit_notes)
    wait_until(lambda: state() == {"sending": 12}, "A call is in flight")
    clock.write_text(str(minutes * 60))
    wait_until(swept_until(lambda: "claims no work" in worker.log.read_text()), "It says so")
    time.sleep(5)
    tasks.sweep()
    assert state().get("posted", 0) == 0
    clock.write_text("0")
    wait_until(swept_until(lambda: in_order(sandbox, state)), "All are posted, once", patience=60)
    assert sandbox.violations() == []
