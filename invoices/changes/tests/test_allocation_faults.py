"""Every fault at every step of setting a credit note against its invoice: it is done once, and the portal knows."""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db.models import Min
from django.utils import timezone

from invoices.changes import allocating
from invoices.changes.tests.credit_notes import credit_note
from invoices.conftest import Upload, Work
from invoices.models import DocumentChange, Posting
from invoices.tests.faults import (
    DOUBT,
    FAULTS,
    HARMLESS,
    LATE_BY_NOW,
    LIMITS,
    Step,
    see_hanging_calls_end,
    see_the_fault_out,
    strike,
)
from xero_integration.models import XeroConnection, XeroSettings
from xero_integration.testing import consent
from xero_sandbox.testing import SandboxControl

ALLOCATION, LOOKUP = Step("PUT", "^CreditNotes/.*/Allocations$"), Step("GET", "^CreditNotes$")
ROUNDS = 12


@dataclass
class AllocationRun:
    """A portal with an invoice and half of it credited in Xero, which is to be set against it, and clocks that can be
    moved ahead together."""

    sandbox: SandboxControl
    connection: XeroConnection
    sweep: Work
    time_machine: Any
    person: Any
    ahead: dt.timedelta = dt.timedelta()
    reconnected: int = 0
    asked_again: int = 0

    def go(self) -> None:
        self.sweep()
        self.connection.refresh_from_db()

    def states(self) -> dict[str, int]:
        return dict(Counter(DocumentChange.objects.values_list("status", flat=True)))

    def until_next(self) -> None:
        """Let pass what a pause or the next look has to wait for."""
        now = timezone.now()
        due = DocumentChange.objects.filter(status="uncertain").aggregate(Min("not_before"))["not_before__min"]
        if waits := [moment - now for moment in (self.connection.paused_until, due) if moment and moment > now]:
            see_hanging_calls_end(self.sandbox)
            self.ahead += max(waits) + dt.timedelta(seconds=1)
            self.time_machine.move_to(now + max(waits) + dt.timedelta(seconds=1))
            self.sandbox.shift_clock(self.ahead.total_seconds())

    def settle(self) -> None:
        """Go on until it is done; a person reconnects, or asks again, where told to."""
        for _ in range(ROUNDS):
            if "done" in self.states():
                return
            if self.states() == {"refused": 1}:
                self.asked_again += allocating.again(DocumentChange.objects.get().posting, self.person)
            if self.connection.status == "needs_reconnecting":
                consent(self.sandbox, XeroSettings.load().client_id)
                self.reconnected += 1
            self.until_next()
            self.go()

    def assert_set_against_it_once(self) -> None:
        assert self.states() == {"done": 1} | ({"refused": 1} if self.asked_again else {})
        books = {each["number"]: (each["status"], each["due"]) for each in self.sandbox.documents()}
        # Half is still owed, so a second time would not be refused for the lack of anything owed.
        assert books == {"Invoice_0001": ("AUTHORISED", "55.00"), "Invoice_0001-CN1": ("PAID", "0.00")}
        assert self.sandbox.violations() == []


@pytest.fixture
def run(
    posted: Callable[..., list[Posting]],
    upload: Upload,
    work: Work,
    sandbox: SandboxControl,
    connected: XeroConnection,
    sweep: Work,
    time_machine: Any,
    finance_admin: Any,
) -> Iterator[AllocationRun]:
    (invoice,) = posted("100.00")
    upload(credit_note(invoice, "50.00"), invoice_status="AUTHORISED")
    work()
    time_machine.move_to(timezone.now())
    began = time.monotonic()
    yield AllocationRun(sandbox, connected, sweep, time_machine, finance_admin)
    see_the_fault_out(sandbox, began)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("step", [ALLOCATION, LOOKUP], ids=["allocation", "lookup"])
def test_it_is_set_against_its_invoice_once_whatever_strikes(
    run: AllocationRun, settings: Any, step: Step, fault: str
) -> None:
    if step.is_lookup:
        run.sandbox.place_fault("commit_then_drop", method="PUT", path=ALLOCATION.path)
        run.go()
        assert run.states() == {"uncertain": 1}
        run.until_next()
    strike(run.sandbox, settings, step, fault)

    run.go()

    assert [each["fired"] for each in run.sandbox.faults()][-1] == 1
    assert run.states() == _expected(step, fault)
    began = time.monotonic()
    run.settle()
    if fault == "finish_late":
        time.sleep(max(0, began + LATE_BY_NOW - time.monotonic()))
    assert run.reconnected == (fault == "403")
    assert run.asked_again == (fault == "whole_batch_400" and step == ALLOCATION)
    run.assert_set_against_it_once()


def _expected(step: Step, fault: str) -> dict[str, int]:
    """Return the state right after the fault."""
    if fault in HARMLESS or fault == "401":
        return {"done": 1}
    if step.is_lookup or fault in DOUBT:
        return {"uncertain": 1}
    # Alone in its call, it is refused by itself.
    others = {"whole_batch_400": {"refused": 1}, "elements_missing": {"done": 1}}
    return {"queued": 1} if fault in LIMITS or fault == "403" else others[fault]
