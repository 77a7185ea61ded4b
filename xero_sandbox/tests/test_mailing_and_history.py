"""Invoices are mailed, so many a day and no more, and each document remembers what became of it."""

from typing import Any

import pytest
import requests

from xero_sandbox.testing import SandboxControl
from xero_sandbox.tests.conftest import Caller, sin_kinds


def mail(xero: Caller, made: dict[str, Any], key: str = "k") -> requests.Response:
    return xero.call("POST", f"Invoices/{made['InvoiceID']}/Email", headers={"Idempotency-Key": key})


def refusal(answer: requests.Response) -> str:
    assert answer.status_code == 400
    return answer.json()["Elements"][0]["ValidationErrors"][0]["Message"]  # type: ignore[no-any-return]


def read(xero: Caller, made: dict[str, Any]) -> dict[str, Any]:
    return xero.get(f"Invoices/{made['InvoiceID']}").json()["Invoices"][0]  # type: ignore[no-any-return]


def test_an_approved_invoice_is_mailed_and_marked_as_sent(xero: Caller, control: SandboxControl) -> None:
    made = xero.put_invoice(InvoiceNumber="N-1")
    assert made["SentToContact"] is False

    answer = mail(xero, made)

    assert (answer.status_code, answer.content) == (204, b"")
    assert read(xero, made)["SentToContact"] is True
    assert [(one["number"], one["address"]) for one in control.mails()] == [("N-1", "accounts@adventure-works.example")]
    assert control.violations() == []


@pytest.mark.parametrize("status", ["DRAFT", "SUBMITTED"])
def test_what_is_not_approved_is_not_mailed(xero: Caller, control: SandboxControl, status: str) -> None:
    made = xero.put_invoice(Status=status)

    assert "Only approved invoices" in refusal(mail(xero, made))
    assert control.mails() == []


def test_who_has_no_address_gets_no_mail(xero: Caller, control: SandboxControl) -> None:
    contact = control.put_contacts([{"name": "Litware"}])[0]["contact_id"]
    made = xero.put_invoice(Contact={"ContactID": contact})

    assert "does not have an email address" in refusal(mail(xero, made))


def test_so_many_mails_a_day_and_no_more(xero: Caller, control: SandboxControl) -> None:
    made = xero.put_invoice()
    control.change_organisation(mails_a_day=2)
    assert [mail(xero, made, key).status_code for key in ("a", "b", "c")] == [204, 204, 400]

    control.advance_clock(24 * 3600 + 1)
    made_later = xero.call("POST", f"Invoices/{made['InvoiceID']}/Email", headers=fresh(xero, control))

    assert made_later.status_code == 204
    assert control.organisations()[0]["mailed_again"] == {made["InvoiceNumber"]: 3}


def fresh(xero: Caller, control: SandboxControl) -> dict[str, str]:
    tokens = control.tokens(xero.app["client_id"])
    return {"Authorization": f"Bearer {tokens['access_token']}", "Idempotency-Key": "d"}


def test_a_demo_company_mails_nothing_and_says_what_it_is(xero: Caller, control: SandboxControl) -> None:
    control.change_organisation(is_demo=True)

    assert "daily email limit" in refusal(mail(xero, xero.put_invoice()))
    assert xero.get("Organisation").json()["Organisations"][0]["IsDemoCompany"] is True


def test_an_unknown_invoice_and_a_credit_note_are_not_mailed(xero: Caller) -> None:
    note = xero.put("CreditNotes", xero.credit_note()).json()["CreditNotes"][0]

    assert xero.call("POST", f"Invoices/{note['CreditNoteID']}/Email").status_code == 404
    assert xero.call("POST", f"CreditNotes/{note['CreditNoteID']}/Email").status_code == 404


@pytest.mark.parametrize(("fault", "mails"), [("drop_before", 0), ("commit_then_drop", 1)])
def test_a_mail_whose_answer_was_lost_goes_once_under_its_key(
    xero: Caller, control: SandboxControl, fault: str, mails: int
) -> None:
    made = xero.put_invoice()
    control.place_fault(fault, path="Email$")
    with pytest.raises(requests.ConnectionError):
        mail(xero, made)
    assert len(control.mails()) == mails

    assert mail(xero, made).status_code == 204

    assert len(control.mails()) == 1
    assert control.violations() == []


@pytest.mark.parametrize(("looks", "violations"), [(True, set()), (False, {"resend_without_a_lookup"})])
def test_a_mail_in_doubt_is_looked_up_before_it_is_sent_again(
    xero: Caller, control: SandboxControl, looks: bool, violations: set[str]
) -> None:
    made = xero.put_invoice()
    control.place_fault("commit_then_500", path="Email$")
    mail(xero, made)
    if looks:
        assert read(xero, made)["SentToContact"] is True

    mail(xero, made, key="another")

    assert sin_kinds(control) == violations


@pytest.mark.parametrize("fault", ["garbled_json_after_commit", "truncated_json_after_commit"])
def test_an_answer_without_a_body_is_whole_and_leaves_no_doubt(
    xero: Caller, control: SandboxControl, fault: str
) -> None:
    made = xero.put_invoice()
    control.place_fault(fault, path="Email$")

    assert [mail(xero, made, key).status_code for key in ("k1", "k2")] == [204, 204]

    assert len(control.mails()) == 2
    assert control.violations() == []


