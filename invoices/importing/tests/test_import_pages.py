from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from c3portal.models import AuditEntry, User
from c3portal.tests.markup import markup
from invoices.importing.importer import import_file
from invoices.models import BillingPeriod, HeldBackInvoice, ImportRun, ImportSettings, Invoice, Posting
from invoices.tests.c3_files import SEPTEMBER, a_row, csv_bytes, json_bytes, of_customer, write
from invoices.tests.makers import connected, uploaded

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("imports_at_once")]
ClientFor = Callable[[User], Client]
State = ImportRun.State


@pytest.fixture
def client(client_for: ClientFor, finance_admin: User) -> Client:
    return client_for(finance_admin)


@pytest.fixture(autouse=True)
def import_dir(settings: Any, tmp_path: Path) -> Path:
    """The folder in which files wait."""
    settings.IMPORT_DIR = tmp_path / "imports"
    settings.IMPORT_DIR.mkdir()
    return settings.IMPORT_DIR  # type: ignore[no-any-return]


def send(client: Client, content: bytes, name: str = "lines.csv", **fields: str) -> Any:
    """Give the page a file, and come to what it would bring."""
    file = SimpleUploadedFile(name, content)
    return client.post(reverse("import_invoices"), {"file": file, **fields}, follow=True)


def press(client: Client, button: str) -> Any:
    """Press a button of the newest import's page."""
    return client.post(reverse(button, args=[ImportRun.objects.latest("pk").pk]), follow=True)


def bring(client: Client, content: bytes, name: str = "lines.csv", **fields: str) -> Any:
    """Give the page a file and have it imported."""
    send(client, content, name, **fields)
    return press(client, "import_start")


def text_of(response: Any) -> str:
    return markup(response.content.decode())


def rows_of(response: Any) -> list[dict[str, str]]:
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


# What would come in


def test_a_file_is_shown_before_anything_of_it_comes_in(client: Client, import_dir: Path) -> None:
    response = send(client, SEPTEMBER.read_bytes(), "september.csv")
    run = ImportRun.objects.get()
    assert response.redirect_chain == [(reverse("import_run", args=[run.pk]), 302)]
    assert run.state == State.READY
    assert not Invoice.objects.exists()
    assert not BillingPeriod.objects.exists()
    page = text_of(response)
    assert "<h1>september.csv</h1>" in page
    assert "Nothing is imported yet." in page
    assert '<h2>New</h2><p class="count">120</p>' in page
    assert page.count("<td>AUD</td>") >= 1
    assert [each.name for each in import_dir.iterdir()] == [run.stored_as]


def test_what_was_shown_comes_in_when_somebody_says_so(client: Client, finance_admin: User, import_dir: Path) -> None:
    response = bring(client, SEPTEMBER.read_bytes(), "september.csv")
    run = ImportRun.objects.get()
    assert (run.state, run.user) == (State.IMPORTED, finance_admin)
    assert Invoice.objects.count() == 120
    page = text_of(response)
    assert "<dt>Invoices new</dt><dd>120</dd>" in page
    assert f'href="{reverse("invoice_list")}?period=20260918"' in page
    assert list(import_dir.iterdir()) == []


def test_the_dry_run_holds_the_file_against_the_last_period(client: Client, tmp_path: Path) -> None:
    last = {
        "InvoiceNumber": "Invoice_of_August",
        "BillingId": "20260818",
        "BillingPeriodStartDate": "2026-07-16T00:00:00",
        "BillingPeriodEndDate": "2026-08-15T00:00:00",
    }
    import_file(write(tmp_path, a_row(**last), of_customer(1, **last | {"InvoiceNumber": "Other_of_August"})))
    page = text_of(send(client, csv_bytes(a_row(Quantity="20", SubTotal="180.00", TaxAmount="18.00", Total="198.00"))))
    assert "Against August 2026" in page
    assert "1 customer is missing" in page
    assert '<td class="amount">99.00</td><td class="amount">198.00</td><td class="amount">99.00</td>' in page


