"""Which invoices look like another one, and which of them waits."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection as database
from django.db.models import Count, Exists, OuterRef
from django.test.utils import CaptureQueriesContext

from invoices.conftest import Upload
from invoices.duplicates import comparison
from invoices.duplicates.comparison import Likeness
from invoices.duplicates.tests.conftest import MakeBilled
from invoices.models import Customer, DuplicateDecision, ImportRun, Invoice, Posting
from xero_integration.models import XeroConnection

pytestmark = pytest.mark.both_databases
FIRST, SECOND = "20260918", "20260919"
Decision = DuplicateDecision.Decision


@pytest.fixture
def connected(db: None) -> XeroConnection:
    """An organisation; nothing here calls it."""
    return XeroConnection.objects.create(tenant_id="tenant", connection_id="connection", name="Contoso Cloud (AU)")


def likes() -> dict[Invoice, tuple[Likeness, Invoice]]:
    found = comparison.lookalikes(Invoice.objects.all())
    return {Invoice.objects.get(pk=pk): (each.likeness, each.other) for pk, each in found.items()}


def waiting() -> set[Invoice]:
    return set(comparison.undecided(Invoice.objects.all()))


def stands(invoice: Invoice, status: str, xero_status: str = "") -> None:
    posting = Posting.objects.filter(invoice=invoice)
    posting.update(status=status, xero_id=f"id {invoice.pk}"[:36], xero_status=xero_status)


def decide(invoice: Invoice, other: Invoice, decision: str) -> None:
    hashes = {"invoice_billed_hash": invoice.billed_hash, "other_billed_hash": other.billed_hash}
    DuplicateDecision.objects.create(invoice=invoice, other=other, decision=decision, **hashes)


def test_of_two_that_nobody_sent_the_one_generated_later_waits(make_billed: MakeBilled) -> None:
    first, second = make_billed(FIRST), make_billed(SECOND)
    assert likes() == {second: (Likeness.SAME, first)}
    assert waiting() == {second}


def test_whatever_looks_like_one_in_xero_waits(make_billed: MakeBilled, upload: Upload) -> None:
    first, second = make_billed(FIRST), make_billed(SECOND)
    upload(first)
    assert likes() == {second: (Likeness.SAME, first)}
    stands(first, Posting.Status.POSTED)
    assert likes() == {second: (Likeness.SAME, first)}


def test_the_one_generated_first_waits_once_the_second_is_in_xero(make_billed: MakeBilled, upload: Upload) -> None:
    first, second = make_billed(FIRST), make_billed(SECOND)
    decide(second, first, Decision.REPLACE)
    upload(second)
    stands(second, Posting.Status.POSTED)
    assert likes() == {first: (Likeness.SAME, second)}


@pytest.mark.parametrize("xero_status", ["VOIDED", "DELETED"])
def test_what_is_voided_in_xero_does_not_count(make_billed: MakeBilled, upload: Upload, xero_status: str) -> None:
    first, _ = make_billed(FIRST), make_billed(SECOND)
    upload(first)
    stands(first, Posting.Status.POSTED, xero_status)
    assert waiting() == set()


def test_what_is_ignored_counts_only_when_it_is_in_xero(make_billed: MakeBilled, upload: Upload) -> None:
    first, second = make_billed(FIRST, ignored_because="Billed elsewhere"), make_billed(SECOND)
    assert waiting() == set()
    Invoice.objects.update(ignored_because="")
    upload(first)
    stands(first, Posting.Status.POSTED)
    Invoice.objects.filter(pk=first.pk).update(ignored_because="Set aside later")
    assert waiting() == {second}


def test_another_total_for_the_same_dates_in_another_run_is_nearly_the_same(make_billed: MakeBilled) -> None:
    first, second = make_billed(FIRST), make_billed(SECOND, "more seats", amount="120")
    assert likes() == {second: (Likeness.NEAR, first)}
    assert waiting() == {second}


def test_the_same_counts_before_the_nearly_same(make_billed: MakeBilled) -> None:
    make_billed(FIRST, "more seats", amount="120")
    same, last = make_billed(FIRST), make_billed(SECOND)
    assert likes()[last] == (Likeness.SAME, same)


def test_two_departments_of_one_run_are_told_and_do_not_wait(make_billed: MakeBilled) -> None:
    first, second = make_billed(FIRST), make_billed(FIRST, "other seats", amount="70")
    assert likes() == {second: (Likeness.BESIDE, first)}
    assert waiting() == set()
    decide(second, first, Decision.POST)
    assert likes() == {}


def test_a_later_import_of_the_same_billing_is_not_the_same_run(make_billed: MakeBilled) -> None:
    runs = [ImportRun.objects.create(file_name="lines.csv", size=1) for _ in range(2)]
    first = make_billed(FIRST, import_run=runs[0])
    second = make_billed(FIRST, "more seats", amount="120", import_run=runs[1])
    third = make_billed(FIRST, "yet more", amount="130", import_run=runs[1])
    assert likes() == {second: (Likeness.NEAR, first), third: (Likeness.NEAR, first)}


@pytest.mark.parametrize(
    "other",
    [
        {"service_end": dt.date(2026, 9, 20)},
        {"service_start": dt.date(2026, 8, 17)},
        {"currency": "NZD"},
        {"service_start": None, "service_end": None},
    ],
)
def test_other_dates_or_another_currency_are_another_billing(make_billed: MakeBilled, other: dict[str, Any]) -> None:
    make_billed(FIRST)
    make_billed(SECOND, "one-off charges", **other)
    assert likes() == {}


def test_another_customer_is_another_billing(make_billed: MakeBilled) -> None:
    make_billed(FIRST)
    make_billed(SECOND, "two", customer=Customer.objects.create(tenant_id="other", name="Other"))
    assert likes() == {}


def test_the_same_billing_to_another_payer_is_nearly_the_same(make_billed: MakeBilled) -> None:
    reseller = Customer.objects.create(tenant_id="reseller", name="Reseller")
    first = make_billed(FIRST)
    through = make_billed(SECOND, "more seats", bill_to=reseller)
    assert likes() == {through: (Likeness.NEAR, first)}
    assert waiting() == {through}


def test_what_was_imported_before_there_were_fingerprints_is_like_nothing(make_billed: MakeBilled) -> None:
    make_billed(FIRST, "", service_start=None)
    make_billed(SECOND, "", service_start=None)
    assert likes() == {}


def test_a_decision_to_post_counts_for_both_of_the_pair(make_billed: MakeBilled, upload: Upload) -> None:
    first, second = make_billed(FIRST), make_billed(SECOND)
    decide(second, first, Decision.POST)
    assert waiting() == set()
    upload(second)
    assert waiting() == set()
    third = make_billed("20260920")
    assert waiting() == {third}
    assert first.pk != third.pk


@pytest.mark.parametrize("changed", [0, 1])
def test_other_content_of_either_asks_again(make_billed: MakeBilled, changed: int) -> None:
    both = make_billed(FIRST), make_billed(SECOND)
    decide(both[1], both[0], Decision.POST)
    Invoice.objects.filter(pk=both[changed].pk).update(billed_hash="corrected")
    assert waiting() == {both[1]}


def test_a_replaced_one_waits_when_it_is_taken_up_again(make_billed: MakeBilled) -> None:
    first, second = make_billed(FIRST), make_billed(SECOND)
    decide(second, first, Decision.REPLACE)
    assert likes() == {first: (Likeness.SAME, second)}


def test_a_decision_not_to_post_does_not_let_it_pass(make_billed: MakeBilled) -> None:
    first, second = make_billed(FIRST), make_billed(SECOND)
    decide(second, first, Decision.EXCLUDE)
    assert waiting() == {second}


def test_one_upload_of_both_takes_the_first_alone(
    make_billed: MakeBilled, upload: Upload, connected: XeroConnection
) -> None:
    first, second = make_billed(FIRST), make_billed(SECOND)
    queued = upload()
    assert (queued.queued, queued.already, queued.undecided) == (1, 0, 1)
    assert Posting.objects.get().invoice == first
    decide(second, first, Decision.POST)
    assert (upload().queued, upload().queued) == (1, 0)
    assert Posting.objects.count() == 2


def test_a_refused_one_waits_too_when_it_is_uploaded_again(make_billed: MakeBilled, upload: Upload) -> None:
    second = make_billed(SECOND)
    upload()
    stands(second, Posting.Status.REJECTED)
    first = make_billed(FIRST)
    assert upload().undecided == 1
    assert Posting.objects.get(status=Posting.Status.QUEUED).invoice == first


def test_what_waits_takes_as_many_queries_for_many_as_for_few(make_billed: MakeBilled, upload: Upload) -> None:
    def queries() -> int:
        with CaptureQueriesContext(database) as found:
            comparison.lookalikes(Invoice.objects.all())
            comparison.undecided(Invoice.objects.all()).count()
        return len(found)

    for billing_id in (FIRST, SECOND):
        make_billed(billing_id)
    few = queries()
    for billing_id in (FIRST, SECOND):
        for each in range(20):
            make_billed(billing_id, f"seats {each}")
    assert queries() == few == 3


def bills(invoice: Invoice, *skus: str) -> None:
    """Give the invoice a line for each of these SKUs; "" stands for one without, described as its number."""
    line = invoice.lines.all()[0]
    invoice.lines.all().delete()
    for position, sku in enumerate(skus, 1):
        line.pk, line.position, line.sku, line.name = None, position, sku, "" if sku else invoice.number
        line.save(force_insert=True)


def test_the_licences_and_the_usage_of_one_month_are_no_copies(make_billed: MakeBilled) -> None:
    licences, usage = make_billed(FIRST), make_billed(SECOND, "usage", amount="70")
    bills(licences, "CFQ7TTC0LH18:0001", "CFQ7TTC0LF8Q:0001")
    bills(usage, "DZH318Z0BPS6:0001")
    assert likes() == {}
    bills(licences, "")
    bills(usage, "")
    assert likes() == {}


def test_one_sku_in_both_is_enough(make_billed: MakeBilled) -> None:
    first, second = make_billed(FIRST), make_billed(SECOND, "more", amount="70")
    bills(first, "CFQ7TTC0LH18:0001", "CFQ7TTC0LF8Q:0001")
    bills(second, "DZH318Z0BPS6:0001", "CFQ7TTC0LF8Q:0001", "")
    assert likes() == {second: (Likeness.NEAR, first)}
    assert [each.other for each in comparison.all_like(first, 5)] == [second]


@pytest.mark.parametrize(
    ("amounts", "is_near"), [(("100", "-100"), False), (("-90", "-100"), True), (("0", "1"), True)]
)
def test_a_credit_note_is_no_copy_of_the_invoice(
    make_billed: MakeBilled, amounts: tuple[str, str], is_near: bool
) -> None:
    first, second = make_billed(FIRST, amount=amounts[0]), make_billed(SECOND, "another", amount=amounts[1])
    assert likes() == ({second: (Likeness.NEAR, first)} if is_near else {})
    assert bool(comparison.all_like(second, 5)) == is_near


def test_the_condition_is_the_same_wherever_it_stands(make_billed: MakeBilled) -> None:
    first, second = make_billed(FIRST), make_billed(SECOND)
    third = make_billed(SECOND, "mailboxes", service_end=dt.date(2026, 9, 14))
    assert waiting() == {second}
    found = Invoice.objects.filter(comparison.waits_for_decision())
    # Within another query, below another table, within itself, and turned round.
    assert set(Invoice.objects.filter(pk__in=found.values("pk"))) == {second}
    assert Customer.objects.filter(Exists(found.filter(customer=OuterRef("pk")))).count() == 1
    assert set(found.filter(Exists(found.filter(pk=OuterRef("pk"))))) == {second}
    assert set(Invoice.objects.filter(~comparison.waits_for_decision())) == {first, third}
    counted = Invoice.objects.aggregate(waiting=Count("pk", filter=comparison.waits_for_decision()))
    assert counted == {"waiting": 1}
