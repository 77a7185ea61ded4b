"""How far an upload is: counted in one place, from rows as they are now."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from django.utils import timezone

from c3portal.models import User
from invoices.models import BillingPeriod, Invoice, Posting, PostLog, Upload
from invoices.posting import progress, queueing
from invoices.posting.progress import Detail, Progress
from invoices.templatetags.pace import pace, spoken
from invoices.tests.makers import a_period, an_invoice, bring, connected, invoices, uploaded
from xero_integration.models import XeroConnection

Status = Posting.Status
pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def period() -> BillingPeriod:
    return a_period()


@pytest.fixture
def connection() -> XeroConnection:
    return connected()


def of(upload: Upload) -> Progress:
    upload.refresh_from_db()
    return progress.of([upload])[upload.pk]


def in_full(upload: Upload) -> Detail:
    upload.refresh_from_db()
    return progress.in_full(upload)


def test_the_short_and_the_full_count_are_the_same(
    period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    upload = uploaded(connection, finance_admin, *invoices(period, 7))
    bring(upload, Status.POSTED, "INV-001", "INV-002", "INV-003")
    bring(upload, Status.REJECTED, "INV-004")
    bring(upload, Status.UNCERTAIN, "INV-005")
    Posting.objects.filter(invoice__number="INV-003").update(xero_status="VOIDED")
    short, full = of(upload), in_full(upload).progress
    assert dict(short.counts) == dict(full.counts)
    assert (short.total, full.total) == (7, 7)
    assert (short.in_xero, short.gone, short.rejected, short.confirming, short.queued) == (2, 1, 1, 1, 2)
    assert not short.is_finished
    words = [(each.words, each.count) for each in short.parts]
    assert words == [
        ("in Xero", 2),
        ("rejected", 1),
        ("confirming with Xero", 1),
        ("queued", 2),
        ("voided or deleted in Xero", 1),
    ]


def test_what_was_uploaded_again_is_counted_elsewhere_and_the_upload_keeps_what_it_began_with(
    period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    upload = uploaded(connection, finance_admin, *invoices(period, 3), to=Status.REJECTED)
    again = Invoice.objects.filter(number="INV-001")
    queueing.enqueue(again, connection=connection, user=finance_admin, invoice_status="DRAFT")
    found = of(upload)
    assert (found.total, found.here, found.elsewhere) == (3, 2, 1)
    assert upload.invoiced == {"AUD": "330.00"}
    Upload.objects.filter(pk=upload.pk).update(invoices_count=None, invoiced=None)
    assert of(upload).total == 2
    Upload.objects.filter(invoices_count=None).count_invoices()
    assert of(upload).total == 3
    assert upload.invoiced == {"AUD": "330.00"}


def test_a_bar_shows_one_of_many_and_is_as_long_as_its_parts() -> None:
    found = Progress({Status.POSTED: 4_999, Status.REJECTED: 1}, 5_000)
    posted, rejected = found.parts
    assert (posted.x, posted.width) == (0, 999)
    assert rejected.x == posted.width
    assert rejected.width == progress.SHORT
    assert found.bar_length == posted.width + rejected.width
    assert Progress({Status.QUEUED: 3}, 3).bar_length == 1_000


def test_money_matches_to_the_cent_as_xero_tells_it_now(
    period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    made = [an_invoice(period, "A"), an_invoice(period, "B"), an_invoice(period, "N", currency="NZD")]
    upload = uploaded(connection, finance_admin, *made, to=Status.POSTED)
    aud, nzd = in_full(upload).money
    assert (aud.currency, aud.invoiced, aud.in_xero, aud.matches) == ("AUD", Decimal(220), Decimal(220), True)
    assert nzd.matches
    # A later read of Xero shows another total.
    Posting.objects.filter(invoice__number="A").update(xero_total="110.01")
    detail = in_full(upload)
    aud, nzd = detail.money
    assert (aud.difference, aud.differing, aud.matches) == (Decimal("0.01"), 1, False)
    assert nzd.matches
    assert detail.differing == [Posting.objects.get(invoice__number="A").pk]


def test_differences_that_cancel_out_are_no_match(
    period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    upload = uploaded(connection, finance_admin, *invoices(period, 2), to=Status.POSTED)
    Posting.objects.filter(invoice__number="INV-001").update(xero_total="109.00")
    Posting.objects.filter(invoice__number="INV-002").update(xero_total="111.00")
    (aud,) = in_full(upload).money
    assert (aud.difference, aud.differing, aud.matches) == (0, 2, False)


@pytest.mark.parametrize("fact", [{"xero_total": None}, {"edits": {"missing": {"sent": "", "now": ""}}}])
def test_what_xero_did_not_tell_or_does_not_show_is_no_match(
    period: BillingPeriod, connection: XeroConnection, finance_admin: User, fact: dict[str, object]
) -> None:
    upload = uploaded(connection, finance_admin, *invoices(period, 2), to=Status.POSTED)
    Posting.objects.filter(invoice__number="INV-001").update(**fact)
    (aud,) = in_full(upload).money
    assert not aud.matches
    assert aud.differing == 1


def test_an_exact_sum_is_what_the_invoice_comes_to(
    period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    upload = uploaded(connection, finance_admin, an_invoice(period, "A"), to=Status.POSTED)
    Invoice.objects.update(exact_total="110.024")
    Posting.objects.update(xero_total="110.02")
    (aud,) = in_full(upload).money
    assert (aud.invoiced, aud.in_xero, aud.matches) == (Decimal("110.02"), Decimal("110.02"), True)


def test_a_credit_note_is_taken_off(period: BillingPeriod, connection: XeroConnection, finance_admin: User) -> None:
    made = [an_invoice(period, "A"), an_invoice(period, "C", total="-110.00")]
    upload = uploaded(connection, finance_admin, *made, to=Status.POSTED)
    (aud,) = in_full(upload).money
    assert (aud.invoiced, aud.in_xero, aud.matches) == (0, 0, True)


def test_its_rate_is_of_the_last_minute_and_tells_how_long_the_rest_takes(
    period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    upload = uploaded(connection, finance_admin, *invoices(period, 6))
    assert in_full(upload).rate is None
    Upload.objects.update(created_at=timezone.now() - dt.timedelta(hours=1))
    bring(upload, Status.POSTED, "INV-001", "INV-002", "INV-003")
    Posting.objects.filter(invoice__number="INV-001").update(updated_at=timezone.now() - dt.timedelta(minutes=5))
    found = in_full(upload)
    assert found.recent == 2
    assert found.rate == Decimal(2) / 60
    assert found.left == dt.timedelta(seconds=91)


def test_it_took_until_the_last_invoice_ended_whatever_became_of_it_since(
    period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    upload = uploaded(connection, finance_admin, *invoices(period, 2), to=Status.POSTED)
    began = PostLog.objects.latest("pk").created_at - dt.timedelta(seconds=4)
    Upload.objects.update(created_at=began)
    PostLog.objects.create(invoice=Invoice.objects.first(), upload=upload, status=Status.POSTED, message="Updated")
    found = in_full(upload)
    assert found.took == dt.timedelta(seconds=4)
    assert found.rate == Decimal("0.5")
    (line,) = progress.lines(progress.with_end(Upload.objects.select_related("connection")))
    assert line.took == found.took
    assert (line.result.words, line.result.colour) == ("All in Xero", "good")


def test_it_waits_for_a_connection_and_for_the_end_of_a_pause(
    period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    upload = uploaded(connection, finance_admin, *invoices(period, 1))
    now = timezone.now()
    assert progress.why_waiting(of(upload), connection, now) is None
    connection.paused_until, connection.pause_reason = now + dt.timedelta(minutes=1), "A limit"
    wait = progress.why_waiting(of(upload), connection, now)
    assert wait == progress.Wait("A limit", connection.paused_until)
    connection.status = XeroConnection.Status.NEEDS_RECONNECTING
    wait = progress.why_waiting(of(upload), connection, now)
    assert wait
    assert wait.until is None
    bring(upload, Status.POSTED)
    assert progress.why_waiting(of(upload), connection, now) is None


def test_the_next_look_is_the_earliest(period: BillingPeriod, connection: XeroConnection, finance_admin: User) -> None:
    upload = uploaded(connection, finance_admin, *invoices(period, 2), to=Status.UNCERTAIN)
    soon = timezone.now() + dt.timedelta(seconds=30)
    Posting.objects.filter(invoice__number="INV-002").update(not_before=soon)
    Posting.objects.filter(invoice__number="INV-001").update(not_before=soon + dt.timedelta(minutes=5))
    assert in_full(upload).next_look == soon


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3.21, "3.2 s"),
        (59.7, "1 min"),
        (245, "4 min 5 s"),
        (7_800, "2 h 10 min"),
        (1, "1 s"),
        (0.02, "0.1 s"),
        (0, "0 s"),
    ],
)
def test_a_length_of_time_is_written_short(seconds: float, words: str) -> None:
    assert spoken(dt.timedelta(seconds=seconds)) == words


def test_a_pace_below_one_a_second_is_one_a_minute() -> None:
    assert pace(Decimal("38.4")) == "38 a second"
    assert pace(Decimal("0.2")) == "12 a minute"
    assert pace(None) == ""
