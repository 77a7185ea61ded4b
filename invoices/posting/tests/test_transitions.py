"""The state machine: which moves there are, which there are not, and what each leaves behind."""

import datetime as dt
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from c3portal.testing import at_once
from invoices.conftest import MakeInvoice, Upload
from invoices.models import (
    Customer,
    DocumentType,
    HeldBackInvoice,
    ImportRun,
    Invoice,
    InvoiceLine,
    Posting,
    PostLog,
    Submission,
)
from invoices.models import Upload as UploadRow
from invoices.posting import outcomes, transitions
from invoices.posting.responses import Recorded
from invoices.posting.settlement import settle
from invoices.posting.transitions import Status
from xero_integration.models import ContactLink, XeroConnection, XeroSettings

pytestmark = pytest.mark.both_databases

MakeInvoices = Callable[[int], list[Invoice]]
Claim = Callable[[], Submission]
NOW = dt.datetime(2026, 9, 18, tzinfo=dt.UTC)


@pytest.fixture
def connected(db: None) -> XeroConnection:
    """An organisation; nothing here calls it."""
    return XeroConnection.objects.create(tenant_id="tenant", connection_id="connection", name="Contoso Cloud (AU)")


@pytest.fixture
def claim(connected: XeroConnection) -> Claim:
    """Return a function that gives every customer a contact and claims."""

    def claim() -> Submission:
        keys = Customer.objects.values_list("tenant_id", flat=True)
        links = [
            ContactLink(connection=connected, customer_key=key, contact_id=f"contact of {key}", contact_name="")
            for key in keys
        ]
        ContactLink.objects.bulk_create(links, ignore_conflicts=True)
        submission = transitions.claim(connected)
        assert submission is not None
        return submission

    return claim


def only() -> Posting:
    return Posting.objects.get()


def last_log() -> PostLog:
    log = PostLog.objects.last()
    assert log is not None
    return log


def record(submission: Submission) -> int:
    return transitions.mark_posted(
        submission,
        {each.pk: Recorded(f"id {each.pk}", "DRAFT", Decimal("110.00"), "") for each in Posting.objects.all()},
    )


def put(status: str, submission: Submission | None) -> None:
    """Put the posting into a state as if it had got there."""
    kept = submission if status in (Status.SENDING, Status.UNCERTAIN) else None
    Posting.objects.update(status=status, submission=kept, xero_id="an id" if status == Status.POSTED else "")


# UPLOAD TO XERO


def test_a_click_queues_invoices_and_notes_who_what_and_where(
    make_invoices: MakeInvoices, upload: Upload, connected: XeroConnection, finance_admin: Any, period: Any
) -> None:
    make_invoices(3)
    queued = upload(invoice_status="SUBMITTED")
    assert (queued.queued, queued.already) == (3, 0)
    row = UploadRow.objects.get()
    assert queued.upload == row
    assert (row.connection, row.created_by, row.invoice_status, row.period) == (
        connected,
        finance_admin,
        "SUBMITTED",
        period,
    )
    assert set(Posting.objects.values_list("status", "upload", "connection")) == {("queued", row.pk, connected.pk)}
    assert list(PostLog.objects.values_list("status", "upload", "user")) == [("queued", row.pk, finance_admin.pk)] * 3


def test_a_second_click_finds_nothing_to_do(make_invoices: MakeInvoices, upload: Upload) -> None:
    make_invoices(2)
    upload()
    again = upload()
    assert (again.upload, again.queued, again.already) == (None, 0, 2)
    assert UploadRow.objects.count() == 1
    assert PostLog.objects.count() == 2


def test_a_click_takes_what_is_new_refused_withdrawn_and_taken_back_and_nothing_else(
    make_invoices: MakeInvoices, upload: Upload, claim: Claim
) -> None:
    make_invoices(len(Status))
    upload()
    submission = claim()
    for row, status in zip(Posting.objects.order_by("pk"), Status.values, strict=True):
        fields = {"status": status, "xero_id": "id" if status == "posted" else "", "message": "words", "batch_cap": 2}
        Posting.objects.filter(pk=row.pk).update(**fields)
    make_invoices(1)
    queued = upload()
    assert (queued.queued, queued.already) == (4, 4)
    assert queued.upload is not None
    moved = Posting.objects.filter(upload=queued.upload)
    assert {(row.status, row.message, row.batch_cap, row.submission) for row in moved} == {("queued", "", None, None)}
    others = Posting.objects.exclude(upload=queued.upload).order_by("pk")
    assert [row.status for row in others] == ["queued", "sending", "posted", "uncertain"]
    assert {row.submission for row in others} == {submission}


