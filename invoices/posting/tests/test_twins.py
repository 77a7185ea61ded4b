"""Two documents in Xero with one marker: found when an upload finished, told, and forgotten once one is left."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from c3portal.database import clock
from c3portal.models import Notice
from invoices import notifications
from invoices.conftest import MakeInvoice, Upload, Work
from invoices.documents.builder import marker
from invoices.models import Invoice, Posting, Twin
from invoices.models import Upload as UploadRow
from invoices.posting import twins
from invoices.posting.tests.test_found_again import by_hand
from invoices.tests.pages import message_of
from operations.metrics import Figures
from xero_integration.models import XeroConnection
from xero_sandbox.testing import SandboxControl


@pytest.fixture(autouse=True)
def not_unique(sandbox: SandboxControl) -> None:
    sandbox.change_organisation(unique_credit_notes=False)


@pytest.fixture
def note(make_invoice: MakeInvoice) -> Invoice:
    return make_invoice(amount="-10.00")


def long_since() -> None:
    """Let the time go by in which Xero may still be at work on a call."""
    Posting.objects.update(updated_at=clock.now() - dt.timedelta(minutes=3))


def posted(upload: Upload, sweep: Work) -> None:
    upload()
    sweep()
    assert set(Posting.objects.values_list("status", flat=True)) == {"posted"}


def reads(sandbox: SandboxControl) -> int:
    return sum((call["method"], call["path"]) == ("GET", "CreditNotes") for call in sandbox.calls())


def gauge() -> float:
    (family,) = [each for each in Figures().collect() if each.name == "c3portal_documents_posted_twice"]
    return sum(sample.value for sample in family.samples)


@pytest.mark.both_databases
@pytest.mark.parametrize("same_number", [True, False])
def test_two_documents_with_one_marker_are_found_when_the_upload_finished(
    note: Invoice, sandbox: SandboxControl, upload: Upload, sweep: Work, same_number: bool
) -> None:
    posted(upload, sweep)
    twin = by_hand(sandbox, note.xero_number if same_number else "CN-0042", f"Billing {marker(note)}")
    long_since()
    sweep()
    (found,) = Twin.objects.all()
    assert (found.posting.invoice, found.xero_id, found.status) == (note, twin, "AUTHORISED")
    assert gauge() == 1


def test_nothing_is_looked_for_while_a_call_may_still_arrive_nor_twice(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, sweep: Work
) -> None:
    for _ in range(30):
        make_invoice(amount="-10.00")
    posted(upload, sweep)
    sandbox.forget()
    sweep()
    assert reads(sandbox) == 0
    long_since()
    sweep()
    sweep()
    assert reads(sandbox) == 1
    assert not Twin.objects.exists()
    assert gauge() == 0


def test_invoices_take_no_lookup_since_xero_refuses_their_numbers(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, sweep: Work
) -> None:
    make_invoice()
    posted(upload, sweep)
    long_since()
    sandbox.forget()
    sweep()
    assert sandbox.calls() == []


def test_someone_elses_document_of_the_same_number_is_no_twin(
    note: Invoice, sandbox: SandboxControl, upload: Upload, sweep: Work
) -> None:
    posted(upload, sweep)
    by_hand(sandbox, note.xero_number, "Somebody else's")
    long_since()
    sweep()
    assert not Twin.objects.exists()


@pytest.mark.usefixtures("woken")
def test_check_now_finds_it_says_what_it_means_and_forgets_it_once_one_is_voided(
    note: Invoice, sandbox: SandboxControl, upload: Upload, sweep: Work, finance: Client
) -> None:
    posted(upload, sweep)
    by_hand(sandbox, "CN-0042", marker(note))
    row = UploadRow.objects.get()
    check = reverse("upload_check", args=[row.pk])
    assert check in finance.get(row.get_absolute_url()).content.decode()
    words = message_of(finance.post(check, follow=True))
    assert "1 credit note is in Xero more than once" in words
    for page in (row.get_absolute_url(), note.get_absolute_url()):
        html = finance.get(page).content.decode()
        assert "CN-0042" in html
        assert "Credited more than once" in html
    sandbox.void("CN-0042", type="ACCRECCREDIT")
    words = message_of(finance.post(check, follow=True))
    assert "more than once" not in words
    assert not Twin.objects.exists()
    assert "Credited more than once" not in finance.get(note.get_absolute_url()).content.decode()


def test_it_goes_away_by_itself_once_either_of_the_two_is_voided(
    note: Invoice, sandbox: SandboxControl, upload: Upload, sweep: Work
) -> None:
    posted(upload, sweep)
    by_hand(sandbox, "CN-0042", marker(note))
    long_since()
    sweep()
    assert gauge() == 1
    sandbox.void(note.xero_number, type="ACCRECCREDIT")
    sweep()
    assert gauge() == 1
    Posting.objects.update(compared_at=clock.now() - dt.timedelta(minutes=61))
    sweep()
    assert gauge() == 0


def test_it_is_told_once_and_again_when_another_is_found(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, sweep: Work
) -> None:
    first, second = make_invoice(amount="-10.00"), make_invoice(amount="-20.00")
    posted(upload, sweep)
    by_hand(sandbox, "CN-1", marker(first))
    long_since()
    sweep()
    assert notifications.posted_twice() == 1
    assert notifications.posted_twice() == 0
    notice = Notice.objects.get(kind="posted_twice")
    assert "1 credit note is in Xero more than once" in notice.subject
    assert "AUD 11.00" in notice.body
    assert notice.path == UploadRow.objects.get().get_absolute_url()
    assert first.customer.name not in notice.body
    by_hand(sandbox, "CN-2", marker(second))
    Posting.objects.update(compared_at=None)
    sweep()
    assert notifications.posted_twice() == 1


def test_a_question_that_xero_refuses_is_not_asked_at_every_sweep(
    note: Invoice, sandbox: SandboxControl, upload: Upload, sweep: Work
) -> None:
    posted(upload, sweep)
    long_since()
    sandbox.forget()
    sandbox.place_fault("whole_batch_400", method="GET", path="^CreditNotes$", times=9)
    for _ in range(3):
        sweep()
    assert reads(sandbox) == 1


def test_what_cannot_be_asked_now_stays_due(
    note: Invoice, sandbox: SandboxControl, upload: Upload, sweep: Work, connected: XeroConnection
) -> None:
    posted(upload, sweep)
    by_hand(sandbox, "CN-1", marker(note))
    long_since()
    sandbox.place_fault("503_text", method="GET", path="^CreditNotes$")
    sweep()
    assert not Twin.objects.exists()
    assert twins.due().count() == 1
    XeroConnection.objects.update(paused_until=None)
    sweep()
    assert gauge() == 1


def test_a_lookup_takes_the_same_queries_however_many(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, sweep: Work
) -> None:
    for _ in range(60):
        make_invoice(amount="-10.00")
    posted(upload, sweep)
    notes = list(twins.comparable().values_list("pk", flat=True))

    def detect(count: int) -> tuple[int, int]:
        """Return how many queries and calls it takes, but for the counts of calls by how long they took."""
        sandbox.forget()
        with CaptureQueriesContext(database) as queries:
            assert twins.compare(XeroConnection.objects.get(), Posting.objects.filter(pk__in=notes[:count])) == 0
        counted = [query["sql"] for query in queries if "callcount" not in query["sql"]]
        return sum("SAVEPOINT" not in each for each in counted), reads(sandbox)

    (one, _), (thirty, _), (sixty, calls) = detect(1), detect(30), detect(60)
    assert one == thirty
    assert calls == 2
    # The second call is permitted in its turn; nothing else asks more.
    assert sixty - thirty <= 4
