"""Each rule by which Xero refuses an invoice or credit note, and its arithmetic."""

from decimal import Decimal
from typing import Any

import pytest

from xero_sandbox.testing import SandboxControl
from xero_sandbox.tests.conftest import Caller, line, messages

ZEROS = "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Type": None}, "Type must be specified"),
        ({"Type": "ACCPAY"}, "Type must be specified"),
        ({"Contact": None}, "A Contact must be specified for this type of transaction"),
        ({"Contact": {"ContactID": ZEROS}}, "could not be found"),
        ({"Contact": {"ContactNumber": "unknown"}}, "could not be found"),
        ({"DueDate": None}, "Due Date cannot be empty"),
        ({"Date": "31/10/2026"}, "Date is not a valid date"),
        ({"Status": "PAID"}, "not of valid status for creation"),
        ({"LineItems": []}, "One or more line items must be specified"),
        ({"LineItems": ["x"]}, "LineItems must be a list"),
        ({"LineAmountTypes": "Sometimes"}, "LineAmountTypes must be one of"),
        ({"InvoiceNumber": "x" * 256}, "InvoiceNumber must be a string with a maximum length of 255"),
        ({"InvoiceNumber": "Müller-1"}, "printable ASCII"),
        ({"InvoiceNumber": "a\tb"}, "printable ASCII"),
        ({"Reference": "x" * 256}, "Reference must be a string with a maximum length of 255"),
        ({"Url": "/invoices/1"}, "Url must be an absolute URL"),
        ({"Url": "https://xero-portal.example/1"}, "Url cannot contain the word 'xero'"),
        ({"BrandingThemeID": ZEROS}, "BrandingThemeID"),
        ({"CurrencyCode": "EUR"}, "Organisation is not subscribed to currency EUR"),
        ({"LineItems": [line(UnitAmount=-1)]}, "cannot be less than zero"),
        ({"SentToContact": True, "Status": "DRAFT"}, "SentToContact"),
    ],
)
def test_it_refuses_an_invoice(xero: Caller, changes: dict[str, Any], words: str) -> None:
    element = xero.put_invoice(**changes)

    assert element["StatusAttributeString"] == "ERROR"
    assert element["HasErrors"] is True
    assert element["InvoiceID"] == ZEROS
    assert any(words in message for message in messages(element)), messages(element)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Description": None}, "Description is mandatory"),
        ({"Description": ""}, "Description is mandatory"),
        ({"Description": "x" * 4001}, "Description must be a string with a maximum length of 4000"),
        ({"Quantity": None}, "Quantity is mandatory"),
        ({"Quantity": "many"}, "Quantity must be a number"),
        ({"UnitAmount": None}, "UnitAmount is mandatory"),
        ({"AccountCode": None}, "Account code must be specified"),
        ({"AccountCode": "9999"}, "Account code '9999' is not a valid code for this document."),
        ({"AccountCode": "4090"}, "Account code '4090' is not a valid code for this document."),
        ({"AccountCode": "090"}, "Account code '090' is not a valid code for this document."),
        ({"AccountCode": "610"}, "Account code '610' is not a valid code for this document."),
        ({"AccountCode": "40100000000"}, "AccountCode must be a string with a maximum length of 10"),
        ({"AccountCode": "400"}, "The TaxType code 'INPUT' cannot be used with account code '400'."),
        ({"TaxType": "INPUT"}, "The TaxType code 'INPUT' cannot be used with account code '4010'."),
        ({"TaxType": "OUTPUT2"}, "The TaxType code 'OUTPUT2' does not exist"),
        ({"LineAmount": "99.99"}, "The line total 99.99 does not match the expected line total 100.00"),
        ({"Tracking": [{}, {}, {}]}, "at most 2 tracking categories"),
        (
            {"Tracking": [{"Name": "Region", "Option": "Atlantis"}]},
            "tracking category or its option could not be found",
        ),
        ({"Tracking": [{"Name": "Colour", "Option": "North"}]}, "tracking category or its option could not be found"),
        ({"ItemCode": "CSP-1"}, "Item code 'CSP-1' is not valid."),
        ({"UnitAmount": "10000000000"}, "between -9999999999.99 and 9999999999.99"),
        ({"Quantity": 2, "UnitAmount": "9999999999"}, "between -9999999999.99 and 9999999999.99"),
    ],
)
def test_it_refuses_a_line(xero: Caller, changes: dict[str, Any], words: str) -> None:
    element = xero.put_invoice(LineItems=[line(**changes)])

    assert element["StatusAttributeString"] == "ERROR"
    assert any(words in message for message in messages(element)), messages(element)