def test_a_negative_invoice_is_queued_as_a_credit_note(make_invoice: MakeInvoice, upload: Upload) -> None:
    make_invoice(amount="-5.00")
    upload()
    assert only().document_type == DocumentType.CREDIT_NOTE


def test_a_refused_invoice_that_was_imported_anew_changes_its_kind(make_invoice: MakeInvoice, upload: Upload) -> None:
    invoice = make_invoice(amount="5.00")
    upload()
    put(Status.REJECTED, None)
    Invoice.objects.filter(pk=invoice.pk).update(total=Decimal("-5.50"))
    upload()
    assert only().document_type == DocumentType.CREDIT_NOTE


def test_an_upload_over_two_periods_belongs_to_neither(
    make_invoices: MakeInvoices, upload: Upload, period: Any
) -> None:
    other = period.__class__.objects.create(billing_id="2", starts_on=period.starts_on, ends_on=period.ends_on)
    first, _ = make_invoices(2)
    Invoice.objects.filter(pk=first.pk).update(period=other)
    queued = upload()
    assert queued.upload is not None
    queued.upload.refresh_from_db()
    assert queued.upload.period is None


def held_back(number: str) -> HeldBackInvoice:
    return HeldBackInvoice.objects.create(run=ImportRun.objects.create(file_name="newer.csv", size=1), number=number)


@pytest.mark.parametrize("status", [None, Status.REJECTED, Status.WITHDRAWN])
def test_what_a_newer_file_has_wrong_is_not_queued_before_a_file_has_it_right(
    make_invoices: MakeInvoices, upload: Upload, status: str | None
) -> None:
    outdated, other = make_invoices(2)
    if status:
        upload(outdated)
        Posting.objects.update(status=status)
    held = held_back(outdated.number)
    queued = upload()
    assert (queued.queued, queued.already, queued.held_back) == (1, 0, 1)
    assert Posting.objects.get(status=Status.QUEUED).invoice == other
    assert upload(outdated).upload is None
    HeldBackInvoice.objects.filter(pk=held.pk).update(resolved_at=timezone.now())
    assert upload().queued == 1


@pytest.mark.parametrize("again", [False, True])
def test_queueing_takes_as_many_queries_for_two_hundred_as_for_ten(
    make_invoices: MakeInvoices, upload: Upload, again: bool
) -> None:
    def queries_for(invoices: list[Invoice]) -> int:
        if again:
            upload(*invoices)
            Posting.objects.update(status=Status.REJECTED)
        with CaptureQueriesContext(database) as queries:
            upload(*invoices)
        return len(queries)

    # Whoever first asks for the settings makes them.
    XeroSettings.load()
    assert queries_for(make_invoices(10)) == queries_for(make_invoices(200))


# Claims


def test_a_claim_takes_up_to_fifty_of_one_kind_in_their_order(
    make_invoices: MakeInvoices, make_invoice: MakeInvoice, upload: Upload, claim: Claim
) -> None:
    make_invoices(55)
    make_invoice("Invoice_0000", amount="-1.00")
    upload()
    kinds = []
    while Posting.objects.filter(status=Status.QUEUED).exists():
        submission = claim()
        submission.refresh_from_db()
        kinds.append((submission.document_type, submission.postings_count, submission.postings.count()))
    assert sorted(kinds) == [("credit_note", 1, 1), ("invoice", 5, 5), ("invoice", 50, 50)]


def test_a_claim_is_committed_before_there_is_anything_to_send(
    make_invoice: MakeInvoice, upload: Upload, claim: Claim
) -> None:
    make_invoice()
    upload()
    submission = claim()
    assert submission.body is None
    assert submission.outcome == Submission.Outcome.PREPARING
    assert submission.lease_until > timezone.now() + dt.timedelta(seconds=200)
    assert (only().status, only().submission) == ("sending", submission)


