"""Documents are approved, and sent once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection as database
from django.utils import timezone

from c3portal.database import clock
from c3portal.models import User
from invoices.changes import amending, asking, onward, transitions, worker
from invoices.changes.tests.conftest import Approve, Send
from invoices.conftest import Work
from invoices.models import ChangeCall, DocumentChange, DocumentEvent, Posting
from xero_integration.models import Contact, XeroConnection, XeroSettings
from xero_sandbox.testing import SandboxControl

Post = Callable[..., list[Posting]]
State = Callable[[], dict[str, int]]


def fates(steps: list[onward.Step]) -> list[str]:
    return [each.fate.value for each in sorted(steps, key=lambda each: each.posting.pk)]


@pytest.mark.both_databases
@pytest.mark.parametrize("invoice_status", ["DRAFT", "SUBMITTED"])
def test_drafts_and_what_awaits_approval_are_approved_in_one_call_each_kind(
    posted: Post, approve: Approve, work: Work, sandbox: SandboxControl, invoice_status: str
) -> None:
    posted("100.00", "50.00", "-40.00", invoice_status=invoice_status)
    before = len(sandbox.calls())

    assert approve().queued == 3
    work()

    assert {each["status"] for each in sandbox.documents()} == {"AUTHORISED"}
    assert set(Posting.objects.values_list("status", "xero_status")) == {("posted", "AUTHORISED")}
    assert [call["method"] for call in sandbox.calls()[before:]] == ["POST"] * 2
    event = DocumentEvent.objects.filter(source="us").first()
    assert event is not None
    assert event.status == "AUTHORISED"
    assert approve().queued == 0
    assert sandbox.violations() == []


def test_a_total_of_nothing_is_paid_as_soon_as_it_is_approved(
    posted: Post, approve: Approve, work: Work, changes: State
) -> None:
    (row,) = posted("0.00", invoice_status="DRAFT")
    approve()
    work()
    row.refresh_from_db()
    assert (changes(), row.xero_status) == ({"done": 1}, "PAID")


@pytest.mark.usefixtures("no_lookup_delay")
def test_what_was_deleted_behind_our_back_is_told_and_not_asked_for_again(
    posted: Post, approve: Approve, work: Work, sandbox: SandboxControl
) -> None:
    (row,) = posted("100.00", invoice_status="DRAFT")
    sandbox.void(row.invoice.xero_number)
    approve()
    work()
    refused = DocumentChange.objects.get()
    assert refused.status == "refused"
    assert "In Xero it is: Deleted" in refused.message
    assert approve().queued == 1


@pytest.mark.usefixtures("no_lookup_delay")
def test_what_was_deleted_while_the_answer_was_lost_is_told(
    posted: Post, approve: Approve, work: Work, sandbox: SandboxControl
) -> None:
    (row,) = posted("100.00", invoice_status="DRAFT")
    sandbox.void(row.invoice.xero_number)
    sandbox.place_fault("drop_before", method="POST", path="^Invoices$")
    before = len(sandbox.calls())
    approve()
    work()
    refused = DocumentChange.objects.get()
    assert (refused.status, refused.message) == (
        "refused",
        "In Xero it is deleted: it cannot be approved any more.",
    )
    assert [call["method"] for call in sandbox.calls()[before:]] == ["POST", "GET"]


def test_what_cannot_be_approved_is_named(
    posted: Post, connected: XeroConnection, finance_admin: User, system_admin: User
) -> None:
    rows = posted("10.00", "20.00", "30.00", "40.00", invoice_status="DRAFT")
    done, changed, locked, unknown = rows
    Posting.objects.filter(pk=done.pk).update(xero_status="AUTHORISED")
    Posting.objects.filter(pk=changed.pk).update(edits={"total": {"sent": "11.00", "now": "12.00"}})
    Posting.objects.filter(pk=unknown.pk).update(xero_status="")
    everything = Posting.objects.all()
    assert fates(onward.of_approval(everything, finance_admin)) == [
        "approved_already",
        "changed",
        "approved",
        "unknown",
    ]

    XeroSettings.objects.update(two_people=True)
    assert fates(onward.of_approval(everything, finance_admin))[2] == "own_upload"
    assert fates(onward.of_approval(everything, system_admin))[2] == "approved"
    assert asking.approve(everything, connection=connected, user=finance_admin).queued == 0

    XeroConnection.objects.update(period_lock_date=locked.invoice.issued_on)
    assert fates(onward.of_approval(everything, system_admin))[2] == "locked"


def test_a_refusal_about_a_lock_date_makes_it_known_at_once(
    posted: Post, approve: Approve, work: Work, finance_admin: User, sandbox: SandboxControl
) -> None:
    (row,) = posted("10.00", invoice_status="DRAFT")
    sandbox.change_organisation(period_lock_date=row.invoice.issued_on.isoformat())
    approve()
    work()
    assert "lock date" in DocumentChange.objects.get(status="refused").message
    assert fates(onward.of_approval(Posting.objects.all(), finance_admin)) == ["locked"]


# Mails


@pytest.mark.both_databases
def test_each_invoice_is_sent_once_to_its_contact_and_the_page_knows_when(
    posted: Post, send: Send, work: Work, sandbox: SandboxControl, addresses: None
) -> None:
    posted("100.00", "50.00", "-40.00")

    assert send().queued == 2
    work()

    assert sorted(each["address"] for each in sandbox.mails()) == [
        "customer0001@example.com",
        "customer0002@example.com",
    ]
    sent = Posting.objects.filter(document_type="invoice")
    assert all(row.sent_to_contact and row.mailed_at and row.mailed_to.startswith("customer") for row in sent)
    assert DocumentEvent.objects.filter(source="us", facts=["Sent to customer0001@example.com."]).exists()
    assert send().queued == 0
    assert sandbox.violations() == []


def test_what_cannot_be_sent_is_named(posted: Post, connected: XeroConnection, addresses: None) -> None:
    draft, sent, nowhere, odd, _ = posted("10.00", "20.00", "30.00", "40.00", "-5.00")
    Posting.objects.filter(pk=draft.pk).update(xero_status="DRAFT")
    Posting.objects.filter(pk=sent.pk).update(sent_to_contact=True)
    Contact.objects.filter(contact_id=nowhere.sent_facts["contact"]).update(email="")
    Contact.objects.filter(contact_id=odd.sent_facts["contact"]).update(email="one@example.com, two@example.com")
    everything = Posting.objects.all()
    assert fates(onward.of_sending(everything)) == [
        "not_approved",
        "sent_already",
        "no_address",
        "no_address",
        "credit_note",
    ]
    assert fates(onward.of_sending(everything, again=True))[1] == "sent_again"


def test_no_more_are_asked_for_than_xero_sends_a_day(
    posted: Post, send: Send, work: Work, connected: XeroConnection, addresses: None, time_machine: Any
) -> None:
    posted("10.00", "20.00", "30.00")
    XeroConnection.objects.update(organisation_class="DEMO")
    assert send().queued == 0
    XeroConnection.objects.update(organisation_class="TRIAL")
    connected.refresh_from_db()
    assert onward.mails_left(connected) == 20
    send(*Posting.objects.all()[:2])
    work()
    assert onward.mails_left(connected) == 18
    XeroConnection.objects.update(organisation_class="PREMIUM")
    connected.refresh_from_db()
    assert onward.mails_left(connected) == 998


def test_what_xero_refuses_to_mail_is_told_in_its_words(
    posted: Post, send: Send, work: Work, sandbox: SandboxControl, addresses: None
) -> None:
    posted("10.00", "20.00")
    sandbox.change_organisation(mails_a_day=1)
    send()
    work()
    refused = DocumentChange.objects.get(status="refused")
    assert refused.message == (
        "The daily email limit for this organisation has been reached. In Xero it is: Approved. No mail was sent."
    )
    assert len(sandbox.mails()) == 1


@pytest.mark.both_databases
@pytest.mark.usefixtures("no_lookup_delay")
@pytest.mark.parametrize("fault", ["drop_before", "commit_then_drop"])
def test_a_lost_answer_is_looked_up_before_a_mail_is_sent_again(
    posted: Post, send: Send, work: Work, changes: State, sandbox: SandboxControl, addresses: None, fault: str
) -> None:
    posted("10.00")
    sandbox.place_fault(fault, method="POST", path="Email$")
    send()
    work()
    work()
    assert changes() == {"done": 1}
    assert len(sandbox.mails()) == 1


@pytest.mark.usefixtures("no_lookup_delay")
@pytest.mark.parametrize(
    ("fault", "minutes_later", "becomes", "mails"),
    [("commit_then_drop", 10, "done", 2), ("commit_then_drop", 1, "untold", 2), ("drop_before", 10, "untold", 1)],
)
def test_what_had_been_sent_before_is_told_by_its_history_or_by_nobody(
    posted: Post,
    send: Send,
    work: Work,
    sandbox: SandboxControl,
    addresses: None,
    time_machine: Any,
    fault: str,
    minutes_later: int,
    becomes: str,
    mails: int,
) -> None:
    posted("10.00")
    send()
    work()
    time_machine.move_to(timezone.now() + dt.timedelta(minutes=minutes_later))
    sandbox.advance_clock(60 * minutes_later)
    sandbox.place_fault(fault, method="POST", path="Email$")
    assert send(again=True).queued == 1
    work()
    work()
    last = DocumentChange.objects.latest("pk")
    assert last.status == becomes
    assert len(sandbox.mails()) == mails
    if becomes == "untold":
        assert "It may have been sent" in last.message
        assert fates(onward.of_sending(Posting.objects.all())) == ["may_have_been_sent"]
        assert send().queued == 0
        assert send(again=True).queued == 1


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_send_each_mail_once(
    posted: Post, send: Send, changes: State, connected: XeroConnection, sandbox: SandboxControl, addresses: None
) -> None:
    posted(*["10.00"] * 5)
    send()

    def advance(_: int) -> None:
        try:
            worker.advance(connected, float("inf"))
        finally:
            database.close()

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(advance, range(3)))
    assert changes() == {"done": 5}
    assert sorted(each["number"] for each in sandbox.mails()) == sorted(each["number"] for each in sandbox.documents())


@pytest.mark.both_databases
@pytest.mark.usefixtures("no_lookup_delay")
def test_a_mail_that_a_worker_asked_for_before_it_died_is_looked_up(
    posted: Post,
    send: Send,
    sweep: Work,
    changes: State,
    connected: XeroConnection,
    sandbox: SandboxControl,
    addresses: None,
) -> None:
    (row,) = posted("10.00")
    send()
    call = transitions.claim(connected)
    assert call is not None
    transitions.store_body(call, b"", "")
    ChangeCall.objects.update(lease_until=clock.now())
    sweep()
    sweep()
    assert changes() == {"done": 1}
    assert [each["number"] for each in sandbox.mails()] == [row.invoice.xero_number]


@pytest.mark.usefixtures("no_lookup_delay")
def test_a_mail_asked_for_once_more_after_a_restore_is_sent(
    posted: Post,
    send: Send,
    work: Work,
    changes: State,
    sandbox: SandboxControl,
    connected: XeroConnection,
    addresses: None,
) -> None:
    posted("10.00")
    send()
    work()
    XeroConnection.objects.update(restored_at=clock.now())
    assert send(again=True).queued == 1
    work()
    assert changes() == {"done": 2}
    assert len(sandbox.mails()) == 2


def test_whoever_wrote_a_draft_anew_does_not_approve_it_where_two_people_are_asked_for(
    posted: Post, work: Work, connected: XeroConnection, finance_admin: User, system_admin: User
) -> None:
    posted("10.00", invoice_status="DRAFT")
    XeroSettings.objects.update(two_people=True, license_account_code="200")
    asked = amending.update(Posting.objects.all(), connection=connected, user=system_admin)
    assert asked is not None
    assert asked.queued == 1
    work()
    assert fates(onward.of_approval(Posting.objects.all(), system_admin)) == ["own_upload"]
