"""One clock: whatever a machine's own clock says, processes judge each other by the database's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from c3portal.database import clock
from c3portal.models import LiveProcess
from invoices.conftest import MakeInvoice, Upload, Work
from invoices.models import Posting, Submission
from invoices.posting import contact_step, reconciliation, sender, transitions
from xero_integration import connections, contacts, rate_limits
from xero_integration.client.errors import Problem, XeroOutcomeUnknown
from xero_integration.client.gateway import Gateway
from xero_integration.models import CallBudget, TokenSet, XeroConnection
from xero_sandbox.testing import SandboxControl

State = Callable[[], dict[str, int]]
WRONG = pytest.mark.parametrize("minutes", [-10, 10], ids=["ten minutes behind", "ten minutes ahead"])


@pytest.fixture(autouse=True)
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have processes with wrong clocks go on, to see that what they do is right all the same."""
    monkeypatch.setattr(clock, "CLAIMS_UP_TO", dt.timedelta(days=1))


@contextmanager
def machine_off_by(minutes: int) -> Iterator[None]:
    """Within the block this process runs on a machine whose clock is wrong; the database's clock is right."""
    with pytest.MonkeyPatch.context() as patch, time_machine.travel(dt.timedelta(minutes=minutes) + right()):
        patch.setitem(clock.READERS, connection.vendor, right)
        yield


def right() -> dt.datetime:
    if not time_machine.escape_hatch.is_travelling():
        return timezone.now()
    return dt.datetime.fromtimestamp(time_machine.escape_hatch.time.time(), tz=dt.UTC)


@pytest.fixture
def credit_notes(make_invoice: MakeInvoice) -> None:
    """Three credit notes, for an organisation that takes a number as often as it comes."""
    for amount in ("-10.00", "-20.00", "-30.00"):
        make_invoice(amount=amount)


@WRONG
@pytest.mark.usefixtures("credit_notes")
def test_a_call_of_a_worker_whose_clock_is_wrong_is_not_taken_for_dead(
    sandbox: SandboxControl, connected: XeroConnection, upload: Upload, sweep: Work, state: State, minutes: int
) -> None:
    upload()
    with machine_off_by(minutes):
        contact_step.link_contacts(connected)
        submission = transitions.claim(connected)
        assert submission is not None
    assert reconciliation.release_expired_leases() == 0
    with machine_off_by(minutes):
        assert transitions.store_body(submission, b"{}", "")
    assert reconciliation.release_expired_leases() == 0
    assert state() == {"sending": 3}
    with machine_off_by(-minutes):
        assert reconciliation.release_expired_leases() == 0


@WRONG
@pytest.mark.usefixtures("credit_notes")
def test_a_lost_call_of_a_worker_whose_clock_is_wrong_is_not_believed_absent_too_early(
    sandbox: SandboxControl, connected: XeroConnection, upload: Upload, work: Work, state: State, minutes: int
) -> None:
    upload()
    sandbox.place_fault("finish_late", method="PUT", path="^CreditNotes$", seconds=1)
    with machine_off_by(minutes):
        work()
    Posting.objects.update(not_before=right())
    assert reconciliation.reconcile(connected) == 0
    assert state() == {"uncertain": 3}
    with machine_off_by(-minutes):
        Posting.objects.update(not_before=right())
        reconciliation.reconcile(connected)
    assert state().get("queued", 0) == 0


@WRONG
def test_leases_hold_whatever_the_clocks_of_those_who_ask_say(connected: XeroConnection, minutes: int) -> None:
    with machine_off_by(minutes):
        assert contacts.lease(connected)
    assert not contacts.lease(connected)
    with machine_off_by(-minutes):
        assert not contacts.lease(connected)


