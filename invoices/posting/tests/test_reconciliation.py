"""After a lost answer or a dead worker: exactly one document, and nothing sent again before a lookup."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from unittest.mock import create_autospec

import pytest
from django.db import DatabaseError
from django.utils import timezone

from c3portal.database import clock
from c3portal.models import LiveProcess
from c3portal.processes import liveness
from invoices import tasks
from invoices.conftest import MakeInvoice, Upload, Work
from invoices.documents.builder import marker
from invoices.models import BillingPeriod, Invoice, Posting, PostLog, Submission
from invoices.posting import contact_step, reconciliation, sender, transitions
from invoices.posting.ownership import markers_of
from xero_integration.client.errors import XeroRejected
from xero_integration.client.gateway import Gateway
from xero_integration.models import XeroConnection
from xero_integration.tests.deaths import killed_in_the_call
from xero_sandbox.testing import SandboxControl

MakeInvoices = Callable[[int], list[Invoice]]
State = Callable[[], dict[str, int]]

AFTER_COMMIT = [
    "commit_then_drop",
    "commit_then_500",
    "504_after_commit",
    "truncated_json_after_commit",
    "garbled_json_after_commit",
    "html_200_after_commit",
    "elements_missing",
]
BEFORE_COMMIT = ["drop_before", "500_before", "503_text", "redirect"]
HARMLESS = ["elements_shuffled", "nulls_and_unknown_enums"]


def creations(sandbox: SandboxControl, resource: str = "Invoices") -> int:
    return sum((call["method"], call["path"]) == ("PUT", resource) for call in sandbox.calls())


def only() -> Posting:
    return Posting.objects.get()


def by_hand(sandbox: SandboxControl, number: str, **facts: Any) -> dict[str, Any]:
    """Write an invoice as a bookkeeper would."""
    element = {
        "InvoiceNumber": number,
        "Contact": {"Name": "Northwind Traders"},
        "DueDate": "2026-10-06",
        "Status": "AUTHORISED",
        "LineItems": [{"Description": "By hand", "Quantity": 1, "UnitAmount": 100, "AccountCode": "4010"}],
    }
    return sandbox.write_document(element | facts)


# Lost answers


@pytest.mark.parametrize("fault", [*AFTER_COMMIT, *BEFORE_COMMIT, *HARMLESS])
@pytest.mark.usefixtures("no_lookup_delay")
def test_it_never_posts_twice_when_the_answer_is_lost(
    make_invoices: MakeInvoices, sandbox: SandboxControl, upload: Upload, sweep: Work, state: State, fault: str
) -> None:
    make_invoices(4)
    upload()
    sandbox.place_fault(fault, method="PUT", path="^Invoices$")
    for _ in range(3):
        sweep()
    assert state() == {"posted": 4}
    here = {row.xero_id: row.invoice.number for row in Posting.objects.select_related("invoice")}
    assert here == {each["id"]: each["number"] for each in sandbox.documents()}
    assert creations(sandbox) == (2 if fault in BEFORE_COMMIT else 1)
    assert sandbox.violations() == []


@pytest.mark.parametrize("fault", ["commit_then_drop", "commit_then_500", "drop_before", "elements_missing"])
@pytest.mark.usefixtures("no_lookup_delay")
def test_credit_notes_are_looked_up_too(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, sweep: Work, state: State, fault: str
) -> None:
    make_invoice(amount="-10.00")
    make_invoice(amount="-20.00")
    upload()
    sandbox.place_fault(fault, method="PUT", path="^CreditNotes$")
    for _ in range(3):
        sweep()
    assert state() == {"posted": 2}
    assert len(sandbox.documents()) == 2
    assert sandbox.violations() == []


@pytest.mark.both_databases
@pytest.mark.usefixtures("no_lookup_delay")
def test_the_september_sample_survives_an_answer_lost_at_every_call(
    sample: BillingPeriod, sandbox: SandboxControl, upload: Upload, sweep: Work, state: State
) -> None:
    upload()
    for fault, nth in (("commit_then_drop", 1), ("commit_then_500", 1), ("elements_missing", 1)):
        sandbox.place_fault(fault, method="PUT", path="^Invoices$", nth=nth)
    sandbox.place_fault("commit_then_drop", method="PUT", path="^CreditNotes$")
    for _ in range(4):
        sweep()
    assert state() == {"posted": 120}
    documents = sandbox.documents()
    assert len(documents) == 120
    assert not any(found for found in sandbox.organisations()[0]["duplicates"].values())
    borne = [markers_of({"Url": each["url"], "Reference": each["reference"]}) for each in documents]
    assert sorted(map(sorted, borne)) == sorted([marker(invoice)] for invoice in sample.invoices.all())
    assert sum((Decimal(each["total"]) for each in documents), Decimal(0)) == sum(
        abs(invoice.total) for invoice in sample.invoices.all()
    )
    assert sandbox.violations() == []


def test_a_lost_answer_leaves_its_rows_uncertain_and_says_so(
    make_invoices: MakeInvoices, sandbox: SandboxControl, upload: Upload, work: Work, state: State
) -> None:
    make_invoices(2)
    upload()
    sandbox.place_fault("commit_then_drop", method="PUT", path="^Invoices$")
    work()
    assert state() == {"uncertain": 2}
    assert set(Posting.objects.values_list("message", flat=True)) == {
        "The connection to Xero broke before its answer came."
    }
    assert Submission.objects.get().outcome == "unknown"
    # Neither an id nor a refusal is claimed, and a second click changes nothing.
    assert set(Posting.objects.values_list("xero_id", flat=True)) == {""}
    assert upload().queued == 0


@pytest.mark.usefixtures("no_lookup_delay")
def test_what_a_worker_held_when_its_database_went_away_is_free_soon_although_it_lives_on(
    sandbox: SandboxControl,
    connected: XeroConnection,
    make_invoices: MakeInvoices,
    upload: Upload,
    state: State,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not only after the lease of its rows, which is minutes."""
    make_invoices(2)
    upload()
    life = liveness.Life(liveness.Kind.WORKER, lambda: None)
    life.sign()
    monkeypatch.setattr(liveness, "_lives", [life])
    with monkeypatch.context() as patch:
        patch.setattr(transitions, "mark_posted", create_autospec(transitions.mark_posted, side_effect=DatabaseError))
        with pytest.raises(DatabaseError):
            tasks.work(connected.pk, spread=False)
    assert state() == {"sending": 2}
    holder = Submission.objects.get().process
    assert liveness.current() != holder
    LiveProcess.objects.filter(pk=holder).update(dead_at=clock.now())
    life.sign()
    assert reconciliation.release_expired_leases() == 2
    tasks.work(connected.pk, spread=False)
    assert state() == {"posted": 2}
    assert len(sandbox.documents()) == 2


