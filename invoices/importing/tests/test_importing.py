from __future__ import annotations

import csv
import hashlib
import io
import threading
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from c3portal.models import User
from invoices.importing import aggregation, bulk_insert, held_back, writing
from invoices.importing.importer import import_file
from invoices.importing.numbers import xero_number
from invoices.matching.column_profile import BUILT_IN
from invoices.models import BillingPeriod, Customer, ImportFinding, ImportRun, Invoice, InvoiceLine, Posting
from invoices.posting import queueing
from invoices.tests.c3_files import SEPTEMBER, a_row, csv_bytes, of_customer, write
from invoices.tests.makers import bring, connected, uploaded

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
State = ImportRun.State
Status = Posting.Status


def counts(run: ImportRun) -> tuple[int, int, int, int]:
    return run.invoices_new, run.invoices_updated, run.invoices_unchanged, run.invoices_differing


def found(run: ImportRun) -> list[tuple[int, str, str]]:
    return list(run.findings.values_list("row", "field", "reason"))


def stored() -> list[dict[str, Any]]:
    """Return all that an import writes, for comparing."""
    rows: list[dict[str, Any]] = []
    for model in (BillingPeriod, Customer):
        rows += model.objects.order_by("pk").values()
    rows += Invoice.objects.order_by("number").values()
    rows += InvoiceLine.objects.order_by("invoice__number", "position").values()
    return rows


def changed(path: Path, folder: Path, change: Callable[[list[dict[str, str]]], None]) -> Path:
    """Return a copy of the CSV at `path` in which `change` was made."""
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    change(rows)
    return write(folder, *rows, name="changed.csv")


# What comes in


def test_the_sample_comes_in_to_the_last_line_and_cent(finance_admin: User) -> None:
    run = import_file(SEPTEMBER, user=finance_admin, name="september.csv")

    assert run.state == State.IMPORTED
    assert (run.file_name, run.user, run.lines, counts(run)) == ("september.csv", finance_admin, 791, (120, 0, 0, 0))
    assert run.sha256 == hashlib.sha256(SEPTEMBER.read_bytes()).hexdigest()
    assert (run.size, run.errors, run.notes) == (SEPTEMBER.stat().st_size, 0, [])
    assert Customer.objects.count() == Invoice.objects.count() == 120
    rows = list(csv.DictReader(io.StringIO(SEPTEMBER.read_text())))
    for field, column in (("total", "Total"), ("subtotal", "SubTotal"), ("tax", "TaxAmount")):
        sums = sum(invoice for invoice in Invoice.objects.values_list(field, flat=True))
        assert sums == sum(Decimal(row[column]) for row in rows)
    assert InvoiceLine.objects.filter(kind="custom").count() == sum(row["Category"] == "Custom" for row in rows)
    assert Invoice.objects.filter(total__lt=0).count() == 3


def test_a_line_keeps_its_precision_and_its_source(tmp_path: Path) -> None:
    row = a_row(Quantity="2", UnitPriceOfProduct="0.000000012500", SubTotal="0.00", TaxAmount="0.00", Total="0.00")

    import_file(write(tmp_path, row))

    line = InvoiceLine.objects.get()
    assert str(line.unit_price) == "1.2500E-8"
    assert format(line.unit_price, "f") == "0.000000012500"
    assert line.source == {name: text for name, text in row.items() if text}
    assert (line.position, line.kind, line.sku) == (1, "license", "CFQ7TTC0LH18:0001")


def test_an_invoice_is_the_sum_of_its_lines_cents(tmp_path: Path) -> None:
    half = a_row(Quantity="1", UnitPriceOfProduct="0.005", SubTotal="0.005", TaxAmount="0", Total="0.005")

    import_file(write(tmp_path, half, half, half))

    invoice = Invoice.objects.get()
    assert (invoice.subtotal, invoice.tax, invoice.total) == (Decimal("0.03"), 0, Decimal("0.03"))


