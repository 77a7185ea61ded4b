"""Any interleaving of posting, taking back, approving, mailing, allocating, linking, losses, deaths and hands in Xero:
never two live documents of one invoice, no mail twice unsaid, no credit twice, nothing lost, and the states agree with
the books."""

from __future__ import annotations

import datetime as dt
import uuid
from functools import partial
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from c3portal.models import User
from invoices.changes import transitions
from invoices.changes.tests.chances import Ask, Chance
from invoices.changes.tests.portal_machine import Portal
from invoices.conftest import MakeInvoice
from invoices.models import DocumentChange, DocumentType, Invoice
from invoices.models.statuses import ENDS
from invoices.posting import linking, queueing, taken_back
from invoices.posting.responses import KINDS
from invoices.posting.tests.test_state_machine import START
from invoices.preflight import preflight
from xero_integration.models import Contact, ContactLink, XeroConnection, XeroSettings
from xero_integration.payloads import Document

# Of each kind of books. A deep search by hand takes hundreds, and longer ones.
EXAMPLES, STEPS = 6, 30


@pytest.fixture
def portal(make_invoice: MakeInvoice, connected: XeroConnection, finance_admin: User, settings: Any) -> XeroConnection:
    """Two invoices and a credit note of one customer are queued, who has a contact with an address; two travel
    together. Credit notes are set against the oldest open invoice."""
    settings.XERO_BATCH = 2
    customer = make_invoice(amount="100.00").customer
    for amount in ("20.05", "-30.00"):
        make_invoice(amount=amount, customer=customer)
    of_contact = {"connection": connected, "contact_id": "of them"}
    ContactLink.objects.create(customer_key=customer.tenant_id, contact_name=customer.name, **of_contact)
    Contact.objects.create(name=customer.name, status=Contact.ACTIVE, email="them@example.com", **of_contact)
    XeroSettings.objects.update(allocate_credit_notes=True, allocate_since=START - dt.timedelta(days=1))
    # As if just read, for as long as a test travels.
    XeroConnection.objects.update(contacts_read_at=timezone.now(), reference_read_at=timezone.now())
    with time_machine.travel(START, tick=False):
        every = Invoice.objects.all()
        queueing.enqueue(every, connection=connected, user=None, invoice_status="DRAFT")
    return connected


def by_hand(connection: XeroConnection) -> dict[str, dict[str, Any]]:
    """Return what somebody may make by hand: what the portal would send, but for its marker."""
    found = preflight.inspect(Invoice.objects.all(), connection, invoice_status="DRAFT", look_up_in_xero=False)
    return {each.invoice.xero_number: _made(each.prepared.document) for each in found.rows if each.prepared}


def _made(document: Document) -> dict[str, Any]:
    kind = KINDS[DocumentType.CREDIT_NOTE if document.is_credit_note else DocumentType.INVOICE]
    return {
        kind.id_key: str(uuid.uuid4()),
        kind.number_key: document.number,
        "Contact": {"ContactID": document.contact_id},
        "CurrencyCode": document.currency,
        "LineAmountTypes": "Exclusive",
        "LineItems": [{"LineAmount": each.line_amount, "TaxAmount": each.tax_amount} for each in document.lines],
        "Total": document.total,
    }


def run(connection: XeroConnection, *, unique: bool, free: bool) -> None:
    """Try sequences of steps; of those that fail the shortest found is shown."""
    run_state_machine_as_test(
        partial(Portal, connection, by_hand(connection), unique=unique, free=free),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            suppress_health_check=list(HealthCheck),
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            phases=(Phase.generate, Phase.shrink),
        ),
    )


@pytest.mark.parametrize(
    ("unique", "free", "is_correction"),
    [(True, False, False), (True, True, True), (False, False, False)],
    ids=["voided_keep_their_numbers", "voided_free_their_numbers", "any_numbers"],
)
def test_all_that_is_asked_of_documents_is_done_once_and_no_invoice_has_two_live_ones(
    portal: XeroConnection, unique: bool, free: bool, is_correction: bool
) -> None:
    if is_correction:
        first = Invoice.objects.order_by("number").first()
        Invoice.objects.filter(total__lt=0).update(corrects=first)
    run(portal, unique=unique, free=free)


# What a person makes by hand while a call is lost


