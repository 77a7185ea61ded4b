"""Every fault at every step of posting: each invoice arrives exactly once, in the right state, with words.

The sandbox holds the caller to the protocol: it reports a create by POST, a missing key, a resend without a lookup, a
call while paused and more than five calls in flight.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import pytest
from django.db import connection as database
from django.db.models import Min
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from invoices.conftest import MakeInvoice, Upload, Work
from invoices.models import Invoice, Posting, PostLog
from invoices.posting import reconciliation, sender
from invoices.posting.contact_step import link_contacts
from invoices.posting.worker import waiting_rows
from invoices.tests.faults import (
    ARRIVED,
    DOUBT,
    FAULTS,
    HARMLESS,
    LATE_BY_NOW,
    LIMITS,
    STEPS,
    TOKENS,
    WAITING,
    Step,
    expected,
    see_hanging_calls_end,
    see_the_fault_out,
    strike,
)
from xero_integration import call_metrics, connections, rate_limits
from xero_integration.client.errors import XeroAuthError, XeroError, XeroRejected, XeroUnavailable
from xero_integration.models import Account, TaxRate, TokenSet, XeroConnection, XeroSettings
from xero_integration.testing import consent
from xero_sandbox.faults.registry import KINDS
from xero_sandbox.testing import SandboxControl

State = Callable[[], dict[str, int]]
ROUNDS = 12


@dataclass
class PostingRun:
    """A portal with two invoices and two credit notes queued, and clocks that can be moved ahead together."""

    sandbox: SandboxControl
    connection: XeroConnection
    upload: Upload
    sweep: Work
    state: State
    time_machine: Any
    ahead: dt.timedelta = dt.timedelta()
    heard: set[str] = field(default_factory=set)
    person: Counter[str] = field(default_factory=Counter)

    def go(self) -> None:
        """Do what is due now, and remember what is said."""
        self.sweep()
        self.connection.refresh_from_db()
        self.heard |= {self.connection.pause_reason, self.connection.status_reason}
        self.heard |= set(PostLog.objects.values_list("message", flat=True))

    def pass_time(self, span: dt.timedelta) -> None:
        """Move the clocks of portal and Xero ahead, of calls in flight too, which have ended by then."""
        see_hanging_calls_end(self.sandbox)
        self.ahead += span
        self.time_machine.move_to(timezone.now() + span)
        self.sandbox.shift_clock(self.ahead.total_seconds())

    def until_next(self) -> None:
        """Let pass what a pause or the next look has to wait for."""
        now = timezone.now()
        due = Posting.objects.filter(status="uncertain").aggregate(Min("not_before"))["not_before__min"]
        waits = [moment - now for moment in (self.connection.paused_until, due) if moment and moment > now]
        if waits:
            self.pass_time(max(waits) + dt.timedelta(seconds=1))

    def settle(self) -> None:
        """Go on until everything arrived; a person reconnects and uploads again where asked to."""
        for _ in range(ROUNDS):
            if self.state() == ARRIVED:
                return
            if self.connection.status == "needs_reconnecting":
                consent(self.sandbox, XeroSettings.load().client_id)
                self.person["reconnect"] += 1
            if Posting.objects.filter(status="rejected").exists():
                self.upload()
                self.person["upload again"] += 1
            self.until_next()
            self.go()

    def assert_exactly_once(self) -> None:
        """Each invoice is in Xero once, to the cent, and the portal knows which document it is."""
        rows = Posting.objects.select_related("invoice")
        ours = {(row.invoice.xero_number, row.xero_id, row.xero_total) for row in rows}
        assert {row.status for row in rows} == {"posted"}
        assert all(row.xero_total == abs(row.invoice.total) for row in rows)
        documents = self.sandbox.documents()
        assert len(documents) == len(ours) == 4
        assert {(each["number"], each["id"]) for each in documents} == {each[:2] for each in ours}
        assert {(each["number"], f"{float(each['total']):.2f}") for each in documents} == {
            (number, f"{total:.2f}") for number, _, total in ours
        }
        for row in rows:
            last = PostLog.objects.filter(invoice=row.invoice).last()
            assert last is not None
            assert last.status == "posted"
        assert self.sandbox.organisations()[0]["contacts"] == 6 + 4
        assert self.sandbox.violations() == []


@pytest.fixture
def posting_run(
    make_invoice: MakeInvoice,
    sandbox: SandboxControl,
    connected: XeroConnection,
    upload: Upload,
    sweep: Work,
    state: State,
    time_machine: Any,
) -> Iterator[PostingRun]:
    for amount in ("100.00", "20.05", "-30.00", "-4.95"):
        make_invoice(amount=amount)
    upload()
    time_machine.move_to(timezone.now())
    began = time.monotonic()
    yield PostingRun(sandbox, connected, upload, sweep, state, time_machine)
    see_the_fault_out(sandbox, began)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("step", STEPS, ids=str)
def test_each_invoice_arrives_exactly_once_whatever_strikes(
    posting_run: PostingRun, settings: Any, step: Step, fault: str
) -> None:
    if step.is_lookup:
        posting_run.sandbox.place_fault("commit_then_drop", method="PUT", path=step.path)
        posting_run.go()
        assert posting_run.state() == {"posted": 2, "uncertain": 2}
        posting_run.until_next()
    strike(posting_run.sandbox, settings, step, fault)
    outcome = expected(step, fault)

    posting_run.go()

    assert [each["fired"] for each in posting_run.sandbox.faults()][-1] == 1
    assert posting_run.state() == outcome.states
    assert any(outcome.words in words for words in posting_run.heard)
    if outcome.states in (WAITING, ARRIVED):
        # Nothing is said to be uncertain or refused that is not.
        assert not PostLog.objects.filter(status="rejected").exists()
    began = time.monotonic()
    posting_run.settle()
    if fault == "finish_late":
        time.sleep(max(0, began + LATE_BY_NOW - time.monotonic()))
    assert tuple(posting_run.person) == outcome.person
    assert TokenSet.objects.filter(connections=posting_run.connection).get().generation >= (fault == "401")
    posting_run.assert_exactly_once()


# The call for a new token

NO_GOOD = ("401", "403", "whole_batch_400")
NO_MATTER = (*HARMLESS, "elements_missing")


@pytest.mark.parametrize("fault", [*FAULTS, "refresh_answer_lost"])
def test_each_invoice_arrives_exactly_once_whatever_strikes_the_renewal_of_the_token(
    posting_run: PostingRun, settings: Any, fault: str
) -> None:
    TokenSet.objects.update(access_expires_at=timezone.now())
    strike(posting_run.sandbox, settings, TOKENS, fault)

    posting_run.go()

    if fault in NO_MATTER:
        assert posting_run.state() == ARRIVED
    elif fault in NO_GOOD:
        assert posting_run.state() == WAITING
        assert posting_run.connection.status == "needs_reconnecting"
        assert any("Xero refused the sign-in" in words for words in posting_run.heard)
    else:
        assert posting_run.state() == WAITING
        assert posting_run.connection.status == "connected"
        words = "asks to wait before signing in" if fault in LIMITS else "sign-in service"
        assert any(words in heard for heard in posting_run.heard)
    posting_run.settle()
    assert tuple(posting_run.person) == (("reconnect",) if fault in NO_GOOD else ())
    posting_run.assert_exactly_once()


# Reading accounts, themes, tax rates and currencies

REFERENCE_ERRORS: dict[str, type[XeroError]] = {
    **dict.fromkeys([*DOUBT, *LIMITS], XeroUnavailable),
    "403": XeroAuthError,
    "whole_batch_400": XeroRejected,
}


@pytest.mark.parametrize("fault", REFERENCE_ERRORS)
def test_what_is_known_of_the_organisation_outlasts_a_reading_that_fails(
    connected: XeroConnection, sandbox: SandboxControl, settings: Any, fault: str
) -> None:
    def known() -> tuple[int, int]:
        return Account.objects.count(), TaxRate.objects.count()

    before, began = known(), time.monotonic()
    strike(sandbox, settings, Step("GET", "^TaxRates$"), fault)
    with pytest.raises(REFERENCE_ERRORS[fault]) as caught:
        connections.read_reference(connected)
    assert str(caught.value)
    assert known() == before
    connected.refresh_from_db()
    assert connected.is_paused(timezone.now()) == (fault in LIMITS)
    assert (connected.status == "needs_reconnecting") == (fault == "403")
    assert sandbox.violations() == []
    see_the_fault_out(sandbox, began)


@pytest.mark.parametrize("fault", [*HARMLESS, "elements_missing", "401"])
def test_a_reading_is_made_good_by_the_next_one(
    connected: XeroConnection, sandbox: SandboxControl, settings: Any, fault: str
) -> None:
    rates = list(TaxRate.objects.values_list("tax_type", "status", "effective_rate"))
    strike(sandbox, settings, Step("GET", "^TaxRates$"), fault)
    connections.read_reference(connected)
    connections.read_reference(connected)
    assert list(TaxRate.objects.values_list("tax_type", "status", "effective_rate")) == rates
    assert sandbox.violations() == []


@pytest.mark.parametrize("fault", ["", "commit_then_drop", "drop_before", "elements_missing", "429_concurrent", "403"])
@pytest.mark.usefixtures("no_lookup_delay")
def test_a_batch_takes_as_many_queries_for_fifty_invoices_as_for_five(
    make_invoices: Callable[[int], list[Invoice]],
    sandbox: SandboxControl,
    connected: XeroConnection,
    upload: Upload,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
) -> None:
    # All calls of a kind are counted in one row, which the first round makes.
    monkeypatch.setattr(call_metrics, "BUCKETS", ())

    def queries_for(count: int) -> int:
        consent(sandbox, XeroSettings.load().client_id)
        XeroConnection.objects.update(paused_until=None)
        upload(*make_invoices(count))
        link_contacts(connected)
        if fault:
            sandbox.place_fault(fault, method="PUT", path="^Invoices$")
        with CaptureQueriesContext(database) as queries, waiting_rows(connected):
            assert sender.send_next(connected) == count
            reconciliation.reconcile(connected)
        Posting.objects.filter(status="queued").update(status="withdrawn")
        return len(queries)

    queries_for(5)
    assert queries_for(5) == queries_for(50)


def test_finding_all_permits_taken_is_no_reason_to_pause(
    posting_run: PostingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "BULK_PATIENCE", 0)
    with ExitStack() as held:
        for _ in range(rate_limits.IN_FLIGHT - rate_limits.KEPT_FOR_CLICKS):
            held.enter_context(rate_limits.permit(posting_run.connection))
        posting_run.go()
        assert posting_run.state() == WAITING
        assert posting_run.connection.paused_until is None
    posting_run.settle()
    posting_run.assert_exactly_once()


def test_every_fault_of_the_sandbox_is_tried() -> None:
    for module in ("after", "before"):
        import_module(f"xero_sandbox.faults.{module}")
    assert set(KINDS) == {*FAULTS, "refresh_answer_lost"}