def test_lines_that_say_no_rate_have_what_the_others_of_their_file_tell(tmp_path: Path) -> None:
    amounts = [("3.00", "0.24"), ("0.08", "0.01"), ("1000.00", "81.00")]
    rows = [
        a_row(Quantity="1", UnitPriceOfProduct=net, SubTotal=net, TaxAmount=tax, Total=str(Decimal(net) + Decimal(tax)))
        for net, tax in amounts
    ]
    columns = {name: column for name, column in BUILT_IN.columns.items() if name != "TaxPercentage"}
    profile = replace(BUILT_IN, name="No rate", columns=columns)
    path = write(tmp_path, *[{name: text for name, text in row.items() if name != "TaxPercentage"} for row in rows])

    run = import_file(path, profile=profile)

    assert (run.state, run.invoices_new, run.invoices_held_back) == (State.IMPORTED, 1, 0), found(run)
    assert set(InvoiceLine.objects.values_list("tax_percentage", flat=True)) == {Decimal("8.1")}


def test_two_customers_of_one_name_stay_two() -> None:
    import_file(SEPTEMBER)

    namesakes = Customer.objects.filter(name="Tailspin Pty Ltd")
    assert len({customer.tenant_id for customer in namesakes}) == 2
    assert Invoice.objects.filter(customer__in=namesakes).count() == 2


def test_a_json_file_gives_what_the_csv_gives(tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(SEPTEMBER.read_text())))
    import_file(SEPTEMBER)
    before = stored()

    run = import_file(write(tmp_path, *rows, name="same.json"))

    assert (run.state, counts(run)) == (State.NOTHING_NEW, (0, 0, 120, 0))
    assert stored() == before


def test_a_number_in_another_script_gets_its_number_for_xero(tmp_path: Path) -> None:
    import_file(write(tmp_path, a_row(InvoiceNumber="Invoice_東京_1")))

    assert Invoice.objects.get().xero_number == xero_number("Invoice_東京_1")


def test_lines_of_one_invoice_may_be_scattered_over_the_file(tmp_path: Path) -> None:
    rows = [of_customer(index % 3, SubscriptionName=f"Product {index}") for index in range(9)]

    run = import_file(write(tmp_path, *rows))

    assert counts(run) == (3, 0, 0, 0)
    names = InvoiceLine.objects.filter(invoice__number="Invoice_1").values_list("position", "name")
    assert list(names) == [(1, "Product 1"), (2, "Product 4"), (3, "Product 7")]


def test_columns_and_discounts_that_were_noticed_are_noted_and_refuse_nothing(tmp_path: Path) -> None:
    rows = (a_row(UnitPriceOfProduct="10.00", ItemCode=str(index)) | {"PromotionId": "x"} for index in range(7))
    path = write(tmp_path, *rows)

    run = import_file(path)

    assert run.state == State.IMPORTED
    assert run.notes == [
        "Lines whose SubTotal is not Quantity × UnitPriceOfProduct: 7 (rows 2, 3, 4, 5, 6 and others). "
        "Their SubTotal is what is invoiced.",
        "Columns that the portal does not know were left aside: PromotionId.",
    ]


# Again


def test_the_same_file_again_changes_nothing() -> None:
    import_file(SEPTEMBER)
    before = stored()

    run = import_file(SEPTEMBER)

    assert (run.state, counts(run)) == (State.NOTHING_NEW, (0, 0, 120, 0))
    assert stored() == before


def test_the_same_lines_in_another_order_change_nothing(tmp_path: Path) -> None:
    import_file(SEPTEMBER)
    before = stored()

    run = import_file(changed(SEPTEMBER, tmp_path, list.reverse))

    assert run.state == State.NOTHING_NEW
    assert stored() == before


def test_a_changed_file_updates_what_was_not_sent(tmp_path: Path) -> None:
    import_file(write(tmp_path, of_customer(1), of_customer(2)))
    before = Invoice.objects.get(number="Invoice_1")

    more = of_customer(1, SubscriptionName="Visio", CustomerEmail="new@tailspin.example")
    run = import_file(write(tmp_path, of_customer(1, CustomerEmail="new@tailspin.example"), more, of_customer(2)))

    after = Invoice.objects.get(number="Invoice_1")
    assert (run.state, counts(run)) == (State.IMPORTED, (0, 1, 1, 0))
    assert (after.pk, after.total) == (before.pk, Decimal("198.00"))
    assert after.source_hash != before.source_hash
    assert list(after.lines.values_list("position", "name")) == [(1, "Microsoft 365 Business Basic"), (2, "Visio")]
    assert after.customer.email == "new@tailspin.example"


