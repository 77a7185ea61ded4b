"""No cell of any CSV file becomes a formula in a spreadsheet, while amounts stay numbers and files read back in."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponseBase
from django.test import Client
from hypothesis import example
from hypothesis import given as every

from c3portal.http.csv_response import as_csv
from c3portal.http.spreadsheet_cells import protect, unprotect
from c3portal.models import User
from c3portal.tests.addresses import every_address
from invoices.importing.importer import import_file
from invoices.matching.meanings import FIELDS
from invoices.models import AccountOverride, CustomerOverride, ImportRun, Invoice, InvoiceLine, Payment, TaxOverride
from invoices.tests import makers
from invoices.tests.c3_files import of_customer, write
from xero_integration.models import Account

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
ClientFor = Callable[[User], Client]

FORMULAS = (
    '=HYPERLINK("http://evil.example","x")',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "'=1",
    "''+1",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20A1",
    "Foo;=cmd|' /C calc'!A0;",
    'Foo;"=1";',
    "Foo, -1",
    "Foo|'+1",
    " =1",
)
NUMBER = re.compile(r"-?\d+(\.\d+)?")
STARTS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


SEPARATORS = (",", ";", "\t", "|", "\u061b")


def is_harmless(cell: str) -> bool:
    """Whether a spreadsheet takes the cell for a text or a plain number."""
    return not cell.startswith(STARTS) or bool(NUMBER.fullmatch(cell))


def formulas_in(content: bytes) -> list[str]:
    """Return the cells that become formulas, whichever language the spreadsheet speaks, and whether it minds quotes.

    It reads over spaces and line breaks in front.
    """
    text = content.decode("utf-8-sig")
    readings = [
        row
        for separator in SEPARATORS
        for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE)
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator, quoting=quoting)
    ]
    return [cell for row in readings for cell in row if not is_harmless(cell.strip())]


def content_of(answer: HttpResponseBase) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]


def rows_of(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.fixture
def hostile(tmp_path: Path, system_admin: User) -> list[int]:
    """A period whose every text is a formula, posted, paid, refused and overridden. Returns the ids of its imports."""
    texts = ("CustomerName", "ERPCustomerID", "ProductSKUId", "SubscriptionName", "TaxName")
    rows = [
        of_customer(
            index,
            **dict.fromkeys(texts, formula),
            TenantID=f"{formula}{index}"[:50],
            CustomerEmail=formula,
            InvoiceEntity="Reseller",
            ResellerName=formula,
            InvoiceNumber=f"{formula}{index}",
        )
        for index, formula in enumerate(FORMULAS)
    ]
    credit = {"Quantity": "-10", "SubTotal": "-90.00", "TaxAmount": "-9.00", "Total": "-99.00"}
    rows.append(of_customer(99, InvoiceNumber="=credit", **credit))
    runs = [import_file(write(tmp_path, *rows), name="=1.csv")]
    assert runs[0].state == ImportRun.State.IMPORTED
    bad = of_customer(1, InvoiceNumber="=bad", Quantity="=1+1", Category="@SUM(A1)")
    runs.append(import_file(write(tmp_path, bad, name="bad.csv")))
    xero = makers.connected(system_admin)
    Account.objects.create(connection=xero, code="=1", name="@SUM(A1)", type="REVENUE", status="ACTIVE")
    posted, refused, *_ = Invoice.objects.order_by("number")
    upload = makers.uploaded(xero, system_admin, posted, refused, to="posted")
    upload.postings.update(message="=1+1", xero_status="@A1")
    Payment.objects.create(
        posting=upload.postings.first(), payment_id="=p", paid_on="2026-10-01", amount=Decimal(5), reference="+1"
    )
    AccountOverride.objects.create(sku=FORMULAS[0], account_code="=1")
    CustomerOverride.objects.create(customer=posted.customer, due_days=5)
    TaxOverride.objects.create(country="", tax_name="=GST", percentage=Decimal(10), tax_type="OUTPUT")
    return [run.pk for run in runs]


def test_no_file_of_the_portal_holds_a_formula(hostile: list[int], client_for: ClientFor, system_admin: User) -> None:
    client = client_for(system_admin)
    seen = set()
    for address in every_address():
        for given in (
            {"kind": "invoices", "pk": hostile[0]},
            {"kind": "lines", "pk": hostile[1]},
            {"kind": "payments"},
        ):
            known = {name: str(given[name]) for name, kind in address.parts if name in given and kind != "uuid"}
            answer = client.get(f"{address.path(**known)}?period=20260918")
            content = content_of(answer)
            if not answer.headers.get("Content-Type", "").startswith("text/csv"):
                continue
            seen.add(address.name)
            assert [cell for row in rows_of(content) for cell in row if not is_harmless(cell)] == [], address
            assert formulas_in(content) == [], address
    assert seen >= {
        "download",
        "import_errors",
        "account_overrides_csv",
        "tax_overrides_csv",
        "customer_overrides_csv",
        "order_overrides_csv",
        "audit_csv",
    }


def test_amounts_below_nothing_stay_numbers(hostile: list[int], client_for: ClientFor, system_admin: User) -> None:
    for kind in ("lines", "invoices"):
        header, *rows = rows_of(
            content_of(client_for(system_admin).get(f"/invoices/download/{kind}.csv?period=20260918"))
        )
        assert "-99.00" in [row[header.index("Total")] for row in rows]


def test_the_lines_come_back_in_as_they_were(
    hostile: list[int], client_for: ClientFor, system_admin: User, tmp_path: Path
) -> None:
    before = list(InvoiceLine.objects.order_by("pk").values_list("source", flat=True))
    path = tmp_path / "again.csv"
    path.write_bytes(content_of(client_for(system_admin).get("/invoices/download/lines.csv?period=20260918")))
    assert set(rows_of(path.read_bytes())[0]) == set(FIELDS)
    run = import_file(path)
    assert (run.state, run.invoices_unchanged) == (ImportRun.State.NOTHING_NEW, len(FORMULAS) + 1)
    assert list(InvoiceLine.objects.order_by("pk").values_list("source", flat=True)) == before


@pytest.mark.parametrize("page", ["accounts", "taxes", "customers"])
def test_overrides_come_back_in_as_they_were(
    hostile: list[int], page: str, client_for: ClientFor, system_admin: User
) -> None:
    client = client_for(system_admin)
    before = kept()
    content = content_of(client.get(f"/settings/{page}.csv"))
    file = SimpleUploadedFile("overrides.csv", content)
    answer = client.post(f"/settings/{page}/", {"action": "file", "file": file})
    assert answer.status_code == 302
    assert kept() == before


def kept() -> list[Any]:
    return [
        sorted(AccountOverride.objects.values_list("customer", "kind", "sku", "is_prefix", "account_code")),
        sorted(TaxOverride.objects.values_list("country", "tax_name", "percentage", "tax_type")),
        sorted(CustomerOverride.objects.values_list("customer", "theme_id", "invoice_status", "due_days")),
    ]


@pytest.mark.parametrize("text", [*FORMULAS, "\t=1", "\r=1", "plain", "'t Hoen", "O'Brien", "", "''", "'"])
def test_what_is_protected_comes_back(text: str) -> None:
    assert unprotect(protect(text)) == text
    assert is_harmless(protect(text))


TEXTS = st.text(st.sampled_from([*"=+-@;,|\t\r\n\"' a1\uff1d\uff0d\u061b\u00a0\u3000"]), max_size=12)


@every(st.lists(st.tuples(st.just("2026-10-01"), TEXTS, TEXTS), min_size=1, max_size=3))
@example([("2026-10-01", "Foo;=cmd|'/C calc'!A0;", 'x;"=1"')])
def test_no_text_becomes_a_formula_in_any_language(rows: list[tuple[str, str, str]]) -> None:
    expected = [[day, one, Decimal("-5.00"), other] for day, one, other in rows]
    content = "".join(as_csv(("Day", "One", "Amount", "Other"), expected)).encode()
    assert formulas_in(content) == []
    read = [
        [day, unprotect(one), Decimal(amount), unprotect(other)] for day, one, amount, other in rows_of(content)[1:]
    ]
    assert read == expected


@pytest.mark.parametrize("text", ["\t" * 200_000, "'" * 200_000, " \t" * 100_000 + "=", "= " * 100_000])
def test_a_long_text_takes_no_longer_than_its_length(text: str) -> None:
    began = time.process_time()
    assert unprotect(protect(text)) == text
    unprotect(text)
    assert time.process_time() - began < 5