def test_a_discarded_file_brings_nothing_and_is_deleted(client: Client, import_dir: Path) -> None:
    send(client, csv_bytes(a_row()))
    response = press(client, "import_discard")
    assert "was discarded. Nothing of it was imported." in text_of(response)
    assert ImportRun.objects.get().state == State.DISCARDED
    assert list(import_dir.iterdir()) == []
    assert not Invoice.objects.exists()
    assert "did not wait for that any more" in text_of(press(client, "import_start"))
    assert not Invoice.objects.exists()
    assert "Nothing of it was imported." in text_of(client.get(ImportRun.objects.get().get_absolute_url()))


def test_an_import_begins_once_however_often_it_is_pressed(client: Client) -> None:
    bring(client, csv_bytes(a_row()))
    assert "did not wait for that any more" in text_of(press(client, "import_start"))
    assert "did not wait for that any more" in text_of(press(client, "import_discard"))
    assert ImportRun.objects.get().state == State.IMPORTED
    assert AuditEntry.objects.filter(subject="Import of lines.csv began").count() == 1


def test_columns_that_nobody_matched_yet_are_asked_about_and_others_can_be_matched_anew(client: Client) -> None:
    german = [{"Rechnung": "1", "Kunde": "Fabrikam", "Betrag": "10,00"}]
    response = send(client, csv_bytes(*german), "rechnungen.csv")
    run = ImportRun.objects.get()
    columns = reverse("match_columns", args=[run.pk])
    assert response.redirect_chain[-1] == (columns, 302)
    # A page that renews a part of itself is led there as a whole.
    part = client.get(run.get_absolute_url(), headers={"HX-Request": "true"})
    assert (part.status_code, part["HX-Redirect"], part.content) == (200, columns, b"")
    page = text_of(send(client, csv_bytes(a_row())))
    assert "Match its columns otherwise" in page
    response = press(client, "import_match")
    run = ImportRun.objects.latest("pk")
    assert response.redirect_chain[-1] == (reverse("match_columns", args=[run.pk]), 302)
    assert (run.state, run.options) == (State.COLUMNS, {})


# What is wrong


def test_a_wrong_invoice_is_held_back_and_the_others_come_in(client: Client) -> None:
    page = text_of(send(client, csv_bytes(of_customer(1), of_customer(2, Quantity="x"))))
    assert "Import without the 1 held back" in page
    assert "“x” is not a number" in page
    assert not HeldBackInvoice.objects.exists()
    page = text_of(press(client, "import_start"))
    assert [each.number for each in Invoice.objects.all()] == ["Invoice_1"]
    assert HeldBackInvoice.objects.get().number == "Invoice_2"
    assert "1 invoice held back" in page
    assert "“x” is not a number" in page
    link = f'href="{reverse("held_back")}"'
    assert link in client.get(reverse("import_invoices")).content.decode()


def test_with_all_or_nothing_one_wrong_invoice_refuses_the_file(client: Client, import_dir: Path) -> None:
    page = text_of(send(client, csv_bytes(of_customer(1), of_customer(2, Quantity="x")), all_or_nothing="on"))
    assert ImportRun.objects.get().state == State.REFUSED
    assert "Nothing was imported." in page
    assert "“x” is not a number" in page
    assert not Invoice.objects.exists()
    assert list(import_dir.iterdir()) == []


def test_settings_say_what_the_switch_is_set_to(client: Client) -> None:
    assert client.get(reverse("import_invoices")).context["form"]["all_or_nothing"].value() is False
    ImportSettings.objects.update_or_create(pk=1, defaults={"all_or_nothing": True})
    assert client.get(reverse("import_invoices")).context["form"]["all_or_nothing"].value() is True