def test_an_invoice_that_is_not_in_the_file_stays_and_is_mentioned(tmp_path: Path) -> None:
    import_file(write(tmp_path, of_customer(1), of_customer(2)))

    run = import_file(write(tmp_path, of_customer(1)))

    assert run.notes == ["Invoices of the same billing period that are not in this file: 1. They stay as they are."]
    assert Invoice.objects.count() == 2


@pytest.mark.parametrize("status", [Status.QUEUED, Status.SENDING, Status.POSTED, Status.UNCERTAIN])
def test_what_was_sent_stays_and_the_difference_is_told(tmp_path: Path, finance_admin: User, status: str) -> None:
    import_file(write(tmp_path, of_customer(1), of_customer(2)))
    sent = Invoice.objects.get(number="Invoice_1")
    upload = uploaded(connected(), finance_admin, sent)
    if status == Status.SENDING:
        bring(upload, Status.UNCERTAIN)
        Posting.objects.update(status=Status.SENDING)
    elif status != Status.QUEUED:
        bring(upload, status)

    price = {"SubTotal": "100.00", "UnitPriceOfProduct": "10.00", "TaxAmount": "10.00", "Total": "110.00"}
    run = import_file(write(tmp_path, of_customer(1, **price), of_customer(1), of_customer(2, **price)))

    difference = "subtotal AUD 90.00 → AUD 190.00; tax AUD 9.00 → AUD 19.00; total AUD 99.00 → AUD 209.00; lines 1 → 2"
    assert (run.state, counts(run)) == (State.IMPORTED, (0, 1, 0, 1))
    assert found(run) == [(2, "", difference)]
    after = Invoice.objects.get(number="Invoice_1")
    assert (after.total, after.lines.count(), after.difference) == (Decimal("99.00"), 1, difference)
    assert after.source_hash == sent.source_hash
    assert Invoice.objects.get(number="Invoice_2").total == Decimal("110.00")


def test_a_difference_names_the_fields_of_the_lines_and_goes_when_the_file_is_as_sent(
    tmp_path: Path, finance_admin: User
) -> None:
    path = write(tmp_path, of_customer(1), of_customer(1, SubscriptionName="Visio"))
    import_file(path)
    uploaded(connected(), finance_admin, Invoice.objects.get(), to=Status.POSTED)

    other = write(
        tmp_path, of_customer(1), of_customer(1, SubscriptionName="Project", Quantity="10.0"), name="other.csv"
    )
    assert import_file(other).state == State.NOTHING_NEW
    assert Invoice.objects.get().difference == "fields of its lines: SubscriptionName"
    swapped = write(
        tmp_path,
        of_customer(1, ItemCode="a"),
        of_customer(1, ItemCode="b", SubscriptionName="Visio"),
    )
    import_file(swapped)
    assert Invoice.objects.get().difference == "fields of its lines: ItemCode"

    import_file(write(tmp_path, of_customer(1), of_customer(1, SubscriptionName="Visio")))
    assert Invoice.objects.get().difference == ""


@pytest.mark.parametrize("status", [Status.REJECTED, Status.WITHDRAWN])
def test_what_was_refused_or_withdrawn_is_updated(tmp_path: Path, finance_admin: User, status: str) -> None:
    import_file(write(tmp_path, of_customer(1)))
    uploaded(connected(), finance_admin, Invoice.objects.get(), to=status)

    run = import_file(write(tmp_path, of_customer(1), of_customer(1)))

    assert counts(run) == (0, 1, 0, 0)
    assert Invoice.objects.get().total == Decimal("198.00")
    assert Posting.objects.get().status == status


def test_a_customer_is_called_as_the_newest_period_says(tmp_path: Path) -> None:
    days = {"BillingPeriodStartDate": "2026-09-16", "BillingPeriodEndDate": "2026-10-15", "BillingId": "20261018"}
    import_file(write(tmp_path, a_row(InvoiceNumber="October", CustomerName="New name", **days)))

    import_file(write(tmp_path, a_row(CustomerName="Old name")))

    assert Customer.objects.get().name == "New name"


# All or nothing


def test_one_bad_row_keeps_the_whole_file_out_where_it_is_all_or_nothing(tmp_path: Path) -> None:
    path = changed(SEPTEMBER, tmp_path, lambda rows: rows[500].update(Quantity="many"))

    run = import_file(path, all_or_nothing=True)

    assert (run.state, run.errors, run.reason, counts(run)) == (State.REFUSED, 1, "", (0, 0, 0, 0))
    (finding,) = run.findings.all()
    assert (finding.row, finding.field, finding.reason) == (502, "Quantity", "“many” is not a number")
    assert finding.invoice_number.startswith("Invoice_")
    assert stored() == []


