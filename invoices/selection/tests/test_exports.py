from __future__ import annotations

import csv
import datetime as dt
import io
import tracemalloc
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from python_calamine import CalamineWorkbook

from c3portal.models import AuditEntry, User
from invoices.importing.importer import import_file
from invoices.matching.meanings import FIELDS
from invoices.models import BillingPeriod, ImportRun, Invoice, InvoiceLine, Payment, Posting
from invoices.selection.exports import INVOICE_COLUMNS, PAYMENT_COLUMNS, lines_csv
from invoices.tests.c3_files import SEPTEMBER, of_customer, write
from invoices.tests.makers import REFUSAL, connected, uploaded

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
ClientFor = Callable[[User], Client]


@pytest.fixture
def client(client_for: ClientFor, system_reader: User) -> Client:
    return client_for(system_reader)


def download(client: Client, kind: str, period: str = "20260918") -> bytes:
    response = client.get(reverse("download", args=[kind]), {"period": period})
    assert response.status_code == 200
    assert response.streaming
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == f'attachment; filename="c3-{kind}-{period}.csv"'
    return b"".join(response.streaming_content)  # type: ignore[arg-type]


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def content_of(answer: Any) -> bytes:
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def sheet_of(answer: Any) -> list[list[Any]]:
    """Return the rows of a workbook's sheet, the header first."""
    return CalamineWorkbook.from_filelike(io.BytesIO(content_of(answer))).get_sheet_by_index(0).to_python()


def key(row: dict[str, str]) -> tuple[str, ...]:
    return tuple(row.values())


# Lines


def test_the_lines_are_those_that_were_imported(client: Client) -> None:
    import_file(SEPTEMBER)

    rows = rows_of(download(client, "lines"))

    assert tuple(rows[0]) == FIELDS
    imported = [dict.fromkeys(FIELDS, "") | row for row in rows_of(SEPTEMBER.read_bytes())]
    assert sorted(rows, key=key) == sorted(imported, key=key)


def test_importing_the_lines_again_is_nothing_new(client: Client, tmp_path: Path) -> None:
    import_file(SEPTEMBER)
    path = tmp_path / "again.csv"
    path.write_bytes(download(client, "lines"))

    run = import_file(path)

    assert run.state == ImportRun.State.NOTHING_NEW
    assert run.invoices_unchanged == 120
    assert run.notes == []


def test_what_a_spreadsheet_would_run_is_made_harmless_and_comes_back_as_it_was(client: Client, tmp_path: Path) -> None:
    names = ['=HYPERLINK("http://x","y")', "+61 2 5550 1234", "-5", "@SUM(A1)", "'=1", "''-x", "O'Brien", "'t Hoen"]
    rows = [of_customer(index, CustomerName=name, InvoiceNumber=f"={index}") for index, name in enumerate(names)]
    rows.append(of_customer(99, Quantity="-10", SubTotal="-90.00", TaxAmount="-9.00", Total="-99.00"))
    import_file(write(tmp_path, *rows, name="lines.json"))
    before = list(Invoice.objects.order_by("number").values_list("number", "customer__name", "total", "source_hash"))

    for kind in ("lines", "invoices"):
        content = download(client, kind)
        for row in rows_of(content):
            assert not any(cell.startswith(("=", "+", "@")) for cell in row.values())
        assert "-99.00" in [row["Total"] for row in rows_of(content)]
    path = tmp_path / "again.csv"
    path.write_bytes(download(client, "lines"))

    assert import_file(path).state == ImportRun.State.NOTHING_NEW
    after = list(Invoice.objects.order_by("number").values_list("number", "customer__name", "total", "source_hash"))
    assert after == before
    assert {name for _, name, _, _ in after} >= set(names)


def test_memory_does_not_grow_with_the_lines(tmp_path: Path) -> None:
    def peak(billing_id: str, lines: int) -> int:
        rows = (
            of_customer(index % 50, InvoiceNumber=f"{billing_id}-{index % 50}", BillingId=billing_id)
            for index in range(lines)
        )
        import_file(write(tmp_path, *rows))
        period = BillingPeriod.objects.get(billing_id=billing_id)
        tracemalloc.start()
        try:
            assert sum(piece.count("\n") for piece in lines_csv(period)) == lines + 1
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak("20260101", 100)
    small, large = peak("20260201", 4_000), peak("20260301", 12_000)

    assert InvoiceLine.objects.count() == 16_100
    assert large < small * 1.3