def test_the_first_errors_are_shown_and_all_can_be_downloaded(client: Client) -> None:
    rows = [of_customer(index, Quantity="x", Total="") for index in range(60)]
    page = text_of(send(client, csv_bytes(*rows), all_or_nothing="on"))
    assert "Nothing was imported." in page
    assert "120 errors in its rows" in page
    assert "The first 50 of 120." in page
    assert page.count('<td class="words">') == 50
    download = client.get(reverse("import_errors", args=[ImportRun.objects.get().pk]), {"kind": "error"})
    rows = rows_of(download)
    assert len(rows) == 120
    assert rows[0] == {"Row": "2", "InvoiceNumber": "Invoice_0", "Field": "Quantity", "Reason": "“x” is not a number"}


def test_what_is_shown_of_a_file_cannot_become_markup_or_a_formula(client: Client) -> None:
    content = csv_bytes(a_row(InvoiceNumber="=<b>1", TaxName="<script>", Quantity="<script>"))
    for page in (send(client, content, '=<i>".csv'), press(client, "import_start")):
        assert "<script>" not in page.content.decode().partition("<main")[2]
        assert "<b>1" not in page.content.decode()
        assert "<i>" not in page.content.decode()
    (row,) = rows_of(client.get(reverse("import_errors", args=[ImportRun.objects.get().pk])))
    assert row["InvoiceNumber"] == "'=<b>1"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"%PDF-1.7", "This is a PDF file"),
        (b"\xff\xd8\xff", "This is a picture"),
        (b"PartnerId,UsageDate,MeterId,BillingPreTaxTotal\n1,2,3,4\n", "daily rated usage file"),
    ],
)
def test_a_wrong_file_gets_a_clear_answer(client: Client, content: bytes, words: str, import_dir: Path) -> None:
    response = send(client, content)
    assert response.status_code == 200
    assert "Nothing was imported." in response.content.decode()
    assert words in response.content.decode().replace("&#x27;", "'")
    entry = AuditEntry.objects.filter(action="import").latest("pk")
    assert (entry.after["Result"], entry.actor) == ("Refused", "finance@contoso.example")
    assert list(import_dir.iterdir()) == []


# What is there already


def test_a_json_file_comes_in_too(client: Client) -> None:
    page = bring(client, json_bytes(a_row()), "lines.json").content.decode()
    assert f"Imported: {BillingPeriod.objects.get().ends_on:%B %Y}." in page


def test_the_same_file_again_is_nothing_new(client: Client) -> None:
    bring(client, csv_bytes(a_row()))
    assert "Nothing new: all of this file is there." in text_of(bring(client, csv_bytes(a_row())))


def test_what_differs_from_what_was_sent_is_shown(client: Client, finance_admin: User, tmp_path: Path) -> None:
    import_file(write(tmp_path, of_customer(1)))
    uploaded(connected(), finance_admin, Invoice.objects.get(), to=Posting.Status.POSTED)
    page = bring(client, csv_bytes(of_customer(1), of_customer(1))).content.decode()
    assert "What differs from what was sent" in page
    assert "total AUD 99.00 → AUD 198.00; lines 1 → 2" in page
    assert f'href="{Invoice.objects.get().get_absolute_url()}"' in page


# Taking it back


def test_an_import_is_taken_back_after_a_question(client: Client, finance_admin: User) -> None:
    page = bring(client, csv_bytes(of_customer(1), of_customer(2))).content.decode()
    run = ImportRun.objects.get()
    undo = reverse("import_undo", args=[run.pk])
    assert f'href="{undo}"' in page
    assert "<dt>To be deleted</dt><dd>2 invoices" in text_of(client.get(undo))
    assert Invoice.objects.count() == 2
    page = text_of(client.post(undo, follow=True))
    assert "Taken back: 2 invoices deleted, 0 invoices put back as before." in page
    assert not Invoice.objects.exists()
    run.refresh_from_db()
    assert (run.state, run.undone_by) == (State.UNDONE, finance_admin)
    assert "Undone by finance@contoso.example" in page
    refusal = "Only an import that came in, or still holds invoices back, can be undone."
    assert refusal in text_of(client.get(undo, follow=True))
    assert refusal in text_of(client.post(undo, follow=True))


