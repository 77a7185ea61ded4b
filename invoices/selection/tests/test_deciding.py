"""What people decide about invoices that look like another one."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from c3portal.models import AuditEntry
from c3portal.testing import at_once
from invoices.conftest import Upload
from invoices.duplicates import comparison
from invoices.duplicates.tests.conftest import MakeBilled, make_billed
from invoices.models import DuplicateDecision, Invoice, Posting
from invoices.models.billing import InvoiceQuerySet
from invoices.posting import post_log
from invoices.selection import deciding, ignoring
from xero_integration.models import XeroConnection, XeroSettings

__all__ = ["make_billed"]
pytestmark = pytest.mark.both_databases
FIRST, SECOND, THIRD = "20260918", "20260919", "20260920"


@pytest.fixture
def connected(db: None) -> XeroConnection:
    """An organisation; nothing here calls it."""
    return XeroConnection.objects.create(tenant_id="tenant", connection_id="connection", name="Contoso Cloud (AU)")


def waiting() -> set[Invoice]:
    return set(comparison.undecided(Invoice.objects.all()))


def ignored() -> dict[Invoice, str]:
    return {each: each.ignored_because for each in Invoice.objects.exclude(ignored_because="")}


def posted(invoice: Invoice) -> None:
    Posting.objects.filter(invoice=invoice).update(status=Posting.Status.POSTED, xero_id="1")


def post_anyway(invoices: InvoiceQuerySet, because: str, user: Any) -> int:
    return deciding.post_anyway(invoices, because, user, comparison.pairs(invoices))


def leave_out(invoices: InvoiceQuerySet, because: str, user: Any) -> int:
    return deciding.leave_out(invoices, because, user, comparison.pairs(invoices))


def test_post_anyway_is_said_of_each_other_invoice_that_it_looks_like(
    make_billed: MakeBilled, finance_admin: Any
) -> None:
    make_billed(FIRST), make_billed(SECOND)
    third = make_billed(THIRD)
    make_billed(FIRST, "more", amount="9")
    for _ in range(3):
        assert third in waiting()
        assert post_anyway(Invoice.objects.filter(pk=third.pk), "Ordered again", finance_admin) == 1
    assert third not in waiting()
    rows = DuplicateDecision.objects.filter(invoice=third)
    assert {(row.decision, row.reason, row.decided_by) for row in rows} == {("post", "Ordered again", finance_admin)}
    assert rows.count() == 3
    assert {entry.after["Reason"] for entry in AuditEntry.objects.all()} == {"Ordered again"}


@pytest.mark.parametrize("arrives", ["after the page was shown", "after it was decided"])
def test_post_anyway_is_not_said_of_what_arrives_later(
    make_billed: MakeBilled, finance_admin: Any, arrives: str
) -> None:
    first, third = make_billed(SECOND), make_billed(THIRD)
    shown = comparison.pairs(Invoice.objects.filter(pk=third.pk))
    before = arrives == "after the page was shown"
    # It comes first of all, so it is what the third is like now.
    late = make_billed(FIRST) if before else None
    decided = deciding.post_anyway(Invoice.objects.filter(pk=third.pk), "Ordered again", finance_admin, shown)
    assert decided == (0 if before else 1)
    late = late or make_billed(FIRST)
    assert comparison.lookalikes(Invoice.objects.filter(pk=third.pk))[third.pk].other == late
    assert set(DuplicateDecision.objects.values_list("other", flat=True)) == (set() if before else {first.pk})


def test_do_not_post_is_not_said_for_what_was_not_shown(make_billed: MakeBilled, finance_admin: Any) -> None:
    make_billed(SECOND)
    third = make_billed(THIRD)
    rows = Invoice.objects.filter(pk=third.pk)
    shown = comparison.pairs(rows)
    make_billed(FIRST)
    assert deciding.leave_out(rows, "Generated twice", finance_admin, shown) == 0
    assert ignored() == {}


def test_what_is_not_to_be_posted_is_ignored_for_the_reason(make_billed: MakeBilled, finance_admin: Any) -> None:
    make_billed(FIRST)
    second = make_billed(SECOND)
    assert leave_out(Invoice.objects.all(), "Generated twice", finance_admin) == 1
    assert ignored() == {second: "Generated twice"}
    assert [row.decision for row in deciding.decisions_about(second)] == ["exclude"]


def test_what_is_taken_up_again_waits_again(make_billed: MakeBilled, finance_admin: Any) -> None:
    make_billed(FIRST)
    second = make_billed(SECOND)
    leave_out(Invoice.objects.all(), "Generated twice", finance_admin)
    ignoring.take_up(Invoice.objects.all())
    assert waiting() == {second}
    assert not deciding.decisions_about(second)


def test_one_takes_the_place_of_what_is_not_in_xero(
    make_billed: MakeBilled, upload: Upload, finance_admin: Any
) -> None:
    first, second = make_billed(FIRST), make_billed(SECOND)
    replaced = deciding.replace(second, str(first.pk), finance_admin)
    assert (replaced.ignored, replaced.in_xero) == ([first], [])
    assert ignored() == {first: f"Replaced by {second.number}"}
    assert upload().queued == 1
    assert Posting.objects.get().invoice == second
    ignoring.take_up(Invoice.objects.all())
    assert waiting() == {first}


def test_one_takes_the_place_of_nothing_but_the_invoice_it_was_shown_with(
    make_billed: MakeBilled, finance_admin: Any
) -> None:
    sales, research = make_billed(FIRST, "sales"), make_billed(FIRST, "research", amount="70")
    sales_again, research_again = make_billed(SECOND, "sales"), make_billed(SECOND, "research", amount="70")
    replaced = deciding.replace(research_again, str(research.pk), finance_admin)
    assert (replaced.ignored, set(ignored())) == ([research], {research})
    assert waiting() == {sales_again, research_again}
    deciding.replace(sales_again, str(sales.pk), finance_admin)
    assert (set(ignored()), waiting()) == ({sales, research}, set())


def test_one_does_not_take_the_place_of_another_department_of_its_run(
    make_billed: MakeBilled, finance_admin: Any
) -> None:
    sales, research = make_billed(FIRST, "sales"), make_billed(FIRST, "research", amount="70")
    assert deciding.replace(research, str(sales.pk), finance_admin) == deciding.Replaced([], [])
    assert (ignored(), DuplicateDecision.objects.count()) == ({}, 0)


def test_one_that_was_replaced_and_taken_up_is_left_alone_by_the_next_decision(
    make_billed: MakeBilled, finance_admin: Any
) -> None:
    near, same, one = make_billed(FIRST, "more", amount="120"), make_billed(SECOND), make_billed(THIRD)
    deciding.replace(one, str(same.pk), finance_admin)
    ignoring.take_up(Invoice.objects.all())
    assert deciding.replace(one, str(near.pk), finance_admin).ignored == [near]
    assert same not in ignored()


def test_what_is_in_xero_stays_there_and_its_successor_may_go(
    make_billed: MakeBilled, upload: Upload, finance_admin: Any
) -> None:
    first, second = make_billed(FIRST), make_billed(SECOND)
    upload(first)
    posted(first)
    replaced = deciding.replace(second, str(first.pk), finance_admin)
    assert (replaced.ignored, replaced.in_xero) == ([], [first])
    assert ignored() == {}
    assert upload().queued == 1


def test_what_is_on_its_way_is_not_replaced(make_billed: MakeBilled, upload: Upload, finance_admin: Any) -> None:
    first, second = make_billed(FIRST), make_billed(SECOND)
    upload(first)
    with pytest.raises(deciding.OnItsWay):
        deciding.replace(second, str(first.pk), finance_admin)
    assert not DuplicateDecision.objects.exists()
    assert waiting() == {second}


@pytest.mark.parametrize("decide", ["post", "exclude", "replace"])
def test_a_decision_is_taken_back_as_long_as_nothing_was_posted(
    make_billed: MakeBilled, upload: Upload, finance_admin: Any, decide: str
) -> None:
    first, second = make_billed(FIRST), make_billed(SECOND)
    invoices = Invoice.objects.filter(pk=second.pk)
    ways = {
        "post": lambda: post_anyway(invoices, "Both", finance_admin),
        "exclude": lambda: leave_out(invoices, "Twice", finance_admin),
        "replace": lambda: deciding.replace(second, str(first.pk), finance_admin),
    }
    ways[decide]()
    assert deciding.revert(second, finance_admin)
    assert (waiting(), ignored(), DuplicateDecision.objects.count()) == ({second}, {}, 0)
    assert not deciding.revert(second, finance_admin)


def test_no_decision_is_taken_back_once_it_was_acted_on(
    make_billed: MakeBilled, upload: Upload, finance_admin: Any
) -> None:
    make_billed(FIRST)
    second = make_billed(SECOND)
    post_anyway(Invoice.objects.all(), "Both", finance_admin)
    upload(second)
    assert not deciding.revert(second, finance_admin)
    assert DuplicateDecision.objects.count() == 1


def test_deciding_takes_as_many_queries_for_many_as_for_few(make_billed: MakeBilled, finance_admin: Any) -> None:
    def queries() -> int:
        with CaptureQueriesContext(database) as found:
            post_anyway(Invoice.objects.all(), "Both", finance_admin)
        return len(found)

    make_billed(FIRST), make_billed(SECOND)
    few = queries()
    for each in range(1, 21):
        for billing_id in (FIRST, SECOND):
            make_billed(billing_id, f"seats {each}", currency=f"C{each}")
    assert queries() == few


@pytest.mark.django_db(transaction=True)
def test_of_two_pressed_at_the_same_time_one_goes(
    make_billed: MakeBilled, upload: Upload, finance_admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    XeroSettings.load()
    first, second = make_billed(FIRST, ignored_because="For now"), make_billed(SECOND)
    is_queued, looked = threading.Event(), threading.Event()
    write = post_log.write

    def slowly(*args: Any, **more: Any) -> int:
        is_queued.set()
        looked.wait(0.5)
        return write(*args, **more)

    monkeypatch.setattr(post_log, "write", slowly)

    def press(turn: int) -> int:
        if turn == 0:
            return upload(second).queued
        assert is_queued.wait(30)
        # Nobody waits for an invoice that is ignored; it was, when the other one was checked.
        Invoice.objects.filter(pk=first.pk).update(ignored_because="")
        queued = upload(first).queued
        looked.set()
        return queued

    assert at_once(2, press) == [1, 0]
    assert waiting() == {first}
