"""Credit notes, prepayments and overpayments are set against invoices, and what is owed follows."""

from typing import Any

import pytest
import requests

from xero_sandbox.testing import SandboxControl
from xero_sandbox.tests.conftest import Caller, line, messages, sin_kinds


def put_note(xero: Caller, **changes: Any) -> dict[str, Any]:
    return xero.put("CreditNotes", xero.credit_note(**changes)).json()["CreditNotes"][0]  # type: ignore[no-any-return]


def allocate(xero: Caller, note: dict[str, Any], invoice: dict[str, Any], amount: Any, **more: Any) -> Any:
    key = {"Idempotency-Key": more.pop("key", "k")}
    sent = {
        "Allocations": [{"Invoice": {"InvoiceID": invoice["InvoiceID"]}, "Amount": amount, "Date": "2026-11-05"} | more]
    }
    path = f"CreditNotes/{note['CreditNoteID']}/Allocations"
    return xero.call("PUT", path, json=sent, headers=key, params={"summarizeErrors": "false"})


def amounts(xero: Caller, invoice: dict[str, Any]) -> tuple[Any, ...]:
    (one,) = xero.get(f"Invoices/{invoice['InvoiceID']}").json()["Invoices"]
    return tuple(one[name] for name in ("Status", "AmountDue", "AmountPaid", "AmountCredited"))


def test_a_credit_note_pays_an_invoice_in_part_and_in_full(xero: Caller, control: SandboxControl) -> None:
    invoice, note = xero.put_invoice(InvoiceNumber="N-1"), put_note(xero, CreditNoteNumber="C-1")
    big = put_note(xero, LineItems=[line(UnitAmount=500)])

    part = allocate(xero, note, invoice, 60)
    assert amounts(xero, invoice) == ("AUTHORISED", 50, 0, 60)
    control.pay("N-1", "20")
    full = allocate(xero, big, invoice, 30, key="l")

    assert (part.status_code, full.status_code) == (200, 200)
    assert part.json()["Allocations"][0]["Amount"] == 60
    assert amounts(xero, invoice) == ("PAID", 0, 20, 90)
    (read,) = xero.get(f"Invoices/{invoice['InvoiceID']}").json()["Invoices"]
    assert [one["AppliedAmount"] for one in read["CreditNotes"]] == [60, 30]
    assert read["FullyPaidOnDate"].startswith("/Date(")
    (source,) = xero.get(f"CreditNotes/{note['CreditNoteID']}").json()["CreditNotes"]
    assert (source["Status"], source["RemainingCredit"]) == ("AUTHORISED", 50)
    assert source["Allocations"][0]["Invoice"]["InvoiceNumber"] == "N-1"
    assert control.violations() == []


def test_used_up_credit_is_paid(xero: Caller) -> None:
    invoice, note = xero.put_invoice(LineItems=[line(UnitAmount=500)]), put_note(xero)

    allocate(xero, note, invoice, 110)

    (source,) = xero.get(f"CreditNotes/{note['CreditNoteID']}").json()["CreditNotes"]
    assert (source["Status"], source["RemainingCredit"]) == ("PAID", 0)


def test_neither_is_voided_until_the_allocation_is_taken_back(xero: Caller) -> None:
    invoice, note = xero.put_invoice(), put_note(xero)
    allocation = allocate(xero, note, invoice, 110).json()["Allocations"][0]["AllocationID"]
    refused = [
        xero.move("Invoices", (invoice, "VOIDED")).json()["Invoices"][0],
        xero.move("CreditNotes", (note, "VOIDED")).json()["CreditNotes"][0],
    ]

    path = f"CreditNotes/{note['CreditNoteID']}/Allocations/{allocation}"
    removed, again = xero.call("DELETE", path), xero.call("DELETE", path)

    assert all("credit note allocated" in messages(one)[0] for one in refused)
    assert (removed.status_code, removed.json()["IsDeleted"], again.status_code) == (200, True, 404)
    assert amounts(xero, invoice) == ("AUTHORISED", 110, 0, 0)
    assert xero.move("Invoices", (invoice, "VOIDED")).json()["Invoices"][0]["Status"] == "VOIDED"