# Invoices


def test_the_invoices_say_where_each_stands(client: Client, finance_admin: User, tmp_path: Path) -> None:
    import_file(
        write(
            tmp_path,
            *(of_customer(index, CustomerName="Åse 東京") for index in range(3)),
            of_customer(3, InvoiceNumber="Invoice_東"),
        )
    )
    xero = connected()
    posted, refused = (Invoice.objects.get(number=number) for number in ("Invoice_0", "Invoice_1"))
    uploaded(xero, finance_admin, posted, to=Posting.Status.POSTED)
    uploaded(xero, finance_admin, refused, to=Posting.Status.REJECTED)

    rows = {row["InvoiceNumber"]: row for row in rows_of(download(client, "invoices"))}

    assert tuple(rows["Invoice_0"]) == INVOICE_COLUMNS
    first = rows["Invoice_0"]
    assert (first["CustomerName"], first["TenantID"], first["CurrencyCode"]) == ("Åse 東京", "tenant-0", "AUD")
    assert (first["SubTotal"], first["TaxAmount"], first["Total"]) == ("90.00", "9.00", "99.00")
    assert (first["InvoiceDueDate"], first["BillingPeriodStartDate"]) == ("2026-10-06", "2026-08-16")
    assert (first["State"], first["XeroStatus"]) == ("In Xero", "DRAFT")
    posting = Posting.objects.get(invoice=posted)
    assert (first["XeroInvoiceID"], first["XeroLink"]) == (posting.xero_id, posting.xero_url)
    assert (rows["Invoice_1"]["State"], rows["Invoice_1"]["Message"]) == ("Rejected by Xero", REFUSAL)
    assert rows["Invoice_2"]["State"] == "Not posted"
    assert rows["Invoice_東"]["XeroInvoiceNumber"] == Invoice.objects.get(number="Invoice_東").xero_number


def test_only_the_period_asked_for_is_in_a_download(client: Client, tmp_path: Path) -> None:
    import_file(write(tmp_path, of_customer(1), of_customer(2, BillingId="20261018")))

    for kind in ("invoices", "lines"):
        assert [row["InvoiceNumber"] for row in rows_of(download(client, kind, "20261018"))] == ["Invoice_2"]


# Payments


def test_payments_come_with_what_is_paid_and_due(client: Client, finance_admin: User, tmp_path: Path) -> None:
    import_file(write(tmp_path, *(of_customer(index) for index in range(3))))
    uploaded(
        connected(),
        finance_admin,
        *Invoice.objects.filter(number__in=["Invoice_0", "Invoice_1"]),
        to=Posting.Status.POSTED,
    )
    Posting.objects.update(amount_paid=Decimal("0.00"), amount_due=Decimal("99.00"))
    posting = Posting.objects.get(invoice__number="Invoice_0")
    Posting.objects.filter(pk=posting.pk).update(amount_paid=Decimal("50.50"), amount_due=Decimal("48.50"))
    for index, amount in enumerate(("20.00", "30.50")):
        day = dt.date(2026, 10, 1 + index)
        Payment.objects.create(
            posting=posting, payment_id=f"p{index}", paid_on=day, amount=Decimal(amount), reference="=1"
        )

    rows = rows_of(download(client, "payments"))

    assert tuple(rows[0]) == PAYMENT_COLUMNS
    rows = [
        [row[name] for name in ("InvoiceNumber", "Total", "AmountPaid", "AmountDue", *PAYMENT_COLUMNS[12:16])]
        for row in rows
    ]
    assert rows == [
        ["Invoice_0", "99.00", "50.50", "48.50", "p0", "2026-10-01", "20.00", "'=1"],
        ["Invoice_0", "99.00", "50.50", "48.50", "p1", "2026-10-02", "30.50", "'=1"],
        ["Invoice_1", "99.00", "0.00", "99.00", "", "", "", ""],
    ]


