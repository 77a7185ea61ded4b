"""Documents move from one state to another by POST with their ids, many in one call."""

from typing import Any

import pytest
import requests

from xero_sandbox.testing import SandboxControl
from xero_sandbox.tests.conftest import Caller, messages, sin_kinds

UNKNOWN = "11111111-1111-1111-1111-111111111111"


def statuses(xero: Caller) -> dict[str, str]:
    return {one["InvoiceNumber"]: one["Status"] for one in xero.get("Invoices").json()["Invoices"]}


def test_many_move_in_one_call_each_as_it_may(xero: Caller, control: SandboxControl) -> None:
    draft = xero.put_invoice(InvoiceNumber="DRAFT", Status="DRAFT")
    waiting = xero.put_invoice(InvoiceNumber="WAITING", Status="SUBMITTED")
    approved = xero.put_invoice(InvoiceNumber="APPROVED")
    paid = xero.put_invoice(InvoiceNumber="PAID")
    control.pay("PAID", "1.00")

    answer = xero.move(
        "Invoices",
        (draft, "AUTHORISED"),
        (waiting, "DELETED"),
        (approved, "VOIDED"),
        (paid, "VOIDED"),
        ({"InvoiceID": UNKNOWN}, "VOIDED"),
    )

    elements = answer.json()["Invoices"]
    assert answer.status_code == 200
    assert [one["StatusAttributeString"] for one in elements] == ["OK", "OK", "OK", "ERROR", "ERROR"]
    assert "has a payment" in messages(elements[3])[0]
    assert "could not be found" in messages(elements[4])[0]
    assert statuses(xero) == {"DRAFT": "AUTHORISED", "WAITING": "DELETED", "APPROVED": "VOIDED", "PAID": "AUTHORISED"}
    assert [one["InvoiceID"] for one in elements[:3]] == [one["InvoiceID"] for one in (draft, waiting, approved)]
    assert control.violations() == []


@pytest.mark.parametrize(
    ("status", "to"),
    [
        ("DRAFT", "VOIDED"),
        ("SUBMITTED", "VOIDED"),
        ("AUTHORISED", "DELETED"),
        ("AUTHORISED", "DRAFT"),
        ("DRAFT", "PAID"),
    ],
)
def test_a_state_is_reached_from_some_states_only(xero: Caller, status: str, to: str) -> None:
    made = xero.put_invoice(Status=status)

    (element,) = xero.move("Invoices", (made, to)).json()["Invoices"]

    assert "not of valid status" in messages(element)[0]
    assert list(statuses(xero).values()) == [status]


def test_credit_notes_move_alike(xero: Caller) -> None:
    note = xero.put("CreditNotes", xero.credit_note(Status="DRAFT")).json()["CreditNotes"][0]

    approved = xero.move("CreditNotes", (note, "AUTHORISED")).json()["CreditNotes"][0]
    voided = xero.move("CreditNotes", (note, "VOIDED")).json()["CreditNotes"][0]

    assert (approved["Status"], approved["RemainingCredit"]) == ("AUTHORISED", 110)
    assert (voided["Status"], voided["RemainingCredit"]) == ("VOIDED", 0)


def test_an_incomplete_draft_is_not_approved(xero: Caller) -> None:
    made = xero.put_invoice(Status="DRAFT", DueDate=None)

    (element,) = xero.move("Invoices", (made, "AUTHORISED")).json()["Invoices"]

    assert messages(element) == ["Due Date cannot be empty."]


@pytest.mark.parametrize(("status", "to"), [("DRAFT", "AUTHORISED"), ("AUTHORISED", "VOIDED")])
def test_a_locked_period_is_neither_approved_nor_voided_in(
    xero: Caller, control: SandboxControl, status: str, to: str
) -> None:
    made = xero.put_invoice(Status=status)
    draft = xero.put_invoice(Status="DRAFT")
    control.change_organisation(period_lock_date="2026-10-31")

    refused, deleted = xero.move("Invoices", (made, to), (draft, "DELETED")).json()["Invoices"]

    assert "lock date, currently set at 31/10/2026" in messages(refused)[0]
    assert deleted["Status"] == "DELETED"


def test_an_approved_document_keeps_what_it_was(xero: Caller) -> None:
    made = xero.put_invoice(Status="DRAFT", Reference="PO 7", Url="https://portal.example/1")

    (moved,) = xero.move("Invoices", (made, "AUTHORISED")).json()["Invoices"]

    same = ("InvoiceNumber", "Reference", "Url", "Date", "DueDate", "Total", "TotalTax", "Contact", "LineItems")
    assert {name: moved[name] for name in same} == {name: made[name] for name in same}
    assert moved["UpdatedDateUTC"] >= made["UpdatedDateUTC"]


def test_an_unknown_id_in_the_path_is_not_found(xero: Caller) -> None:
    answer = xero.call("POST", f"Invoices/{UNKNOWN}", json={"Status": "VOIDED"})

    assert answer.status_code == 404
    assert statuses(xero) == {}


@pytest.mark.parametrize(("first", "again"), [("AUTHORISED", "AUTHORISED"), ("VOIDED", "VOIDED")])
def test_a_move_that_was_made_already_is_noted(xero: Caller, control: SandboxControl, first: str, again: str) -> None:
    made = xero.put_invoice(Status="AUTHORISED")
    if first == "VOIDED":
        xero.move("Invoices", (made, first))
    assert control.violations() == []

    xero.move("Invoices", (made, again))

    assert sin_kinds(control) == {"move_already_made"}


def lost_move(control: SandboxControl, xero: Caller, made: dict[str, Any]) -> None:
    control.place_fault("commit_then_drop", method="POST")
    with pytest.raises(requests.ConnectionError):
        xero.move("Invoices", (made, "VOIDED"), key="k")


def test_a_move_whose_answer_was_lost_is_made_and_told_again_under_its_key(
    xero: Caller, control: SandboxControl
) -> None:
    made = xero.put_invoice()
    lost_move(control, xero, made)

    (again,) = xero.move("Invoices", (made, "VOIDED"), key="k").json()["Invoices"]

    assert (again["StatusAttributeString"], again["Status"]) == ("OK", "VOIDED")
    assert control.violations() == []


@pytest.mark.parametrize(
    ("lookup", "violations"),
    [
        ("IDs", {"move_already_made"}),
        ("InvoiceNumbers", {"move_already_made"}),
        ("", {"move_already_made", "resend_without_a_lookup"}),
    ],
)
def test_a_move_in_doubt_is_looked_up_before_it_is_made_again(
    xero: Caller, control: SandboxControl, lookup: str, violations: set[str]
) -> None:
    made = xero.put_invoice()
    lost_move(control, xero, made)
    if lookup:
        xero.get("Invoices", **{lookup: made["InvoiceID" if lookup == "IDs" else "InvoiceNumber"]})

    xero.move("Invoices", (made, "VOIDED"), key="another")

    assert sin_kinds(control) == violations