def test_a_draft_may_be_incomplete(xero: Caller) -> None:
    element = xero.put_invoice(Status="DRAFT", DueDate=None, LineItems=[{"Description": "to be priced"}])

    assert element["StatusAttributeString"] == "OK"
    assert element["Total"] == 0


def test_it_refuses_an_archived_contact(xero: Caller, control: SandboxControl) -> None:
    contact_id = xero.contact_id()
    control.put_contacts([{"contact_id": contact_id, "status": "ARCHIVED"}])

    assert "has been archived" in messages(xero.put_invoice(Contact={"ContactID": contact_id}))[0]


@pytest.mark.parametrize("lock", ["period_lock_date", "year_lock_date"])
def test_a_locked_period_takes_drafts_only(xero: Caller, control: SandboxControl, lock: str) -> None:
    control.change_organisation(**{lock: "2026-10-31"})

    assert "lock date, currently set at 31/10/2026" in messages(xero.put_invoice())[0]
    assert xero.put_invoice(Date="2026-11-01")["StatusAttributeString"] == "OK"
    assert xero.put_invoice(Status="DRAFT")["StatusAttributeString"] == "OK"


def test_a_currency_can_be_disabled_and_enabled(xero: Caller, control: SandboxControl) -> None:
    assert xero.put_invoice(CurrencyCode="USD")["StatusAttributeString"] == "OK"
    control.put_currency("USD", enabled=False)
    control.put_currency("EUR")

    assert xero.put_invoice(CurrencyCode="USD")["StatusAttributeString"] == "ERROR"
    assert xero.put_invoice(CurrencyCode="EUR")["CurrencyCode"] == "EUR"


def test_an_account_can_be_archived_after_it_was_mapped(xero: Caller, control: SandboxControl) -> None:
    control.put_account("4010", status="ARCHIVED")

    assert "'4010' is not a valid code" in messages(xero.put_invoice())[0]


@pytest.mark.parametrize(
    ("status", "settings", "is_free"),
    [
        ("DRAFT", {}, True),
        ("DRAFT", {"free_after_delete": False}, False),
        ("AUTHORISED", {}, False),
        ("AUTHORISED", {"free_after_void": True}, True),
    ],
)
def test_numbers_are_unique_among_live_invoices_and_free_afterwards_by_setting(
    xero: Caller, control: SandboxControl, status: str, settings: dict[str, bool], is_free: bool
) -> None:
    control.change_organisation(**settings)
    first = xero.put_invoice(InvoiceNumber="N-1", Status=status)
    again = xero.put_invoice(InvoiceNumber="N-1")
    control.void("N-1")
    anew = xero.put_invoice(InvoiceNumber="N-1")

    assert first["StatusAttributeString"] == "OK"
    assert messages(again) == ["Invoice # must be unique."]
    assert (anew["StatusAttributeString"] == "OK") is is_free


@pytest.mark.parametrize(("ignores", "outcome"), [(False, "OK"), (True, "ERROR")])
def test_numbers_that_differ_by_capitals_are_one_by_setting(
    xero: Caller, control: SandboxControl, ignores: bool, outcome: str
) -> None:
    control.change_organisation(numbers_ignore_case=ignores)
    xero.put_invoice(InvoiceNumber="N-a")

    assert xero.put_invoice(InvoiceNumber="n-A")["StatusAttributeString"] == outcome


def test_numbers_are_unique_inside_a_batch_and_one_bad_invoice_spares_its_mates(xero: Caller) -> None:
    batch = [xero.invoice(InvoiceNumber=number) for number in ("N-1", "N-2", "N-1")]

    answer = xero.put("Invoices", *batch)

    assert answer.status_code == 200
    assert [one["StatusAttributeString"] for one in answer.json()["Invoices"]] == ["OK", "OK", "ERROR"]