def test_nobody_claims_twice(
    make_invoice: MakeInvoice, upload: Upload, claim: Claim, connected: XeroConnection
) -> None:
    make_invoice()
    upload()
    claim()
    assert transitions.claim(connected) is None
    assert Submission.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_workers_that_claim_at_the_same_time_share_the_rows_out(
    make_invoices: MakeInvoices, upload: Upload, claim: Claim, connected: XeroConnection, settings: Any
) -> None:
    settings.XERO_BATCH = 3
    make_invoices(40)
    upload()
    claim()

    def claim_all() -> int:
        try:
            return sum(1 for _ in iter(lambda: transitions.claim(connected), None))
        finally:
            database.close()

    with ThreadPoolExecutor(4) as pool:
        claims = sum(each.result() for each in [pool.submit(claim_all) for _ in range(4)])
    assert claims == 13
    sizes = [submission.postings.count() for submission in Submission.objects.all()]
    assert sorted(sizes) == [1, *[3] * 13]
    assert PostLog.objects.filter(status="sending").count() == 40


@pytest.mark.django_db(transaction=True)
def test_two_who_saw_different_things_at_once_do_not_wait_for_each_other(
    make_invoices: MakeInvoices, upload: Upload, claim: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_invoices(2)
    upload()
    submission, now = claim(), timezone.now()
    transitions.mark_uncertain(submission, "", lookup_from=now)
    keys = list(Posting.objects.order_by("pk").values_list("pk", flat=True))
    mark_posted = transitions.mark_posted

    def slowly(submission: Submission, results: dict[int, Recorded]) -> int:
        moved = mark_posted(submission, results)
        time.sleep(0.5)
        return moved

    monkeypatch.setattr(transitions, "mark_posted", slowly)

    def look(turn: int) -> int:
        there = outcomes.Posted(Recorded(f"id {keys[turn]}", "DRAFT", Decimal("110.00")))
        return settle(submission, outcomes.Outcome({keys[turn]: there, keys[1 - turn]: outcomes.Absent(now)}))

    assert sorted(at_once(2, look)) == [0, 2]


def test_a_claim_leaves_customers_without_a_contact(
    make_invoice: MakeInvoice, upload: Upload, connected: XeroConnection
) -> None:
    make_invoice()
    upload()
    assert transitions.claim(connected) is None
    assert list(transitions.without_contact(connected)) == [only()]
    assert Submission.objects.count() == 0


def test_a_claim_leaves_other_organisations_rows(make_invoice: MakeInvoice, upload: Upload, claim: Claim) -> None:
    make_invoice()
    upload()
    other = XeroConnection.objects.create(tenant_id="other", connection_id="other", name="Contoso Cloud (NZ)")
    assert transitions.claim(other) is None
    assert claim().postings.count() == 1


def test_rows_that_were_refused_together_travel_in_halves(
    make_invoices: MakeInvoices, upload: Upload, claim: Claim, connected: XeroConnection
) -> None:
    make_invoices(5)
    upload()
    settle(claim(), outcomes.too_large(4))
    sizes = []
    while submission := transitions.claim(connected):
        sizes.append(submission.postings.count())
    assert sizes == [2, 2, 1]


def test_a_claim_takes_as_many_queries_for_fifty_as_for_ten(
    make_invoices: MakeInvoices, upload: Upload, claim: Claim, connected: XeroConnection
) -> None:
    counts = []
    for count in (10, 50):
        upload(*make_invoices(count))
        transitions.requeue(transitions.answered_by(claim()), "")
        with CaptureQueriesContext(database) as queries:
            assert transitions.claim(connected) is not None
        counts.append(len(queries))
    assert counts[0] == counts[1]


# The moves: what each function moves, and that it moves nothing else

MOVES: dict[str, tuple[Callable[[Submission], object], dict[str, str]]] = {
    "mark posted": (record, {"sending": "posted", "uncertain": "posted"}),
    "mark rejected": (
        lambda submission: transitions.mark_rejected(transitions.answered_by(submission), {only().pk: "Xero's words."}),
        {"sending": "rejected", "uncertain": "rejected"},
    ),
    "reject what waits": (
        lambda submission: transitions.mark_rejected(
            transitions.without_contact(submission.connection), {only().pk: "No contact."}
        ),
        {"queued": "rejected"},
    ),
    "requeue": (
        lambda submission: transitions.requeue(transitions.answered_by(submission), "Not there."),
        {"sending": "queued", "uncertain": "queued"},
    ),
    "mark uncertain": (
        lambda submission: transitions.mark_uncertain(submission, "The answer was lost.", lookup_from=NOW),
        {"sending": "uncertain"},
    ),
    "withdraw": (lambda submission: transitions.withdraw(Posting.objects.all(), None), {"queued": "withdrawn"}),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("before", Status.values)
@pytest.mark.parametrize("move", MOVES)
def test_a_move_happens_from_the_states_it_is_for_and_from_no_other(
    make_invoice: MakeInvoice, upload: Upload, claim: Claim, move: str, before: str
) -> None:
    make_invoice()
    upload()
    submission = claim()
    if move == "reject what waits":
        ContactLink.objects.all().delete()
    put(before, submission)
    logs = PostLog.objects.count()
    do, allowed = MOVES[move]
    unchanged = Posting.objects.values().get()

    do(submission)

    if before in allowed:
        assert only().status == allowed[before]
        assert (last_log().status, last_log().message) == (only().status, only().message)
        assert PostLog.objects.count() == logs + 1
    else:
        assert Posting.objects.values().get() == unchanged
        assert PostLog.objects.count() == logs


@pytest.mark.parametrize("move", ["mark posted", "mark rejected", "requeue", "mark uncertain"])
def test_a_call_moves_only_rows_that_it_still_answers_for(
    make_invoice: MakeInvoice, upload: Upload, claim: Claim, move: str
) -> None:
    make_invoice()
    upload()
    late = claim()
    transitions.requeue(transitions.answered_by(late), "")
    claim()
    unchanged = Posting.objects.values().get()
    MOVES[move][0](late)
    assert Posting.objects.values().get() == unchanged


def test_every_step_of_posting_leaves_a_line(
    make_invoice: MakeInvoice, upload: Upload, claim: Claim, finance_admin: Any
) -> None:
    invoice = make_invoice()
    upload()
    first = claim()
    transitions.mark_uncertain(first, "The answer was lost.", lookup_from=NOW)
    transitions.requeue(transitions.answered_by(first), "")
    second = claim()
    record(second)
    lines = PostLog.objects.filter(invoice=invoice).values_list("status", "submission", "message", "user")
    assert list(lines) == [
        ("queued", None, "", finance_admin.pk),
        ("sending", first.pk, "", None),
        ("uncertain", first.pk, "The answer was lost.", None),
        ("queued", None, "", None),
        ("sending", second.pk, "", None),
        ("posted", second.pk, "", None),
    ]


def test_a_posted_row_keeps_what_xero_said(make_invoice: MakeInvoice, upload: Upload, claim: Claim) -> None:
    make_invoice()
    upload()
    transitions.mark_posted(claim(), {only().pk: Recorded("an id", "SUBMITTED", Decimal("110.00"), "Mind the tax.")})
    row = only()
    assert (row.xero_id, row.xero_status, row.xero_total, row.message) == (
        "an id",
        "SUBMITTED",
        Decimal("110.00"),
        "Mind the tax.",
    )
    assert row.not_before is None


def test_rows_that_nothing_was_said_of_stay(make_invoices: MakeInvoices, upload: Upload, claim: Claim) -> None:
    make_invoices(3)
    upload()
    submission = claim()
    first, second, third = Posting.objects.order_by("pk")
    assert transitions.mark_posted(submission, {first.pk: Recorded("1", "DRAFT", None)}) == 1
    assert transitions.mark_rejected(transitions.answered_by(submission), {second.pk: "No."}) == 1
    assert transitions.mark_posted(submission, {}) == 0
    assert transitions.mark_rejected(transitions.answered_by(submission), {}) == 0
    third.refresh_from_db()
    assert third.status == "sending"


@pytest.mark.parametrize("move", ["mark posted", "mark rejected", "requeue", "mark uncertain"])
def test_a_move_takes_as_many_queries_for_fifty_rows_as_for_ten(
    make_invoices: MakeInvoices, upload: Upload, claim: Claim, move: str
) -> None:
    def queries_for(count: int) -> int:
        upload(*make_invoices(count))
        submission = claim()
        rows = list(transitions.answered_by(submission).values_list("pk", flat=True))
        assert len(rows) == count
        do: dict[str, Callable[[], object]] = {
            "mark posted": lambda: transitions.mark_posted(
                submission, {pk: Recorded(f"id {pk}", "DRAFT", None) for pk in rows}
            ),
            "mark rejected": lambda: transitions.mark_rejected(
                transitions.answered_by(submission), dict.fromkeys(rows, "No.")
            ),
            "requeue": lambda: transitions.requeue(transitions.answered_by(submission), ""),
            "mark uncertain": lambda: transitions.mark_uncertain(submission, "", lookup_from=NOW),
        }
        with CaptureQueriesContext(database) as queries:
            assert do[move]() == count
        Posting.objects.exclude(status=Status.POSTED).update(status=Status.WITHDRAWN)
        return len(queries)

    assert queries_for(10) == queries_for(50)


def test_it_refuses_a_whole_period_at_once(
    make_invoices: MakeInvoices, upload: Upload, connected: XeroConnection
) -> None:
    invoices = make_invoices(1)
    customer = invoices[0].customer
    Invoice.objects.bulk_create(
        Invoice(
            period=invoices[0].period,
            customer=customer,
            number=f"N{number}",
            xero_number=f"N{number}",
            issued_on=NOW.date(),
            due_on=NOW.date(),
            currency="AUD",
            subtotal=1,
            tax=0,
            total=1,
        )
        for number in range(2500)
    )
    upload()
    waiting = transitions.without_contact(connected)
    reasons = dict.fromkeys(waiting.values_list("pk", flat=True), "The contact is archived.")
    assert transitions.mark_rejected(waiting, reasons) == 2501
    assert set(Posting.objects.values_list("status", "message")) == {("rejected", "The contact is archived.")}


# Bytes


def test_bytes_are_stored_once_and_only_by_who_is_not_given_up_for_dead(
    make_invoice: MakeInvoice, upload: Upload, claim: Claim
) -> None:
    make_invoice()
    upload()
    submission = claim()
    assert transitions.store_body(submission, b"{}", "digest")
    assert not transitions.store_body(submission, b"{1}", "other")
    submission.refresh_from_db()
    assert (submission.outcome, bytes(submission.body or b""), submission.body_sha256) == ("sending", b"{}", "digest")
    assert submission.sent_at is not None


def test_a_worker_that_was_given_up_for_dead_stores_no_bytes(
    make_invoice: MakeInvoice, upload: Upload, claim: Claim, after_the_lease: Callable[[], None]
) -> None:
    make_invoice()
    upload()
    submission = claim()
    after_the_lease()
    assert not transitions.store_body(submission, b"{}", "digest")
    submission.refresh_from_db()
    assert submission.body is None


# What the database itself holds


def test_the_log_is_append_only(make_invoice: MakeInvoice, upload: Upload) -> None:
    make_invoice()
    upload()
    line = last_log()
    line.message = "something else"
    with pytest.raises(TypeError, match="append-only"):
        line.save()


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"status": "posted", "xero_id": ""}, "posted_has_an_id_from_xero"),
        ({"status": "sending", "submission": None}, "under_way_has_a_submission"),
        ({"status": "uncertain", "submission": None}, "under_way_has_a_submission"),
    ],
)
def test_the_database_refuses_a_state_that_cannot_be(
    make_invoice: MakeInvoice, upload: Upload, fields: dict[str, Any], constraint: str
) -> None:
    make_invoice()
    upload()
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Posting.objects.update(**fields)