def test_what_was_paid_back_on_a_credit_note_is_negative(client: Client, finance_admin: User, tmp_path: Path) -> None:
    import_file(write(tmp_path, of_customer(1, Quantity="-10", SubTotal="-90.00", TaxAmount="-9.00", Total="-99.00")))
    uploaded(connected(), finance_admin, Invoice.objects.get(), to=Posting.Status.POSTED)
    Payment.objects.create(
        posting=Posting.objects.get(), payment_id="p", paid_on=dt.date(2026, 10, 1), amount=Decimal("40.00")
    )
    Posting.objects.update(amount_paid=Decimal("40.00"), amount_due=Decimal("59.00"))

    (row,) = rows_of(download(client, "payments"))

    assert (row["Total"], row["AmountPaid"], row["AmountDue"]) == ("-99.00", "-40.00", "-59.00")


# What is filtered


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"state": "rejected"}, {"rejected"}),
        ({"state": "not_uploaded"}, {"first", "second"}),
        ({"least": "100"}, {"second", "rejected"}),
        ({"state": "not_uploaded", "least": "100"}, {"second"}),
        ({"q": "of nobody"}, set()),
    ],
)
def test_the_invoices_are_those_of_the_filter_with_its_sums(
    client: Client, tmp_path: Path, query: dict[str, str], expected: set[str]
) -> None:
    import_file(write(tmp_path, of_customer(1), of_customer(2), of_customer(3)))
    names = dict(zip(Invoice.objects.order_by("number"), ("first", "second", "rejected"), strict=True))
    for invoice, name in names.items():
        Invoice.objects.filter(pk=invoice.pk).update(total="99.00" if name == "first" else "250.50")
    rejected = next(each for each, name in names.items() if name == "rejected")
    uploaded(connected(), None, rejected, to=Posting.Status.REJECTED)
    query = {"period": "20260918", **query}

    response = client.get(reverse("download", args=["invoices"]), query)

    assert response["Content-Disposition"] == 'attachment; filename="c3-invoices-20260918-filtered.csv"'
    rows = rows_of(b"".join(response.streaming_content))  # type: ignore[arg-type]
    by_number = {each.number: name for each, name in names.items()}
    assert {by_number[row["InvoiceNumber"]] for row in rows} == expected
    listed = client.get(reverse("invoice_list"), query)
    sums = sum((each.total for each in listed.context["totals"]), Decimal(0))
    assert sum((Decimal(row["Total"]) for row in rows), Decimal(0)) == sums
    assert f"Invoices as filtered ({len(expected)})" in listed.content.decode()


def test_the_workbook_has_the_rows_of_the_csv(client: Client, tmp_path: Path) -> None:
    import_file(
        write(
            tmp_path,
            *(of_customer(index, CustomerName="=1+1", ProviderInvoiceNumber=f"G{index:09}") for index in range(1, 4)),
        )
    )
    for query in ({"period": "20260918"}, {"period": "20260918", "q": "Invoice_2"}):
        header, *rows = sheet_of(client.get(reverse("download_xlsx", args=["invoices"]), query))
        listed = rows_of(content_of(client.get(reverse("download", args=["invoices"]), query)))
        assert tuple(header) == INVOICE_COLUMNS
        assert len(rows) == len(listed) == (1 if "q" in query else 3)
        for row, line in zip(rows, listed, strict=True):
            of_workbook = dict(zip(header, row, strict=True))
            assert of_workbook["CustomerName"] == "=1+1"
            assert of_workbook["MicrosoftInvoiceNumber"] == line["MicrosoftInvoiceNumber"] != ""
            assert (of_workbook["Total"], of_workbook["InvoiceDueDate"]) == (99.0, dt.date(2026, 10, 6))
            assert Decimal(line["Total"]) == 99


def test_payments_come_as_a_workbook_too(client: Client, finance_admin: User, tmp_path: Path) -> None:
    import_file(write(tmp_path, of_customer(1)))
    uploaded(connected(), finance_admin, *Invoice.objects.all(), to=Posting.Status.POSTED)

    header, row = sheet_of(client.get(reverse("download_xlsx", args=["payments"]), {"period": "20260918"}))

    assert tuple(header) == PAYMENT_COLUMNS
    assert dict(zip(header, row, strict=False))["Total"] == 99.0


