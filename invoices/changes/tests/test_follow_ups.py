"""Post, approve, send in one go, each once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection as database
from django.test import Client
from django.urls import reverse

from c3portal.database import clock
from c3portal.models import User
from invoices import tasks
from invoices.changes import follow_ups, transitions
from invoices.changes.tests.conftest import Send
from invoices.conftest import MakeInvoice, Work
from invoices.models import ChangeCall, CustomerOverride, DocumentChange, Invoice, Posting, Upload, UploadDraft
from invoices.posting import queueing, worker
from invoices.readback.documents import MISSING
from invoices.tests import makers
from xero_integration.models import XeroConnection, XeroSettings
from xero_sandbox.testing import SandboxControl

Go = Callable[..., Upload]


@pytest.fixture
def go(make_invoice: MakeInvoice, connected: XeroConnection, finance_admin: User, addresses: None) -> Go:
    """Return a function that uploads an invoice for each amount, to be approved and sent by itself."""

    def go(*amounts: str, onward: str = "send", invoice_status: str = "DRAFT") -> Upload:
        for amount in amounts:
            make_invoice(amount=amount)
        queued = queueing.enqueue(
            Invoice.objects.all(),
            connection=connected,
            user=finance_admin,
            invoice_status=invoice_status,
            onward=onward,
        )
        assert queued.upload is not None
        return queued.upload

    return go


@pytest.mark.both_databases
def test_what_is_posted_is_approved_and_sent_by_itself(go: Go, work: Work, sandbox: SandboxControl) -> None:
    upload = go("100.00", "50.00", "-40.00")
    for _ in range(4):
        work()
    assert {each["status"] for each in sandbox.documents()} == {"AUTHORISED"}
    assert len(sandbox.mails()) == 2
    upload.refresh_from_db()
    assert upload.onward_ended_at is not None
    before = len(sandbox.calls())
    work()
    assert len(sandbox.calls()) == before
    assert sandbox.violations() == []


def test_what_is_posted_as_approved_is_only_sent(go: Go, work: Work, sandbox: SandboxControl) -> None:
    go("100.00", invoice_status="AUTHORISED")
    for _ in range(3):
        work()
    assert set(DocumentChange.objects.values_list("kind", "status")) == {("send", "done")}
    assert len(sandbox.mails()) == 1


def test_where_only_approval_is_asked_for_nothing_is_sent(go: Go, work: Work, sandbox: SandboxControl) -> None:
    go("100.00", onward="approve")
    for _ in range(3):
        work()
    assert [each["status"] for each in sandbox.documents()] == ["AUTHORISED"]
    assert sandbox.mails() == []


@pytest.mark.both_databases
@pytest.mark.usefixtures("no_lookup_delay")
def test_it_survives_a_worker_that_dies_at_each_step(
    go: Go, sweep: Work, connected: XeroConnection, sandbox: SandboxControl, work: Work
) -> None:
    go("100.00", "50.00")
    # It dies right after the documents are posted, before anything follows.
    posting_only(connected)
    assert Posting.objects.filter(status="posted").count() == 2
    assert DocumentChange.objects.count() == 0
    # Then with the approval's bytes stored, which went out or not.
    assert follow_ups.queue(connected) == 2
    die_with_a_call_under_way(connected)
    sweep()
    assert follow_ups.queue(connected) in (0, 2)
    # And with one mail's.
    die_with_a_call_under_way(connected)
    for _ in range(4):
        sweep()
    assert len(sandbox.mails()) == 2
    assert {each["number"] for each in sandbox.mails()} == {each["number"] for each in sandbox.documents()}
    assert Upload.objects.get().onward_ended_at is not None


def posting_only(connection: XeroConnection) -> None:
    worker.reconcile_and_link_contacts(connection)
    worker.advance(connection, float("inf"))


def die_with_a_call_under_way(connection: XeroConnection) -> None:
    if (call := transitions.claim(connection)) is not None:
        transitions.store_body(call, b"", "")
        ChangeCall.objects.filter(pk=call.pk).update(lease_until=clock.now())


def test_what_an_answer_told_no_status_of_goes_on_once_that_is_known(go: Go, connected: XeroConnection) -> None:
    go("100.00", "50.00")
    posting_only(connected)
    known = dict(Posting.objects.values_list("pk", "xero_status"))
    Posting.objects.update(xero_status="")
    assert follow_ups.queue(connected) == 0

    for pk, status in known.items():
        Posting.objects.filter(pk=pk).update(xero_status=status)

    assert follow_ups.queue(connected) == 2


@pytest.mark.both_databases
def test_what_xero_does_not_show_any_more_is_not_waited_for(go: Go, connected: XeroConnection) -> None:
    go("100.00")
    posting_only(connected)
    Posting.objects.update(xero_status="")
    follow_ups.queue(connected)
    assert follow_ups.due().exists()

    Posting.objects.update(edits=MISSING)
    follow_ups.queue(connected)

    assert not follow_ups.due().exists()


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_ask_for_each_step_once(go: Go, connected: XeroConnection, sandbox: SandboxControl) -> None:
    go("100.00", "50.00", "25.00")
    posting_only(connected)

    def queue(_: int) -> int:
        try:
            return follow_ups.queue(connected)
        finally:
            database.close()

    with ThreadPoolExecutor(4) as threads:
        queued = list(threads.map(queue, range(4)))
    assert sum(queued) == 3
    assert DocumentChange.objects.count() == 3


def test_the_rest_waits_until_more_mails_may_be_sent(
    go: Go, work: Work, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("invoices.changes.onward.MAILS_A_DAY", 1)
    upload = go("100.00", "50.00")
    for _ in range(4):
        work()
    upload.refresh_from_db()
    assert (len(sandbox.mails()), upload.onward_ended_at) == (1, None)
    monkeypatch.setattr("invoices.changes.onward.MAILS_A_DAY", 2)
    for _ in range(2):
        work()
    upload.refresh_from_db()
    assert len(sandbox.mails()) == 2
    assert upload.onward_ended_at is not None


def test_an_organisation_that_sends_no_mails_at_all_ends_it(go: Go, work: Work, connected: XeroConnection) -> None:
    XeroConnection.objects.update(organisation_class="DEMO")
    upload = go("100.00")
    for _ in range(3):
        work()
    upload.refresh_from_db()
    assert upload.onward_ended_at is not None


def test_what_a_later_file_changed_is_neither_approved_nor_sent_by_itself(
    go: Go, work: Work, connected: XeroConnection, sandbox: SandboxControl
) -> None:
    upload = go("100.00")
    posting_only(connected)
    Invoice.objects.update(difference="Total: 100.00 here, 90.00 in the file")
    for _ in range(3):
        work()
    assert [each["status"] for each in sandbox.documents()] == ["DRAFT"]
    upload.refresh_from_db()
    assert upload.onward_ended_at is not None


def test_posting_waits_a_turn_at_most_for_what_is_to_be_sent(
    go: Go, posted: Callable[..., list[Posting]], send: Send, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    posted("10.00", "20.00", "30.00")
    send()
    go("40.00", onward="", invoice_status="AUTHORISED")
    monkeypatch.setattr(tasks, "WORK_SECONDS", 0)
    work()
    assert DocumentChange.objects.filter(status="queued").count() == 2
    assert not Posting.objects.in_progress().exists()


def test_what_xero_refused_is_not_asked_for_again_by_itself(
    go: Go, work: Work, connected: XeroConnection, sandbox: SandboxControl
) -> None:
    upload = go("100.00")
    posting_only(connected)
    sandbox.void(Posting.objects.get().invoice.xero_number)
    for _ in range(4):
        work()
    assert list(DocumentChange.objects.values_list("kind", "status")) == [("approve", "refused")]
    upload.refresh_from_db()
    assert upload.onward_ended_at is not None


# Two people


def test_nothing_that_would_be_approved_at_once_is_queued_where_two_people_are_asked_for(
    make_invoice: MakeInvoice, connected: XeroConnection, finance_admin: User
) -> None:
    make_invoice()
    XeroSettings.objects.update(two_people=True)
    for status, onward, needs_another in (
        ("AUTHORISED", "", True),
        ("DRAFT", "approve", True),
        ("SUBMITTED", "send", True),
        ("SUBMITTED", "", False),
    ):
        queued = queueing.enqueue(
            Invoice.objects.all(), connection=connected, user=finance_admin, invoice_status=status, onward=onward
        )
        assert (queued.needs_another, queued.upload is None) == (needs_another, needs_another), (status, onward)


def test_a_customers_own_status_does_not_get_round_the_second_person(
    make_invoice: MakeInvoice, connected: XeroConnection, finance_admin: User, work: Work, sandbox: SandboxControl
) -> None:
    invoice = make_invoice()
    CustomerOverride.objects.create(customer=invoice.customer, invoice_status="AUTHORISED")
    XeroSettings.objects.update(two_people=True)
    queueing.enqueue(Invoice.objects.all(), connection=connected, user=finance_admin, invoice_status="DRAFT")
    work()
    row = Posting.objects.get()
    assert row.status == "rejected"
    assert "whoever uploads an invoice may not approve it" in row.message
    assert sandbox.documents() == []


def test_the_preflight_says_why_another_person_is_needed_and_offers_a_way(
    client: Client, finance_admin: User, woken: list[int]
) -> None:
    period = makers.a_period()
    makers.invoices(period, 2)
    makers.connected()
    XeroSettings.objects.update(two_people=True)
    client.force_login(finance_admin)
    form = {"period": period.billing_id, "all": "1", "invoice_status": "AUTHORISED"}
    page = client.post(reverse("upload_to_xero"), form, follow=True)
    draft = UploadDraft.objects.get()
    words = " ".join(page.content.decode().split())
    assert "whoever uploads an invoice may not approve it" in words
    client.post(reverse("preflight_drafts", args=[draft.pk]), {"awaiting": "1"})
    page = client.get(draft.get_absolute_url())
    words = " ".join(page.content.decode().split())
    assert "Create in Xero as: Awaiting approval" in words
    assert "Another person must approve and send them" in words
    assert 'name="onward"' not in words


def test_one_go_is_chosen_on_the_preflight_page(client: Client, finance_admin: User, woken: list[int]) -> None:
    period = makers.a_period()
    makers.invoices(period, 2)
    makers.connected()
    client.force_login(finance_admin)
    client.post(reverse("upload_to_xero"), {"period": period.billing_id, "all": "1", "invoice_status": "DRAFT"})
    draft = UploadDraft.objects.get()
    page = client.get(draft.get_absolute_url())
    assert [value for value, *_ in page.context["onward_choices"]] == ["", "approve", "send"]
    kept = {"organisation": page.context["organisation"].pk, "taken": "", "known_notes": ""}
    address = reverse("preflight_post", args=[draft.pk])
    assert client.post(address, kept | {"onward": "else"}).status_code == 400
    client.post(address, kept | {"onward": "send"})
    assert Upload.objects.get().onward == "send"