def test_the_database_refuses_two_postings_for_one_document(make_invoices: MakeInvoices, upload: Upload) -> None:
    make_invoices(2)
    upload()
    with pytest.raises(IntegrityError), transaction.atomic():
        Posting.objects.update(xero_id="the same", status=Status.POSTED)


def test_the_database_refuses_two_postings_for_one_invoice(make_invoice: MakeInvoice, upload: Upload) -> None:
    make_invoice()
    upload()
    row = only()
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()


def test_the_database_refuses_two_invoices_of_one_number_in_xero(make_invoices: MakeInvoices) -> None:
    make_invoices(2)
    with pytest.raises(IntegrityError), transaction.atomic():
        Invoice.objects.update(xero_number="the same")


def test_the_database_refuses_two_customers_for_one_contact(connected: XeroConnection) -> None:
    link = {"connection": connected, "contact_id": "the same", "contact_name": ""}
    ContactLink.objects.create(customer_key="one", **link)
    with pytest.raises(IntegrityError), transaction.atomic():
        ContactLink.objects.create(customer_key="another", **link)


def test_the_database_refuses_a_line_twice(make_invoice: MakeInvoice) -> None:
    line = make_invoice().lines.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        InvoiceLine.objects.create(
            invoice=line.invoice, position=1, quantity=1, unit_price=1, subtotal=1, tax_percentage=0, tax=0, total=1
        )
