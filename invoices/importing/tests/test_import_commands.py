"""manage.py import_invoices, its dry run, and undo_import."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from c3portal.models import AuditEntry, User
from invoices.importing.importer import import_file
from invoices.matching.meanings import PERIOD
from invoices.models import BillingPeriod, HeldBackInvoice, ImportProfile, ImportRun, Invoice, Posting
from invoices.reading.tests.test_workbooks import workbook
from invoices.tests.c3_files import ROW, a_row, csv_bytes, of_customer, write
from invoices.tests.makers import connected, uploaded

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def run(*words: Any) -> str:
    output = io.StringIO()
    try:
        call_command(*map(str, words), stdout=output, stderr=output)
    except CommandError as error:
        output.write(f"CommandError: {error}")
    return output.getvalue()


def test_a_dry_run_says_what_would_come_in_and_writes_nothing(tmp_path: Path) -> None:
    august = {
        "InvoiceNumber": "Invoice_August",
        "BillingId": "20260818",
        "BillingPeriodStartDate": "2026-07-16T00:00:00",
        "BillingPeriodEndDate": "2026-08-15T00:00:00",
    }
    import_file(write(tmp_path, a_row(**august), name="august.csv"))
    before = (ImportRun.objects.count(), AuditEntry.objects.count(), Invoice.objects.count())
    said = run("import_invoices", "--dry-run", write(tmp_path, a_row(), of_customer(1)))
    assert "2 lines: 2 new, 0 changed, 0 unchanged, 0 sent and differing, 0 held back" in said
    assert "AUD: 2 invoices, AUD 180.00 + tax AUD 18.00 = AUD 198.00" in said
    assert "Against August 2026" in said
    assert "AUD: 1 → 2 invoices, AUD 99.00 → AUD 198.00" in said
    assert "0 customers missing, 1 new" in said
    assert "CommandError" not in said
    assert (ImportRun.objects.count(), AuditEntry.objects.count(), Invoice.objects.count()) == before


def test_a_dry_run_fails_on_anything_held_back(tmp_path: Path) -> None:
    path = write(tmp_path, a_row(), of_customer(1, Quantity="x"))
    said = run("import_invoices", "--dry-run", path)
    assert "Row 3, Invoice_1, Quantity: “x” is not a number" in said
    assert f"CommandError: Something is wrong with: {path}" in said
    assert not Invoice.objects.exists()
    assert not HeldBackInvoice.objects.exists()


def test_without_the_dry_run_the_others_come_in(tmp_path: Path) -> None:
    said = run("import_invoices", write(tmp_path, a_row(), of_customer(1, Quantity="x")))
    assert "Imported. " in said
    assert "1 invoices held back" in said
    assert "CommandError" not in said
    assert Invoice.objects.count() == 1


def test_all_or_nothing_refuses_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, a_row(), of_customer(1, Quantity="x"))
    assert f"CommandError: Not imported: {path}" in run("import_invoices", "--all-or-nothing", path)
    assert f"Something is wrong with: {path}" in run("import_invoices", "--all-or-nothing", "--dry-run", path)
    assert not Invoice.objects.exists()


def test_a_profile_is_taken_by_its_name(tmp_path: Path) -> None:
    ImportProfile.objects.create(name="Another system", header=["a"], columns={"InvoiceNumber": "a"})
    said = run("import_invoices", "--profile", "nobody's", write(tmp_path, a_row()))
    assert "There is no column profile" in said
    assert "There are: Another system." in said
    named = "C3's invoice lines, as the portal downloads them"
    assert "Imported" in run("import_invoices", "--profile", named, write(tmp_path, a_row()))


def test_an_import_is_taken_back_by_its_number(tmp_path: Path) -> None:
    imported = import_file(write(tmp_path, a_row(), of_customer(1)))
    assert "Taken back: 2 invoices deleted" in run("undo_import", imported.pk)
    assert not Invoice.objects.exists()
    entry = AuditEntry.objects.latest("pk")
    assert (entry.actor, entry.subject) == ("manage.py undo_import", "Import of lines.csv undone")
    assert "there is nothing to take back" in run("undo_import", imported.pk)
    assert "There is no import 999." in run("undo_import", 999)


def without_period(folder: Path) -> Path:
    rows = [of_customer(1), of_customer(2)]
    for row in rows:
        for name in PERIOD:
            del row[name]
    ImportProfile.objects.create(
        name="Shop", header=[*rows[0]], columns={name: name for name in ROW if name in rows[0]}
    )
    return write(folder, *rows, name="shop.csv")


def test_the_period_of_a_file_that_does_not_say_it_is_named_or_made(tmp_path: Path) -> None:
    path = without_period(tmp_path)
    new = ("--period", "20261018", "--period-from", "2026-09-16", "--period-to", "2026-10-15")
    for words, said in (
        ((), "Billing period (BillingId) is missing"),
        (("--period", "20261018"), "There is no billing period 20261018. There are: none yet."),
        (("--period-from", "2026-09-16"), "name it by --period"),
        ((*new[:3], "2026-10-16", *new[4:]), "ends before it starts"),
        ((*new[:3], "16.9.2026", *new[4:]), "is not a day"),
        (("--period", "October", *new[2:]), "eight digits"),
    ):
        assert said in run("import_invoices", path, *words)
    assert not Invoice.objects.exists()
    assert "2 new" in run("import_invoices", path, *new)
    period = BillingPeriod.objects.get()
    assert (period.billing_id, str(period.starts_on), str(period.ends_on)) == ("20261018", "2026-09-16", "2026-10-15")
    assert "2 unchanged" in run("import_invoices", path, "--dry-run", "--period", "20261018")
    assert "leave its days out" in run("import_invoices", path, *new[:4], "--period-to", "2026-10-31")
    own = write(tmp_path, of_customer(3), name="own.csv")
    assert "says its billing period itself" in run("import_invoices", own, "--period", "20261018")
    assert Invoice.objects.count() == 2


def test_encoding_and_sheet_are_named(tmp_path: Path) -> None:
    western = tmp_path / "western.csv"
    western.write_bytes(csv_bytes(of_customer(1, CustomerName="Zoë Müller & Söhne"), encoding="cp1252"))
    assert "is not the name of an encoding" in run("import_invoices", western, "--encoding", "cp125")
    assert "its encoding may be" in run("import_invoices", western)
    assert "1 new" in run("import_invoices", western, "--encoding", "windows-1252")
    assert Invoice.objects.get().customer.name == "Zoë Müller & Söhne"
    book = tmp_path / "book.xlsx"
    rows = [[*of_customer(2)], [*of_customer(2).values()]]
    book.write_bytes(workbook(rows, rows))
    assert "Several of its sheets" in run("import_invoices", book)
    assert "no sheet “May”" in run("import_invoices", book, "--sheet", "May")
    assert "no sheet “May”" in run("import_invoices", western, "--sheet", "May", "--encoding", "cp1252")
    assert "1 new" in run("import_invoices", book, "--sheet", "Sheet 2")


def test_what_was_sent_stands_in_the_way_and_the_rest_is_taken_back_if_asked(
    tmp_path: Path, finance_admin: User
) -> None:
    imported = import_file(write(tmp_path, of_customer(1), of_customer(2)))
    uploaded(connected(), finance_admin, Invoice.objects.get(number="Invoice_2"), to=Posting.Status.POSTED)
    said = run("undo_import", imported.pk)
    assert "Invoice_2: is in Xero" in said
    assert "CommandError: Nothing was taken back: 1 invoices have to stay." in said
    assert Invoice.objects.count() == 2
    assert "1 invoices deleted, 0 put back as before, 1 had to stay" in run("undo_import", "--rest", imported.pk)
    assert [each.number for each in Invoice.objects.all()] == ["Invoice_2"]
