"""Every fault at every step of writing documents anew: each is written once, and the portal knows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone

from invoices.changes import amending
from invoices.changes.tests.test_faults import STEPS, UndoRun
from invoices.conftest import Work
from invoices.models import Posting
from invoices.tests.faults import DOUBT, FAULTS, GARBLED, HARMLESS, LATE_BY_NOW, LIMITS, Step, see_the_fault_out, strike
from xero_integration.models import XeroConnection, XeroSettings
from xero_sandbox.testing import SandboxControl


class UpdateRun(UndoRun):
    """A portal whose two drafts and two draft credit notes are to have another account, and clocks as in `UndoRun`."""

    def assert_each_was_written_once(self) -> None:
        assert self.states() == {"done": 4}
        assert set(Posting.objects.values_list("status", "xero_status")) == {("posted", "DRAFT")}
        assert amending.differing(Posting.objects.all(), by_settings=True) == []
        assert {each["status"] for each in self.sandbox.documents()} == {"DRAFT"}
        assert len(self.sandbox.documents()) == 4
        assert self.sandbox.violations() == []


@pytest.fixture
def update_run(
    posted: Callable[..., list[Posting]],
    sandbox: SandboxControl,
    connected: XeroConnection,
    finance_admin: Any,
    sweep: Work,
    time_machine: Any,
) -> Iterator[UpdateRun]:
    posted("100.00", "20.05", "-30.00", "-4.95", invoice_status="DRAFT")
    XeroSettings.objects.update(license_account_code="200")
    amending.update(Posting.objects.all(), connection=connected, user=finance_admin)
    time_machine.move_to(timezone.now())
    began = time.monotonic()
    yield UpdateRun(sandbox, connected, sweep, time_machine)
    see_the_fault_out(sandbox, began)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("step", STEPS, ids=str)
def test_each_document_is_written_once_whatever_strikes(
    update_run: UpdateRun, settings: Any, step: Step, fault: str
) -> None:
    strike(update_run.sandbox, settings, step, fault)

    update_run.go()

    assert [each["fired"] for each in update_run.sandbox.faults()][-1] == 1
    assert update_run.states() == _expected(step, fault)
    began = time.monotonic()
    update_run.settle()
    if fault == "finish_late":
        time.sleep(max(0, began + LATE_BY_NOW - time.monotonic()))
    assert update_run.reconnected == (fault == "403")
    update_run.assert_each_was_written_once()


def _expected(step: Step, fault: str) -> dict[str, int]:
    """Return the states right after the fault; credit notes go first, and each call has its look before it."""
    none_sent = {"queued": 4} if "CreditNotes" in step.path else {"done": 2, "queued": 2}
    doubtful = {"done": 2, "uncertain": 2}
    # A document whose status nobody knows is not written over.
    if step.is_lookup and fault in ("nulls_and_unknown_enums", "whole_batch_400"):
        return doubtful
    # What cannot be read of two documents is asked for one by one, since it may have been too long.
    if fault in HARMLESS or fault == "401" or (step.is_lookup and fault in GARBLED):
        return {"done": 4}
    if step.is_lookup:
        return none_sent
    if fault in LIMITS or fault == "403":
        return none_sent
    return doubtful if fault in DOUBT else {"done": 4}
