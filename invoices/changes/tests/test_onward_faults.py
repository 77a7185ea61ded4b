"""Every fault at every step of approving and sending: each is done once, or a person is told."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone

from invoices.changes.tests.conftest import Approve, Send
from invoices.changes.tests.test_faults import ROUNDS, UndoRun
from invoices.conftest import Work
from invoices.models import Posting
from invoices.tests.faults import DOUBT, FAULTS, HARMLESS, LATE_BY_NOW, LIMITS, Step, see_the_fault_out, strike
from xero_integration.models import XeroConnection, XeroSettings
from xero_integration.testing import consent
from xero_sandbox.testing import SandboxControl

APPROVAL, LOOK = Step("POST", "^Invoices$"), Step("GET", "^Invoices$")
MAIL, HISTORY = Step("POST", "Email$"), Step("GET", "History$")
# What a call without any answer in its body has nothing to do with.
OF_BODIES = (
    "elements_missing",
    "elements_shuffled",
    "nulls_and_unknown_enums",
    "truncated_json_after_commit",
    "garbled_json_after_commit",
)
OF_MAILS = tuple(fault for fault in FAULTS if fault not in OF_BODIES)
DOUBTFUL = {"done": 1, "uncertain": 1}


class OnwardRun(UndoRun):
    """A portal with two invoices in Xero that something is asked of, and clocks that can be moved ahead together."""

    def settle(self) -> None:
        """Go on until nothing moves any more; a person reconnects where asked to."""
        for _ in range(ROUNDS):
            if not self.states().keys() & {"queued", "sending", "uncertain"}:
                return
            if self.connection.status == "needs_reconnecting":
                consent(self.sandbox, XeroSettings.load().client_id)
                self.reconnected += 1
            self.until_next()
            self.go()

    def wait(self, minutes: int) -> None:
        """Let time pass."""
        self.ahead += dt.timedelta(minutes=minutes)
        self.time_machine.move_to(timezone.now() + dt.timedelta(minutes=minutes))
        self.sandbox.shift_clock(self.ahead.total_seconds())

    def mails(self) -> int:
        return len(self.sandbox.mails())


@pytest.fixture
def run(sandbox: SandboxControl, connected: XeroConnection, sweep: Work, time_machine: Any) -> Iterator[OnwardRun]:
    time_machine.move_to(timezone.now())
    began = time.monotonic()
    yield OnwardRun(sandbox, connected, sweep, time_machine)
    see_the_fault_out(sandbox, began)


def assert_fired(run: OnwardRun) -> None:
    assert [each["fired"] for each in run.sandbox.faults()][-1] == 1


def see_it_settle(run: OnwardRun, fault: str) -> None:
    began = time.monotonic()
    run.settle()
    if fault == "finish_late":
        time.sleep(max(0, began + LATE_BY_NOW - time.monotonic()))
    assert run.reconnected == (fault == "403")
    assert run.sandbox.violations() == []


@pytest.mark.parametrize("fault", FAULTS)
def test_each_document_is_approved_whatever_strikes(
    posted: Callable[..., list[Posting]], approve: Approve, run: OnwardRun, settings: Any, fault: str
) -> None:
    posted("100.00", "20.05", invoice_status="DRAFT")
    approve()
    strike(run.sandbox, settings, APPROVAL, fault)

    run.go()

    assert_fired(run)
    assert run.states() == _approved(fault)
    see_it_settle(run, fault)
    assert run.states() == {"done": 2}
    assert set(Posting.objects.values_list("status", "xero_status")) == {("posted", "AUTHORISED")}
    assert {each["status"] for each in run.sandbox.documents()} == {"AUTHORISED"}


def _approved(fault: str) -> dict[str, int]:
    if fault in DOUBT:
        return {"uncertain": 2}
    return {"queued": 2} if fault in LIMITS or fault == "403" else {"done": 2}


@pytest.mark.parametrize(
    ("step", "fault"),
    [*((MAIL, fault) for fault in OF_MAILS), *((LOOK, fault) for fault in FAULTS)],
    ids=lambda each: str(each),
)
def test_each_invoice_is_mailed_once_whatever_strikes(
    posted: Callable[..., list[Posting]],
    send: Send,
    run: OnwardRun,
    settings: Any,
    addresses: None,
    step: Step,
    fault: str,
) -> None:
    posted("100.00", "20.05")
    send()
    if step == LOOK:
        run.sandbox.place_fault("commit_then_drop", method="POST", path=MAIL.path)
        run.go()
        assert run.states() == DOUBTFUL
        run.until_next()
    strike(run.sandbox, settings, step, fault)

    run.go()

    assert_fired(run)
    assert run.states() == _mailed(step, fault)
    see_it_settle(run, fault)
    is_refused = step == MAIL and fault == "whole_batch_400"
    assert run.states() == ({"done": 1, "refused": 1} if is_refused else {"done": 2})
    numbers = [each["number"] for each in run.sandbox.mails()]
    assert len(numbers) == len(set(numbers)) == (1 if is_refused else 2)


def _mailed(step: Step, fault: str) -> dict[str, int]:
    if fault in HARMLESS or fault == "401":
        return {"done": 2}
    if step == LOOK or fault in DOUBT:
        return DOUBTFUL
    return {"queued": 2} if fault in LIMITS or fault == "403" else {"done": 1, "refused": 1}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_second_mail_is_told_by_the_history_whatever_strikes_it(
    posted: Callable[..., list[Posting]], send: Send, run: OnwardRun, settings: Any, addresses: None, fault: str
) -> None:
    posted("100.00")
    send()
    run.go()
    run.wait(minutes=10)
    run.sandbox.place_fault("commit_then_drop", method="POST", path=MAIL.path)
    assert send(again=True).queued == 1
    run.go()
    assert run.states() == DOUBTFUL
    run.until_next()
    strike(run.sandbox, settings, HISTORY, fault)

    run.go()

    assert_fired(run)
    assert run.states() == ({"done": 2} if fault in HARMLESS or fault == "401" else DOUBTFUL)
    see_it_settle(run, fault)
    assert run.states() == {"done": 2}
    assert run.mails() == 2
