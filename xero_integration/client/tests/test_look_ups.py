"""How the gateway asks Xero for what is there: whatever the number, in few calls, and nothing is taken for missing."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from xero_integration.client import gateway
from xero_integration.client.errors import XeroUnavailable
from xero_integration.client.gateway import Gateway
from xero_integration.models import XeroConnection
from xero_integration.tests.scripted import Reply, ScriptedServer, body


@pytest.fixture
def client(connection: XeroConnection) -> Any:
    assert connection.token_set
    with Gateway(connection.tenant_id, connection.token_set.access_token) as made:
        yield made


def write(sandbox: Any, number: str, kind: str = "ACCREC", resource: str = "Invoices") -> None:
    contact = {"Name": "Fabrikam Pty Ltd"}
    line = {"Description": "Seats", "Quantity": 1, "UnitAmount": 10, "AccountCode": "4010"}
    name = "InvoiceNumber" if resource == "Invoices" else "CreditNoteNumber"
    element = {name: number, "Type": kind, "Contact": contact, "LineItems": [line], "Date": "2026-09-18"}
    assert sandbox.write_document(element, resource=resource)["StatusAttributeString"] == "OK"


def found(rows: list[dict[str, Any]], name: str = "InvoiceNumber") -> list[str]:
    return sorted(row[name] for row in rows)


ODD_NUMBERS = [
    "A-1",
    "Smith, Jones & Co-20260918",
    'Smith, "J" and back\\slash-1',
    'The "Best" Shop-1',
    "back\\slash-1",
    "a OR b",
    'x" OR InvoiceNumber=="A-1',
    "50% + tax #7?",
    "it's",
]


@pytest.mark.parametrize("number", ODD_NUMBERS)
def test_a_number_is_found_however_it_is_written(sandbox: Any, client: Gateway, number: str) -> None:
    write(sandbox, number)
    write(sandbox, "bystander")
    assert found(client.find_invoices([number])) == [number]


def test_numbers_with_and_without_commas_are_found_together(sandbox: Any, client: Gateway) -> None:
    for number in ODD_NUMBERS:
        write(sandbox, number)
    assert found(client.find_invoices([*ODD_NUMBERS, "absent"])) == sorted(ODD_NUMBERS)


def test_a_hundred_and_twenty_numbers_take_three_calls(sandbox: Any, client: Gateway) -> None:
    write(sandbox, "number-000")
    write(sandbox, "number-119")
    sandbox.forget()
    assert found(client.find_invoices(f"number-{each:03}" for each in range(120))) == ["number-000", "number-119"]
    assert len(sandbox.calls()) == 3


@pytest.mark.parametrize("sign", ["x", ",", "&", '"', "%"])
def test_long_numbers_of_every_sign_still_fit_an_address(sandbox: Any, client: Gateway, sign: str) -> None:
    numbers = [f"{each:03}{sign * 200}" for each in range(30)]
    write(sandbox, numbers[0])
    write(sandbox, numbers[29])
    assert found(client.find_invoices(numbers)) == [numbers[0], numbers[29]]


def test_a_number_that_many_others_are_like_is_found_beyond_the_first_page(
    sandbox: Any, client: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What no filter can hold is asked for by its parts, which others may have too."""
    monkeypatch.setattr(gateway, "LOOKUP_PAGE", 2)
    numbers = [f'6" pipes, {each}' for each in range(5)] + ['6" pipes, ']
    for number in numbers:
        write(sandbox, number)
    rows = client.find_invoices(['6" pipes, '])
    assert found(rows) == sorted(numbers)
    assert all(row["LineItems"] for row in rows)


def test_what_is_looked_up_comes_with_its_lines(sandbox: Any, client: Gateway) -> None:
    write(sandbox, "A-1")
    write(sandbox, "B-1", "ACCRECCREDIT", "CreditNotes")
    rows = [*client.find_invoices(["A-1"]), *client.find_credit_notes(["B-1"])]
    assert [len(row["LineItems"]) for row in rows] == [1, 1]


