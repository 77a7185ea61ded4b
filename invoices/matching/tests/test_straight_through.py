"""What a profile remembers lets the next file straight through, and what it does not know asks a person."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from django.core.management import call_command
from django.test import Client

from c3portal.audit.record import Action
from c3portal.models import AuditEntry, User
from invoices.importing import in_hand
from invoices.importing.importer import import_file
from invoices.matching.tests.tables import TOTALS, as_csv
from invoices.matching.tests.test_match_page import (
    edited,
    form_of,
    import_dir,
    imported,
    page_of,
    received,
    with_period,
)
from invoices.models import ImportProfile, ImportRun, Invoice
from invoices.tests.c3_files import json_bytes, of_customer

__all__ = ("import_dir",)

pytestmark = pytest.mark.django_db
State = ImportRun.State
COVER = [["Bericht", "Erstellt", "von"], ["Rechnungen", "heute", "Kasse"]]


def confirmed(client: Client, run: ImportRun, **choices: str) -> None:
    response = client.post(page_of(run), form_of(client, run) | choices)
    assert response.status_code == 302, response.context["form"].errors


def as_workbook(**sheets: list[list[str]]) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    return out.getvalue()


def sheet_of(rows: list[dict[str, str]]) -> list[list[str]]:
    return [[*rows[0]], *([*row.values()] for row in rows)]


def without(*names: str) -> list[dict[str, str]]:
    return [{name: text for name, text in row.items() if name not in names} for row in with_period()]


# Encodings


def test_a_confirmed_encoding_is_remembered_and_another_guess_asks(
    admin: Client, system_admin: User, tmp_path: Path
) -> None:
    content = as_csv(with_period(), ";").decode().encode("cp1252", "replace")
    run = received(content, tmp_path, system_admin)
    assert run.state == State.COLUMNS
    confirmed(admin, run, encoding="cp1252", name="Shop")
    assert AuditEntry.objects.latest("pk").after["Encoding"] == "cp1252"
    assert sorted(imported(run, system_admin).values()) == sorted(TOTALS.values())

    again = received(content, tmp_path, system_admin)

    assert again.state == State.READY
    assert again.preview["unchanged"]["count"] == len(TOTALS)
    assert edited(admin, ImportProfile.objects.get(), encoding="cp1250").status_code == 302
    entry = AuditEntry.objects.latest("pk")
    assert (entry.before["Encoding"], entry.after["Encoding"]) == ("cp1252", "cp1250")
    other = received(content, tmp_path, system_admin)
    assert (other.state, "its encoding may be cp1252" in other.reason) == (State.COLUMNS, True)


# Sheets


@pytest.fixture
def of_second_sheet(admin: Client, system_admin: User, tmp_path: Path) -> ImportProfile:
    """The profile of a workbook whose lines are on its second sheet."""
    run = received(as_workbook(Info=COVER, Zeilen=sheet_of(with_period())), tmp_path, system_admin, "lines.xlsx")
    assert run.state == State.COLUMNS
    admin.post(page_of(run), {"action": "read", "sheet": "Zeilen"})
    in_hand.inspect(run.pk)
    confirmed(admin, run, sheet="Zeilen", name="Shop")
    return ImportProfile.objects.get()


@pytest.mark.parametrize("name", ["Zeilen", "Mai"])
def test_the_sheet_that_fits_goes_straight_through_whatever_its_place(
    of_second_sheet: ImportProfile, system_admin: User, tmp_path: Path, name: str
) -> None:
    assert of_second_sheet.sheet == "Zeilen"
    book = as_workbook(**{"Info": COVER, "Mehr": COVER, name: sheet_of(with_period())})
    run = received(book, tmp_path, system_admin, "next.xlsx")
    assert run.state == State.READY
    assert imported(run, system_admin) == dict(sorted(TOTALS.items()))


def test_of_two_sheets_that_fit_the_chosen_one_is_read_and_else_a_person_is_asked(
    of_second_sheet: ImportProfile, admin: Client, system_admin: User, tmp_path: Path
) -> None:
    lines = sheet_of(with_period())
    chosen = received(as_workbook(Alt=lines[:3], Zeilen=lines), tmp_path, system_admin, "a.xlsx")
    assert (chosen.state, chosen.preview["lines"]) == (State.READY, len(lines) - 1)
    left_out = "Only the sheet “Zeilen” was read. “Alt” fits as well and was not read."
    assert left_out in admin.get(chosen.get_absolute_url()).content.decode()
    imported(chosen, system_admin)
    assert left_out in admin.get(chosen.get_absolute_url()).content.decode()
    unsure = received(as_workbook(Alt=lines[:3], Mai=lines), tmp_path, system_admin, "b.xlsx")
    assert (unsure.state, "“Alt”, “Mai”" in unsure.reason) == (State.COLUMNS, True)
    assert edited(admin, of_second_sheet, sheet="Mai").status_code == 302
    assert AuditEntry.objects.latest("pk").after["Sheet"] == "Mai"
    assert received(as_workbook(Alt=lines[:3], Mai=lines), tmp_path, system_admin, "c.xlsx").state == State.READY


def test_on_the_server_it_is_said_too_which_sheets_that_fit_were_not_read(
    of_second_sheet: ImportProfile, tmp_path: Path
) -> None:
    lines = sheet_of(with_period())
    path, out = tmp_path / "two.xlsx", io.StringIO()
    path.write_bytes(as_workbook(Zeilen=lines, Mai=lines, Juni=lines))
    call_command("import_invoices", str(path), "--dry-run", stdout=out)
    call_command("import_invoices", str(path), stdout=out)
    assert out.getvalue().count("“Mai”, “Juni” fit as well and were not read.") == 2
    one = as_workbook(Info=COVER, Zeilen=lines)
    path.write_bytes(one)
    call_command("import_invoices", str(path), stdout=out)
    assert out.getvalue().count("not read") == 2


def test_on_the_server_a_workbook_of_two_sheets_that_fit_is_refused_and_not_half_imported(tmp_path: Path) -> None:
    lines = sheet_of([of_customer(1), of_customer(2)])
    path = tmp_path / "two.xlsx"
    path.write_bytes(as_workbook(April=lines[:2], May=lines))
    run = import_file(path)
    assert (run.state, "Several of its sheets" in run.reason) == (State.REFUSED, True)


# Columns that came later


@pytest.mark.parametrize(
    ("missing", "choices", "new", "field"),
    [
        (["Währung"], {"currency": "EUR"}, "Currency", "CurrencyCode"),
        (["Brutto"], {}, "Gesamtbetrag", "Total"),
        ([], {}, "Reseller", "ResellerName"),
        ([], {}, "Invoice entity", "InvoiceEntity"),
    ],
)
def test_a_new_column_that_clearly_means_what_the_profile_settles_otherwise_asks_again(
    admin: Client,
    system_admin: User,
    tmp_path: Path,
    missing: list[str],
    choices: dict[str, str],
    new: str,
    field: str,
) -> None:
    rows = without(*missing)
    run = received(as_csv(rows, ";"), tmp_path, system_admin)
    confirmed(admin, run, name="Shop", **choices)
    assert (
        received(as_csv([row | {"Bemerkung": "x"} for row in rows], ";"), tmp_path, system_admin).state == State.READY
    )
    later = as_csv([row | {new: "1"} for row in rows], ";")

    asked = received(later, tmp_path, system_admin)

    assert asked.state == State.COLUMNS
    assert f"The column “{new}” is new" in asked.reason
    form = form_of(admin, asked)
    assert form[f"column_{field}"] == new
    # Whoever looked at it and leaves it aside has said so for these columns.
    confirmed(admin, asked, **{f"column_{field}": "", "currency": "EUR"})
    assert received(later, tmp_path, system_admin).state == State.READY
    path = tmp_path / "server.csv"
    path.write_bytes(as_csv([row | {new: "1", "Neu": ""} for row in rows], ";"))
    ImportProfile.objects.exclude(name="Shop").delete()
    on_the_server = import_file(path)
    assert (on_the_server.state, "is new" in on_the_server.reason) == (State.REFUSED, True)


def who_comes_late(**last: str) -> bytes:
    """Return a list in JSON of which the last line alone says who is billed."""
    rows = [of_customer(index) for index in range(1_100)]
    for row in rows:
        del row["InvoiceEntity"], row["ResellerName"]
    return json_bytes(*rows, of_customer(5_000, **last))


def test_who_is_billed_is_read_though_only_later_rows_say_it(tmp_path: Path, system_admin: User) -> None:
    content = who_comes_late(InvoiceEntity="Reseller", ResellerName="Northwind")
    run = received(content, tmp_path, system_admin, "lines.json")
    assert run.state == State.READY
    imported(run, system_admin)
    late = Invoice.objects.get(number="Invoice_5000")
    assert late.bill_to
    assert late.bill_to.name == "Northwind"
    Invoice.objects.all().delete()
    path = tmp_path / "server.json"
    path.write_bytes(content)
    import_file(path)
    assert Invoice.objects.get(bill_to__name="Northwind").number == "Invoice_5000"


def test_a_stored_profile_asks_when_only_later_rows_say_who_is_billed(
    tmp_path: Path, admin: Client, system_admin: User
) -> None:
    row = of_customer(1)
    names = [name for name, text in row.items() if text]
    ImportProfile.objects.create(name="Own", header=names, columns={name: name for name in names})
    rows = [{name: of_customer(index)[name] for name in names} for index in range(1_100)]
    late = {name: of_customer(5_000)[name] for name in names} | {"Reseller name": "Northwind", "Note": "x"}

    run = received(json_bytes(*rows, late), tmp_path, system_admin, "lines.json")

    assert (run.state, "The column “Reseller name” is new" in run.reason) == (State.COLUMNS, True)
    assert form_of(admin, run)["column_ResellerName"] == "Reseller name"


# Who is billed, for the whole file


@pytest.mark.parametrize(
    ("choice", "billed"), [("", None), ("Customer", set()), ("Reseller", {("Invoice_1", "Northwind")})]
)
def test_a_person_says_for_the_file_who_is_billed(
    tmp_path: Path, admin: Client, system_admin: User, choice: str, billed: set[tuple[str, str]] | None
) -> None:
    rows: list[dict[str, Any]] = [of_customer(1, ResellerName="Northwind"), of_customer(2)]
    for row in rows:
        row["Wiederverkäufer"] = row.pop("ResellerName")
        del row["InvoiceEntity"]
    run = received(as_csv(rows), tmp_path, system_admin)
    assert run.state == State.COLUMNS
    assert "Who is billed" in admin.get(page_of(run)).content.decode()
    confirmed(admin, run, billed_to=choice)
    numbers = imported(run, system_admin).keys()
    if billed is None:
        assert numbers == {"Invoice_2"}
        return
    assert numbers == {"Invoice_1", "Invoice_2"}
    named = Invoice.objects.exclude(bill_to=None).values_list("number", "bill_to__name")
    assert set(named) == billed
    entry = AuditEntry.objects.get(action=Action.MAPPING)
    assert entry.after["Billed to (customer or reseller): always"] == choice
