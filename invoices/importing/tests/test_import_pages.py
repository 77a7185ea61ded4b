from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from c3portal.models import User
from c3portal.tests.markup import markup
from invoices.importing.importer import import_file
from invoices.models import BillingPeriod, ImportRun, Invoice, Posting
from invoices.tests.c3_files import SEPTEMBER, a_row, csv_bytes, json_bytes, of_customer, write
from invoices.tests.makers import connected, uploaded

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User], Client]


@pytest.fixture
def client(client_for: ClientFor, finance_admin: User) -> Client:
    return client_for(finance_admin)


def send(client: Client, content: bytes, name: str = "lines.csv") -> Any:
    return client.post(reverse("import_invoices"), {"file": SimpleUploadedFile(name, content)}, follow=True)


def rows_of(response: Any) -> list[dict[str, str]]:
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_a_file_comes_in_and_its_outcome_is_shown(client: Client, finance_admin: User) -> None:
    response = send(client, SEPTEMBER.read_bytes(), "september.csv")

    run = ImportRun.objects.get()
    assert response.redirect_chain == [(reverse("import_run", args=[run.pk]), 302)]
    assert run.user == finance_admin
    assert Invoice.objects.count() == 120
    page = markup(response.content.decode())
    assert "<h1>september.csv</h1>" in page
    assert "<dt>Invoices new</dt><dd>120</dd>" in page
    assert f'href="{reverse("invoice_list")}?period=20260918"' in page


def test_a_json_file_comes_in_too(client: Client) -> None:
    page = send(client, json_bytes(a_row()), "lines.json").content.decode()

    assert f"Imported: billing period {BillingPeriod.objects.get()}." in page


def test_the_same_file_again_is_nothing_new(client: Client) -> None:
    send(client, csv_bytes(a_row()))

    assert "Nothing new: all of this file is there already." in markup(
        send(client, csv_bytes(a_row())).content.decode()
    )


def test_the_first_errors_are_shown_and_all_can_be_downloaded(client: Client) -> None:
    response = send(client, csv_bytes(*(of_customer(index, Quantity="x", Total="") for index in range(60))))

    page = markup(response.content.decode())
    assert "Nothing was imported." in page
    assert "120 errors in the rows below" in page
    assert "The first 50 of 120." in page
    assert page.count('<td class="words">') == 50
    download = client.get(reverse("import_errors", args=[ImportRun.objects.get().pk]))
    rows = rows_of(download)
    assert len(rows) == 120
    assert rows[0] == {"Row": "2", "InvoiceNumber": "Invoice_0", "Field": "Quantity", "Reason": "“x” is not a number"}


def test_what_is_shown_of_a_file_cannot_become_markup_or_a_formula(client: Client) -> None:
    response = send(client, csv_bytes(a_row(InvoiceNumber="=<b>1", Quantity="<script>")), '=<i>".csv')

    assert "<script>" not in response.content.decode().partition("<main")[2]
    assert "<b>1" not in response.content.decode()
    assert "<i>" not in response.content.decode()
    (row,) = rows_of(client.get(reverse("import_errors", args=[ImportRun.objects.get().pk])))
    assert row["InvoiceNumber"] == "'=<b>1"


def test_what_differs_from_what_was_sent_is_shown(client: Client, finance_admin: User, tmp_path: Path) -> None:
    import_file(write(tmp_path, of_customer(1)))
    uploaded(connected(), finance_admin, Invoice.objects.get(), to=Posting.Status.POSTED)

    page = send(client, csv_bytes(of_customer(1), of_customer(1))).content.decode()

    assert "What differs from what was sent" in page
    assert "total 99.00 → 198.00; lines 1 → 2" in page
    assert f'href="{Invoice.objects.get().get_absolute_url()}"' in page


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04xl/workbook.xml", "This is an Excel file"),
        (b"%PDF-1.7", "This is a PDF file"),
        (csv_bytes(a_row(CustomerName="Müller"), encoding="cp1252"), "The file is not in UTF-8"),
        (b"PartnerId,UsageDate,MeterId,BillingPreTaxTotal\n", "daily rated usage file"),
        (csv_bytes({"InvoiceNumber": "1"}), "Columns are missing: TenantID, CustomerName, CurrencyCode"),
    ],
)
def test_a_wrong_file_gets_a_clear_answer(client: Client, content: bytes, words: str) -> None:
    response = send(client, content)

    assert response.status_code == 200
    assert "Nothing was imported." in response.content.decode()
    assert words in response.content.decode().replace("&#x27;", "'")


def test_no_file_and_an_empty_one_are_asked_for_again(client: Client) -> None:
    assert "Choose the file to import." in client.post(reverse("import_invoices")).content.decode()
    assert "The file is empty." in send(client, b"").content.decode()
    assert not ImportRun.objects.exists()


def test_a_file_too_large_for_the_page_is_told_the_command(client: Client, settings: Any) -> None:
    settings.IMPORT_MAX_BYTES = 1000

    page = send(client, csv_bytes(*[a_row()] * 10)).content.decode()

    assert "the page takes up to 1000\xa0bytes" in page
    assert "manage.py import_invoices FILE takes files of any size" in page
    assert not ImportRun.objects.exists()


def test_the_imports_so_far_are_listed(client: Client) -> None:
    send(client, csv_bytes(a_row()), "first.csv")

    page = client.get(reverse("import_invoices")).content.decode()

    assert "first.csv</a>" in page
    assert "1 new, 0 updated, 0 unchanged" in page


def test_a_run_that_was_cut_short_says_so(client: Client) -> None:
    run = ImportRun.objects.create(file_name="lines.csv", size=1)

    assert "This import has not ended." in client.get(run.get_absolute_url()).content.decode()


def test_a_reader_does_not_import(client_for: ClientFor, system_reader: User) -> None:
    reader = client_for(system_reader)
    run = ImportRun.objects.create(file_name="lines.csv", size=1)

    assert reader.get(reverse("import_invoices")).status_code == 403
    assert send(reader, csv_bytes(a_row())).status_code == 403
    assert reader.get(reverse("import_run", args=[run.pk])).status_code == 403
    assert reader.get(reverse("import_errors", args=[run.pk])).status_code == 403
    assert not Invoice.objects.exists()


def test_a_system_admin_imports_too(client_for: ClientFor, system_admin: User) -> None:
    send(client_for(system_admin), csv_bytes(a_row()))

    assert Invoice.objects.count() == 1


def test_nobody_imports_without_signing_in() -> None:
    response = Client().post(reverse("import_invoices"), {"file": SimpleUploadedFile("lines.csv", b"x")})

    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))
