"""One call: what is stored before it leaves, and what becomes of its invoices, whatever Xero answers."""

import datetime as dt
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import requests
from django.db import connection as database

from invoices.conftest import MakeInvoice, Upload, Work
from invoices.models import BillingPeriod, Invoice, InvoiceLine, Posting, PostLog, Submission
from invoices.posting import contact_step, reconciliation, sender
from invoices.posting.outcomes import Outcome
from xero_integration import connections
from xero_integration.client.errors import XeroAuthError, XeroUnavailable
from xero_integration.models import TokenSet, XeroConnection, XeroSettings
from xero_integration.testing import consent
from xero_sandbox.testing import SandboxControl

MakeInvoices = Callable[[int], list[Invoice]]
State = Callable[[], dict[str, int]]


def creations(sandbox: SandboxControl, resource: str = "Invoices") -> list[dict[str, Any]]:
    return [call for call in sandbox.calls() if (call["method"], call["path"]) == ("PUT", resource)]


def only() -> Posting:
    return Posting.objects.get()


# A whole period


@pytest.mark.both_databases
def test_the_september_sample_arrives_once_and_to_the_cent(
    sample: BillingPeriod, connected: XeroConnection, sandbox: SandboxControl, upload: Upload, work: Work, state: State
) -> None:
    upload()
    sandbox.forget()
    work()
    assert state() == {"posted": 120}
    documents = sandbox.documents()
    assert Counter(each["type"] for each in documents) == {"ACCREC": 117, "ACCRECCREDIT": 3}
    assert Counter(each["status"] for each in documents) == {"AUTHORISED": 120}
    in_xero: dict[str, Decimal] = defaultdict(Decimal)
    for each in documents:
        in_xero[each["currency"]] += Decimal(each["total"]) * (-1 if each["type"] == "ACCRECCREDIT" else 1)
    here: dict[str, Decimal] = defaultdict(Decimal)
    for invoice in sample.invoices.select_related("posting"):
        here[invoice.currency] += invoice.total
        assert invoice.posting.xero_total == abs(invoice.total)
    assert in_xero == here == {"AUD": Decimal("274215.28"), "NZD": Decimal("21371.46"), "USD": Decimal("12201.68")}
    assert sandbox.violations() == []


def test_the_september_sample_takes_eight_calls(
    sample: BillingPeriod, sandbox: SandboxControl, upload: Upload, work: Work
) -> None:
    upload()
    sandbox.forget()
    work()
    # One listing of contacts, 119 new ones in three, 117 invoices in three, 3 credit notes in one.
    assert Counter(f"{call['method']} {call['path']}" for call in sandbox.calls()) == {
        "GET Contacts": 1,
        "PUT Contacts": 3,
        "PUT Invoices": 3,
        "PUT CreditNotes": 1,
    }
    sandbox.forget()
    work()
    assert sandbox.calls() == []


def test_a_number_that_xero_does_not_take_is_spelt_and_the_reference_keeps_the_original(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, work: Work
) -> None:
    invoice = make_invoice("Invoice_東京SørenÅse_1")
    upload()
    work()
    (document,) = sandbox.documents()
    assert document["number"] == invoice.xero_number
    assert document["number"].isascii()
    assert document["reference"] == "Invoice_東京SørenÅse_1"
    assert only().status == "posted"


@pytest.mark.parametrize("invoice_status", ["DRAFT", "SUBMITTED", "AUTHORISED"])
def test_documents_arrive_in_the_status_that_the_upload_chose(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, work: Work, invoice_status: str
) -> None:
    make_invoice()
    upload(invoice_status=invoice_status)
    work()
    assert [each["status"] for each in sandbox.documents()] == [invoice_status] == [only().xero_status]


@pytest.mark.parametrize("amount", ["0.00", "-12.34", "0.01"])
def test_trials_credits_and_cents_arrive(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, work: Work, amount: str
) -> None:
    invoice = make_invoice(amount=amount)
    upload()
    work()
    assert only().status == "posted"
    assert [each["total"] for each in sandbox.documents()] == [str(abs(invoice.total))]