def test_without_summarize_errors_one_bad_invoice_makes_a_400_and_its_mates_are_still_created(xero: Caller) -> None:
    batch = [xero.invoice(InvoiceNumber="N-1"), xero.invoice(InvoiceNumber="N-2", Contact=None)]

    answer = xero.put("Invoices", *batch, summarizeErrors="true")

    assert answer.status_code == 400
    assert answer.json()["Type"] == "ValidationException"
    assert [one["InvoiceNumber"] for one in answer.json()["Elements"]] == ["N-2"]
    assert xero.get("Invoices/N-1").ok


def test_a_missing_number_is_made_up(xero: Caller) -> None:
    assert xero.put_invoice(InvoiceNumber=None)["InvoiceNumber"] == "INV-0001"
    assert xero.put_invoice(InvoiceNumber=None)["InvoiceNumber"] == "INV-0002"


def test_tax_is_rounded_on_each_line_and_then_summed(xero: Caller) -> None:
    element = xero.put_invoice(LineItems=[line(UnitAmount="0.05"), line(UnitAmount="0.05"), line(UnitAmount="0.04")])

    # Half a cent goes up, twice; tax on the sum of 0.14 would have been 0.01.
    assert [one["TaxAmount"] for one in element["LineItems"]] == [0.01, 0.01, 0]
    assert (element["SubTotal"], element["TotalTax"], element["Total"]) == (0.14, 0.02, 0.16)


def test_inclusive_amounts_hold_their_tax(xero: Caller) -> None:
    element = xero.put_invoice(LineAmountTypes="Inclusive", LineItems=[line(UnitAmount="110"), line(UnitAmount="1")])

    assert (element["SubTotal"], element["TotalTax"], element["Total"]) == (100.91, 10.09, 111)


def test_no_tax_means_none(xero: Caller) -> None:
    element = xero.put_invoice(LineAmountTypes="NoTax", LineItems=[line(TaxType="OUTPUT")])

    assert (element["TotalTax"], element["Total"], element["LineItems"][0]["TaxType"]) == (0, 100, "NONE")


def test_unit_amounts_have_two_decimals_unless_four_are_asked_for(xero: Caller) -> None:
    lines = [line(Quantity=100, UnitAmount="1.23456")]

    two = xero.put("Invoices", xero.invoice(LineItems=lines), unitdp="2").json()["Invoices"][0]
    four = xero.put_invoice(LineItems=lines)

    assert (two["LineItems"][0]["UnitAmount"], two["SubTotal"]) == (1.23, 123)
    assert (four["LineItems"][0]["UnitAmount"], four["SubTotal"]) == (1.2346, 123.46)


def test_discounts_are_part_of_the_expected_line_total(xero: Caller) -> None:
    assert xero.put_invoice(LineItems=[line(DiscountRate=10, LineAmount=90)])["SubTotal"] == 90
    assert xero.put_invoice(LineItems=[line(DiscountAmount=5)])["SubTotal"] == 95


def test_a_tax_amount_may_be_adjusted_by_cents_only(xero: Caller) -> None:
    adjusted = xero.put_invoice(LineItems=[line(TaxAmount="10.02")])
    replaced = xero.put_invoice(LineItems=[line(TaxAmount="12")])

    assert (adjusted["StatusAttributeString"], adjusted["TotalTax"]) == ("OK", 10.02)
    assert (replaced["StatusAttributeString"], replaced["TotalTax"]) == ("WARNING", 10)
    assert "12" in replaced["Warnings"][0]["Message"]


def test_money_comes_back_exact(xero: Caller) -> None:
    answer = xero.put("Invoices", xero.invoice(LineItems=[line(Quantity=3, UnitAmount="99999999.99")]))

    element = answer.json(parse_float=Decimal)["Invoices"][0]

    assert element["SubTotal"] == Decimal("299999999.97")
    assert element["AmountDue"] == Decimal("329999999.97")


def test_a_zero_total_is_accepted(xero: Caller) -> None:
    assert xero.put_invoice(LineItems=[line(UnitAmount=0)])["StatusAttributeString"] == "OK"
    assert xero.put_invoice(LineItems=[line(), line(UnitAmount=-100)])["Total"] == 0


