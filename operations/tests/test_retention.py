"""What is old goes, and nothing that anyone still needs: no fact of the books, and no byte of what is on its way."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from c3portal.models import AuditEntry, Delivery, Notice, User
from c3portal.settings import CELERY_BEAT_SCHEDULE
from invoices.changes import asking
from invoices.changes import transitions as changes
from invoices.models import (
    ChangeCall,
    DocumentChange,
    ImportFinding,
    ImportRun,
    Invoice,
    Posting,
    PostLog,
    Submission,
)
from invoices.posting import transitions
from invoices.tests import makers
from operations import retention
from operations import tasks as operations_tasks
from xero_integration.models import XeroConnection

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
Status = Posting.Status
LONG = dt.timedelta(days=500)
DIGEST = "ab" * 32


@pytest.fixture
def connected(finance_admin: User) -> XeroConnection:
    return makers.connected(finance_admin)


def sent(connection: XeroConnection, invoice: Invoice, status: str = Status.POSTED) -> Submission:
    """Upload the invoice in a call of its own whose bytes are kept, and bring it to `status`."""
    makers.uploaded(connection, None, invoice, to=status)
    submission = PostLog.objects.filter(invoice=invoice).latest("pk").submission
    assert submission is not None
    Submission.objects.filter(pk=submission.pk).update(body=b"{}", body_sha256=DIGEST, outcome="answered")
    return submission


def prune(*arguments: str) -> str:
    output = io.StringIO()
    call_command("prune", *arguments, stdout=output)
    return output.getvalue()


def bodies() -> set[bytes | None]:
    return {submission.body and bytes(submission.body) for submission in Submission.objects.all()}


@pytest.fixture
def old(time_machine: Any) -> Callable[[], None]:
    """Return a function that ends the long ago in which the test begins."""
    now = timezone.now()
    time_machine.move_to(now - LONG)
    return lambda: time_machine.move_to(now)


def test_old_bytes_go_and_their_digest_stays(connected: XeroConnection, old: Callable[[], None]) -> None:
    sent(connected, makers.an_invoice(makers.a_period(), "INV-1"))
    old()
    assert "        1 bytes of calls" in prune("--dry-run")
    assert bodies() == {b"{}"}
    assert "        1 bytes of calls" in prune()
    submission = Submission.objects.get()
    assert (submission.body, submission.body_sha256) == (None, DIGEST)
    assert "        0 bytes of calls" in prune()


@pytest.mark.parametrize("status", ["queued", "sending", "uncertain"])
def test_bytes_of_what_is_on_its_way_are_never_touched(
    connected: XeroConnection, old: Callable[[], None], status: str
) -> None:
    """However old: a lost answer is looked up by them, and one mate on its way keeps the whole call."""
    period = makers.a_period()
    first, mate = makers.invoices(period, 2)
    upload = makers.uploaded(connected, None, first, mate, to=Status.UNCERTAIN)
    (submission,) = {row.submission for row in upload.postings.all()}
    assert submission is not None
    transitions.store_body(submission, b"{}", DIGEST)
    Submission.objects.update(body=b"{}", body_sha256=DIGEST, outcome="unknown")
    key = mate.posting.pk
    transitions.mark_posted(submission, {key: transitions.Recorded("an id", "DRAFT", mate.total)})
    rows = Posting.objects.filter(invoice=first)
    if status == "queued":
        transitions.requeue(rows, "")
    else:
        rows.update(status=status)
    old()
    prune()
    assert bodies() == {b"{}"}
    assert rows.get().status == status


@pytest.mark.parametrize(("status", "left"), [("done", None), ("refused", None), ("uncertain", b"{}")])
def test_bytes_of_changes_go_when_nothing_waits_for_them(
    connected: XeroConnection, old: Callable[[], None], status: str, left: bytes | None
) -> None:
    invoice = makers.an_invoice(makers.a_period(), "INV-1")
    sent(connected, invoice)
    asking.undo(Posting.objects.all(), connection=connected, user=None)
    call = changes.claim(connected)
    assert call is not None
    assert changes.store_body(call, b"{}", DIGEST)
    ChangeCall.objects.update(outcome="answered")
    DocumentChange.objects.update(status=status)
    old()
    prune()
    call.refresh_from_db()
    assert (call.body and bytes(call.body), call.body_sha256) == (left, DIGEST)


def test_young_bytes_stay(connected: XeroConnection) -> None:
    sent(connected, makers.an_invoice(makers.a_period(), "INV-1"))
    prune()
    assert bodies() == {b"{}"}


def test_a_call_in_flight_keeps_its_bytes(connected: XeroConnection, old: Callable[[], None]) -> None:
    sent(connected, makers.an_invoice(makers.a_period(), "INV-1"))
    Submission.objects.update(outcome="sending")
    old()
    prune()
    assert bodies() == {b"{}"}


def test_ends_stay_in_the_post_logs_and_steps_in_between_go(
    connected: XeroConnection, old: Callable[[], None], finance_admin: User
) -> None:
    period = makers.a_period()
    posted, refused, waiting = makers.invoices(period, 3)
    makers.uploaded(connected, finance_admin, posted, to=Status.POSTED)
    makers.uploaded(connected, finance_admin, refused, to=Status.REJECTED)
    makers.uploaded(connected, finance_admin, refused)
    makers.uploaded(connected, finance_admin, waiting, to=Status.UNCERTAIN)
    old()
    prune()
    left = {
        invoice.number: list(invoice.post_logs.order_by("pk").values_list("status", flat=True))
        for invoice in (posted, refused, waiting)
    }
    assert left == {
        posted.number: ["posted"],
        refused.number: ["rejected", "queued"],
        waiting.number: ["queued", "uncertain"],
    }


def test_no_fact_ever_goes(connected: XeroConnection, old: Callable[[], None], finance_admin: User) -> None:
    period = makers.a_period()
    for status in (Status.POSTED, Status.REJECTED, Status.WITHDRAWN, Status.UNCERTAIN):
        makers.uploaded(connected, finance_admin, makers.an_invoice(period, f"INV-{status}"), to=status)
    AuditEntry.objects.create(actor="x", action="upload", subject="x")
    kept = ("Invoice", "InvoiceLine", "Posting", "Submission", "Upload", "ImportRun", "Payment", "XeroConnection")
    models = [model for model in apps.get_models() if model.__name__ in kept]
    before = {model: list(model._base_manager.order_by("pk").values()) for model in models}
    old()
    prune()
    assert {model: list(model._base_manager.order_by("pk").values()) for model in models} == before
    assert AuditEntry.objects.filter(subject="x").exists()
    assert AuditEntry.objects.get(action="operation").after["steps in between in the post logs"] > 0


def test_details_of_refused_files_told_notices_and_ended_sessions_go(
    finance_admin: User, old: Callable[[], None], client_for: Callable[[User], Client]
) -> None:
    ended = timezone.now()
    refused = ImportRun.objects.create(file_name="a", size=1, state="refused", errors=1, finished_at=ended)
    other = ImportRun.objects.create(file_name="b", size=1, state="nothing_new", finished_at=ended)
    for run in (refused, other):
        ImportFinding.objects.create(run=run, row=2, reason="no")
    for status in ("delivered", "failed", "waiting"):
        notice = Notice.objects.create(key=status, kind="upload_finished", subject=status, body="", created_at=ended)
        Delivery.objects.create(notice=notice, user=finance_admin, status=status)
    client_for(finance_admin)
    old()
    assert Session.objects.filter(expire_date__lt=timezone.now()).exists()
    prune()
    assert list(ImportFinding.objects.values_list("run", flat=True)) == [other.pk]
    assert list(Notice.objects.values_list("subject", flat=True)) == ["waiting"]
    assert not Session.objects.exists()


def test_pages_say_what_was_pruned(
    connected: XeroConnection, old: Callable[[], None], system_admin: User, client_for: Callable[[User], Client]
) -> None:
    invoice = makers.an_invoice(makers.a_period(), "INV-1")
    sent(connected, invoice)
    run = ImportRun.objects.create(
        file_name="a", size=1, state="refused", errors=1, finished_at=timezone.now(), reason=""
    )
    ImportFinding.objects.create(run=run, row=2, reason="no")
    old()
    prune()
    client = client_for(system_admin)
    page = client.get(invoice.get_absolute_url()).content.decode()
    assert "were removed after their time" in page
    assert DIGEST in page
    assert "were removed after their time" in client.get(run.get_absolute_url()).content.decode()
    for path in (
        invoice.posting.upload.get_absolute_url(),
        reverse("payload", args=[invoice.pk]),
        reverse("post_logs"),
    ):
        assert client.get(path).status_code == 200, path


def test_it_goes_in_batches(
    connected: XeroConnection, old: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    period = makers.a_period()
    for index in range(5):
        sent(connected, makers.an_invoice(period, f"INV-{index}"))
    old()
    assert retention.prune(dt.timedelta(days=400))["bytes of calls"] == 5
    assert bodies() == {None}


def test_it_runs_by_itself_only_when_that_is_set(
    connected: XeroConnection, old: Callable[[], None], settings: Any
) -> None:
    assert "prune" not in CELERY_BEAT_SCHEDULE
    sent(connected, makers.an_invoice(makers.a_period(), "INV-1"))
    old()
    settings.PRUNE_AFTER_DAYS = 400
    operations_tasks.prune()
    assert bodies() == {None}
    operations_tasks.prune()
    entry = AuditEntry.objects.get(action="operation")
    assert (entry.actor, entry.subject) == ("The portal", "Pruned what was older than 400 days")
    assert entry.after["bytes of calls"] == 1


def test_an_age_of_no_days_is_refused() -> None:
    with pytest.raises(CommandError, match="from 1 up"):
        prune("--older-than", "0")