@pytest.mark.parametrize(
    ("amount", "more", "words"),
    [
        (111, {}, "exceeds the amount outstanding"),
        (501, {}, "at most the remaining credit"),
        (0, {}, "more than zero"),
        ("1.001", {}, "two decimals"),
        (1, {"Date": "2026-10-30"}, "before the date of either document"),
        (1, {"Date": "2026-11-01"}, "lock date"),
        ("much", {}, "needs an Invoice that exists and an Amount"),
        (1, {"Invoice": {"InvoiceID": "11111111-1111-1111-1111-111111111111"}}, "needs an Invoice that exists"),
    ],
)
def test_an_allocation_is_refused(
    xero: Caller, control: SandboxControl, amount: Any, more: dict[str, Any], words: str
) -> None:
    invoice, note = xero.put_invoice(), put_note(xero, LineItems=[line(UnitAmount=454)])
    control.change_organisation(period_lock_date="2026-11-01")

    (element,) = allocate(xero, note, invoice, amount, **more).json()["Allocations"]

    assert any(words in message for message in messages(element)), messages(element)
    assert amounts(xero, invoice) == ("AUTHORISED", 110, 0, 0)


def test_credit_goes_to_the_same_contact_and_currency_and_to_approved_invoices(
    xero: Caller, control: SandboxControl
) -> None:
    other = control.put_contacts([{"name": "Litware"}])[0]["contact_id"]
    wrong = [
        xero.put_invoice(Contact={"ContactID": other}),
        xero.put_invoice(CurrencyCode="USD"),
        xero.put_invoice(Status="DRAFT"),
    ]
    note, draft = put_note(xero), put_note(xero, Status="DRAFT")

    elements = [allocate(xero, note, one, 1, key=str(at)).json()["Allocations"][0] for at, one in enumerate(wrong)]
    elements.append(allocate(xero, draft, xero.put_invoice(), 1).json()["Allocations"][0])

    said = [messages(element)[0] for element in elements]
    assert ["same contact" in said[0], "same currency" in said[1], "approved invoices" in said[2]] == [True] * 3
    assert "Only approved credit" in said[3]


@pytest.mark.parametrize(
    ("fault", "key", "looks", "left", "violations"),
    [
        ("commit_then_drop", "k", False, 50, set()),
        ("drop_before", "k", False, 50, set()),
        ("commit_then_drop", "another", False, 0, {"resend_without_a_lookup"}),
        ("drop_before", "another", True, 50, set()),
    ],
)
def test_an_allocation_whose_answer_was_lost_can_be_made_twice(
    xero: Caller, control: SandboxControl, fault: str, key: str, looks: bool, left: int, violations: set[str]
) -> None:
    invoice, note = xero.put_invoice(), put_note(xero, LineItems=[line(UnitAmount=500)])
    control.place_fault(fault, method="PUT", path="Allocations$")
    with pytest.raises(requests.ConnectionError):
        allocate(xero, note, invoice, 55)
    if looks:
        xero.get(f"CreditNotes/{note['CreditNoteID']}")

    allocate(xero, note, invoice, 55, key=key)

    assert amounts(xero, invoice)[1] == (55 if left == 50 else 0)
    assert sin_kinds(control) == violations


@pytest.mark.parametrize(
    ("kind", "resource", "id_field"),
    [("prepayment", "Prepayments", "PrepaymentID"), ("overpayment", "Overpayments", "OverpaymentID")],
)
def test_money_received_before_its_invoice_is_allocated(
    xero: Caller, control: SandboxControl, kind: str, resource: str, id_field: str
) -> None:
    invoice = xero.put_invoice(InvoiceNumber="N-1")
    received = control.receive(xero.contact_id(), "100.00", kind, date="2026-10-01")

    control.allocate(received, "N-1", "40.00")

    assert amounts(xero, invoice) == ("AUTHORISED", 70, 0, 40)
    (read,) = xero.get(f"Invoices/{invoice['InvoiceID']}").json()["Invoices"]
    assert [(one[id_field], one["AppliedAmount"]) for one in read[resource]] == [(received, 40)]
    (source,) = xero.get(resource).json()[resource]
    assert (source[id_field], source["RemainingCredit"], source["Type"]) == (received, 60, f"RECEIVE-{kind.upper()}")
    sent = {"Allocations": [{"Invoice": {"InvoiceID": invoice["InvoiceID"]}, "Amount": 60, "Date": "2026-11-05"}]}
    assert xero.call("PUT", f"{resource}/{received}/Allocations", json=sent).status_code == 200
    assert amounts(xero, invoice) == ("AUTHORISED", 10, 0, 100)


def test_payments_and_allocations_are_taken_back_by_hand(xero: Caller, control: SandboxControl) -> None:
    invoice = xero.put_invoice(InvoiceNumber="N-1")
    put_note(xero, CreditNoteNumber="C-1")
    control.allocate("C-1", "N-1", "10.00")
    control.pay("N-1")
    assert amounts(xero, invoice) == ("PAID", 0, 100, 10)

    control.remove_payments("N-1")
    assert amounts(xero, invoice) == ("AUTHORISED", 100, 0, 10)
    control.take_back_allocations("N-1")

    assert amounts(xero, invoice) == ("AUTHORISED", 110, 0, 0)