def test_a_failure_in_the_middle_of_writing_leaves_nothing(tmp_path: Path) -> None:
    real = bulk_insert.row

    def fail_at_the_end(line: Any, facts: Any, owner: Any) -> tuple[Any, ...]:
        if line.row == 792:
            raise RuntimeError("the disk is full")
        return real(line, facts, owner)

    with (
        patch.object(bulk_insert, "row", autospec=True, side_effect=fail_at_the_end),
        pytest.raises(RuntimeError, match="the disk is full"),
    ):
        import_file(SEPTEMBER)

    run = ImportRun.objects.get()
    assert (run.state, run.reason) == (State.REFUSED, "The import was cut short by an error; nothing was imported.")
    assert stored() == []


def test_a_file_that_changes_while_it_is_imported_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, a_row())
    real = writing._write_invoices

    def change_it_meanwhile(*args: Any) -> None:
        real(*args)
        path.write_bytes(csv_bytes(a_row(), a_row()))

    with patch.object(writing, "_write_invoices", autospec=True, side_effect=change_it_meanwhile):
        run = import_file(path)

    assert run.reason == "The file changed while it was being imported. Import it again."
    assert stored() == []


def test_a_file_refused_as_a_whole_says_why(tmp_path: Path) -> None:
    path = tmp_path / "lines.pdf"
    path.write_bytes(b"%PDF-1.7")

    run = import_file(path)

    assert run.state == State.REFUSED
    assert run.reason.startswith("This is a PDF file")
    assert run.finished_at


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"TenantID": "other"}, "TenantID", "“other” here and “tenant-1” (row 2) in one invoice"),
        ({"CustomerName": "Other"}, "CustomerName", "“Other” here and “Tailspin Travel” (row 2) in one invoice"),
        ({"CurrencyCode": "NZD"}, "CurrencyCode", "“NZD” here and “AUD” (row 2) in one invoice"),
        (
            {"InvoiceDueDate": "2026-10-07"},
            "InvoiceDueDate",
            "“2026-10-07” here and “2026-10-06” (row 2) in one invoice",
        ),
        ({"BillingId": "20261018"}, "BillingId", "“20261018” here and “20260918” (row 2) in one invoice"),
    ],
)
def test_lines_of_one_invoice_must_agree(tmp_path: Path, changes: dict[str, str], field: str, reason: str) -> None:
    run = import_file(write(tmp_path, of_customer(1), of_customer(1, **changes)))

    assert found(run) == [(3, field, reason)]
    assert stored() == []


def test_a_billing_period_has_one_pair_of_dates(tmp_path: Path) -> None:
    run = import_file(write(tmp_path, of_customer(1), of_customer(2, BillingPeriodStartDate="2026-08-01")))

    reason = "billing period 20260918 runs from 2026-08-16 to 2026-09-15 elsewhere in the file"
    assert found(run) == [(3, "BillingPeriodStartDate", reason)]


def test_an_invoice_number_of_another_period_is_refused(tmp_path: Path) -> None:
    import_file(write(tmp_path, a_row()))
    before = stored()

    run = import_file(write(tmp_path, a_row(BillingId="20261018")))

    assert found(run) == [(2, "InvoiceNumber", "is already there in another billing period, 20260918")]
    assert stored() == before


def test_two_numbers_that_would_be_one_in_xero_are_held_back(tmp_path: Path) -> None:
    spelt = xero_number("Invoice_Müller")
    one, other = of_customer(1, InvoiceNumber="Invoice_Müller"), of_customer(2, InvoiceNumber=spelt)

    run = import_file(write(tmp_path, other, one))
    assert found(run) == [
        (3, "InvoiceNumber", f"is {spelt} in Xero, and so is invoice {spelt}"),
        (2, "InvoiceNumber", f"is {spelt} in Xero, and so is invoice Invoice_Müller"),
    ]

    import_file(write(tmp_path, one))
    run = import_file(write(tmp_path, other))
    assert found(run) == [(2, "InvoiceNumber", f"is {spelt} in Xero, and so is invoice Invoice_Müller")]
    assert Invoice.objects.count() == 1


