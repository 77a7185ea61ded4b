"""One organisation's work from contacts to looks: who gets which contact, who waits, and who goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from invoices import tasks
from invoices.conftest import MakeInvoice, Upload, Work
from invoices.contacts import matching
from invoices.models import BillingPeriod, Customer, Invoice, Posting
from invoices.posting import contact_step, queueing, reconciliation, wakeups, worker
from xero_integration import connections, contact_index, contacts
from xero_integration.client.errors import XeroRejected
from xero_integration.client.gateway import Gateway
from xero_integration.models import Contact, ContactLink, XeroConnection
from xero_integration.testing import connect
from xero_sandbox.testing import SandboxControl

MakeInvoices = Callable[[int], list[Invoice]]
State = Callable[[], dict[str, int]]


def only() -> Posting:
    return Posting.objects.get()


# Contacts


def test_two_customers_of_one_name_get_two_contacts(
    sample: BillingPeriod, sandbox: SandboxControl, upload: Upload, work: Work
) -> None:
    upload()
    work()
    twins = Customer.objects.filter(name="Tailspin Pty Ltd")
    named = dict(
        ContactLink.objects.filter(customer_key__in=twins.values("tenant_id")).values_list("contact_id", "contact_name")
    )
    assert sorted(named.values()) == sorted(f"Tailspin Pty Ltd ({twin.erp_id})" for twin in twins)
    numbers = {each["number"]: each["contact_id"] for each in sandbox.documents()}
    for twin in twins:
        (invoice,) = twin.invoices.all()
        assert numbers[invoice.xero_number] == ContactLink.objects.get(customer_key=twin.tenant_id).contact_id


def test_a_contact_by_name_is_nobodys_while_two_customers_have_that_name(
    make_invoice: MakeInvoice, sandbox: SandboxControl, connected: XeroConnection, upload: Upload, work: Work
) -> None:
    """A person says whether it is the one's; said that it is not, that one gets a contact of its own."""
    twin, _ = (
        Customer.objects.create(tenant_id=key, name="Northwind Traders", erp_id=f"ERP-{key}") for key in ("one", "two")
    )
    make_invoice(customer=twin)
    upload()
    work()
    assert only().status == "rejected"
    assert "Xero has “Northwind Traders”, much like this customer" in only().message
    assert not ContactLink.objects.exists()
    matching.set_apart(connected, twin, [Contact.objects.get(name="Northwind Traders").contact_id])
    upload()
    work()
    assert [each["contact"] for each in sandbox.documents()] == ["Northwind Traders (ERP-one)"]


def test_a_customer_whose_name_another_one_takes_later_keeps_its_contact(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, work: Work
) -> None:
    first = Customer.objects.create(tenant_id="one", name="Northwind Traders", erp_id="ERP1")
    make_invoice(customer=first)
    upload()
    work()
    make_invoice(customer=Customer.objects.create(tenant_id="two", name="Northwind traders", erp_id="ERP2"))
    make_invoice(customer=first)
    upload()
    work()
    contacts_of = [each["contact"] for each in sandbox.documents()]
    assert contacts_of == ["Northwind Traders", "Northwind traders (ERP2)", "Northwind Traders"]


def test_an_archived_contact_refuses_its_invoices_in_words_and_nobody_elses(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, work: Work, state: State
) -> None:
    closed = Customer.objects.create(tenant_id="closed", name="Proseware")
    sandbox.put_contacts([{"name": "Proseware", "number": "closed", "status": "ARCHIVED"}])
    make_invoice(customer=closed)
    make_invoice(customer=closed)
    make_invoice()
    upload()
    work()
    assert state() == {"posted": 1, "rejected": 2}
    words = set(Posting.objects.filter(status="rejected").values_list("message", flat=True))
    assert words == {contact_index.archived("Proseware")}


def test_a_contact_archived_after_it_was_linked_is_refused_in_xeros_words_until_it_is_restored(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, work: Work
) -> None:
    customer = make_invoice().customer
    upload()
    work()
    contact_id = ContactLink.objects.get().contact_id
    sandbox.put_contacts([{"contact_id": contact_id, "status": "ARCHIVED"}])
    second = make_invoice(customer=customer)
    upload()
    work()
    assert "has been archived" in second.posting.message
    sandbox.put_contacts([{"contact_id": contact_id, "status": "ACTIVE"}])
    upload()
    work()
    second.posting.refresh_from_db()
    assert second.posting.status == "posted"