def test_marking_as_sent_mails_nothing_and_stays_through_other_changes(xero: Caller, control: SandboxControl) -> None:
    made = xero.put_invoice()

    for change in ({"SentToContact": True}, {"Reference": "PO 7"}, {"Status": "AUTHORISED"}):
        xero.call("POST", f"Invoices/{made['InvoiceID']}", json=change, headers={"Idempotency-Key": str(change)})

    assert read(xero, made)["SentToContact"] is True
    assert control.mails() == []


def history(xero: Caller, path: str) -> list[tuple[str, str]]:
    records = xero.get(f"{path}/History").json()["HistoryRecords"]
    return [(one["Changes"], one["User"]) for one in records]


def test_the_history_tells_what_happened_the_newest_first(xero: Caller, control: SandboxControl) -> None:
    made = xero.put_invoice(InvoiceNumber="N-1", Status="DRAFT")
    xero.move("Invoices", (made, "AUTHORISED"))
    mail(xero, made)
    control.pay("N-1", "10.00")
    control.pay("N-1")

    path = f"Invoices/{made['InvoiceID']}"
    by_us = "System Generated"
    assert history(xero, path) == [
        ("Paid", "Dana Sandbox"),
        ("Paid", "Dana Sandbox"),
        ("Emailed", by_us),
        ("Approved", by_us),
        ("Created", by_us),
    ]
    record = xero.get(f"{path}/History").json()["HistoryRecords"][-1]
    assert record["Details"] == "Received through the Xero API from Portal"
    assert record["DateUTC"].startswith("/Date(")


def test_what_a_person_does_bears_the_persons_name(xero: Caller, control: SandboxControl) -> None:
    note = xero.put("CreditNotes", xero.credit_note(CreditNoteNumber="C-1")).json()["CreditNotes"][0]
    by_hand = control.write_document(xero.invoice())
    control.void("C-1", type="ACCRECCREDIT")

    assert history(xero, f"CreditNotes/{note['CreditNoteID']}")[0] == ("Voided", "Dana Sandbox")
    assert history(xero, f"Invoices/{by_hand['InvoiceID']}") == [("Created", "Dana Sandbox")]


def test_notes_are_added_to_the_history(xero: Caller) -> None:
    path = f"Invoices/{xero.put_invoice()['InvoiceID']}/History"

    added = xero.call("PUT", path, json={"HistoryRecords": [{"Details": "Checked"}]})
    refused = xero.call("PUT", path, json={"HistoryRecords": [{"Details": "x" * 2501}]})

    assert [(one["Changes"], one["Details"]) for one in added.json()["HistoryRecords"]] == [("Note", "Checked")]
    assert refused.status_code == 400
    assert xero.get("Invoices/nowhere/History").status_code == 404


def test_the_customers_link_leads_to_the_invoice(xero: Caller) -> None:
    made = xero.put_invoice(InvoiceNumber="N-1")
    draft = xero.put_invoice(Status="DRAFT")

    (online,) = xero.get(f"Invoices/{made['InvoiceID']}/OnlineInvoice").json()["OnlineInvoices"]

    page = requests.get(online["OnlineInvoiceUrl"])
    assert page.status_code == 200
    assert all(words in page.text for words in ("N-1", "110.00", "Contoso Cloud (AU)", "Amount due"))
    assert xero.get(f"Invoices/{draft['InvoiceID']}/OnlineInvoice").status_code == 400
    assert xero.get("Invoices/nowhere/OnlineInvoice").status_code == 404


@pytest.mark.parametrize("asks", ["a look", "a change"])
def test_what_an_answer_shows_is_in_no_doubt_and_what_it_leaves_out_is(
    xero: Caller, control: SandboxControl, asks: str
) -> None:
    made = [xero.put_invoice(InvoiceNumber=number, Status="DRAFT") for number in ("N-1", "N-2")]
    moves = {"Invoices": [{"InvoiceID": one["InvoiceID"], "Status": "AUTHORISED"} for one in made]}
    if asks == "a look":
        xero.call("POST", "Invoices", json=moves, headers={"Idempotency-Key": "k1"})
        control.place_fault("503_text", path="Email", times=2)
        assert [mail(xero, one, one["InvoiceNumber"]).status_code for one in made] == [503, 503]
        control.place_fault("elements_missing", method="GET")
        shown = xero.get("Invoices", IDs=",".join(one["InvoiceID"] for one in made)).json()["Invoices"]
    else:
        control.place_fault("elements_missing", method="POST")
        answer = xero.call("POST", "Invoices", json=moves, headers={"Idempotency-Key": "k1"})
        shown = answer.json()["Invoices"]
    (left_out,) = [one for one in made if one["InvoiceID"] != shown[0]["InvoiceID"]]

    assert mail(xero, shown[0], "k2").status_code == 204
    assert control.violations() == []
    assert mail(xero, left_out, "k3").status_code == 204
    assert sin_kinds(control) == {"resend_without_a_lookup"}