def test_an_approved_document_without_a_total_is_paid_at_once(xero: Caller) -> None:
    draft = xero.put_invoice(Status="DRAFT", LineItems=[line(UnitAmount=0)])
    approved = xero.put_invoice(LineItems=[line(UnitAmount=0)])
    moved = xero.move("Invoices", (draft, "AUTHORISED")).json()["Invoices"][0]

    assert [one["Status"] for one in (draft, approved, moved)] == ["DRAFT", "PAID", "PAID"]
    assert approved["FullyPaidOnDate"] == approved["Date"]


def test_tracking_is_taken_by_name_and_by_id(xero: Caller) -> None:
    (category,) = xero.get("TrackingCategories").json()["TrackingCategories"]
    option = category["Options"][0]
    by_id = {
        "TrackingCategoryID": category["TrackingCategoryID"],
        "TrackingOptionID": option["TrackingOptionID"],
    }

    for tracking in ({"Name": category["Name"], "Option": option["Name"]}, by_id):
        assert xero.put_invoice(LineItems=[line(Tracking=[tracking])])["StatusAttributeString"] == "OK"


@pytest.mark.parametrize("discount", [{"DiscountRate": 10}, {"DiscountAmount": 5}])
def test_credit_notes_take_no_discounts(xero: Caller, discount: dict[str, Any]) -> None:
    note = xero.credit_note(LineItems=[line(**discount)])

    assert "Discounts" in messages(xero.put("CreditNotes", note).json()["CreditNotes"][0])[0]


def test_a_total_has_an_upper_end_too(xero: Caller) -> None:
    most = line(UnitAmount="9999999999.99", TaxType="EXEMPTOUTPUT")

    assert xero.put_invoice(LineItems=[most])["Total"] == 9999999999.99
    assert "total cannot be more than" in messages(xero.put_invoice(LineItems=[most, line(UnitAmount="0.01")]))[0]


def test_the_rate_is_that_of_the_date_unless_another_is_sent(xero: Caller) -> None:
    one, again = xero.put_invoice(CurrencyCode="USD"), xero.put_invoice(CurrencyCode="USD")
    later = xero.put_invoice(CurrencyCode="USD", Date="2026-11-01")
    own = xero.put_invoice(CurrencyCode="USD", CurrencyRate="0.712345")
    wrong = xero.put_invoice(CurrencyCode="USD", CurrencyRate=0)

    assert one["CurrencyRate"] == again["CurrencyRate"] != later["CurrencyRate"]
    assert own["CurrencyRate"] == 0.712345
    assert xero.put_invoice()["CurrencyRate"] == 1
    assert "CurrencyRate must be a number above zero" in messages(wrong)[0]


def test_a_filter_holds_no_quotation_mark_inside_a_text(xero: Caller) -> None:
    for text in (r'Name=="6\" pipes"', 'Name=="6"" pipes"', r'Name=="a\\b"'):
        assert xero.get("Contacts", where=text).json()["Type"] == "QueryParseException"


def test_a_query_has_an_end(xero: Caller) -> None:
    fits = xero.get("Invoices", InvoiceNumbers="N" * 2000)
    too_long = xero.get("Invoices", InvoiceNumbers="N" * 2050)

    assert fits.ok
    assert (too_long.status_code, too_long.headers["Content-Type"]) == (404, "text/html; charset=utf-8")


@pytest.mark.parametrize(
    "address",
    ["a@x.example; b@x.example", "a b@x.example", "a@x.example ", "o\ufb03ce@x.example", "a@m\u00fcller.example"],
)
def test_a_contact_has_one_plain_address(xero: Caller, address: str) -> None:
    (element,) = xero.put("Contacts", {"Name": "Litware", "EmailAddress": address}).json()["Contacts"]

    assert messages(element) == ["Email address must be valid."]


def test_names_lose_emoji_and_doubled_blanks_and_hold_no_angle_brackets(xero: Caller) -> None:
    kept, refused = xero.put("Contacts", {"Name": "Rocket \U0001f680  Science"}, {"Name": "A <b> C"}).json()["Contacts"]

    assert kept["Name"] == "Rocket Science"
    assert "must not contain < or >" in messages(refused)[0]


