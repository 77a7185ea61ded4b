"""What became of posted documents is read back with the fewest calls."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from c3portal.database import clock
from invoices.models import AppliedCredit, DocumentEvent, Payment, Posting, ReadingState, XeroEvent
from invoices.readback import inbox, reading, schedule, scope
from invoices.readback.tests.conftest import Calls, Post
from xero_integration.models import CallBudget, XeroConnection

Source = DocumentEvent.Source


def test_a_poll_brings_what_was_paid_part_paid_and_voided_in_one_call(
    post: Post, polled: XeroConnection, sandbox: Any, reads: Calls
) -> None:
    paid, part_paid, voided, untouched = post("100.00", "200.00", "300.00", "400.00")
    sandbox.pay(paid.invoice.xero_number, date="2026-10-01")
    sandbox.pay(part_paid.invoice.xero_number, "20.00", date="2026-10-02", reference="EFT 7")
    sandbox.void(voided.invoice.xero_number)
    reads()

    schedule.read(polled)

    assert len(reads()) == 1
    for each in (paid, part_paid, voided, untouched):
        each.refresh_from_db()
    assert (paid.xero_status, paid.amount_due, paid.amount_paid) == ("PAID", 0, Decimal("110.00"))
    assert paid.paid_off_on == dt.date(2026, 10, 1)
    assert (part_paid.xero_status, part_paid.amount_due) == ("AUTHORISED", Decimal("200.00"))
    assert (voided.xero_status, voided.amount_due) == ("VOIDED", 0)
    assert voided.edits == {"status": {"sent": "", "now": "VOIDED"}}
    assert (untouched.xero_status, untouched.amount_due, untouched.edits) == ("AUTHORISED", Decimal("440.00"), {})
    payment = Payment.objects.get(posting=part_paid)
    assert (payment.amount, payment.paid_on, payment.reference) == (Decimal("20.00"), dt.date(2026, 10, 2), "EFT 7")


def test_each_change_is_kept_with_where_it_was_learnt_and_only_once(
    post: Post, polled: XeroConnection, sandbox: Any
) -> None:
    (posting,) = post()
    sandbox.pay(posting.invoice.xero_number, "10.00")
    for _ in range(2):
        ReadingState.objects.update(next_poll_at=clock.now())
        schedule.read(polled)
    event = DocumentEvent.objects.get()
    assert (event.posting, event.source, event.amount_due) == (posting, Source.POLL, Decimal("100.00"))
    assert event.facts == ["Paid: AUD 0.00 became AUD 10.00.", "Owed: AUD 110.00 became AUD 100.00."]


def test_a_payment_that_was_taken_back_is_taken_back_here(post: Post, polled: XeroConnection) -> None:
    (posting,) = post()
    Payment.objects.create(posting=posting, payment_id="gone", paid_on=dt.date(2026, 10, 1), amount=Decimal("10.00"))
    AppliedCredit.objects.create(posting=posting, kind="prepayment", xero_id="gone", amount=Decimal("1.00"))
    schedule.read(polled)
    assert not Payment.objects.exists()
    assert not AppliedCredit.objects.exists()


def test_an_answer_that_is_older_than_what_is_known_changes_nothing(
    post: Post, polled: XeroConnection, sandbox: Any
) -> None:
    (posting,) = post()
    sandbox.void(posting.invoice.xero_number)
    Posting.objects.update(read_at=clock.now() + dt.timedelta(hours=1))
    schedule.read(polled)
    posting.refresh_from_db()
    assert posting.xero_status == "AUTHORISED"
    assert not DocumentEvent.objects.exists()


@pytest.mark.parametrize("end", ["pay", "void"])
def test_a_settled_period_costs_no_calls(
    end: str, post: Post, polled: XeroConnection, sandbox: Any, reads: Calls
) -> None:
    (posting,) = post()
    getattr(sandbox, end)(posting.invoice.xero_number)
    schedule.read(polled)
    reads()
    Posting.objects.update(edits_accepted_at=timezone.now())
    ReadingState.objects.update(next_poll_at=clock.now() - dt.timedelta(days=2), reconciled_at=None)
    assert schedule.due() == []
    schedule.read(polled)
    assert reads() == []


def test_credit_notes_are_asked_for_only_where_one_is_open(post: Post, polled: XeroConnection, reads: Calls) -> None:
    post("100.00", "-40.00")
    reads()
    schedule.read(polled)
    assert [each["path"].rpartition("/")[2] for each in reads()] == ["Invoices", "CreditNotes"]


def test_the_night_reads_everything_that_is_open_changed_or_not(
    post: Post, polled: XeroConnection, sandbox: Any
) -> None:
    (posting,) = post()
    ReadingState.objects.update(reconciled_at=clock.now() - dt.timedelta(days=1, minutes=1))
    sandbox.void(posting.invoice.xero_number)
    # As if Xero had not listed the change.
    ReadingState.objects.update(changes_read_until=clock.now() + dt.timedelta(hours=1))
    schedule.read(polled)
    assert DocumentEvent.objects.get().source == Source.RECONCILIATION
    assert ReadingState.objects.get().reconciled_at > clock.now() - dt.timedelta(minutes=1)  # type: ignore[operator]


def test_many_are_read_in_full_by_one_short_list_and_the_changed_ones_by_their_ids(
    post: Post, polled: XeroConnection, sandbox: Any, reads: Calls
) -> None:
    postings = post(*["100.00"] * 60)
    sandbox.pay(postings[7].invoice.xero_number, "10.00")
    reads()
    kept = reading.in_full(polled, scope.unsettled(polled), Source.RECONCILIATION)
    assert kept.changed[0] == postings[7].xero_id
    short, full = reads()
    assert "summaryOnly=true" in short["query"]
    assert postings[7].xero_id in full["query"]
    assert Payment.objects.get().posting == postings[7]


def test_one_that_xero_does_not_have_any_more_asks_for_a_decision(post: Post, polled: XeroConnection) -> None:
    (posting,) = post()
    Posting.objects.update(xero_id="00000000-0000-0000-0000-0000000000ff")
    reading.in_full(polled, scope.unsettled(polled), Source.RECONCILIATION)
    posting.refresh_from_db()
    assert posting.edits == {"missing": {"sent": "", "now": ""}}
    assert DocumentEvent.objects.get().facts == ["Xero does not show it any more."]


def test_posting_goes_first_when_the_days_calls_are_short(
    post: Post, polled: XeroConnection, sandbox: Any, reads: Calls
) -> None:
    post()
    reads()
    CallBudget.objects.update(day_remaining=schedule.KEPT_FOR_POSTING, told_at=clock.now())
    schedule.read(polled)
    assert reads() == []
    # What Xero said long ago may be of yesterday.
    CallBudget.objects.update(told_at=clock.now() - dt.timedelta(hours=2))
    schedule.read(polled)
    assert len(reads()) == 1


def test_polls_back_off_to_one_a_day_when_nothing_happens(settings: Any) -> None:
    settings.READ_BACK_EVERY = 900
    quarter, day = dt.timedelta(minutes=15), dt.timedelta(days=1)
    assert [schedule.wait_after(each) for each in (0, 95, 96, 97, 98, 200, 10_000)] == [
        quarter,
        quarter,
        quarter,
        2 * quarter,
        4 * quarter,
        day,
        day,
    ]


def test_what_is_posted_first_is_read_at_once(post: Post, connected: XeroConnection, reads: Calls) -> None:
    post()
    reads()
    assert schedule.due() == [connected.pk]
    schedule.read(connected)
    assert len(reads()) == 1
    assert schedule.due() == []


def test_a_new_upload_has_polls_come_often_again(post: Post, polled: XeroConnection) -> None:
    post()
    now = clock.now()
    ReadingState.objects.update(next_poll_at=now + dt.timedelta(hours=20), changes_read_until=now)
    assert schedule.due() == []
    ReadingState.objects.update(changes_read_until=now - dt.timedelta(minutes=16))
    assert schedule.due() == [polled.pk]


def test_two_workers_never_read_the_same_organisation_at_once(post: Post, polled: XeroConnection, reads: Calls) -> None:
    post()
    reads()
    ReadingState.objects.update(lease_until=clock.now() + dt.timedelta(minutes=5))
    schedule.read(polled)
    assert reads() == []


@pytest.mark.parametrize("fault", ["429_day", "503_text"])
def test_what_could_not_be_read_is_read_later(fault: str, post: Post, polled: XeroConnection, sandbox: Any) -> None:
    (posting,) = post()
    sandbox.void(posting.invoice.xero_number)
    sandbox.place_fault(fault, method="GET", path="Invoices", times=1)
    schedule.read(polled)
    assert Posting.objects.get().xero_status == "AUTHORISED"
    XeroConnection.objects.update(paused_until=None)
    ReadingState.objects.update(next_poll_at=clock.now(), lease_until=None)
    schedule.read(XeroConnection.objects.get())
    assert Posting.objects.get().xero_status == "VOIDED"


def test_documents_that_a_webhook_named_are_read_by_their_ids_in_batches(
    post: Post, polled: XeroConnection, sandbox: Any, reads: Calls
) -> None:
    postings = post(*["100.00"] * 50)
    ReadingState.objects.update(next_poll_at=clock.now() + dt.timedelta(hours=1), changes_read_until=clock.now())
    sandbox.void(postings[3].invoice.xero_number)
    reads()
    named = [inbox.Named(polled.tenant_id.lower(), "INVOICE", each.xero_id.lower()) for each in postings]
    for _ in range(2):
        assert inbox.put([*named, inbox.Named(polled.tenant_id.lower(), "INVOICE", "not-ours")]) == [polled]
    assert XeroEvent.objects.count() == 51
    assert schedule.due() == [polled.pk]
    schedule.read(polled)
    assert len(reads()) == 2
    assert not XeroEvent.objects.exists()
    assert DocumentEvent.objects.get().source == Source.WEBHOOK
