"""Lists, look-ups and contacts as callers read and write them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from xero_sandbox.testing import SandboxControl
from xero_sandbox.tests.conftest import Caller, messages


def numbers(answer: Any) -> list[str]:
    return [one["InvoiceNumber"] for one in answer.json()["Invoices"]]


def test_invoices_are_found_by_number_id_status_contact_and_search(xero: Caller, control: SandboxControl) -> None:
    first = xero.put_invoice(InvoiceNumber="N-1", Reference="October")
    xero.put_invoice(InvoiceNumber="N-2", Status="DRAFT")
    other = control.put_contacts([{"name": "Litware"}])[0]["contact_id"]
    xero.put_invoice(InvoiceNumber="N-3", Contact={"ContactID": other})

    assert numbers(xero.get("Invoices", InvoiceNumbers="N-3,N-1,N-9")) == ["N-1", "N-3"]
    assert numbers(xero.get("Invoices", IDs=first["InvoiceID"])) == ["N-1"]
    assert numbers(xero.get("Invoices", Statuses="DRAFT,PAID")) == ["N-2"]
    assert numbers(xero.get("Invoices", ContactIDs=other)) == ["N-3"]
    assert numbers(xero.get("Invoices", searchTerm="octo")) == ["N-1"]
    assert numbers(xero.get("Invoices/N-2")) == ["N-2"]
    assert numbers(xero.get(f"Invoices/{first['InvoiceID']}")) == ["N-1"]


def test_a_page_carries_lines_and_pagination_and_a_bare_list_neither(xero: Caller) -> None:
    xero.put("Invoices", *[xero.invoice(InvoiceNumber=f"N-{number}") for number in range(5)])

    page = xero.get("Invoices", page=2, pageSize=2).json()
    bare = xero.get("Invoices").json()
    summary = xero.get("Invoices", page=1, summaryOnly="true").json()

    assert page["pagination"] == {"page": 2, "pageSize": 2, "pageCount": 3, "itemCount": 5}
    assert [one["InvoiceNumber"] for one in page["Invoices"]] == ["N-2", "N-3"]
    assert len(page["Invoices"][0]["LineItems"]) == 1
    assert "pagination" not in bare
    assert [one["LineItems"] for one in bare["Invoices"] + summary["Invoices"]] == [[]] * 10


def test_a_list_comes_in_the_order_that_is_asked_for(xero: Caller) -> None:
    for number, date in (("N-2", "2026-11-01"), ("N-1", "2026-11-02"), ("N-3", "2026-11-01")):
        xero.put_invoice(InvoiceNumber=number, Date=date)

    assert numbers(xero.get("Invoices", order="InvoiceNumber")) == ["N-1", "N-2", "N-3"]
    assert numbers(xero.get("Invoices", order="Date DESC, InvoiceNumber", page=1)) == ["N-1", "N-2", "N-3"]
    assert numbers(xero.get("Invoices", order="date asc,invoicenumber desc")) == ["N-3", "N-2", "N-1"]
    ids = [one["InvoiceID"] for one in xero.get("Invoices", order="InvoiceID").json()["Invoices"]]
    assert ids == sorted(ids)
    for unknown in ("Colour", "Date SIDEWAYS", "Date; drop table"):
        assert xero.get("Invoices", order=unknown).json()["Type"] == "QueryParseException"


def test_contacts_come_in_the_order_that_is_asked_for(xero: Caller) -> None:
    names = [one["Name"] for one in xero.get("Contacts", order="Name DESC").json()["Contacts"]]

    assert names == sorted(names, reverse=True)


def test_the_size_of_a_page_alone_asks_for_none(xero: Caller) -> None:
    xero.put_invoice()

    answer = xero.get("Invoices", pageSize=1000).json()

    assert "pagination" not in answer
    assert answer["Invoices"][0]["LineItems"] == []


def test_created_by_my_app_leaves_out_what_others_wrote(xero: Caller, control: SandboxControl) -> None:
    mine, theirs = xero.put_invoice(), xero.invoice(InvoiceNumber="BY-HAND")
    control.write_document(theirs)

    assert numbers(xero.get("Invoices", createdByMyApp="true")) == [mine["InvoiceNumber"]]
    assert len(numbers(xero.get("Invoices"))) == 2


def test_if_modified_since_shows_only_later_changes(xero: Caller, control: SandboxControl) -> None:
    xero.put_invoice(InvoiceNumber="N-1")
    xero.put_invoice(InvoiceNumber="N-2")
    control.advance_clock(600)
    control.pay("N-2")

    def since(moment: datetime, form: str) -> list[str]:
        return numbers(xero.call("GET", "Invoices", headers={"If-Modified-Since": f"{moment:{form}}"}))

    middle = datetime.now(UTC) + timedelta(seconds=300)
    assert since(middle, "%Y-%m-%dT%H:%M:%S") == ["N-2"]
    assert since(middle, "%a, %d %b %Y %H:%M:%S GMT") == ["N-2"]
    assert since(middle - timedelta(days=1), "%Y-%m-%dT%H:%M:%S") == ["N-1", "N-2"]


def test_payments_show_on_the_invoice_until_it_is_paid(xero: Caller, control: SandboxControl) -> None:
    xero.put_invoice(InvoiceNumber="N-1")
    control.pay("N-1", "10", date="2026-11-02", reference="EFT 1")
    (part,) = xero.get("Invoices/N-1").json()["Invoices"]
    control.pay("N-1")
    (full,) = xero.get("Invoices/N-1").json()["Invoices"]

    assert (part["Status"], part["AmountPaid"], part["AmountDue"]) == ("AUTHORISED", 10, 100)
    assert part["Payments"][0]["Reference"] == "EFT 1"
    assert "FullyPaidOnDate" not in part
    assert (full["Status"], full["AmountPaid"], full["AmountDue"]) == ("PAID", 110, 0)
    assert full["FullyPaidOnDate"].startswith("/Date(")
    assert len(xero.get("Payments").json()["Payments"]) == 2


def test_credit_notes_are_found_with_where(xero: Caller) -> None:
    notes = [xero.credit_note(CreditNoteNumber=f"C-{number}") for number in range(3)]
    xero.put("CreditNotes", *notes)

    def found(where: str) -> list[str]:
        return [one["CreditNoteNumber"] for one in xero.get("CreditNotes", where=where).json()["CreditNotes"]]

    assert found('CreditNoteNumber=="C-0" OR CreditNoteNumber=="C-2"') == ["C-0", "C-2"]
    assert found('CreditNoteNumber=="C-0" AND Status=="DRAFT"') == []
    assert found('CreditNoteNumber!="C-0"') == ["C-1", "C-2"]
    assert xero.get("CreditNotes", where="1 drop table").json()["Type"] == "QueryParseException"


def test_contacts_are_paged_searched_and_archived_ones_hidden(xero: Caller, control: SandboxControl) -> None:
    control.put_contacts([{"name": f"Customer {number:04}", "number": f"C3-{number}"} for number in range(1200)])

    page = xero.get("Contacts", page=2, pageSize=1000).json()
    everyone = xero.get("Contacts", includeArchived="true").json()["Contacts"]

    assert page["pagination"] == {"page": 2, "pageSize": 1000, "pageCount": 2, "itemCount": 1205}
    assert len(page["Contacts"]) == 205
    assert {one["ContactStatus"] for one in everyone} == {"ACTIVE", "ARCHIVED"}
    assert xero.get("Contacts/C3-7").json()["Contacts"][0]["Name"] == "Customer 0007"
    assert len(xero.get("Contacts", searchTerm="customer 011").json()["Contacts"]) == 10
    assert len(xero.get("Contacts", where='Name=="Customer 0001"').json()["Contacts"]) == 1


def test_contacts_are_refused_one_by_one(xero: Caller) -> None:
    answer = xero.put(
        "Contacts",
        {"Name": "Litware", "ContactNumber": "C3-1"},
        {"Name": "LITWARE "},
        {"Name": "Other", "ContactNumber": "C3-1"},
        {"ContactNumber": "C3-2"},
        {"Name": "x" * 256},
        {"Name": "y", "ContactNumber": "9" * 51},
        {"Name": "Woodgrove Holdings (closed)"},
    ).json()["Contacts"]

    assert [one["StatusAttributeString"] for one in answer] == ["OK", *["ERROR"] * 5, "OK"]
    assert "must be unique across all active contacts" in messages(answer[1])[0]
    assert "Contact Number C3-1 is already assigned" in messages(answer[2])[0]


def test_contacts_are_changed_and_archived_by_post(xero: Caller) -> None:
    contact_id = xero.contact_id()

    def post(**fields: Any) -> Any:
        return xero.call("POST", "Contacts", json={"Contacts": [{"ContactID": contact_id} | fields]})

    assert post(ContactNumber="C3-9").json()["Contacts"][0]["ContactNumber"] == "C3-9"
    assert post(ContactStatus="ARCHIVED").json()["Contacts"][0]["ContactStatus"] == "ARCHIVED"
    assert xero.contact_id() != contact_id


def test_organisations_are_kept_apart(xero: Caller, control: SandboxControl) -> None:
    made = xero.put_invoice(InvoiceNumber="N-1")
    xero.session.headers["Xero-Tenant-Id"] = control.organisations()[1]["tenant_id"]

    assert numbers(xero.get("Invoices")) == []
    assert xero.get(f"Invoices/{made['InvoiceID']}").status_code == 404
