"""What is wrong in a file holds back its own invoice, and the others come in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from c3portal.models import User
from invoices.importing.importer import import_file
from invoices.importing.preview import preview_file
from invoices.models import BillingPeriod, Customer, HeldBackInvoice, ImportRun, ImportSettings, Invoice, Posting
from invoices.tests.c3_files import csv_bytes, of_customer, write
from invoices.tests.makers import connected, uploaded

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
State = ImportRun.State


def open_numbers() -> set[str]:
    return set(HeldBackInvoice.objects.filter(resolved_at=None).values_list("number", flat=True))


def numbers() -> set[str]:
    return set(Invoice.objects.values_list("number", flat=True))


def test_one_odd_cell_holds_back_its_invoice_and_the_rest_comes_in(tmp_path: Path) -> None:
    rows = [of_customer(1), of_customer(2), of_customer(2, Quantity="many"), of_customer(3)]

    run = import_file(write(tmp_path, *rows))

    assert (run.state, run.invoices_new, run.invoices_held_back) == (State.IMPORTED, 2, 1)
    assert numbers() == {"Invoice_1", "Invoice_3"}
    (finding,) = run.findings.all()
    assert (finding.kind, finding.row, finding.field) == ("held_back", 4, "Quantity")
    assert (finding.reason, finding.invoice_number) == ("“many” is not a number", "Invoice_2")
    (held,) = HeldBackInvoice.objects.all()
    assert (held.number, held.customer_name, held.currency) == ("Invoice_2", "Tailspin Travel", "AUD")
    assert (str(held.total), held.billing_id) == ("198.00", "20260918")


def test_a_later_file_that_has_it_right_closes_it(tmp_path: Path) -> None:
    import_file(write(tmp_path, of_customer(1), of_customer(2, Total="x")))
    import_file(write(tmp_path, of_customer(1), of_customer(2, Total="y")))
    assert HeldBackInvoice.objects.filter(resolved_at=None).count() == 1

    run = import_file(write(tmp_path, of_customer(2)))

    assert open_numbers() == set()
    assert HeldBackInvoice.objects.get(resolved_by=run).number == "Invoice_2"


def test_rows_without_a_number_are_held_back_one_by_one(tmp_path: Path) -> None:
    rows = [of_customer(1), of_customer(2, InvoiceNumber=""), of_customer(3, InvoiceNumber="")]

    run = import_file(write(tmp_path, *rows))

    assert (run.state, run.invoices_new, run.invoices_held_back) == (State.IMPORTED, 1, 2)
    assert HeldBackInvoice.objects.filter(number="", total="99.00").count() == 2
    import_file(write(tmp_path, of_customer(1), of_customer(2), of_customer(3)))
    assert open_numbers() == set()


@pytest.mark.parametrize(
    "unreadable",
    [
        {},
        {"TenantID": "", "ERPCustomerID": "", "CustomerName": "  FABRIKAM"},
        {"TenantID": "", "CustomerName": ""},
        {"TenantID": "x" * 51, "ERPCustomerID": ""},
    ],
)
def test_a_row_without_a_number_holds_back_all_invoices_of_its_customer(
    tmp_path: Path, unreadable: dict[str, str]
) -> None:
    theirs = {"CustomerName": "Fabrikam"}
    import_file(write(tmp_path, of_customer(2, **theirs), of_customer(2, **theirs)))
    short = of_customer(2, **(theirs | {"InvoiceNumber": ""} | unreadable))
    another = of_customer(2, **theirs | {"InvoiceNumber": "Invoice_4"})

    run = import_file(write(tmp_path, another, of_customer(1), short, of_customer(3), of_customer(2, **theirs)))

    assert (run.invoices_new, run.invoices_updated) == (2, 0)
    assert numbers() == {"Invoice_1", "Invoice_2", "Invoice_3"}
    assert open_numbers() == {"", "Invoice_2", "Invoice_4"}
    assert str(Invoice.objects.get(number="Invoice_2").total) == "198.00"
    finding = run.findings.get(invoice_number="Invoice_2")
    assert (finding.row, finding.field) == (4, "InvoiceNumber")


@pytest.mark.parametrize("broken_rows", [1, 3])
def test_a_row_of_which_nothing_can_be_read_holds_back_the_invoices_on_both_sides(
    tmp_path: Path, broken_rows: int
) -> None:
    import_file(write(tmp_path, of_customer(2), of_customer(2)))
    lines = csv_bytes(*(of_customer(index) for index in (1, 2, 3, 4))).splitlines()
    lines[3:3] = [lines[2] + b",one cell more"] * broken_rows
    path = tmp_path / "broken.csv"
    path.write_bytes(b"\r\n".join([*lines, b""]))

    run = import_file(path)

    assert (run.invoices_new, run.invoices_updated) == (2, 0)
    assert numbers() == {"Invoice_1", "Invoice_2", "Invoice_4"}
    assert open_numbers() == {"", "Invoice_2", "Invoice_3"}
    assert str(Invoice.objects.get(number="Invoice_2").total) == "198.00"


def broken_between(folder: Path, place: int, *rows: dict[str, str]) -> Path:
    """Write the rows with one of which nothing can be read before the row `place`."""
    lines = csv_bytes(*rows).splitlines()
    lines.insert(place + 1, lines[1] + b",one cell more")
    path = folder / "broken.csv"
    path.write_bytes(b"\r\n".join([*lines, b""]))
    return path


@pytest.mark.parametrize(
    "order",
    [
        (1, 2, 1, 3, 4),  # an invoice comes again after another
        (3, 1, 4, 2),  # single rows in no order
    ],
)
def test_a_row_of_which_nothing_can_be_read_holds_back_all_of_a_file_that_is_not_sorted_by_invoice(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    import_file(write(tmp_path, of_customer(4), of_customer(4)))

    run = import_file(broken_between(tmp_path, 2, *map(of_customer, order)))

    assert run.state == State.REFUSED
    assert numbers() == {"Invoice_4"}
    assert open_numbers() == {"", "Invoice_1", "Invoice_2", "Invoice_3", "Invoice_4"}
    assert str(Invoice.objects.get().total) == "198.00"
    assert run.notes[0].startswith("Row 4 does not say which invoice it belongs to")


def test_its_billing_period_narrows_down_what_it_may_belong_to(tmp_path: Path) -> None:
    days = {"BillingId": "20261018", "BillingPeriodStartDate": "2026-09-16", "BillingPeriodEndDate": "2026-10-15"}
    short = of_customer(1, InvoiceNumber="", TenantID="", ERPCustomerID="", CustomerName="")

    import_file(write(tmp_path, of_customer(1), of_customer(2), of_customer(1), of_customer(3, **days), short))

    assert numbers() == {"Invoice_3"} - open_numbers()
    assert open_numbers() == {"", "Invoice_1", "Invoice_2", "Invoice_3"}


@pytest.mark.parametrize("order", [(1, 1, 3, 2), (1, 2, 9, 10), (10, 9, 2, 1)])
def test_a_file_that_keeps_invoices_together_holds_back_no_more_than_the_neighbours(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    import_file(broken_between(tmp_path, 3, *map(of_customer, order)))

    assert open_numbers() == {"", f"Invoice_{order[2]}", f"Invoice_{order[3]}"}
    assert numbers() == {f"Invoice_{each}" for each in order[:2]}


@pytest.mark.parametrize(
    "unreadable", [{}, {"TenantID": "", "ERPCustomerID": ""}, {"TenantID": "", "CustomerName": ""}]
)
def test_a_row_without_a_number_holds_back_what_is_stored_of_its_customer(
    tmp_path: Path, unreadable: dict[str, str]
) -> None:
    theirs = {"CustomerName": "Fabrikam"}
    import_file(write(tmp_path, of_customer(1), of_customer(2, **theirs), of_customer(3)))

    run = import_file(write(tmp_path, of_customer(1), of_customer(2, **theirs | {"InvoiceNumber": ""} | unreadable)))

    assert (run.state, run.invoices_unchanged, run.invoices_held_back) == (State.NOTHING_NEW, 1, 2)
    assert open_numbers() == {"", "Invoice_2"}
    held = HeldBackInvoice.objects.get(number="Invoice_2")
    assert (held.customer_name, held.currency, str(held.total), held.billing_id) == (
        "Fabrikam",
        "AUD",
        "99.00",
        "20260918",
    )
    finding = run.findings.get(invoice_number="Invoice_2")
    assert (finding.row, finding.field) == (3, "InvoiceNumber")
    import_file(write(tmp_path, of_customer(2, **theirs)))
    assert "Invoice_2" not in open_numbers()


def test_a_row_of_which_nothing_can_be_read_holds_back_what_is_stored_of_the_period_and_not_in_the_file(
    tmp_path: Path,
) -> None:
    days = {"BillingId": "20261018", "BillingPeriodStartDate": "2026-09-16", "BillingPeriodEndDate": "2026-10-15"}
    import_file(write(tmp_path, *map(of_customer, (1, 2, 3, 4)), of_customer(5, **days)))
    path = broken_between(tmp_path, 1, of_customer(1), of_customer(3), of_customer(4))

    preview = preview_file(path)
    run = import_file(path)

    assert open_numbers() == {"", "Invoice_1", "Invoice_2", "Invoice_3"}
    assert preview.held_back.count == run.invoices_held_back == 4
    assert numbers() == {f"Invoice_{index}" for index in range(1, 6)}


def test_a_file_that_says_nothing_at_all_holds_back_nothing_that_is_stored(tmp_path: Path) -> None:
    import_file(write(tmp_path, *map(of_customer, (1, 2))))
    header, row = csv_bytes(of_customer(1)).splitlines()
    path = tmp_path / "broken.csv"
    path.write_bytes(b"\r\n".join([header, row + b",more", b""]))

    run = import_file(path)

    assert run.state == State.REFUSED
    assert run.reason.endswith("Row 2 cannot be told to be anyone's, so no stored invoice is held back for it.")
    assert open_numbers() == {""}


def test_a_file_that_says_no_period_holds_back_what_is_stored_of_the_customer_whom_a_row_names(tmp_path: Path) -> None:
    import_file(write(tmp_path, of_customer(1), of_customer(2)))

    run = import_file(write(tmp_path, of_customer(2, InvoiceNumber="", BillingId="")))

    assert open_numbers() == {"", "Invoice_2"}
    assert run.reason.endswith(
        "may be meant by a row without a number and will not be posted until a file has it right."
    )


@pytest.mark.parametrize("changes", [{}, {"TenantID": "", "ERPCustomerID": ""}])
def test_a_row_without_a_number_stays_open_until_a_file_brings_an_invoice_of_its_customer(
    tmp_path: Path, changes: dict[str, str]
) -> None:
    theirs = {"CustomerName": "Fabrikam"}
    import_file(write(tmp_path, of_customer(1), of_customer(2, **theirs | {"InvoiceNumber": ""} | changes)))
    days = {"BillingId": "20261018", "BillingPeriodStartDate": "2026-09-16", "BillingPeriodEndDate": "2026-10-15"}

    import_file(write(tmp_path, of_customer(3)))
    import_file(write(tmp_path, of_customer(2, InvoiceNumber="Invoice_4", **theirs, **days)))
    assert open_numbers() == {""}

    import_file(write(tmp_path, of_customer(2, **theirs)))
    assert open_numbers() == set()


def test_a_row_of_which_nothing_can_be_read_is_closed_by_a_file_without_fault_that_has_as_much(tmp_path: Path) -> None:
    import_file(broken_between(tmp_path, 2, *map(of_customer, (1, 2, 3))))
    assert HeldBackInvoice.objects.get(number="").billing_id == "20260918"

    import_file(write(tmp_path, of_customer(2), of_customer(3)))
    assert open_numbers() == {""}
    import_file(write(tmp_path, *map(of_customer, (1, 2, 3)), of_customer(4, Total="x")))
    assert "" in open_numbers()

    run = import_file(write(tmp_path, *map(of_customer, (1, 2, 3, 4))))
    assert open_numbers() == set()
    assert HeldBackInvoice.objects.get(number="").resolved_by == run


def test_a_row_of_which_nothing_can_be_read_is_of_no_period_where_its_file_has_several(tmp_path: Path) -> None:
    days = {"BillingId": "20261018", "BillingPeriodStartDate": "2026-09-16", "BillingPeriodEndDate": "2026-10-15"}
    import_file(broken_between(tmp_path, 2, of_customer(1), of_customer(2), of_customer(3, **days)))
    assert HeldBackInvoice.objects.get(number="").billing_id == ""


def test_what_is_stored_and_may_be_meant_is_counted_and_explained(tmp_path: Path) -> None:
    import_file(write(tmp_path, *map(of_customer, (1, 2, 3, 4))))
    path = broken_between(tmp_path, 1, of_customer(1), of_customer(4))
    period = BillingPeriod.objects.get()
    words = f"2 stored invoices of {period} may be meant by a row without a number and will not be posted until a file"

    assert any(note.startswith(words) for note in preview_file(path).notes)
    run = import_file(path)

    assert any(words in each for each in [run.reason, *run.notes])


def test_what_is_posted_is_not_held_back_for_a_row_that_says_no_number(tmp_path: Path, finance_admin: User) -> None:
    import_file(write(tmp_path, of_customer(1), of_customer(2)))
    posted = Invoice.objects.get(number="Invoice_2")
    uploaded(connected(), finance_admin, posted, to=Posting.Status.POSTED)

    import_file(write(tmp_path, of_customer(1), of_customer(2, InvoiceNumber="")))

    assert open_numbers() == {""}


def test_all_or_nothing_holds_back_nothing_that_is_stored(tmp_path: Path) -> None:
    import_file(write(tmp_path, of_customer(1), of_customer(2)))

    run = import_file(write(tmp_path, of_customer(1), of_customer(2, InvoiceNumber="")), all_or_nothing=True)

    assert (run.state, run.errors) == (State.REFUSED, 1)
    assert open_numbers() == set()


def test_what_is_held_back_of_the_file_is_not_called_absent(tmp_path: Path) -> None:
    import_file(write(tmp_path, of_customer(1), of_customer(2), of_customer(3)))

    run = import_file(write(tmp_path, of_customer(1), of_customer(2, Total="x")))

    assert run.notes == ["Invoices of the same billing period that are not in this file: 1. They stay as they are."]


def test_a_file_with_nothing_right_is_refused_and_all_of_it_held_back(tmp_path: Path) -> None:
    run = import_file(write(tmp_path, of_customer(1, Total="x")))

    assert (run.state, run.reason) == (
        State.REFUSED,
        "Every invoice of the file is wrong, so nothing was imported. What earlier files brought of them is not posted "
        "until a file has them right.",
    )
    assert open_numbers() == {"Invoice_1"}
    assert not BillingPeriod.objects.exists()
    assert not Customer.objects.exists()


@pytest.mark.parametrize("said", ["argument", "settings"])
def test_all_or_nothing_keeps_the_whole_file_out(tmp_path: Path, said: str) -> None:
    if said == "settings":
        ImportSettings.objects.create(pk=1, all_or_nothing=True)
    path = write(tmp_path, of_customer(1), of_customer(2, Total="x"))

    run = import_file(path, all_or_nothing=True if said == "argument" else None)

    assert (run.state, run.errors, run.invoices_held_back) == (State.REFUSED, 1, 0)
    assert [finding.kind for finding in run.findings.all()] == ["error"]
    assert numbers() == open_numbers() == set()


def test_what_is_stored_already_holds_back_alone(tmp_path: Path) -> None:
    import_file(write(tmp_path, of_customer(1)))
    days = {"BillingId": "20261018", "BillingPeriodStartDate": "2026-09-16", "BillingPeriodEndDate": "2026-10-15"}

    run = import_file(write(tmp_path, of_customer(1, **days), of_customer(2, **days)))

    assert (run.invoices_new, run.invoices_held_back) == (1, 1)
    assert open_numbers() == {"Invoice_1"}


def test_a_preview_says_what_an_import_would_bring_and_writes_nothing(tmp_path: Path) -> None:
    import_file(write(tmp_path, of_customer(1), of_customer(2)))
    before = [model.objects.count() for model in (ImportRun, Invoice, Customer, BillingPeriod, HeldBackInvoice)]
    path = tmp_path / "next.csv"
    path.write_bytes(csv_bytes(of_customer(1), of_customer(2, ItemCode="x"), of_customer(3), of_customer(4, Total="")))

    preview = preview_file(path)

    assert (preview.new.count, preview.changed.count, preview.unchanged.count, preview.held_back.count) == (1, 1, 1, 1)
    assert [each.number for each in preview.new.first] == ["Invoice_3"]
    (total,) = preview.totals
    assert (total.currency, total.invoices, total.total) == ("AUD", 3, "297.00")
    assert json.loads(json.dumps(preview.as_json()))["held_back"]["first"][0]["number"] == "Invoice_4"
    assert before == [model.objects.count() for model in (ImportRun, Invoice, Customer, BillingPeriod, HeldBackInvoice)]
    assert not ImportSettings.objects.exists()


# The first row leaves empty what later ones say

TWO_ERP_IDS = [{"ERPCustomerID": ""}, {"ERPCustomerID": "A"}, {"ERPCustomerID": "B"}]
TWO_KEYS = [{"TenantID": "", "ERPCustomerID": ""}, {"TenantID": "key-a"}, {"TenantID": "key-b"}]
TWO_BILLED = [
    {},
    {"InvoiceEntity": "Reseller", "ResellerName": "Contoso"},
    {"InvoiceEntity": "Reseller", "ResellerName": "Northwind"},
]


@pytest.mark.parametrize(
    ("rows", "field", "reason"),
    [
        (TWO_ERP_IDS, "ERPCustomerID", "“B” here and “A” (row 3) in one invoice"),
        (TWO_KEYS, "TenantID", ""),
        (TWO_BILLED, "ResellerName", "“Northwind” here and “” (row 2) in one invoice"),
        ([{"CustomerName": ""}, {"CustomerName": "A"}, {"CustomerName": "B"}], "CustomerName", "is empty"),
        ([{"CurrencyCode": ""}, {"CurrencyCode": "AUD"}, {"CurrencyCode": "NZD"}], "CurrencyCode", "is empty"),
    ],
    ids=["ERP ids", "keys", "resellers", "names", "currencies"],
)
def test_two_of_what_an_invoice_has_one_of_hold_it_back_though_its_first_row_has_none(
    tmp_path: Path, rows: list[dict[str, str]], field: str, reason: str
) -> None:
    run = import_file(write(tmp_path, *(of_customer(2, **changes) for changes in rows), of_customer(3)))

    assert (numbers(), open_numbers()) == ({"Invoice_3"}, {"Invoice_2"})
    assert reason in " ".join(run.findings.filter(field=field).values_list("reason", flat=True))
    assert run.findings.filter(field=field).exists()


def test_an_erp_id_of_a_later_row_counts_against_the_customers_other_invoices(tmp_path: Path) -> None:
    rows = [of_customer(1, ERPCustomerID=""), of_customer(1, ERPCustomerID="A")]
    rows.append(of_customer(1, InvoiceNumber="Invoice_4", ERPCustomerID="B"))

    run = import_file(write(tmp_path, *rows, of_customer(3)))

    assert open_numbers() == {"Invoice_1", "Invoice_4"}
    assert run.findings.filter(reason__contains="more than one ERP id").count() == 2


def test_a_placeholder_of_a_later_row_stands_for_no_second_customer(tmp_path: Path) -> None:
    zeros = "00000000-0000-0000-0000-000000000000"
    rows = [of_customer(1, TenantID=""), of_customer(1, TenantID=zeros), of_customer(2, TenantID=zeros)]

    import_file(write(tmp_path, *rows, of_customer(3)))

    assert open_numbers() == {"Invoice_1", "Invoice_2"}


@pytest.mark.parametrize("name", ["lines.csv", "lines.json"])
def test_what_a_later_row_alone_says_of_the_customer_is_kept(tmp_path: Path, name: str) -> None:
    rows = [of_customer(1, ERPCustomerID="", CustomerEmail="", CustomerCountry=""), of_customer(1)]

    import_file(write(tmp_path, *rows, name=name))

    customer = Customer.objects.get()
    assert (customer.erp_id, customer.email, customer.country) == ("ERP1", "accounts@tailspin.example", "AU")