def test_no_number_asks_nothing(sandbox: Any, client: Gateway) -> None:
    sandbox.forget()
    assert client.find_invoices([]) == []
    assert sandbox.calls() == []


def test_a_suppliers_bill_of_the_same_number_is_not_our_invoice(scripted_xero: ScriptedServer) -> None:
    rows = [{"Type": "ACCPAY", "InvoiceNumber": "A-1"}, {"Type": "ACCREC", "InvoiceNumber": "A-1", "Total": 2}]
    scripted_xero.will(Reply(body=body(Invoices=rows)))
    with Gateway("tenant-1", "token-1") as client:
        (ours,) = client.find_invoices(["A-1"])
    assert ours["Total"] == 2


@pytest.mark.parametrize("number", ["CN-1", 'Smith, "J"-1'])
def test_credit_notes_are_found_among_credit_notes(sandbox: Any, client: Gateway, number: str) -> None:
    write(sandbox, number)
    write(sandbox, number, "ACCRECCREDIT", "CreditNotes")
    (note,) = client.find_credit_notes([number, "absent"])
    assert note["CreditNoteNumber"] == number
    assert note["Type"] == "ACCRECCREDIT"


def test_a_refused_lookup_is_never_taken_for_not_there(sandbox: Any, client: Gateway) -> None:
    sandbox.place_fault("500_before", method="GET", path="Invoices")
    with pytest.raises(XeroUnavailable):
        client.find_invoices(["A-1"])


def test_contacts_come_by_the_thousand_archived_ones_too(sandbox: Any, client: Gateway) -> None:
    there = len(list(client.contacts()))
    sandbox.put_contacts({"name": f"Customer {each}"} for each in range(2100 - there))
    sandbox.forget()
    contacts = list(client.contacts())
    assert len({contact["ContactID"] for contact in contacts}) == 2100
    assert {"ACTIVE", "ARCHIVED"} <= {contact["ContactStatus"] for contact in contacts}
    assert len(sandbox.calls()) == 3


def test_a_last_page_that_is_full_asks_once_more_and_ends(scripted_xero: ScriptedServer) -> None:
    full = [{"ContactID": str(each)} for each in range(gateway.CONTACTS_PAGE)]
    scripted_xero.will(Reply(body=body(Contacts=full)), Reply(body=body(Contacts=[])))
    with Gateway("tenant-1", "token-1") as client:
        assert len(list(client.contacts())) == gateway.CONTACTS_PAGE
    pages = [parse_qs(urlsplit(call.path).query)["page"] for call in scripted_xero.received]
    assert pages == [["1"], ["2"]]


def test_credit_notes_are_found_by_their_marker_whatever_their_number(sandbox: Any, client: Gateway) -> None:
    line = {"Description": "Seats", "Quantity": 1, "UnitAmount": 10, "AccountCode": "4010"}
    facts = {"Type": "ACCRECCREDIT", "Contact": {"Name": "Fabrikam Pty Ltd"}, "LineItems": [line], "Date": "2026-09-18"}
    for number, reference in (("A", "Billing C3-aaaaaaaaaaaa"), ("B", "C3-bbbbbbbbbbbb paid"), ("C", None)):
        more = {"CreditNoteNumber": number} | ({"Reference": reference} if reference else {})
        assert sandbox.write_document(facts | more, resource="CreditNotes")["StatusAttributeString"] == "OK"
    rows = client.find_marked_credit_notes(["C3-aaaaaaaaaaaa", "C3-bbbbbbbbbbbb", "C3-cccccccccccc"])
    assert found(rows, "CreditNoteNumber") == ["A", "B"]


def test_thirty_eight_markers_take_one_call(sandbox: Any, client: Gateway) -> None:
    sandbox.forget()
    assert client.find_marked_credit_notes(f"C3-{each:012x}" for each in range(38)) == []
    assert len(sandbox.calls()) == 1
    assert client.find_marked_credit_notes([]) == []
    assert len(sandbox.calls()) == 1