def test_who_is_to_take_an_import_back_reads_what_that_is_about(client: Client, finance_admin: User) -> None:
    dearer = {"SubTotal": "1900.00", "UnitPriceOfProduct": "190.00", "TaxAmount": "190.00", "Total": "2090.00"}
    bring(client, csv_bytes(of_customer(1), of_customer(2)))
    foreign = of_customer(4, CurrencyCode="NZD")
    bring(client, csv_bytes(of_customer(1, **dearer), of_customer(3), foreign), "again.csv")

    asked = text_of(client.get(reverse("import_undo", args=[ImportRun.objects.latest("pk").pk])))

    assert "<dt>File</dt><dd>again.csv</dd>" in asked
    assert f'<span class="sub">{finance_admin}</span>' in asked
    assert "<dt>Imported</dt><dd><time" in asked
    sums = '<span class="sub">AUD 99.00</span> <span class="sub">NZD 99.00</span>'
    assert f"<dt>To be deleted</dt><dd>2 invoices {sums}</dd>" in asked
    put_back = '1 invoice <span class="sub">AUD 2,090.00</span>'
    assert f"<dt>To be put back as before</dt><dd>{put_back}</dd>" in asked


def test_what_stands_in_the_way_is_said_and_the_rest_is_taken_back(client: Client, finance_admin: User) -> None:
    bring(client, csv_bytes(of_customer(1), of_customer(2), of_customer(3)))
    uploaded(connected(), finance_admin, Invoice.objects.get(number="Invoice_2"), to=Posting.Status.POSTED)
    undo = reverse("import_undo", args=[ImportRun.objects.get().pk])
    page = text_of(client.post(undo))
    assert "Nothing was taken back:" in page
    assert '<th scope="row">Invoice_2</th>' in page
    assert Invoice.objects.count() == 3
    page = text_of(client.post(undo, {"rest": "1"}, follow=True))
    assert "Taken back: 2 invoices deleted, 0 invoices put back as before. 1 invoice had to stay." in page
    assert [each.number for each in Invoice.objects.all()] == ["Invoice_2"]


# The form


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
    bring(client, csv_bytes(a_row(), of_customer(1, Quantity="x")), "first.csv")
    send(client, csv_bytes(a_row()), "second.csv")
    page = client.get(reverse("import_invoices")).content.decode()
    assert "first.csv</a>" in page
    assert "1 new, 0 updated, 0 unchanged, 0 differ from posted, 1 held back." in page
    assert "Nothing is imported yet." in page


def test_a_run_that_was_cut_short_says_so(client: Client) -> None:
    run = ImportRun.objects.create(file_name="lines.csv", size=1)
    assert "Not ended. Cut short, it changes nothing." in client.get(run.get_absolute_url()).content.decode()


def test_the_file_of_a_customers_lines_is_for_the_portal_alone(client: Client, import_dir: Path) -> None:
    send(client, csv_bytes(a_row()))
    (kept,) = import_dir.iterdir()
    assert os.stat(kept).st_mode & 0o777 == 0o600


# Who may


def test_a_reader_does_not_import(client_for: ClientFor, system_reader: User) -> None:
    reader = client_for(system_reader)
    run = ImportRun.objects.create(file_name="lines.csv", size=1, state=State.READY)
    assert reader.get(reverse("import_invoices")).status_code == 403
    assert send(reader, csv_bytes(a_row())).status_code == 403
    for name in ("import_run", "import_errors", "import_undo"):
        assert reader.get(reverse(name, args=[run.pk])).status_code == 403
    for name in ("import_start", "import_discard", "import_undo"):
        assert reader.post(reverse(name, args=[run.pk])).status_code == 403
    assert not Invoice.objects.exists()


def test_a_system_admin_imports_too(client_for: ClientFor, system_admin: User) -> None:
    bring(client_for(system_admin), csv_bytes(a_row()))
    assert Invoice.objects.count() == 1


def test_nobody_imports_without_signing_in() -> None:
    response = Client().post(reverse("import_invoices"), {"file": SimpleUploadedFile("lines.csv", b"x")})
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))
