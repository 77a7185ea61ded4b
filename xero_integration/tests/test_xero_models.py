"""The bytes that xero-python's models become: every field that is meant, none that is not, and each digit."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.db.models import DecimalField
from hypothesis import example, given
from hypothesis import strategies as st

from c3portal.testing import BASE_DIR
from c3portal.tests.imports import ALL, imports
from xero_integration.new_contacts import NewContact, sendable_address, sendable_email
from xero_integration.payloads import Charge, Document, Line, line
from xero_integration.xero_models import allocations_body, contacts_body, documents_body, history_body

CONTACT = "c0ffee00-0000-4000-8000-000000000001"
ADDRESS = {"line1": "1 Main St", "city": "Perth", "state": "WA", "zip": "6000", "country": "AU"}


def a_line(**changes: Any) -> Line:
    facts: dict[str, Any] = {
        "description": "Microsoft 365 E5",
        "quantity": Decimal(8),
        "unit_amount": Decimal("87.4000"),
        "line_amount": Decimal("699.20"),
        "account_code": "4010",
        "tax_type": "OUTPUT",
        "tax_amount": Decimal("69.92"),
    }
    return Line(**facts | changes)


def a_document(*lines: Line, **changes: Any) -> Document:
    facts: dict[str, Any] = {
        "is_credit_note": False,
        "number": "Invoice_1",
        "contact_id": CONTACT,
        "issued_on": dt.date(2026, 9, 15),
        "due_on": dt.date(2026, 10, 6),
        "currency": "AUD",
        "status": "DRAFT",
        "reference": "Billing 20260918 C3-0123456789ab",
        "url": "https://portal.example/invoices/1/",
        "theme_id": "7e",
        "lines": lines or (a_line(),),
    }
    return Document(**facts | changes)


def sent(document: Document) -> dict[str, Any]:
    """Return the one element of the body, its numbers as the text that stands there says them."""
    (rows,) = json.loads(documents_body([document]), parse_float=Decimal).values()
    return rows[0]  # type: ignore[no-any-return]


def test_the_body_says_everything_that_xero_is_told_and_nothing_else() -> None:
    assert json.loads(documents_body([a_document()])) == {
        "Invoices": [
            {
                "Type": "ACCREC",
                "InvoiceNumber": "Invoice_1",
                "Contact": {"ContactID": CONTACT},
                "Date": "/Date(1789430400000)/",
                "DueDate": "/Date(1791244800000)/",
                "LineAmountTypes": "Exclusive",
                "CurrencyCode": "AUD",
                "Status": "DRAFT",
                "Reference": "Billing 20260918 C3-0123456789ab",
                "Url": "https://portal.example/invoices/1/",
                "BrandingThemeID": "7e",
                "LineItems": [
                    {
                        "Description": "Microsoft 365 E5",
                        "Quantity": 8.0,
                        "UnitAmount": 87.4,
                        "LineAmount": 699.2,
                        "AccountCode": "4010",
                        "TaxType": "OUTPUT",
                    }
                ],
            }
        ]
    }


def test_a_credit_note_goes_under_its_own_names_and_without_an_address() -> None:
    body = json.loads(documents_body([a_document(is_credit_note=True)]))
    (row,) = body.pop("CreditNotes")
    assert body == {}
    assert (row["Type"], row["CreditNoteNumber"]) == ("ACCRECCREDIT", "Invoice_1")
    assert not {"InvoiceNumber", "Url"} & row.keys()


def test_what_is_not_chosen_is_left_out() -> None:
    assert not {"Url", "BrandingThemeID"} & sent(a_document(url="", theme_id="")).keys()
    assert "null" not in documents_body([a_document(url="", theme_id="")]).decode()


@given(st.dates(dt.date(2000, 1, 1), dt.date(2100, 1, 1)))
def test_a_date_is_the_same_day_in_every_time_zone_of_the_server(day: dt.date) -> None:
    milliseconds = int(sent(a_document(issued_on=day))["Date"][len("/Date(") : -len(")/")])
    assert dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC).date() == day


def test_the_same_documents_are_the_same_bytes() -> None:
    made = [a_document(a_line(description="東京"))]
    assert documents_body(made) == documents_body(list(made))
    assert "東京".encode() in documents_body(made)


# Every decimal of 15 digits has a float of its own, whose shortest text is that decimal (IEEE 754). So the bound is
# 10 ** 13 for cents and 10 ** 11 for four decimals; the database keeps no amount beyond it.
DIGITS = 15
cents = st.integers(1 - 10**DIGITS, 10**DIGITS - 1).map(lambda count: Decimal(count).scaleb(-2))
units = st.integers(1 - 10**DIGITS, 10**DIGITS - 1).map(lambda count: Decimal(count).scaleb(-4))


def test_the_database_keeps_no_amount_of_more_digits_than_are_always_carried() -> None:
    fields = [field for model in apps.get_models() for field in model._meta.get_fields()]
    amounts = [field for field in fields if isinstance(field, DecimalField) and field.decimal_places == 2]
    assert amounts
    assert max(field.max_digits for field in amounts) <= DIGITS == sys.float_info.dig


@given(quantity=units, unit_amount=units, line_amount=cents)
@example(*[Decimal("99999999999.9999")] * 2, Decimal("9999999999999.99"))
@example(*[Decimal("0.0001")] * 2, Decimal("-0.01"))
def test_every_figure_comes_out_to_the_digit(quantity: Decimal, unit_amount: Decimal, line_amount: Decimal) -> None:
    (row,) = sent(a_document(a_line(quantity=quantity, unit_amount=unit_amount, line_amount=line_amount)))["LineItems"]
    assert [row["Quantity"], row["UnitAmount"], row["LineAmount"]] == [quantity, unit_amount, line_amount]


@given(
    quantity=st.decimals(-(10**6), 10**6, places=4),
    unit_price=st.decimals(0, 10**7, places=8),
    is_usage=st.booleans(),
    is_credit_note=st.booleans(),
)
def test_whatever_a_charge_becomes_comes_out_to_the_digit(
    quantity: Decimal, unit_price: Decimal, is_usage: bool, is_credit_note: bool
) -> None:
    charge = Charge(
        name="Azure",
        sku="DZH",
        is_usage=is_usage,
        quantity=quantity,
        unit_price=unit_price,
        subtotal=quantity * unit_price,
        starts_on=None,
        ends_on=None,
        account_code="4020",
        tax_type="OUTPUT",
        tax_rate=Decimal(10),
    )
    meant = line(charge, "AUD", is_credit_note=is_credit_note)
    (row,) = sent(a_document(meant, is_credit_note=is_credit_note))["LineItems"]
    assert [row["Quantity"], row["UnitAmount"], row["LineAmount"]] == [
        meant.quantity,
        meant.unit_amount,
        meant.line_amount,
    ]


@given(
    figure=st.decimals(allow_nan=False, allow_infinity=False)
    | st.decimals(-(10**20), 10**20, places=2)
    | st.decimals(-(10**16), 10**16, places=4)
)
def test_any_figure_comes_out_to_the_digit_or_is_refused_and_never_rounded(figure: Decimal) -> None:
    try:
        row = sent(a_document(a_line(quantity=figure, unit_amount=figure, line_amount=figure)))["LineItems"][0]
    except ValueError:
        return
    assert [row["Quantity"], row["UnitAmount"], row["LineAmount"]] == [figure] * 3


@given(amount=cents | st.decimals(-(10**20), 10**20, places=2))
def test_so_does_what_is_allocated(amount: Decimal) -> None:
    try:
        body = allocations_body("inv-1", amount, dt.date(2026, 9, 15))
    except ValueError:
        return
    assert json.loads(body, parse_float=Decimal)["Allocations"][0]["Amount"] == amount


@pytest.mark.parametrize("text", ["90071992547409.93", "99999999999999999.99", "0.12345678901234567890", "NaN"])
def test_an_amount_that_json_would_not_carry_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="digit for digit"):
        documents_body([a_document(a_line(line_amount=Decimal(text)))])


def test_what_is_no_number_of_json_is_refused() -> None:
    with pytest.raises(ValueError):
        documents_body([a_document(a_line(line_amount=Decimal("Infinity")))])


def test_a_status_that_xero_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="APPROVED"):
        documents_body([a_document(status="APPROVED")])


@pytest.mark.parametrize("currency", ["AUD", "XCG"])
def test_a_currency_goes_out_whether_xeros_library_is_old_enough_to_know_it_or_not(currency: str) -> None:
    assert sent(a_document(currency=currency))["CurrencyCode"] == currency


def test_a_contact_is_its_name_number_and_address() -> None:
    body = contacts_body([NewContact("Fabrikam", "key-1", "bills@fabrikam.example"), NewContact("Nobody", "key-2")])
    assert json.loads(body) == {
        "Contacts": [
            {"Name": "Fabrikam", "ContactNumber": "key-1", "EmailAddress": "bills@fabrikam.example"},
            {"Name": "Nobody", "ContactNumber": "key-2"},
        ]
    }


def test_a_new_contacts_address_is_the_one_that_xero_prints_on_invoices() -> None:
    (made,) = json.loads(contacts_body([NewContact("Fabrikam", "key-1", address=ADDRESS)]))["Contacts"]
    assert made == {
        "Name": "Fabrikam",
        "ContactNumber": "key-1",
        "Addresses": [
            {
                "AddressType": "POBOX",
                "AddressLine1": "1 Main St",
                "City": "Perth",
                "Region": "WA",
                "PostalCode": "6000",
                "Country": "AU",
            }
        ],
    }


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, ADDRESS),
        ({"line2": "Level 2\u200b", "city": " Perth "}, ADDRESS | {"line2": "Level 2"}),
        ({"country": "Côte d'Ivoire"}, {name: text for name, text in ADDRESS.items() if name != "country"}),
        ({"zip": "6" * 51}, {name: text for name, text in ADDRESS.items() if name != "zip"}),
        ({"line1": "", "city": "", "zip": ""}, {}),
    ],
)
def test_of_an_address_goes_what_xero_takes(changes: dict[str, str], kept: dict[str, str]) -> None:
    assert sendable_address(ADDRESS | changes) == kept


@pytest.mark.parametrize(
    ("emails", "sent"),
    [
        (("a@x.example", "b@x.example"), "a@x.example"),
        (("a@x.example; c@x.example", "b@x.example"), "b@x.example"),
        (("", "no address"), ""),
        ((), ""),
    ],
)
def test_the_first_email_address_that_xero_takes_goes(emails: tuple[str, ...], sent: str) -> None:
    assert sendable_email(emails) == sent


def test_an_allocation_names_the_invoice_by_its_id_alone() -> None:
    (row,) = json.loads(allocations_body("inv-1", Decimal("12.50"), dt.date(2026, 9, 15)))["Allocations"]
    assert row == {"Invoice": {"InvoiceID": "inv-1"}, "Amount": 12.5, "Date": "/Date(1789430400000)/"}


def test_a_history_record_is_its_words() -> None:
    assert json.loads(history_body("Posted by the portal")) == {"HistoryRecords": [{"Details": "Posted by the portal"}]}


def test_the_same_contacts_allocations_and_notes_are_the_same_bytes() -> None:
    made = [
        (
            contacts_body([NewContact("東京", "key-1", "bills@fabrikam.example", ADDRESS)]),
            allocations_body("inv-1", Decimal("12.50"), dt.date(2026, 9, 15)),
            history_body("Posted"),
        )
        for _ in range(2)
    ]
    assert made[0] == made[1]
    assert not any(b"null" in body for body in made[0])


# Who knows of it


def test_one_module_alone_knows_xeros_library_and_of_that_the_models_alone() -> None:
    using = {name: {used for used in imports(path) if used.startswith("xero_python")} for name, path in ALL.items()}
    known = {name: used for name, used in using.items() if used}
    assert list(known) == ["xero_integration.xero_models"]
    (used,) = known.values()
    parts = {name.rpartition(".")[0] for name in used}
    assert parts == {"xero_python.accounting", "xero_python.api_client.serializer"}
    assert "xero_python.accounting.AccountingApi" not in used


def test_a_web_process_does_not_load_what_only_senders_need() -> None:
    loaded = "import sys, c3portal.wsgi, c3portal.urls; print('xero_python' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", loaded],
        env={"DEBUG": "1", "DJANGO_SETTINGS_MODULE": "c3portal.settings", "PATH": ""},
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split()[-1] == "False"