def test_nothing_is_looked_up_before_its_time(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, sweep: Work, settings: Any, time_machine: Any
) -> None:
    settings.XERO_LOOK_AFTER, settings.XERO_SETTLES_AFTER = 10, 120
    make_invoice()
    upload()
    sandbox.place_fault("commit_then_drop", method="PUT", path="^Invoices$")
    sweep()
    sandbox.forget()
    sweep()
    assert sandbox.calls() == []
    time_machine.move_to(timezone.now() + dt.timedelta(seconds=11))
    sweep()
    assert [call["method"] for call in sandbox.calls()] == ["GET"]
    assert only().status == "posted"


def test_what_is_not_there_yet_is_not_sent_again_before_xero_must_have_finished(
    make_invoice: MakeInvoice,
    sandbox: SandboxControl,
    upload: Upload,
    sweep: Work,
    settings: Any,
    time_machine: Any,
) -> None:
    settings.XERO_LOOK_AFTER, settings.XERO_SETTLES_AFTER = 10, 120
    make_invoice()
    upload()
    sandbox.place_fault("drop_before", method="PUT", path="^Invoices$")
    began = timezone.now()
    sweep()
    for seconds in (11, 30, 60, 115):
        time_machine.move_to(began + dt.timedelta(seconds=seconds))
        sweep()
        assert only().status == "uncertain"
    assert creations(sandbox) == 1
    time_machine.move_to(began + dt.timedelta(seconds=140))
    sweep()
    sweep()
    assert only().status == "posted"
    assert creations(sandbox) == 2


