"""Each kind of odd file that people who do this job reported does the right thing at its import."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest

from invoices.importing.importer import import_file
from invoices.models import BillingPeriod, Customer, HeldBackInvoice, ImportRun, ImportSettings, Invoice
from invoices.tests.c3_files import csv_bytes, of_customer, write
from invoices.tests.makers import connected, uploaded

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
State = ImportRun.State
# Files after public bug reports, where somebody has them at hand.
CASES = os.environ.get("REPORTED_CASES", "")
EXPECTED = {
    "09-sep-line.csv": (State.IMPORTED, 1, 0),
    "35-country-word.csv": (State.IMPORTED, 1, 0),
    "36-quoted-newline.csv": (State.IMPORTED, 1, 0),
    "50-one-tenant-two-customers.csv": (State.REFUSED, 0, 2),
    "51a-original-run.csv": (State.IMPORTED, 1, 0),
    "51b-regenerated-next-day.csv": (State.IMPORTED, 1, 0),
    "53-reseller-invoice.csv": (State.IMPORTED, 1, 0),
    "54-sub-cent-usage-50-lines.csv": (State.IMPORTED, 1, 0),
    "55-duplicate-rows.csv": (State.IMPORTED, 1, 0),
    "84a-download-cut-off-by-3-bytes.csv": (State.REFUSED, 0, 0),
    "84b-whole-file.csv": (State.IMPORTED, 3, 0),
    "87-contacts-that-exist.csv": (State.IMPORTED, 6, 0),
    "89-names-and-mails-that-xero-refuses.csv": (State.IMPORTED, 12, 0),
    "90-numbers-that-differ-by-case.csv": (State.IMPORTED, 3, 0),
    "95-quote-in-a-credit-note-number.csv": (State.IMPORTED, 4, 0),
    "98-new-category.csv": (State.IMPORTED, 2, 0),
    "99-billing-id-as-float.csv": (State.REFUSED, 0, 0),
    "100-no-tenant-id.csv": (State.IMPORTED, 2, 0),
    "102-utc-timestamps.csv": (State.IMPORTED, 1, 0),
}


@pytest.mark.skipif(not CASES, reason="REPORTED_CASES names no folder of reported files")
def test_each_reported_file_comes_to_what_is_right() -> None:
    got = {}
    for name in EXPECTED:
        run = import_file(Path(CASES) / name)
        got[name] = run.state, run.invoices_new, run.invoices_held_back

    assert got == EXPECTED


# Who is billed


@pytest.mark.parametrize("key", ["00000000-0000-0000-0000-000000000000", "FFFFFFFF-ffff", "null", "N/A", "0"])
def test_two_customers_under_a_key_that_says_nothing_are_held_back(tmp_path: Path, key: str) -> None:
    rows = [of_customer(1, TenantID=key), of_customer(2, TenantID=key), of_customer(3)]

    run = import_file(write(tmp_path, *rows))

    assert (run.invoices_new, run.invoices_held_back) == (1, 2)
    assert [(finding.row, finding.field) for finding in run.findings.all()] == [(2, "TenantID"), (3, "TenantID")]
    assert "stands for more than one customer (rows 2, 3)" in run.findings.all()[0].reason


@pytest.mark.parametrize("key", ["", "00000000-0000-0000-0000-000000000000", "null"])
def test_a_customer_without_a_key_is_kept_by_erp_id_then_by_name(tmp_path: Path, key: str) -> None:
    import_file(write(tmp_path, of_customer(1, TenantID=key), of_customer(3)))
    run = import_file(write(tmp_path, of_customer(2, TenantID=key, ERPCustomerID="", CustomerName="Åse  & Sons")))

    keyless = Customer.objects.exclude(key_from=Customer.Key.TENANT).order_by("pk")
    assert list(keyless.values_list("tenant_id", "key_from")) == [("erp:erp1", "erp"), ("name:åse & sons", "name")]
    assert any("customers without a key: 1" in note for note in run.notes)


def test_customers_without_a_key_stay_apart_and_the_same_from_file_to_file(tmp_path: Path) -> None:
    long = "x" * 90
    rows = [
        of_customer(1, TenantID="", ERPCustomerID=f"{long}1"),
        of_customer(2, TenantID="", ERPCustomerID=f"{long}2"),
        of_customer(3, TenantID="", ERPCustomerID=f"{long}1"),
    ]

    import_file(write(tmp_path, *rows))

    assert Customer.objects.count() == 2
    assert Invoice.objects.get(number="Invoice_1").customer == Invoice.objects.get(number="Invoice_3").customer


@pytest.mark.parametrize(
    ("changes", "field"), [({"CustomerName": "Other"}, "CustomerName"), ({"ERPCustomerID": "E9"}, "ERPCustomerID")]
)
def test_one_key_of_two_names_or_erp_ids_holds_back_both(tmp_path: Path, changes: dict[str, str], field: str) -> None:
    other = of_customer(1, InvoiceNumber="Second", **changes)

    run = import_file(write(tmp_path, of_customer(1), other, of_customer(2)))

    assert set(HeldBackInvoice.objects.values_list("number", flat=True)) == {"Invoice_1", "Second"}
    assert {finding.field for finding in run.findings.all()} == {field}
    assert list(Invoice.objects.values_list("number", flat=True)) == ["Invoice_2"]


def test_names_that_differ_in_what_nobody_sees_are_one(tmp_path: Path) -> None:
    rows = [
        of_customer(1, CustomerName="Café O'Brien"),
        of_customer(1, CustomerName="Cafe\u0301  O\u2019Brien\u200b", InvoiceNumber="Second"),
    ]

    assert import_file(write(tmp_path, *rows)).invoices_held_back == 0


@pytest.mark.parametrize(
    ("entity", "reason"),
    [
        ("", "is empty, and a reseller is named: it is not said who is billed"),
        (
            "Partner",
            "“Partner” is neither Customer nor Reseller, and a reseller is named: it is not said who is billed",
        ),
    ],
)
def test_where_a_reseller_is_named_the_file_has_to_say_who_is_billed(tmp_path: Path, entity: str, reason: str) -> None:
    rows = [of_customer(1, InvoiceEntity=entity, ResellerName="Foxtrot Ltd"), of_customer(2, InvoiceEntity=entity)]

    run = import_file(write(tmp_path, *rows))

    assert list(Invoice.objects.values_list("number", flat=True)) == ["Invoice_2"]
    assert [(each.field, each.reason) for each in run.findings.all()] == [("InvoiceEntity", reason)]


def test_a_reseller_is_billed_in_place_of_the_customer(tmp_path: Path) -> None:
    rows = [
        of_customer(1, InvoiceEntity="Reseller", ResellerName="Foxtrot Ltd"),
        of_customer(2, InvoiceEntity="reseller", ResellerName="FOXTROT  Ltd"),
        of_customer(3, InvoiceEntity="Customer", ResellerName="Foxtrot Ltd"),
        of_customer(4, InvoiceEntity="Reseller"),
        of_customer(5, InvoiceEntity="Distributor", ResellerName="Foxtrot Ltd"),
    ]

    run = import_file(write(tmp_path, *rows))

    reseller = Customer.objects.get(key_from=Customer.Key.RESELLER)
    assert reseller.name == "Foxtrot Ltd"
    billed = {invoice.number: invoice.billed_to.tenant_id for invoice in Invoice.objects.all()}
    assert billed == {"Invoice_1": reseller.tenant_id, "Invoice_2": reseller.tenant_id, "Invoice_3": "tenant-3"}
    assert {finding.field for finding in run.findings.all()} == {"ResellerName", "InvoiceEntity"}
    assert any("billed to a reseller: 2" in note for note in run.notes)


# What is billed


def test_what_is_generated_again_is_said(tmp_path: Path) -> None:
    import_file(write(tmp_path, of_customer(1)))
    uploaded(connected(), None, Invoice.objects.get(), to="posted")

    run = import_file(write(tmp_path, of_customer(1, InvoiceNumber="Again", BillingId="20260919")))

    assert run.notes[-2:] == [
        "Billing period 20260919 covers dates of another one: 20260918. "
        "Look whether the same charges are invoiced twice.",
        "Invoices of the same lines and total as another one: 1 (Again as Invoice_1, which is in Xero). "
        "They are not posted until a person decides.",
    ]


def test_identical_rows_are_noted_with_the_sum_that_they_add(tmp_path: Path) -> None:
    rows = [of_customer(1), of_customer(1), of_customer(1), of_customer(2), of_customer(2, SubscriptionID="other")]

    run = import_file(write(tmp_path, *rows))

    (note,) = [note for note in run.notes if "more than once" in note]
    assert "cell for cell: 2, in Invoice_1. They add AUD 198.00" in note
    assert Invoice.objects.get(number="Invoice_1").total == Decimal("297.00")


def test_a_new_category_comes_in_and_stays_open(tmp_path: Path) -> None:
    run = import_file(write(tmp_path, of_customer(1), of_customer(2, Category="Reservation")))

    assert run.invoices_new == 2
    assert [line.kind for line in Invoice.objects.get(number="Invoice_2").lines.all()] == [""]
    assert any("no kind yet: 1 (row 3): Reservation" in note for note in run.notes)


def test_line_breaks_stay_and_what_xero_cannot_take_is_cut_with_the_whole_kept(tmp_path: Path) -> None:
    long = "x" * 4_100

    run = import_file(
        write(tmp_path, of_customer(1, SubscriptionName="Desk\r\n(weekend)"), of_customer(2, SubscriptionName=long))
    )

    (first,), (second,) = (Invoice.objects.get(number=f"Invoice_{n}").lines.all() for n in (1, 2))
    assert first.name == "Desk\n(weekend)"
    assert (second.name, second.source["SubscriptionName"]) == (long[:4_000], long)
    assert any("longer than the 4,000 characters" in note for note in run.notes)


def test_cells_are_cleaned_where_the_meaning_is_certain_and_each_cleaning_is_noted(tmp_path: Path) -> None:
    ImportSettings.objects.create(pk=1, time_zone="Australia/Sydney")
    odd = {
        "CustomerName": "Cafe\u0301\u200b\u00a0O'Brien",
        "CustomerCountry": "Australia",
        "InvoiceGeneratedDate": "2026-09-17T14:00:00Z",
        "ChargeEndDate": "9999-12-31T00:00:00",
        "ItemCode": "a\x00b",
    }

    run = import_file(write(tmp_path, of_customer(1, **odd), name="lines.json"))

    invoice = Invoice.objects.get()
    assert (invoice.customer.name, invoice.customer.country) == ("Café O'Brien", "AU")
    assert str(invoice.issued_on) == "2026-09-18"
    assert invoice.lines.get().charge_end is None
    assert invoice.lines.get().source["ItemCode"] == "ab"
    assert {note.partition(":")[0] for note in run.notes} == {
        *("Customer", "Country", "Issued on", "Service to", "ItemCode")
    }


# The file and its period


@pytest.mark.parametrize("billing_id", ["2063061", "20260918.0", "2.0260918E7", "18/09/2026"])
def test_a_billing_id_that_c3_does_not_write_refuses_the_file(tmp_path: Path, billing_id: str) -> None:
    run = import_file(write(tmp_path, of_customer(1), of_customer(2, BillingId=billing_id)))

    assert run.state == State.REFUSED
    assert run.reason.startswith(f"Row 3: BillingId “{billing_id}” is not eight digits")
    assert not BillingPeriod.objects.exists()


@pytest.mark.parametrize("cut", [*range(3, 11), 40])
def test_a_file_that_was_cut_off_is_refused_and_the_whole_one_comes_in(tmp_path: Path, cut: int) -> None:
    columns = {name: text for name, text in of_customer(1).items() if name != "PurchaseOrderNumber"}
    content = csv_bytes(columns, columns | {"InvoiceNumber": "Second"})
    path = tmp_path / "lines.csv"
    path.write_bytes(content[:-cut])

    assert import_file(path).state == State.REFUSED
    assert not Invoice.objects.exists()
    path.write_bytes(content)
    assert import_file(path).invoices_new == 2


def test_a_known_periods_dates_stay_and_the_difference_is_said(tmp_path: Path) -> None:
    import_file(write(tmp_path, of_customer(1)))

    run = import_file(write(tmp_path, of_customer(2, BillingPeriodStartDate="2026-08-15")))

    assert run.invoices_new == 1
    assert str(BillingPeriod.objects.get().starts_on) == "2026-08-16"
    assert run.notes[0] == (
        "The file says that billing period 20260918 runs from 2026-08-15 to 2026-09-15; "
        "it is known from 2026-08-16 to 2026-09-15, and stays so."
    )


def test_a_column_that_is_not_used_stops_nothing_and_is_kept(tmp_path: Path) -> None:
    rows = [of_customer(1) | {"Promotion": "50 %", "SubscriptionEndDate": "whenever"}]

    run = import_file(write(tmp_path, *rows))

    line = Invoice.objects.get().lines.get()
    assert run.invoices_new == 1
    assert (line.source["Promotion"], line.source["SubscriptionEndDate"]) == ("50 %", "whenever")