# What is ticked


@pytest.fixture
def ticked(tmp_path: Path) -> dict[str, Invoice]:
    """Four invoices of a period, one of them rejected and one excluded, by name."""
    import_file(write(tmp_path, *(of_customer(index) for index in range(4))))
    names = dict(zip(("first", "second", "rejected", "excluded"), Invoice.objects.order_by("number"), strict=True))
    uploaded(connected(), None, names["rejected"], to=Posting.Status.REJECTED)
    Invoice.objects.filter(pk=names["excluded"].pk).update(ignored_because="Not ours")
    return names


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_what_is_ticked_is_downloaded_and_nothing_else(client: Client, ticked: dict[str, Invoice], kind: str) -> None:
    ids = [str(ticked[name].pk) for name in ("second", "rejected")]
    form = {"period": "20260918", "state": "not_uploaded", "invoice": ids, "as": kind}

    answer = client.post(reverse("download_selected"), form)

    assert answer["Content-Disposition"] == f'attachment; filename="c3-invoices-20260918-selected.{kind}"'
    rows = sheet_of(answer) if kind == "xlsx" else [list(row.values()) for row in rows_of(content_of(answer))]
    assert {row[0] for row in rows} - {"InvoiceNumber"} == {ticked[name].number for name in ("second", "rejected")}
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.after) == (
        "download",
        {"Asked for": "2 selected of period=20260918&state=not_uploaded"},
    )


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({}, {"first", "second", "rejected", "excluded"}),
        ({"of": "uploadable"}, {"first", "second", "rejected"}),
        ({"state": "rejected"}, {"rejected"}),
        ({"state": "ignored"}, {"excluded"}),
    ],
)
def test_all_of_the_filter_needs_no_ids(
    client: Client, ticked: dict[str, Invoice], form: dict[str, str], expected: set[str]
) -> None:
    answer = client.post(reverse("download_selected"), {"period": "20260918", "all": "1", "as": "csv", **form})

    assert {row["InvoiceNumber"] for row in rows_of(content_of(answer))} == {ticked[each].number for each in expected}


def test_where_nothing_is_ticked_the_list_says_so(client: Client, ticked: dict[str, Invoice]) -> None:
    for form in ({}, {"all": "1", "q": "of nobody"}):
        answer = client.post(reverse("download_selected"), {"period": "20260918", "as": "csv", **form}, follow=True)
        assert "Nothing was selected" in answer.content.decode()


@pytest.mark.parametrize("form", [{"as": "pdf"}, {}, {"as": "csv", "invoice": "x"}, {"as": "csv", "state": "nonsense"}])
def test_a_form_that_means_nothing_downloads_nothing(
    client: Client, ticked: dict[str, Invoice], form: dict[str, str]
) -> None:
    assert client.post(reverse("download_selected"), {"period": "20260918", **form}).status_code == 400


@pytest.mark.parametrize("query", [{"state": "nonsense"}, {"least": "much"}, {"due_from": "31.02.2026"}])
def test_a_filter_that_means_nothing_downloads_nothing(client: Client, tmp_path: Path, query: dict[str, str]) -> None:
    import_file(write(tmp_path, of_customer(1)))

    answer = client.get(reverse("download", args=["invoices"]), {"period": "20260918", **query})

    assert answer.status_code == 400


# Who and what


@pytest.mark.parametrize(("kind", "period"), [("lines", ""), ("lines", "20200101"), ("secrets", "20260918")])
def test_what_is_not_there_is_not_found(client: Client, tmp_path: Path, kind: str, period: str) -> None:
    import_file(write(tmp_path, of_customer(1)))

    for name in ("download", "download_xlsx"):
        assert client.get(reverse(name, args=[kind]), {"period": period}).status_code == 404


def test_a_period_without_anything_is_an_empty_table(client: Client, db: Any) -> None:
    BillingPeriod.objects.create(billing_id="20260918", starts_on=dt.date(2026, 8, 16), ends_on=dt.date(2026, 9, 15))

    for kind in ("invoices", "lines", "payments"):
        assert rows_of(download(client, kind)) == []


def test_nobody_downloads_without_signing_in() -> None:
    assert Client().get(reverse("download", args=["lines"])).status_code == 302
