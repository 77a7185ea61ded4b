"""One invoice's page."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from c3portal.models import User
from c3portal.tests.markup import markup
from invoices.models import (
    BillingPeriod,
    HeldBackInvoice,
    ImportFinding,
    ImportRun,
    Invoice,
    InvoiceLine,
    Payment,
    Posting,
)
from invoices.tests.makers import REFUSAL, a_period, an_invoice, connected, queries_of, uploaded

Status = Posting.Status


@pytest.fixture
def period(db: None) -> BillingPeriod:
    return a_period()


@pytest.fixture
def reader(client_for: Callable[[User], Client], system_reader: User) -> Client:
    return client_for(system_reader)


def lines(invoice: Invoice, count: int = 1, unit_price: str = "0.058122686400") -> None:
    InvoiceLine.objects.bulk_create(
        InvoiceLine(
            invoice=invoice,
            position=2 + invoice.lines.count() + index,
            kind=InvoiceLine.Kind.AZURE,
            sku="DZH318Z0BPS6:0001",
            name="Azure plan - Log Analytics",
            quantity=Decimal("668.77313"),
            unit_price=Decimal(unit_price),
            subtotal=Decimal("38.87"),
            tax_name="GST",
            tax_percentage=Decimal("10"),
            tax=Decimal("3.89"),
            total=Decimal("42.76"),
        )
        for index in range(count)
    )


def text(client: Client, invoice: Invoice) -> str:
    return markup(client.get(invoice.get_absolute_url()).content.decode())


def test_it_shows_prices_to_the_last_digit(reader: Client, period: BillingPeriod) -> None:
    invoice = an_invoice(period, "INV-1", total="1234.50")
    lines(invoice)
    html = text(reader, invoice)
    for words in (
        "0.058122686400",
        "668.77313",
        "DZH318Z0BPS6:0001",
        "Azure Usage based SKUs",
        "GST 10 %",
        "AUD 1,234.50",
    ):
        assert words in html


def test_it_shows_both_numbers_when_xero_takes_another(reader: Client, period: BillingPeriod) -> None:
    invoice = an_invoice(period, "Rechnung-Åse-1")
    html = text(reader, invoice)
    assert "<h1>Rechnung-Åse-1</h1>" in html
    assert f"In Xero: {invoice.xero_number}." in html


def test_it_tells_the_history_in_order_with_who_and_xeros_words(
    reader: Client, period: BillingPeriod, finance_admin: User
) -> None:
    invoice, connection = an_invoice(period, "INV-1"), connected()
    uploaded(connection, finance_admin, invoice, to=Status.REJECTED)
    uploaded(connection, finance_admin, invoice, to=Status.POSTED)
    history = text(reader, invoice).partition("Posting history")[2]
    steps = [history.index(f"<strong>{word}</strong>") for word in ("Rejected by Xero", "In Xero")]
    assert steps == sorted(steps)
    assert history.count("<strong>Queued</strong>") == 2
    assert "by finance@contoso.example" in history
    assert REFUSAL.replace("'", "&#x27;") in history


def test_it_links_to_xero_with_what_xero_holds(reader: Client, period: BillingPeriod, finance_admin: User) -> None:
    invoice = an_invoice(period, "INV-1")
    uploaded(connected(), finance_admin, invoice, to=Status.POSTED)
    posting = Posting.objects.get()
    Payment.objects.create(
        posting=posting, payment_id=str(uuid.uuid4()), paid_on=dt.date(2026, 10, 1), amount=Decimal("60.00")
    )
    html = text(reader, invoice)
    assert posting.xero_url.replace("&", "&amp;") in html
    assert "1 Oct 2026: AUD 60.00" in html
    assert "Draft" in html


def test_it_warns_when_a_later_import_differs(reader: Client, period: BillingPeriod) -> None:
    invoice = an_invoice(period, "INV-1")
    Invoice.objects.update(difference="The total is 99.00 now.")
    html = text(reader, invoice)
    assert "A later import says something else" in html
    assert "The total is 99.00 now." in html


def test_it_says_why_it_is_out_of_date_and_leads_to_what_is_held_back(
    reader: Client, period: BillingPeriod, finance_admin: User
) -> None:
    invoice = an_invoice(period, "INV-1")
    run = ImportRun.objects.create(file_name="newer.csv", size=1)
    finding = {"run": run, "kind": ImportFinding.Kind.HELD_BACK, "row": 7, "field": "Quantity"}
    ImportFinding.objects.create(**finding, invoice_number="INV-1", reason="“many” is not a number")
    held = HeldBackInvoice.objects.create(run=run, number="INV-1")
    html = text(reader, invoice)
    for words in ("Out of date", "it was held back there", "Row 7, Quantity: “many” is not a number", f"?run={run.pk}"):
        assert words in html
    HeldBackInvoice.objects.filter(pk=held.pk).update(resolved_at=timezone.now())
    assert "Out of date" not in text(reader, invoice)
    uploaded(connected(), finance_admin, invoice, to=Status.POSTED)
    HeldBackInvoice.objects.update(resolved_at=None)
    assert "Out of date" not in text(reader, invoice)


def test_upload_again_is_for_those_who_may(
    reader: Client, finance: Client, period: BillingPeriod, finance_admin: User
) -> None:
    invoice = an_invoice(period, "INV-1")
    uploaded(connected(), finance_admin, invoice, to=Status.REJECTED)
    assert "Upload again" in text(finance, invoice)
    assert "Upload again" not in text(reader, invoice)


def test_it_marks_a_credit_note(reader: Client, period: BillingPeriod) -> None:
    assert "Credit note" in text(reader, an_invoice(period, "CN-1", total="-20.00"))


def test_an_invoice_that_is_not_there_is_not_found(reader: Client) -> None:
    assert reader.get(f"/invoices/{uuid.uuid4()}/").status_code == 404


def test_it_asks_the_database_as_often_for_sixty_lines_as_for_ten(
    reader: Client, period: BillingPeriod, finance_admin: User
) -> None:
    invoice, connection = an_invoice(period, "INV-1"), connected()
    lines(invoice, 10)
    uploaded(connection, finance_admin, invoice, to=Status.REJECTED)
    uploaded(connection, finance_admin, invoice, to=Status.REJECTED)
    for_ten = queries_of(reader, invoice.get_absolute_url())
    lines(invoice, 50)
    uploaded(connection, finance_admin, invoice, to=Status.REJECTED)
    assert queries_of(reader, invoice.get_absolute_url()) == for_ten <= 12