def test_an_invoice_too_large_for_the_portal_is_refused(tmp_path: Path) -> None:
    large = {"SubTotal": "999999999999999", "TaxPercentage": "0", "TaxAmount": "0", "Total": "999999999999999"}

    run = import_file(write(tmp_path, a_row(**large)))

    assert found(run) == [(2, "Total", "the invoice comes to 10,000,000,000,000 or more")]


# Beside an upload


@pytest.mark.django_db(transaction=True)
def test_an_upload_pressed_during_an_import_waits_and_takes_what_was_imported(
    tmp_path: Path, finance_admin: User
) -> None:
    # With a second period in the upload, nothing but the lock on the invoice makes it wait on PostgreSQL.
    import_file(write(tmp_path, of_customer(1), of_customer(2, BillingId="20261018")))
    xero = connected()
    real = writing._write_lines

    def press() -> None:
        queueing.enqueue(Invoice.objects.all(), connection=xero, user=finance_admin, invoice_status="DRAFT")
        connection.close()

    presser = threading.Thread(target=press)

    def press_meanwhile(*args: Any) -> None:
        real(*args)
        presser.start()
        presser.join(1)
        assert presser.is_alive()

    with patch.object(writing, "_write_lines", autospec=True, side_effect=press_meanwhile):
        run = import_file(write(tmp_path, of_customer(1), of_customer(1)))
    presser.join(20)

    assert counts(run) == (0, 1, 0, 0)
    assert Posting.objects.get(invoice__number="Invoice_1").invoice.total == Decimal("198.00")


# Large files


def test_reading_stops_at_so_many_errors_and_says_so(tmp_path: Path) -> None:
    path = write(tmp_path, *(a_row(Quantity="x", Total="y") for _ in range(40)))

    with patch.object(held_back, "MAX_ERRORS", 50):
        run = import_file(path, all_or_nothing=True)

    assert (run.errors, ImportFinding.objects.count()) == (50, 50)
    assert run.reason == "Reading stopped after 50 errors."


def test_a_run_keeps_so_many_findings_and_every_invoice_its_own(tmp_path: Path) -> None:
    import_file(write(tmp_path, *(of_customer(index) for index in range(5))))
    uploaded(connected(), None, *Invoice.objects.all(), to="posted")
    changed = write(tmp_path, *(of_customer(index, SubscriptionName="Another") for index in range(5)), name="later.csv")

    with patch.object(held_back, "MAX_ERRORS", 3):
        run = import_file(changed)

    assert (run.invoices_differing, run.findings.count()) == (5, 3)
    assert "The first 3 that differ are listed" in " ".join(run.notes)
    assert Invoice.objects.exclude(difference="").count() == 5


def test_a_file_of_too_many_invoices_is_refused_with_a_way_out(tmp_path: Path) -> None:
    path = write(tmp_path, *(of_customer(index) for index in range(4)))

    with patch.object(aggregation, "MAX_INVOICES", 3):
        run = import_file(path)

    assert run.reason == "The file holds more than 3 invoices. Import it in parts."


def test_memory_does_not_grow_with_the_lines(tmp_path: Path) -> None:
    def peak(lines: int, name: str) -> int:
        path = write(tmp_path, *(of_customer(index % 20, SubscriptionName=f"{name} {index}") for index in range(lines)))
        tracemalloc.start()
        try:
            import_file(path)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100, "first")
    small, large = peak(2_000, "small"), peak(6_000, "large")

    assert InvoiceLine.objects.count() == 6_000
    # On PostgreSQL 2 MB more are held at some moment, whatever the number of lines: measured from 2,000 to 18,000.
    beside = 2_100_000 if connection.vendor == "postgresql" else 0
    assert large < small * 1.3 + beside


# From the shell


def test_the_command_imports_every_file_and_fails_when_one_was_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = write(tmp_path, of_customer(1), name="good.csv"), write(tmp_path, a_row(Total="1"), name="bad.csv")

    with pytest.raises(CommandError, match=r"Not imported: .*bad\.csv, .*missing\.csv"):
        call_command("import_invoices", bad, good, tmp_path / "missing.csv")

    output = capsys.readouterr()
    assert "good.csv: Imported. Lines 1; invoices: 1 new" in output.out
    assert "Row 2, Total: 1 is not SubTotal 90.00 plus TaxAmount 9.00" in output.out
    assert "missing.csv: No such file or directory" in output.err
    assert Invoice.objects.count() == 1