@WRONG
def test_no_more_than_five_calls_are_in_flight_whatever_the_clocks_say(
    connected: XeroConnection, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    monkeypatch.setattr(rate_limits, "BULK_PATIENCE", 0)
    holders = [rate_limits.permit(connected) for _ in range(4)]
    for holder in holders:
        holder.__enter__()
    with machine_off_by(minutes), pytest.raises(rate_limits.XeroUnavailable, match="busy"):
        rate_limits.permit(connected).__enter__()
    for holder in holders:
        holder.__exit__(None, None, None)


@WRONG
def test_the_minute_is_the_databases(connected: XeroConnection, minutes: int) -> None:
    CallBudget.objects.update_or_create(connection=connected, defaults={"minute_limit": 2, "started": {}})
    with machine_off_by(minutes):
        for _ in range(2):
            with rate_limits.permit(connected):
                pass
    with pytest.raises(rate_limits.XeroUnavailable, match="a minute"):
        rate_limits.require_room(connected)


@WRONG
def test_a_pause_is_as_long_for_everyone(connected: XeroConnection, minutes: int) -> None:
    wait = rate_limits.XeroUnavailable(
        "Xero asks to wait", retry_after=dt.timedelta(seconds=60), problem=Problem.MINUTE
    )
    with machine_off_by(minutes):
        connections.pause(connected, wait)
    connected.refresh_from_db()
    assert connected.paused_until is not None
    assert dt.timedelta(seconds=50) < connected.paused_until - right() <= dt.timedelta(seconds=60)


@WRONG
def test_tokens_end_when_xero_says_whatever_the_clock_of_who_renewed_them(
    connected: XeroConnection, sandbox: SandboxControl, minutes: int
) -> None:
    generation = TokenSet.objects.get().generation
    with machine_off_by(minutes):
        renewed = connections.fresh_tokens(connected, refused_generation=generation)
    assert dt.timedelta(minutes=29) < renewed.access_expires_at - right() <= dt.timedelta(minutes=30)
    with machine_off_by(minutes * 4):
        assert connections.fresh_tokens(connected).generation == renewed.generation


@pytest.mark.usefixtures("credit_notes")
def test_what_was_lost_while_the_databases_clock_was_ahead_is_looked_for_once_it_is_right(
    sandbox: SandboxControl, connected: XeroConnection, upload: Upload, work: Work, state: State
) -> None:
    upload()
    sandbox.place_fault("commit_then_drop", method="PUT", path="^CreditNotes$")
    with time_machine.travel(dt.timedelta(days=3650) + timezone.now()):
        work()
    assert state() == {"uncertain": 3}
    assert reconciliation.reconcile(connected) == 3
    assert state() == {"posted": 3}
    assert len(sandbox.documents()) == 3


@pytest.mark.parametrize(
    ("sent_ahead", "noted_ago", "is_believed"),
    [
        (dt.timedelta(days=3650), 149, False),
        (dt.timedelta(days=3650), 151, True),
        (dt.timedelta(seconds=3), 3600, False),
        (dt.timedelta(minutes=10), 3600, False),
    ],
)
@pytest.mark.usefixtures("credit_notes")
def test_what_was_sent_while_the_clock_was_ahead_is_believed_absent_only_after_the_whole_wait(
    sandbox: SandboxControl,
    connected: XeroConnection,
    upload: Upload,
    work: Work,
    state: State,
    sent_ahead: dt.timedelta,
    noted_ago: int,
    is_believed: bool,
) -> None:
    upload()
    sandbox.place_fault("drop_before", method="PUT", path="^CreditNotes$")
    work()
    now = clock.now()
    noted_at = now - dt.timedelta(seconds=noted_ago)
    LiveProcess.objects.create(kind="worker", pid=1, started_at=noted_at, seen_at=now, jumped_at=noted_at)
    Submission.objects.filter(outcome="unknown").update(sent_at=now + sent_ahead)
    Posting.objects.update(not_before=now)
    reconciliation.reconcile(connected)
    assert state() == {"queued" if is_believed else "uncertain": 3}


def test_calls_of_a_minute_that_never_was_hold_nobody_up_for_years(connected: XeroConnection) -> None:
    CallBudget.objects.update_or_create(connection=connected, defaults={"minute_limit": 2, "started": {}})
    with time_machine.travel(dt.timedelta(days=3650) + timezone.now()):
        for _ in range(2):
            with rate_limits.permit(connected):
                pass
    with rate_limits.permit(connected):
        assert len(CallBudget.objects.get().started) == 1


@WRONG
@pytest.mark.usefixtures("no_lookup_delay", "credit_notes")
def test_a_clock_that_jumps_in_the_middle_of_a_call_posts_nothing_twice(
    sandbox: SandboxControl, connected: XeroConnection, upload: Upload, sweep: Work, state: State, minutes: int
) -> None:
    upload()
    contact_step.link_contacts(connected)
    create = Gateway.create_documents
    with ExitStack() as jumped, pytest.MonkeyPatch.context() as patch:

        def jump(self: Gateway, *args: Any) -> Any:
            jumped.enter_context(machine_off_by(minutes))
            create(self, *args)
            raise XeroOutcomeUnknown("The answer was lost.")

        patch.setattr(Gateway, "create_documents", jump)
        sender.send_next(connected)
    sweep()
    assert state() == {"posted": 3}
    assert len(sandbox.documents()) == 3