def test_a_call_that_xero_finishes_after_the_first_lookup_is_found_by_the_second(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, sweep: Work, settings: Any, time_machine: Any
) -> None:
    settings.XERO_LOOK_AFTER, settings.XERO_SETTLES_AFTER = 10, 120
    invoice = make_invoice()
    upload()
    sandbox.place_fault("drop_before", method="PUT", path="^Invoices$")
    began = timezone.now()
    sweep()
    time_machine.move_to(began + dt.timedelta(seconds=11))
    sweep()
    assert only().status == "uncertain"
    written = by_hand(sandbox, invoice.xero_number, Reference=marker(invoice))
    time_machine.move_to(began + dt.timedelta(seconds=30))
    sweep()
    assert (only().status, only().xero_id) == ("posted", written["InvoiceID"])
    assert creations(sandbox) == 1


def test_a_lookup_that_fails_leaves_everything_as_it_was(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, sweep: Work, connected: XeroConnection
) -> None:
    make_invoice()
    upload()
    sandbox.place_fault("commit_then_drop", method="PUT", path="^Invoices$")
    sandbox.place_fault("503_text", method="GET", path="^Invoices$")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.XERO_LOOK_AFTER", 0)
        sweep()
    assert only().status == "uncertain"
    connected.refresh_from_db()
    assert connected.is_paused(timezone.now())


@pytest.mark.usefixtures("no_lookup_delay")
@pytest.mark.parametrize("number", ['Invoice_A, B & "C" \\ D_1', "Invoice_100%+#?=_1", "Invoice_東京_1", "I" * 255])
def test_a_number_of_any_letters_is_found_again(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, sweep: Work, number: str
) -> None:
    make_invoice(number)
    make_invoice(f"{number[:-1]}2", amount="5.00")
    upload()
    sandbox.place_fault("commit_then_drop", method="PUT", path="^Invoices$")
    sweep()
    sweep()
    assert set(Posting.objects.values_list("status", flat=True)) == {"posted"}
    assert creations(sandbox) == 1


# A number that is taken


def test_a_number_that_someone_else_took_is_said_and_nothing_of_theirs_is_touched(
    make_invoices: MakeInvoices, sandbox: SandboxControl, upload: Upload, work: Work, state: State
) -> None:
    first, *_ = make_invoices(3)
    theirs = by_hand(sandbox, first.xero_number)
    upload()
    work()
    assert state() == {"posted": 2, "rejected": 1}
    refused = Posting.objects.get(status="rejected")
    assert refused.message.startswith("Invoice # must be unique. Xero has another document with the number")
    assert "Northwind Traders, 110.00 AUD" in refused.message
    (kept,) = [each for each in sandbox.documents() if each["number"] == first.xero_number]
    assert (kept["id"], kept["contact"]) == (theirs["InvoiceID"], "Northwind Traders")


def test_a_number_that_is_taken_by_ours_is_adopted(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, work: Work
) -> None:
    invoice = make_invoice()
    ours = by_hand(sandbox, invoice.xero_number, Reference=f"Billing {marker(invoice)}")
    upload()
    work()
    assert (only().status, only().xero_id, only().xero_total) == ("posted", ours["InvoiceID"], Decimal("110.00"))
    assert len(sandbox.documents()) == 1


@pytest.mark.parametrize(
    "facts",
    [
        {"Reference": "C3-ffffffffffff"},
        {"LineItems": [{"Description": "x", "Quantity": 1, "UnitAmount": 99, "AccountCode": "4010"}]},
    ],
    ids=["another marker", "another total"],
)
def test_a_document_is_ours_by_marker_and_total_and_never_by_its_number_alone(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, work: Work, facts: dict[str, Any]
) -> None:
    invoice = make_invoice()
    by_hand(sandbox, invoice.xero_number, **({"Reference": marker(invoice)} | facts))
    upload()
    work()
    assert (only().status, only().xero_id) == ("rejected", "")
    assert len(sandbox.documents()) == 1


