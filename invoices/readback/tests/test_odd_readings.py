"""What is large, late, old or refused keeps nothing else from being read, and nothing true from being shown."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from c3portal.database import clock
from invoices.models import DocumentEvent, Payment, Posting, ReadingState, XeroEvent
from invoices.posting import responses
from invoices.readback import documents, inbox, reading, schedule, scope, store
from invoices.readback.tests.conftest import Calls, Post
from xero_integration.client import gateway, queries
from xero_integration.models import XeroConnection

Source = DocumentEvent.Source


def named(*postings: Posting) -> list[inbox.Named]:
    return [inbox.Named(each.connection.tenant_id.lower(), "INVOICE", each.xero_id.lower()) for each in postings]


def shown(posting: Posting, **row: Any) -> list[documents.Shown]:
    kind = responses.kind_of(posting)
    found = documents.read(kind, {kind.id_key: posting.xero_id, "Status": "AUTHORISED", **row})
    assert found is not None
    return [found]


def test_documents_too_large_for_one_answer_are_read_in_several(
    post: Post, connected: XeroConnection, sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    postings = post("100.00", "200.00", "300.00")
    sandbox.void(postings[2].invoice.xero_number)
    monkeypatch.setattr(gateway, "LARGEST_ANSWER", 4_000)
    inbox.put(named(*postings))
    schedule.read(connected)
    assert not XeroEvent.objects.exists()
    assert set(DocumentEvent.objects.values_list("posting", "source")) == {(postings[2].pk, Source.WEBHOOK)}


def test_changes_too_large_for_one_answer_are_read_in_several(
    post: Post, polled: XeroConnection, sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    postings = post("100.00", "200.00", "300.00")
    sandbox.void(postings[2].invoice.xero_number)
    monkeypatch.setattr(gateway, "LARGEST_ANSWER", 4_000)
    schedule.read(polled)
    assert DocumentEvent.objects.get().posting == postings[2]


def test_what_was_read_stays_when_xero_takes_no_further_call(
    post: Post, connected: XeroConnection, sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    postings = post("100.00", "200.00")
    for each in postings:
        sandbox.pay(each.invoice.xero_number, "10.00")
    monkeypatch.setattr(queries, "NUMBERS_EACH_LOOKUP", 1)
    sandbox.place_fault("503_text", method="GET", path="Invoices", nth=3, times=1)
    schedule.read(connected)
    assert Payment.objects.count() == 1
    # The short list has no news the next time, and the payment that was not read is read all the same.
    ReadingState.objects.update(next_poll_at=clock.now(), lease_until=None)
    schedule.read(connected)
    assert Payment.objects.count() == 2


@pytest.mark.both_databases
def test_payments_that_are_not_all_kept_are_read_by_night(
    post: Post, connected: XeroConnection, sandbox: Any, reads: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid, _ = post("100.00", "200.00")
    sandbox.pay(paid.invoice.xero_number, "0.10")
    sandbox.pay(paid.invoice.xero_number, "0.20")
    monkeypatch.setattr(queries, "NUMBERS_EACH_LOOKUP", 1)
    reading.in_full(connected, scope.unsettled(connected), Source.RECONCILIATION)
    Payment.objects.filter(amount="0.20").delete()
    reading.in_full(connected, scope.unsettled(connected), Source.RECONCILIATION)
    assert {str(each.amount) for each in Payment.objects.all()} == {"0.10", "0.20"}
    reads()
    reading.in_full(connected, scope.unsettled(connected), Source.RECONCILIATION)
    assert len(reads()) == 1


def test_what_was_edited_stays_an_edit_where_an_earlier_release_kept_nothing_of_what_was_sent(
    post: Post, connected: XeroConnection
) -> None:
    (posting,) = post()
    Posting.objects.update(sent_facts={}, read_at=None)
    for _ in range(2):
        store.keep(connected, shown(posting, Total=Decimal("121.00")), Source.POLL, clock.now())
        posting.refresh_from_db()
        assert posting.edits == {"total": {"sent": "110.00", "now": "121.00"}}


def test_an_answer_is_as_of_when_it_was_asked_for(post: Post, connected: XeroConnection) -> None:
    (posting,) = post()
    asked = posting.submission.sent_at  # type: ignore[union-attr]
    assert posting.read_at == asked
    # Asked for while the answer to the posting was under way, and newer than that.
    later = asked + dt.timedelta(microseconds=1)  # type: ignore[operator]
    store.keep(connected, shown(posting, AmountDue=Decimal("100.00"), AmountPaid=Decimal(10)), Source.WEBHOOK, later)
    posting.refresh_from_db()
    assert posting.amount_due == Decimal("100.00")


def test_what_a_webhook_names_while_a_person_must_reconnect_is_read_afterwards(
    post: Post, connected: XeroConnection, sandbox: Any
) -> None:
    (posting,) = post()
    sandbox.pay(posting.invoice.xero_number)
    schedule.read(connected)
    XeroConnection.objects.update(status=XeroConnection.Status.NEEDS_RECONNECTING)
    # Its billing period is settled, so that no poll would bring it.
    sandbox.remove_payments(posting.invoice.xero_number)
    inbox.put(named(posting))
    schedule.read(XeroConnection.objects.get())
    XeroConnection.objects.update(status=XeroConnection.Status.CONNECTED)
    assert schedule.due() == [connected.pk]
    schedule.read(XeroConnection.objects.get())
    assert Posting.objects.get().xero_status == "AUTHORISED"


def test_what_cannot_be_read_is_not_asked_for_every_minute(
    post: Post, polled: XeroConnection, sandbox: Any, reads: Calls
) -> None:
    (posting,) = post()
    inbox.put(named(posting))
    sandbox.place_fault("503_text", method="GET", path="Invoices")
    reads()
    for _ in range(3):
        schedule.read(polled)
    assert len(reads()) == 1
    assert XeroEvent.objects.exists()
