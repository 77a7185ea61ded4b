"""Invoices that were held back are listed, found, downloaded, and gone once a file has them right."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from c3portal.models import User
from c3portal.tests.markup import markup
from invoices.models import HeldBackInvoice, ImportFinding, ImportRun

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
HELD_BACK = ImportFinding.Kind.HELD_BACK


def held_back(run: ImportRun, number: str, *fields: str, billing: str = "20260918", **facts: Any) -> HeldBackInvoice:
    for row, field in enumerate(fields, start=2):
        ImportFinding.objects.create(
            run=run, kind=HELD_BACK, row=row, field=field, invoice_number=number, reason=f"{field} is wrong"
        )
    return HeldBackInvoice.objects.create(
        run=run,
        number=number,
        customer_name="Fabrikam",
        currency="AUD",
        total=Decimal("99.00"),
        billing_id=billing,
        **facts,
    )


@pytest.fixture
def run() -> ImportRun:
    return ImportRun.objects.create(file_name="september.csv", size=1, state=ImportRun.State.IMPORTED)


@pytest.fixture
def later() -> ImportRun:
    return ImportRun.objects.create(file_name="corrected.csv", size=1, state=ImportRun.State.IMPORTED)


def listed(client: Client, **query: str) -> list[str]:
    table = client.get(reverse("held_back"), query).context["table"]
    return sorted(row.record.number for row in table.page.object_list)


def test_they_are_listed_with_why(finance: Client, run: ImportRun) -> None:
    held_back(run, "INV-1", "Quantity", "Total", "TaxAmount", "SubTotal")
    page = markup(finance.get(reverse("held_back")).content.decode())
    assert "Row 2, Quantity: Quantity is wrong" in page
    assert "and 1 more" in page
    assert "SubTotal is wrong" not in page
    assert "september.csv" in page
    assert "99.00" in page


def test_one_that_could_not_be_read_to_its_number_is_listed_too(finance: Client, run: ImportRun) -> None:
    HeldBackInvoice.objects.create(run=run)
    assert "without a number" in finance.get(reverse("held_back")).content.decode()


def test_a_later_file_that_has_them_right_takes_them_off_the_list(
    finance: Client, run: ImportRun, later: ImportRun
) -> None:
    held_back(run, "INV-1", "Quantity")
    held_back(run, "INV-2", "Total", resolved_by=later, resolved_at=timezone.now())
    assert listed(finance) == ["INV-1"]
    assert listed(finance, state="resolved") == ["INV-2"]
    assert listed(finance, state="all") == ["INV-1", "INV-2"]
    assert "corrected.csv" in finance.get(reverse("held_back"), {"state": "resolved"}).content.decode()


def test_what_no_file_had_right_is_not_said_to_have_come_in(finance: Client, run: ImportRun) -> None:
    held_back(run, "INV-1", "Quantity", resolved_at=timezone.now())
    assert listed(finance) == listed(finance, state="resolved") == []
    page = finance.get(reverse("held_back"), {"state": "all"}).content.decode()
    file = b"".join(finance.get(reverse("held_back_csv"), {"state": "all"}).streaming_content).decode()  # type: ignore[attr-defined]
    assert "Held back again, or undone" in page
    assert "Held back again, or undone" in file
    assert "None" not in file


def test_they_are_found_by_period_import_and_field(finance: Client, run: ImportRun, later: ImportRun) -> None:
    held_back(run, "INV-1", "Quantity")
    held_back(run, "INV-2", "Total", billing="20260818")
    held_back(later, "INV-2", "Quantity")
    assert listed(finance, billing="20260818") == ["INV-2"]
    assert listed(finance, field="Quantity") == ["INV-1", "INV-2"]
    assert listed(finance, field="Quantity", run=str(run.pk)) == ["INV-1"]
    assert listed(finance, run=str(later.pk)) == ["INV-2"]
    pills = finance.get(reverse("held_back"), {"field": "Total"}).context["pills"]
    assert {pill["label"]: pill["count"] for pill in pills} == {
        "Open": 1,
        "Came in later": 0,
        "Closed by a person": 0,
        "All": 1,
    }


@pytest.mark.parametrize(
    "query", [{"run": "x"}, {"run": "9" * 30}, {"run": "٣"}, {"state": "x"}, {"page": "999"}, {"sort": "x"}]
)
def test_an_odd_query_shows_a_page(finance: Client, run: ImportRun, query: dict[str, str]) -> None:
    held_back(run, "INV-1", "Quantity")
    assert finance.get(reverse("held_back"), query).status_code == 200


def test_the_list_goes_from_page_to_page(finance: Client, run: ImportRun) -> None:
    for index in range(60):
        held_back(run, f"INV-{index:02}", "Quantity")
    first = listed(finance)
    assert len(first) == 50
    assert len(set(first) | set(listed(finance, page="2"))) == 60


def test_all_of_a_filter_is_downloaded_with_every_reason(finance: Client, run: ImportRun) -> None:
    held_back(run, "INV-1", "Quantity", "Total", "TaxAmount", "SubTotal")
    held_back(run, "=1+1", "Total", billing="20260818")
    answer: Any = finance.get(reverse("held_back_csv"))
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))
    assert [row["Field"] for row in rows if row["InvoiceNumber"] == "INV-1"] == [
        "Quantity",
        "Total",
        "TaxAmount",
        "SubTotal",
    ]
    assert [row["InvoiceNumber"] for row in rows if row["BillingId"] == "20260818"] == ["'=1+1"]
    answer = finance.get(reverse("held_back_csv"), {"billing": "20260818"})
    assert len(list(csv.DictReader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))) == 1


def test_the_list_of_invoices_says_how_many_there_are(finance: Client, run: ImportRun) -> None:
    link = f'href="{reverse("held_back")}"'
    assert link not in finance.get(reverse("invoice_list")).content.decode()
    held_back(run, "INV-1", "Quantity")
    held_back(run, "INV-2", "Quantity", resolved_at=timezone.now())
    page = markup(finance.get(reverse("invoice_list")).content.decode())
    assert f"{link}>1 invoice held back</a>" in page


def test_a_reader_sees_them_without_the_way_to_the_import(client_for: Any, system_reader: User, run: ImportRun) -> None:
    held_back(run, "INV-1", "Quantity")
    page = client_for(system_reader).get(reverse("held_back")).content.decode()
    assert "INV-1" in page
    assert run.get_absolute_url() not in page


def test_a_person_closes_one_with_a_reason_and_it_is_shown_so(
    finance: Client, finance_admin: User, run: ImportRun
) -> None:
    held = held_back(run, "INV-1", "Quantity")
    address = reverse("held_back_close", args=[held.pk])
    assert f'href="{address}"' in finance.get(reverse("held_back")).content.decode()
    assert 'name="reason"' in finance.get(address).content.decode()

    for reason in ("", "  ", "x" * 201):
        assert "Nothing was closed" in finance.post(address, {"reason": reason}).content.decode()
    assert listed(finance) == ["INV-1"]
    finance.post(address, {"reason": "Billed by hand"})

    assert listed(finance) == listed(finance, state="resolved") == []
    assert listed(finance, state="closed") == ["INV-1"]
    held.refresh_from_db()
    assert (held.closed_by, held.resolved_by) == (finance_admin, None)
    page = finance.get(reverse("held_back"), {"state": "closed"}).content.decode()
    assert "Billed by hand" in page
    assert finance_admin.email in page
    assert address not in page
    answer: Any = finance.get(reverse("held_back_csv"), {"state": "closed"})
    assert "Closed by a person: Billed by hand" in answer.getvalue().decode()
    assert "closed already" in finance.post(address, {"reason": "Again"}, follow=True).content.decode()


def test_a_reader_is_offered_no_way_to_close_one(client_for: Any, system_reader: User, run: ImportRun) -> None:
    address = reverse("held_back_close", args=[held_back(run, "INV-1", "Quantity").pk])
    assert address not in client_for(system_reader).get(reverse("held_back")).content.decode()