def test_what_was_made_by_hand_is_refused_only_once_a_lost_call_must_be_done(portal: XeroConnection) -> None:
    """Else it could be linked and ended, and what was lost come after all beside what is posted again."""
    machine = Portal(portal, by_hand(portal), unique=True, free=False)
    lose_a_call(machine)
    machine.wait(chance(seconds=11))
    machine.post(chance(which=1))
    machine.all_is_well()
    assert not any(each.status == "rejected" for each in machine.rows)
    for each in machine.books.by_hand():
        machine.books.do_by_hand("end", each)
    machine.wait(chance(seconds=125))
    machine.all_is_well()
    machine.teardown()


def lose_a_call(machine: Portal) -> None:
    """Have the answer to the call with the invoices lost, which Xero carries out late, and somebody make them by
    hand."""
    machine.begin(status="DRAFT", goes_on="", is_posted=False, asks={Ask.POST_AGAIN})
    for fate in ("answered", "done late"):
        machine.post(chance(fate=fate))
        machine.all_is_well()
    for row in machine.rows:
        if row.status == "uncertain":
            machine.make_by_hand(row, "DRAFT")


def chance(**facts: Any) -> Chance:
    """Return how a step turns out, all well but for these."""
    usual = {"way": 0, "what": 0, "which": 0, "stops": 9, "fate": "answered", "moves": None}
    return Chance(**{**usual, "status": "DRAFT", "goes_on": "", "seconds": 0, **facts})


# Who is careless is found out: else the test above would prove nothing


def count_as_done(rows: QuerySet[DocumentChange], *facts: Any, **options: Any) -> int:
    """Believe that a call whose answer is lost did what it was to do."""
    ids = dict.fromkeys(rows.filter(kind__in=ENDS).values_list("xero_id", flat=True), "VOIDED")
    moved = DocumentChange.objects.filter(pk__in=[*rows.values_list("pk", flat=True)]).update(status="done")
    taken_back.take_back(ids)
    return moved


def never_look(rows: QuerySet[DocumentChange], message: str, *, is_refused: bool = False, **options: Any) -> int:
    """Ask once more at once for what is uncertain, and believe what Xero refuses."""
    if is_refused:
        return transitions.mark_refused(rows, dict.fromkeys(rows.values_list("pk", flat=True), message))
    return transitions.requeue(rows)


@pytest.mark.parametrize(
    ("what", "careless", "fate"),
    [
        (Ask.TAKE_BACK, count_as_done, "nothing done"),
        (Ask.APPROVE, count_as_done, "nothing done"),
        (Ask.MAIL, never_look, "answer lost"),
        (None, never_look, "answer lost"),
    ],
    ids=[
        "takes back what is still there",
        "counts as approved what is a draft",
        "mails again without a look",
        "allocates again without a look",
    ],
)
def test_who_is_careless_is_found_out(
    portal: XeroConnection, monkeypatch: pytest.MonkeyPatch, what: Ask | None, careless: Any, fate: str
) -> None:
    monkeypatch.setattr(transitions, "mark_uncertain", careless)
    machine = Portal(portal, {}, unique=True, free=False)
    status = "DRAFT" if what is Ask.APPROVE else "AUTHORISED"
    machine.begin(status=status, goes_on="", is_posted=True, asks={Ask.MAIL})
    machine.all_is_well()
    if what is None:
        machine.ask_what_follows(portal)
    else:
        machine.ask_for(what, [each.pk for each in machine.rows])
    machine.all_is_well()
    with pytest.raises(AssertionError):
        change(machine, fate, "answered", "answered")
    transaction.set_rollback(True)
    machine.stage.close()


def change(machine: Portal, *fates: str) -> None:
    """Have workers go on with what was asked of documents, a call each."""
    for fate in fates:
        machine.change(chance(fate=fate))
        machine.all_is_well()


def test_who_links_while_a_call_is_under_way_is_found_out(
    portal: XeroConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent comes after all once the linked document is ended, and is nobody's."""
    monkeypatch.setattr(linking, "may_be_linked", lambda invoices: invoices.exclude(posting__status="posted"))
    monkeypatch.setattr("invoices.posting.tests.test_state_machine.ROUNDS", 4)
    machine = Portal(portal, by_hand(portal), unique=True, free=False)
    lose_a_call(machine)
    machine.link(portal)
    machine.all_is_well()
    for each in machine.books.by_hand():
        machine.books.do_by_hand("end", each)
    machine.finish(chance())
    with pytest.raises(AssertionError, match="Stuck"):
        machine.teardown()