def test_a_number_that_a_voided_document_has_is_free(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, work: Work
) -> None:
    sandbox.change_organisation(free_after_void=True)
    invoice = make_invoice()
    by_hand(sandbox, invoice.xero_number, Reference=marker(invoice))
    sandbox.void(invoice.xero_number)
    upload()
    work()
    assert only().status == "posted"
    assert sorted(each["status"] for each in sandbox.documents()) == ["AUTHORISED", "VOIDED"]


@pytest.mark.usefixtures("no_lookup_delay")
def test_a_voided_document_of_ours_does_not_hide_the_live_one(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, sweep: Work
) -> None:
    sandbox.change_organisation(free_after_void=True)
    invoice = make_invoice()
    by_hand(sandbox, invoice.xero_number, Reference=marker(invoice))
    sandbox.void(invoice.xero_number)
    upload()
    sandbox.place_fault("commit_then_drop", method="PUT", path="^Invoices$")
    sweep()
    sweep()
    (live,) = [each for each in sandbox.documents() if each["status"] == "AUTHORISED"]
    assert (only().status, only().xero_id) == ("posted", live["id"])


def test_a_taken_number_that_xero_does_not_show_is_refused_and_not_sent_for_ever(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = make_invoice()
    by_hand(sandbox, invoice.xero_number)
    monkeypatch.setattr(Gateway, "find_invoices", lambda self, numbers: [])
    upload()
    work()
    assert only().status == "rejected"
    assert "look for it there" in only().message


def test_one_taken_number_does_not_condemn_the_mates_that_the_answer_left_out(
    linked: XeroConnection, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, lost = Invoice.objects.all()
    by_hand(sandbox, taken.xero_number)
    create = Gateway.create_documents

    def without_the_second(self: Gateway, *arguments: Any) -> Any:
        answer = create(self, *arguments)
        del answer.body["Invoices"][1]
        sandbox.void(lost.xero_number)
        return answer

    monkeypatch.setattr(Gateway, "create_documents", without_the_second)
    sender.send_next(linked)
    reconciliation.reconcile(linked)
    assert Posting.objects.get(invoice=taken).status == "rejected"
    assert Posting.objects.get(invoice=lost).status == "queued"


@pytest.mark.parametrize("kind", ["invoice", "credit_note"])
def test_an_earlier_refusal_does_not_condemn_what_a_lost_call_may_still_bring(
    linked: XeroConnection, sandbox: SandboxControl, settings: Any, kind: str
) -> None:
    settings.XERO_LOOK_AFTER, settings.XERO_SETTLES_AFTER = 0, 120
    sandbox.place_fault("drop_before", method="PUT", path="^Invoices$")
    sender.send_next(linked)
    # Workers of the release before leave this column as an earlier upload left it.
    Posting.objects.update(is_number_taken=True, document_type=kind)
    Submission.objects.update(document_type=kind)
    reconciliation.reconcile(linked)
    assert set(Posting.objects.values_list("status", flat=True)) == {"uncertain"}


# Dead workers


@pytest.fixture
def linked(make_invoices: MakeInvoices, upload: Upload, connected: XeroConnection) -> XeroConnection:
    """Two queued invoices whose customers have contacts."""
    make_invoices(2)
    upload()
    contact_step.link_contacts(connected)
    return connected


def test_a_worker_that_died_before_its_bytes_were_stored_sent_nothing(
    linked: XeroConnection, sandbox: SandboxControl, sweep: Work, after_the_lease: Work, state: State
) -> None:
    transitions.claim(linked)
    assert reconciliation.release_expired_leases() == 0
    sweep()
    assert state() == {"sending": 2}
    after_the_lease()
    assert reconciliation.release_expired_leases() == 2
    assert state() == {"queued": 2}
    assert Submission.objects.get().outcome == "not_recorded"
    sweep()
    assert state() == {"posted": 2}
    assert creations(sandbox) == 1


@pytest.mark.both_databases
@pytest.mark.usefixtures("no_lookup_delay")
@pytest.mark.parametrize("arrived", [True, False])
def test_a_worker_that_died_after_its_bytes_were_stored_is_looked_after(
    linked: XeroConnection,
    sandbox: SandboxControl,
    sweep: Work,
    after_the_lease: Work,
    state: State,
    arrived: bool,
) -> None:
    with killed_in_the_call(arrived):
        sender.send_next(linked)
    assert state() == {"sending": 2}
    after_the_lease()
    assert reconciliation.release_expired_leases() == 2
    assert state() == {"uncertain": 2}
    log = PostLog.objects.last()
    assert log is not None
    assert log.message == "The worker stopped before Xero's answer was stored."
    sweep()
    sweep()
    assert state() == {"posted": 2}
    assert len(sandbox.documents()) == 2
    assert creations(sandbox) == 1
    assert sandbox.violations() == []


def test_two_sweeps_release_dead_leases_once(linked: XeroConnection, after_the_lease: Work) -> None:
    transitions.claim(linked)
    after_the_lease()
    assert reconciliation.release_expired_leases() == 2
    logs = PostLog.objects.count()
    assert reconciliation.release_expired_leases() == 0
    assert PostLog.objects.count() == logs


def test_the_living_keep_their_rows(linked: XeroConnection, state: State) -> None:
    submission = transitions.claim(linked)
    assert submission is not None
    transitions.store_body(submission, b"{}", "digest")
    assert reconciliation.release_expired_leases() == 0
    assert state() == {"sending": 2}


@pytest.mark.parametrize("elements", [[], [{}], [{"InvoiceNumber": "Invoice_0001"}]])
def test_one_invoice_that_xero_refuses_without_saying_why_is_refused_and_not_sent_for_ever(
    make_invoice: MakeInvoice,
    sandbox: SandboxControl,
    upload: Upload,
    sweep: Work,
    monkeypatch: pytest.MonkeyPatch,
    elements: list[dict[str, object]],
) -> None:
    def refuse(self: Gateway, endpoint: str, *arguments: Any) -> None:
        raise XeroRejected("A validation exception occurred", elements=elements, status_code=400)

    create = Gateway.create_documents
    make_invoice()
    upload()
    monkeypatch.setattr(
        Gateway,
        "create_documents",
        lambda self, endpoint, *rest: (refuse if endpoint == "Invoices" else create)(self, endpoint, *rest),
    )
    for _ in range(3):
        sweep()
    assert (only().status, only().message) == ("rejected", "A validation exception occurred")
    assert Submission.objects.count() == 1


def test_a_batch_refused_because_a_number_is_taken_is_looked_up_before_it_is_refused(
    make_invoices: MakeInvoices, sandbox: SandboxControl, upload: Upload, sweep: Work, state: State, monkeypatch: Any
) -> None:
    first, second = make_invoices(2)
    ours = by_hand(sandbox, first.xero_number, Reference=marker(first))
    elements: list[dict[str, object]] = [
        {"InvoiceNumber": first.xero_number, "ValidationErrors": [{"Message": "Invoice # must be unique."}]}
    ]
    create = Gateway.create_documents

    def refuse_once(self: Gateway, endpoint: str, *rest: Any) -> Any:
        if endpoint == "Invoices":
            patch.undo()
            raise XeroRejected("A validation exception occurred", elements=elements, status_code=400)
        return create(self, endpoint, *rest)

    upload()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Gateway, "create_documents", refuse_once)
        sweep()
    sweep()
    assert state() == {"posted": 2}
    assert Posting.objects.get(invoice=first).xero_id == ours["InvoiceID"]
    assert Posting.objects.get(invoice=second).status == "posted"
    assert len(sandbox.documents()) == 2