@pytest.mark.parametrize("fault", ["commit_then_drop", "elements_missing", "drop_before", "503_text"])
def test_a_lost_answer_to_new_contacts_makes_none_twice_and_the_invoices_arrive(
    make_invoices: MakeInvoices,
    sandbox: SandboxControl,
    connected: XeroConnection,
    upload: Upload,
    sweep: Work,
    state: State,
    time_machine: Any,
    fault: str,
) -> None:
    make_invoices(3)
    upload()
    sandbox.place_fault(fault, method="PUT", path="^Contacts$")
    sweep()
    assert state() == {"queued": 3}
    connected.refresh_from_db()
    assert connected.is_paused(timezone.now())
    assert connected.paused_until is not None
    time_machine.move_to(connected.paused_until)
    sweep()
    assert state() == {"posted": 3}
    assert sandbox.organisations()[0]["contacts"] == 6 + 3
    assert sandbox.violations() == []


def test_contacts_refused_as_a_whole_refuse_the_invoices_in_words(
    make_invoices: MakeInvoices, sandbox: SandboxControl, upload: Upload, work: Work, state: State
) -> None:
    make_invoices(2)
    upload()
    sandbox.place_fault("whole_batch_400", method="PUT", path="^Contacts$")
    work()
    assert state() == {"rejected": 2}
    assert set(Posting.objects.values_list("message", flat=True)) == {
        "Xero refused the request for contacts: A validation exception occurred"
    }


def test_a_listing_that_xero_refuses_stops_nobody(
    make_invoice: MakeInvoice, connected: XeroConnection, sandbox: SandboxControl, upload: Upload, work: Work
) -> None:
    make_invoice()
    upload()
    contact_step.link_contacts(connected)
    Contact.objects.update(status="ARCHIVED")
    XeroConnection.objects.update(contacts_read_at=timezone.now() - 2 * contacts.DOUBTED_LIFE)
    sandbox.place_fault("whole_batch_400", method="GET", path="^Contacts$")
    work()
    assert only().status == "rejected"
    assert "archived" in only().message


def test_while_another_worker_sees_to_contacts_the_rest_goes_on(
    make_invoice: MakeInvoice, connected: XeroConnection, upload: Upload, work: Work, state: State
) -> None:
    customer = make_invoice().customer
    upload()
    work()
    make_invoice(customer=customer)
    make_invoice()
    upload()
    contacts.lease(connected)
    work()
    assert state() == {"posted": 2, "queued": 1}