def test_a_credit_within_an_invoice_and_long_rates_arrive_to_the_cent(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, work: Work
) -> None:
    invoice = make_invoice(amount="100.00")
    lines = [
        ("azure", "1234.567891", "0.001234567891", "1.524157"),
        ("license", "1000", "0.12345678", "123.45678"),
        ("license", "-2", "13.25", "-26.50"),
        ("custom", "1.5", "33.3333", "49.99995"),
    ]
    for position, (kind, quantity, price, subtotal) in enumerate(lines, start=2):
        InvoiceLine.objects.create(
            invoice=invoice,
            position=position,
            kind=kind,
            name=f"Line {position}",
            quantity=Decimal(quantity),
            unit_price=Decimal(price),
            subtotal=Decimal(subtotal),
            tax_name="GST",
            tax_percentage=Decimal(10),
            tax=Decimal(0),
            total=Decimal(0),
        )
    # 100.00 + 1.52 + 123.46 - 26.50 + 50.00, and tax 10.00 + 0.15 + 12.35 - 2.65 + 5.00
    Invoice.objects.update(subtotal=Decimal("248.48"), tax=Decimal("24.85"), total=Decimal("273.33"))
    upload()
    work()
    assert (only().status, only().message) == ("posted", "")
    assert [each["total"] for each in sandbox.documents()] == ["273.33"]


# The order that makes it safe


@pytest.fixture
def seen_at_the_call(connected: XeroConnection, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Submission, bytes]]:
    """Each creation of invoices: the submission as stored when the call left, and the bytes that it carried."""
    seen: list[tuple[Submission, bytes]] = []
    send = requests.Session.request

    def request(self: requests.Session, method: str, url: str, **options: Any) -> requests.Response:
        if (method, url.rpartition("/")[2]) == ("PUT", "Invoices"):
            submission = Submission.objects.get(pk=options["headers"]["Idempotency-Key"])
            seen.append((submission, options["data"]))
        return send(self, method, url, **options)

    monkeypatch.setattr(requests.Session, "request", request)
    return seen


def test_the_exact_bytes_are_stored_before_the_call_leaves(
    make_invoices: MakeInvoices, upload: Upload, work: Work, seen_at_the_call: list[tuple[Submission, bytes]]
) -> None:
    make_invoices(2)
    upload()
    work()
    ((stored, sent),) = seen_at_the_call
    assert bytes(stored.body or b"") == sent
    assert stored.body_sha256 == hashlib.sha256(sent).hexdigest()
    assert stored.outcome == Submission.Outcome.SENDING
    assert [row["InvoiceNumber"] for row in json.loads(sent)["Invoices"]] == ["Invoice_0001", "Invoice_0002"]


