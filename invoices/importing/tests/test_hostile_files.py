"""A file made to break what reads it is refused in words, within seconds and a little memory."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from c3portal.models import User
from c3portal.testing import BASE_DIR
from invoices.models import AccountOverride, Customer, CustomerOverride, ImportRun, Invoice
from invoices.overrides.rows import MOST_COLUMNS, MOST_ROWS, read_file
from invoices.tests.c3_files import a_row, csv_bytes
from invoices.tests.hostile_files import FILES
from invoices.tests.makers import connected

pytestmark = pytest.mark.attack

# Of this processor's time; the slowest takes a tenth of it.
SECONDS = 5
ClientFor = Callable[[User], Client]


@pytest.fixture(scope="module")
def readings() -> dict[str, tuple[str, float]]:
    """What came of each file: the words and the seconds."""
    program = "import django; django.setup(); from invoices.tests.hostile_files import main; main()"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=BASE_DIR, capture_output=True, text=True)
    read = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"Ended after {read[-1:]}: {done.stderr[-2000:]}"
    return {name: (problems, seconds) for name, problems, seconds in read}


@pytest.mark.parametrize("name", FILES)
def test_a_file_made_to_break_its_reader_is_refused_in_words(name: str, readings: dict[str, tuple[str, float]]) -> None:
    problems, seconds = readings[name]
    assert FILES[name][1] in problems
    assert seconds < SECONDS


@pytest.mark.django_db
@pytest.mark.both_databases
@pytest.mark.parametrize(
    "name",
    [
        "../../../etc/passwd",
        "..\\..\\boot.ini",
        "a\x01b.csv",
        "C:\\lines.csv",
        "x" * 400 + ".csv",
        "<b>.csv",
        "=1.csv",
    ],
)
def test_the_name_of_a_file_is_a_name_and_nothing_else(
    name: str, client_for: ClientFor, finance_admin: User, imports_at_once: None
) -> None:
    file = SimpleUploadedFile("lines.csv", csv_bytes(a_row()))
    file._name = name  # type: ignore[attr-defined]
    page = client_for(finance_admin).post(reverse("import_invoices"), {"file": file}, follow=True)
    assert page.status_code == 200
    run = ImportRun.objects.get()
    assert len(run.file_name) <= 255
    assert run.file_name.isprintable()
    assert "/" not in run.file_name
    assert "<b>.csv" not in page.content.decode()


# Overrides


COLUMNS = ("SKU", "Code")


def overrides(content: bytes) -> tuple[list[Any], list[str]]:
    changes, findings = read_file(content, COLUMNS, lambda cells: tuple(cells.values()), lambda change: change[0])
    return changes, [finding.reason for finding in findings]


def test_a_file_of_overrides_has_few_columns_and_not_too_many_rows() -> None:
    wide = f"SKU,Code,{','.join(f'c{n}' for n in range(MOST_COLUMNS))}\n".encode() + b"x\n" * 100_000
    assert overrides(wide) == ([], [f"The file has more than {MOST_COLUMNS} columns."])
    long = b"SKU,Code\n" + b"x,1\n" * (MOST_ROWS + 1)
    assert "more than 20,000 rows" in overrides(long)[1][0]
    assert overrides(b"SKU,Code\n" + b"x,1\n" * MOST_ROWS) == ([("x", "1")], [])


@pytest.mark.parametrize("text", ["a\0b", '"a\nb"', "a\tb", "a\u2028b"])
def test_a_cell_of_overrides_holds_no_control_character(text: str) -> None:
    assert overrides(f"SKU,Code\n{text},1\n".encode()) == ([], ["The cell holds a control character."])


def test_a_cell_of_overrides_may_hold_what_people_write() -> None:
    text = "Müller\u00a0& 東京"
    assert overrides(f"SKU,Code\n{text},1\n".encode()) == ([(text, "1")], [])


@pytest.mark.django_db
@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("page", "header", "row", "words"),
    [
        ("customers", "TenantID,Theme,Status,DueDays", ["t", "", "", "9" * 5000], "Due days are"),
        ("customers", "TenantID,Theme,Status,DueDays", ["t\0", "", "", "1"], "control character"),
        ("taxes", "Country,TaxName,Percentage,TaxType", ["AU", "GST", "1e999999999", "OUTPUT"], "A percentage is"),
        ("taxes", "Country,TaxName,Percentage,TaxType", ["AU", "GST", "1e-999999999", "OUTPUT"], "A percentage is"),
        ("taxes", "Country,TaxName,Percentage,TaxType", ["AU", "GST", "sNaN", "OUTPUT"], "A percentage is"),
        ("accounts", "TenantID,Kind,SKU,Match,AccountCode", ["", "", "a\0", "is", "200"], "control character"),
        ("accounts", "TenantID,Kind,SKU,Match,AccountCode", ["", "", "a" * 100_000, "", "200"], "at most 100"),
    ],
)
def test_a_hostile_override_is_refused_in_words(
    page: str, header: str, row: list[str], words: str, client_for: ClientFor, finance_admin: User
) -> None:
    connected()
    Customer.objects.create(tenant_id="t", name="Fabrikam")
    out = io.StringIO()
    csv.writer(out).writerow(row)
    file = SimpleUploadedFile("overrides.csv", f"{header}\n{out.getvalue()}".encode())
    answer = client_for(finance_admin).post(f"/settings/{page}/", {"action": "file", "file": file})
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert not AccountOverride.objects.exists()
    assert not CustomerOverride.objects.exists()
    assert not Invoice.objects.exists()