def test_the_lease_on_contacts_is_given_back_whatever_happens(
    make_invoice: MakeInvoice,
    connected: XeroConnection,
    upload: Upload,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Unforeseen(Exception):
        """Nothing that the portal knows."""

    def fail(self: Gateway, *, with_addresses: bool = False) -> None:
        raise Unforeseen

    make_invoice()
    upload()
    monkeypatch.setattr(Gateway, "contacts", fail)
    with pytest.raises(Unforeseen):
        contact_step.link_contacts(connected)
    assert contacts.lease(connected)


# Who may work


@pytest.mark.parametrize("status", ["needs_reconnecting", "disconnected"])
def test_no_call_is_made_for_an_organisation_that_is_not_connected(
    make_invoice: MakeInvoice,
    sandbox: SandboxControl,
    connected: XeroConnection,
    upload: Upload,
    work: Work,
    sweep: Work,
    status: str,
) -> None:
    make_invoice()
    upload()
    XeroConnection.objects.update(status=status)
    sandbox.forget()
    work()
    sweep()
    assert sandbox.calls() == []
    assert only().status == "queued"


def test_a_disconnected_organisation_keeps_its_invoices_until_it_is_connected_again(
    make_invoice: MakeInvoice, sandbox: SandboxControl, connected: XeroConnection, upload: Upload, sweep: Work
) -> None:
    make_invoice()
    upload()
    connections.disconnect(connected)
    sweep()
    assert only().status == "queued"
    connect(sandbox)
    sweep()
    assert only().status == "posted"


def test_each_organisation_gets_its_own_invoices(
    make_invoices: MakeInvoices, sandbox: SandboxControl, connected: XeroConnection, upload: Upload, sweep: Work
) -> None:
    first, second = make_invoices(2)
    upload(first)
    zealand = connect(sandbox, "Contoso Cloud (NZ)")
    Invoice.objects.filter(pk=second.pk).update(currency="NZD", tax=Decimal(15), total=Decimal(115))
    second.lines.update(tax_percentage=Decimal(15))
    queueing.enqueue(Invoice.objects.filter(pk=second.pk), connection=zealand, user=None, invoice_status="DRAFT")
    sweep()
    for tenant, number in ((connected.tenant_id, first.xero_number), (zealand.tenant_id, second.xero_number)):
        assert [each["number"] for each in sandbox.documents(tenant)] == [number]


def test_one_organisation_without_a_working_sign_in_does_not_hold_up_another(
    make_invoices: MakeInvoices, sandbox: SandboxControl, connected: XeroConnection, upload: Upload, sweep: Work
) -> None:
    first, second = make_invoices(2)
    upload(first)
    zealand = connect(sandbox, "Contoso Cloud (NZ)")
    Invoice.objects.filter(pk=second.pk).update(tax=Decimal(15), total=Decimal(115))
    second.lines.update(tax_percentage=Decimal(15))
    queueing.enqueue(Invoice.objects.filter(pk=second.pk), connection=zealand, user=None, invoice_status="DRAFT")
    sandbox.disconnect(connected.tenant_id)
    sweep()
    assert dict(Posting.objects.values_list("invoice__number", "status")) == {
        first.number: "queued",
        second.number: "posted",
    }
    connected.refresh_from_db()
    assert connected.status == "needs_reconnecting"


# How long


def test_a_long_upload_makes_room_for_others_and_goes_on(
    make_invoices: MakeInvoices, connected: XeroConnection, upload: Upload, settings: Any, state: State
) -> None:
    settings.XERO_BATCH = 2
    make_invoices(5)
    upload()
    worker.reconcile_and_link_contacts(connected)
    assert worker.advance(connected, until=time.monotonic() - 1)
    assert state() == {"posted": 2, "queued": 3}
    assert not worker.advance(connected, until=time.monotonic() + 60)
    assert state() == {"posted": 5}


def test_the_first_worker_calls_as_many_others_as_the_queue_can_use(
    make_invoices: MakeInvoices, connected: XeroConnection, upload: Upload, settings: Any, monkeypatch: Any
) -> None:
    settings.XERO_BATCH = 2
    make_invoices(6)
    upload()
    woken: list[tuple[int, bool]] = []
    monkeypatch.setattr(wakeups, "wake", lambda pk, *, workers=1, spread=True, after=0: woken.append((workers, spread)))
    tasks.work(connected.pk)
    assert woken == [(2, False)]


def test_an_error_that_nobody_foresaw_is_not_taken_for_an_outcome(
    make_invoice: MakeInvoice, connected: XeroConnection, upload: Upload, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Gateway, *arguments: Any) -> None:
        raise ZeroDivisionError

    make_invoice()
    upload()
    contact_step.link_contacts(connected)
    monkeypatch.setattr(Gateway, "create_documents", fail)
    with pytest.raises(ZeroDivisionError):
        work()
    assert only().status == "sending"


@pytest.mark.usefixtures("no_lookup_delay")
def test_a_question_that_xero_refuses_leaves_the_uncertain_waiting_and_the_queue_moving(
    make_invoices: MakeInvoices,
    sandbox: SandboxControl,
    upload: Upload,
    sweep: Work,
    state: State,
    monkeypatch: pytest.MonkeyPatch,
    time_machine: Any,
) -> None:
    def refuse(self: Gateway, numbers: Any) -> None:
        raise XeroRejected("The filter cannot be read.", status_code=400)

    first, second = make_invoices(2)
    upload(first)
    sandbox.place_fault("commit_then_drop", method="PUT", path="^Invoices$")
    with monkeypatch.context() as patch:
        patch.setattr(Gateway, "find_invoices", refuse)
        sweep()
        upload(second)
        sweep()
    assert state() == {"uncertain": 1, "posted": 1}
    time_machine.move_to(timezone.now() + reconciliation.PAUSE_AFTER_REFUSAL)
    sweep()
    assert state() == {"posted": 2}