def test_a_call_is_its_own_record(
    make_invoices: MakeInvoices, sandbox: SandboxControl, upload: Upload, work: Work
) -> None:
    make_invoices(2)
    upload()
    work()
    (call,) = creations(sandbox)
    submission = Submission.objects.get()
    assert call["idempotency_key"] == str(submission.pk)
    assert call["body_sha256"] == submission.body_sha256
    assert call["correlation_id"] == submission.correlation_id
    assert (submission.outcome, submission.status_code, submission.postings_count) == ("answered", 200, 2)
    assert call["user_agent"].startswith("C3 Portal")
    assert "summarizeErrors=false" in call["query"]


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_no_call_is_made_inside_a_database_transaction(
    make_invoices: MakeInvoices, sandbox: SandboxControl, upload: Upload, sweep: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_invoices(2)
    sandbox.place_fault("commit_then_drop", method="PUT", path="^Invoices$")
    inside: list[bool] = []
    send = requests.Session.request

    def request(self: requests.Session, *arguments: Any, **options: Any) -> requests.Response:
        inside.append(database.in_atomic_block)
        return send(self, *arguments, **options)

    upload()
    monkeypatch.setattr(requests.Session, "request", request)
    sweep()
    assert inside == [False] * 3


def test_a_worker_that_was_given_up_for_dead_sends_nothing(
    make_invoice: MakeInvoice,
    sandbox: SandboxControl,
    upload: Upload,
    work: Work,
    sweep: Work,
    after_the_lease: Work,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_invoice()
    upload()
    build_documents = sender.build_documents

    def slow_build(*arguments: Any) -> Any:
        after_the_lease()
        return build_documents(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(sender, "build_documents", slow_build)
        work()
    assert creations(sandbox) == []
    sweep()
    assert (only().status, len(sandbox.documents())) == ("posted", 1)


# One bad invoice never stops its mates


def test_what_the_portal_knows_to_be_wrong_is_refused_in_words_and_its_mates_arrive(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, work: Work, state: State
) -> None:
    make_invoice("Invoice_eur", currency="EUR")
    make_invoice("Invoice_tax", tax_percentage="12.5")
    for _ in range(3):
        make_invoice()
    upload()
    work()
    assert state() == {"posted": 3, "rejected": 2}
    words = dict(Posting.objects.filter(status="rejected").values_list("invoice__number", "message"))
    assert "not subscribed to currency EUR" in words["Invoice_eur"]
    assert "no active tax rate of 12.5 % (GST)" in words["Invoice_tax"]
    assert len(sandbox.documents()) == 3


def test_what_only_xero_knows_to_be_wrong_keeps_its_words_and_its_mates_arrive(
    make_invoices: MakeInvoices, sandbox: SandboxControl, upload: Upload, work: Work, state: State
) -> None:
    first, *_ = make_invoices(4)
    Invoice.objects.filter(pk=first.pk).update(issued_on=dt.date(2026, 6, 30))
    sandbox.change_organisation(period_lock_date="2026-07-31")
    upload()
    work()
    assert state() == {"posted": 3, "rejected": 1}
    refused = Posting.objects.get(status="rejected")
    assert refused.invoice == first
    assert refused.message == ("The document date cannot be before the period lock date, currently set at 31/07/2026.")
    last = PostLog.objects.filter(invoice=first).last()
    assert last is not None
    assert (last.status, last.message) == ("rejected", refused.message)


def test_an_account_archived_since_the_last_reading_is_refused_with_xeros_words(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, work: Work
) -> None:
    make_invoice()
    sandbox.put_account("4010", status="ARCHIVED")
    upload()
    work()
    assert only().status == "rejected"
    assert "Account code '4010' is not a valid code" in only().message


def test_a_refused_invoice_is_sent_once_what_was_wrong_is_mended(
    make_invoice: MakeInvoice, sandbox: SandboxControl, connected: XeroConnection, upload: Upload, work: Work
) -> None:
    make_invoice()
    sandbox.put_account("4010", status="ARCHIVED")
    upload()
    work()
    sandbox.put_account("4010", status="ACTIVE")
    # As the preflight does, which leads to every upload.
    connections.read_reference(connected)
    upload()
    work()
    assert (only().status, only().message) == ("posted", "")
    assert len(sandbox.documents()) == 1


def test_a_batch_refused_without_a_reason_is_halved_until_the_culprit_stands_alone(
    make_invoices: MakeInvoices, sandbox: SandboxControl, upload: Upload, sweep: Work, state: State
) -> None:
    invoices = make_invoices(8)
    upload()
    # The calls that carry the first invoice are the first, second, fourth and sixth; a fault counts only those calls
    # that no other fault has struck.
    for nth in (1, 1, 2, 3):
        sandbox.place_fault("whole_batch_400", method="PUT", path="^Invoices$", nth=nth)
    sweep()
    assert state() == {"posted": 7, "rejected": 1}
    culprit = Posting.objects.get(status="rejected")
    assert culprit.invoice == invoices[0]
    assert culprit.message == "A validation exception occurred"
    assert [call["elements"] for call in creations(sandbox)][:4] == [8, 4, 4, 2]
    assert len(sandbox.documents()) == 7
    assert sandbox.violations() == []


def test_a_request_too_large_for_xero_is_divided_before_it_leaves(
    make_invoices: MakeInvoices, sandbox: SandboxControl, upload: Upload, work: Work, state: State, monkeypatch: Any
) -> None:
    make_invoices(10)
    upload()
    monkeypatch.setattr(sender, "MAX_BODY_BYTES", 2000)
    work()
    assert state() == {"posted": 10}
    assert max(call["elements"] for call in creations(sandbox)) < 5
    assert Submission.objects.filter(problem__contains="larger than Xero takes", body=None).exists()


# Nothing was recorded: the rows wait


@pytest.mark.parametrize(
    ("fault", "seconds", "words"),
    [
        ("429_minute", 37, "limit of calls a minute"),
        ("429_day", 77_000, "daily limit"),
        ("429_concurrent", None, "busy with other calls"),
    ],
)
def test_a_limit_pauses_the_connection_in_words_and_the_rows_wait(
    make_invoices: MakeInvoices,
    sandbox: SandboxControl,
    connected: XeroConnection,
    upload: Upload,
    sweep: Work,
    work: Work,
    state: State,
    fault: str,
    seconds: int | None,
    words: str,
    time_machine: Any,
) -> None:
    make_invoices(3)
    upload()
    sandbox.place_fault(fault, method="PUT", path="^Invoices$", seconds=seconds)
    work()
    assert state() == {"queued": 3}
    connected.refresh_from_db()
    assert connected.paused_until is not None
    assert words in connected.pause_reason
    assert set(Submission.objects.values_list("outcome", "status_code")) == {("not_recorded", 429)}

    sandbox.forget()
    sweep()
    work()
    assert sandbox.calls() == []

    time_machine.move_to(connected.paused_until + dt.timedelta(seconds=1))
    sandbox.shift_clock((seconds or 2) + 1)
    sweep()
    assert state() == {"posted": 3}
    assert len(sandbox.documents()) == 3
    assert sandbox.violations() == []


def test_an_expired_token_is_renewed_once_and_the_call_goes_on(
    make_invoices: MakeInvoices,
    sandbox: SandboxControl,
    connected: XeroConnection,
    upload: Upload,
    work: Work,
    state: State,
) -> None:
    make_invoices(2)
    upload()
    sandbox.place_fault("401", method="PUT", path="^Invoices$")
    work()
    assert state() == {"posted": 2}
    assert TokenSet.objects.get().generation == 1
    refused, accepted = creations(sandbox)
    assert (refused["status"], accepted["status"]) == (401, 200)
    assert refused["idempotency_key"] == accepted["idempotency_key"]
    assert refused["body_sha256"] == accepted["body_sha256"]
    connected.refresh_from_db()
    assert connected.status == "connected"


def test_a_token_that_stays_refused_is_renewed_only_once(
    make_invoice: MakeInvoice,
    sandbox: SandboxControl,
    connected: XeroConnection,
    upload: Upload,
    work: Work,
    state: State,
) -> None:
    make_invoice()
    upload()
    sandbox.place_fault("401", method="PUT", path="^Invoices$", times=5)
    work()
    assert len(creations(sandbox)) == 2
    assert state() == {"queued": 1}
    connected.refresh_from_db()
    assert connected.status == "needs_reconnecting"
    assert "Connect again" in connected.status_reason


def test_a_lost_connection_asks_for_a_person_and_the_rows_go_on_after_reconnecting(
    make_invoices: MakeInvoices,
    sandbox: SandboxControl,
    connected: XeroConnection,
    upload: Upload,
    work: Work,
    sweep: Work,
    state: State,
) -> None:
    make_invoices(3)
    upload()
    sandbox.place_fault("403", method="PUT", path="^Invoices$")
    work()
    assert state() == {"queued": 3}
    connected.refresh_from_db()
    assert connected.status == "needs_reconnecting"
    assert "disconnected in Xero" in connected.status_reason

    sandbox.forget()
    sweep()
    work()
    assert sandbox.calls() == []

    consent(sandbox, XeroSettings.load().client_id)
    sweep()
    assert state() == {"posted": 3}
    assert len(sandbox.documents()) == 3


@pytest.mark.parametrize(("fault", "error"), [("429_minute", XeroUnavailable), ("403", XeroAuthError)])
def test_who_sends_is_told_what_stopped_the_call(
    make_invoice: MakeInvoice,
    sandbox: SandboxControl,
    connected: XeroConnection,
    upload: Upload,
    fault: str,
    error: type[Exception],
) -> None:
    make_invoice()
    upload()
    contact_step.link_contacts(connected)
    sandbox.place_fault(fault, method="PUT", path="^Invoices$")
    with pytest.raises(error):
        sender.send_next(connected)


def test_a_xero_that_cannot_be_reached_pauses_and_keeps_the_rows(
    make_invoices: MakeInvoices, connected: XeroConnection, upload: Upload, work: Work, state: State, settings: Any
) -> None:
    make_invoices(2)
    upload()
    settings.XERO_API_URL = "http://localhost:9"
    work()
    assert state() == {"queued": 2}
    connected.refresh_from_db()
    assert connected.paused_until is not None


# Answers that come late


def test_an_answer_that_comes_after_the_worker_was_given_up_for_dead_still_counts(
    make_invoices: MakeInvoices,
    sandbox: SandboxControl,
    upload: Upload,
    work: Work,
    after_the_lease: Work,
    state: State,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_invoices(2)
    upload()
    settle = sender.settle

    def late(submission: Submission, outcome: Outcome) -> int:
        if outcome.call is None:
            return settle(submission, outcome)
        after_the_lease()
        reconciliation.release_expired_leases()
        assert state() == {"uncertain": 2}
        return settle(submission, outcome)

    monkeypatch.setattr(sender, "settle", late)
    work()
    assert state() == {"posted": 2}
    assert Submission.objects.get().outcome == "answered"
    assert [call["path"] for call in sandbox.calls() if call["method"] == "GET"].count("Invoices") == 0