def test_credit_notes_follow_the_same_rules_without_a_due_date(xero: Caller, control: SandboxControl) -> None:
    control.change_organisation(unique_credit_notes=True)
    made = xero.put("CreditNotes", xero.credit_note(CreditNoteNumber="C-1")).json()["CreditNotes"][0]
    again = xero.put("CreditNotes", xero.credit_note(CreditNoteNumber="C-1")).json()["CreditNotes"][0]
    untyped = xero.put("CreditNotes", xero.credit_note(Type="ACCREC")).json()["CreditNotes"][0]

    assert (made["StatusAttributeString"], made["RemainingCredit"]) == ("OK", 110)
    assert messages(again) == ["Credit Note # must be unique."]
    assert messages(untyped) == ["Type must be specified as ACCRECCREDIT."]
    assert again["CreditNoteID"] == ZEROS


def test_the_number_of_a_credit_note_may_come_twice(xero: Caller) -> None:
    made = xero.put("CreditNotes", xero.credit_note(CreditNoteNumber="C-1")).json()["CreditNotes"][0]
    again = xero.put("CreditNotes", xero.credit_note(CreditNoteNumber="C-1")).json()["CreditNotes"][0]

    assert again["StatusAttributeString"] == "OK"
    assert again["CreditNoteID"] != made["CreditNoteID"]


def test_a_bare_name_finds_or_creates_a_contact(xero: Caller) -> None:
    made = xero.put_invoice(Contact={"Name": "Brand New Ltd"})
    found = xero.put_invoice(Contact={"Name": "brand new ltd"})

    assert made["Contact"]["ContactID"] == found["Contact"]["ContactID"]


def test_post_overwrites_in_silence(xero: Caller) -> None:
    xero.put_invoice(InvoiceNumber="N-1")
    changed = xero.invoice(InvoiceNumber="N-1", LineItems=[line(UnitAmount=1)])

    answer = xero.call("POST", "Invoices", json={"Invoices": [changed]}).json()["Invoices"][0]

    assert answer["Total"] == 1.1
    assert len(xero.get("Invoices", InvoiceNumbers="N-1").json()["Invoices"]) == 1


def test_post_by_id_voids_but_not_what_was_paid(xero: Caller, control: SandboxControl) -> None:
    free, paid = xero.put_invoice(), xero.put_invoice()
    control.pay(paid["InvoiceNumber"])

    voided = xero.call("POST", f"Invoices/{free['InvoiceID']}", json={"Status": "VOIDED"}).json()["Invoices"][0]
    refused = xero.call("POST", f"Invoices/{paid['InvoiceID']}", json={"Status": "VOIDED"})

    assert voided["Status"] == "VOIDED"
    assert refused.status_code == 400
    assert "has a payment" in refused.json()["Elements"][0]["ValidationErrors"][0]["Message"]


@pytest.mark.parametrize("body", [b"", b"{", b'{"Invoices": [NaN]}', b'{"Invoices": []}', b'"x"', b"[1]"])
def test_a_body_that_is_no_list_of_invoices_is_refused_whole(xero: Caller, body: bytes) -> None:
    answer = xero.call("PUT", "Invoices", data=body)

    assert answer.status_code == 400
    assert answer.json()["Type"] == "PostDataInvalidException"


def test_a_body_over_the_limit_is_refused(xero: Caller) -> None:
    assert xero.call("PUT", "Invoices", data=b" " * 3_500_001).status_code == 413


def test_an_unknown_resource_answers_in_plain_text(xero: Caller) -> None:
    assert xero.get("Invoices/unknown-number").status_code == 404
    assert xero.get("Invoices/unknown-number").headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize("page", ["0", "x", "-1", "9" * 30])
def test_a_page_is_a_whole_number(xero: Caller, page: str) -> None:
    assert xero.get("Invoices", page=page).json()["Type"] == "QueryParseException"


def test_who_does_not_ask_for_json_gets_xml(xero: Caller) -> None:
    answer = xero.call("GET", "Organisation", headers={"Accept": "*/*"})

    assert answer.headers["Content-Type"].startswith("text/xml")
    assert "<Name>Contoso Cloud (AU)</Name>" in answer.text
