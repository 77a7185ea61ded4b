"""The sheet that closes a billing period: its sums, what is open, what Xero has besides, and its file."""

from __future__ import annotations

import csv
import hashlib
import io
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from c3portal.models import AuditEntry, User
from c3portal.tests.markup import markup
from invoices.closing import export, others, sheet
from invoices.conftest import MakeInvoice, Work
from invoices.home.tests.test_home import TODAY
from invoices.models import BillingPeriod, Invoice, OthersInXero, PeriodClosing, Posting
from invoices.tests.makers import a_period, an_invoice, connected, invoices, queries_of, uploaded
from xero_integration.models import XeroConnection

Status = Posting.Status
LIST = "/analyze/business/periods/"


@pytest.fixture
def settled(finance_admin: User, db: None) -> BillingPeriod:
    """A period of two invoices in Xero to the cent, and one excluded."""
    period = a_period()
    uploaded(connected(finance_admin), finance_admin, *invoices(period, 2), to=Status.POSTED)
    Posting.objects.update(xero_total=Decimal("110.00"), amount_due=Decimal("110.00"))
    Invoice.objects.filter(pk=an_invoice(period, "OUT-1").pk).update(
        ignored_because="Billed by hand", ignored_by=finance_admin
    )
    OthersInXero.objects.create(period=period, connection=XeroConnection.objects.get())
    return period


def address() -> str:
    return f"{LIST}{BillingPeriod.objects.get().pk}/"


def page(client: Client) -> str:
    return markup(client.get(address()).content.decode())


def test_a_settled_period_has_nothing_open_and_names_what_was_excluded(finance: Client, settled: BillingPeriod) -> None:
    assert sheet.of(settled, TODAY).open == []
    html = page(finance)
    for words in ("2 of 3 in Xero", "Nothing is open", "Billed by hand", "finance@contoso.example", "330.00", "220.00"):
        assert words in html


def test_what_is_open_is_counted_and_leads_to_it(finance: Client, settled: BillingPeriod, finance_admin: User) -> None:
    an_invoice(settled, "NEW-1")
    one, two = Posting.objects.order_by("invoice__number")
    Posting.objects.filter(pk=one.pk).update(xero_total=Decimal("110.01"), total_difference=Decimal("0.01"))
    Posting.objects.filter(pk=two.pk).update(edits={"reference": ["a", "b"]})
    found = {each.words: each.count for each in sheet.of(settled, TODAY).open}
    assert found == {"not posted, or taken back": 1, "with another total in Xero": 1, "changed in Xero": 1}


def test_a_cent_too_much_and_a_cent_too_little_are_not_equal(settled: BillingPeriod) -> None:
    for posting, cent in zip(Posting.objects.all(), ("0.01", "-0.01"), strict=True):
        told = {"xero_total": Decimal("110.00") + Decimal(cent), "total_difference": Decimal(cent)}
        Posting.objects.filter(pk=posting.pk).update(**told)
    assert [(each.words, each.count) for each in sheet.of(settled, TODAY).open] == [("with another total in Xero", 2)]


def test_while_xero_was_not_asked_for_others_that_is_open(settled: BillingPeriod) -> None:
    OthersInXero.objects.all().delete()
    assert [each.url for each in sheet.of(settled, TODAY).open] == ["#others"]


def test_a_credit_note_is_a_number_with_its_sign_in_the_file(settled: BillingPeriod, finance_admin: User) -> None:
    note = an_invoice(settled, "CN-1", total="-55.00")
    uploaded(XeroConnection.objects.get(), finance_admin, note, to=Status.POSTED)
    Posting.objects.filter(invoice=note).update(xero_total=Decimal("55.00"), document_type="credit_note")
    rows = list(csv.DictReader(io.StringIO("".join(export.period_csv(settled)).lstrip("\ufeff"))))
    assert [(row["Total"], row["XeroTotal"]) for row in rows if row["InvoiceNumber"] == "CN-1"] == [
        ("-55.00", "-55.00")
    ]


def test_a_payment_after_closing_leaves_the_file_as_it_was(settled: BillingPeriod) -> None:
    before = export.checksum(settled)
    paid = {"xero_status": "PAID", "amount_due": Decimal(0), "amount_paid": Decimal("110.00")}
    Posting.objects.update(**paid)
    assert export.checksum(settled) == before


def test_it_closes_once_with_its_figures_and_the_checksum_of_its_file(
    finance: Client, settled: BillingPeriod, finance_admin: User
) -> None:
    for _ in range(2):
        finance.post(f"{address()}close/")
    closing = PeriodClosing.objects.get()
    assert (closing.closed_by, closing.reason, closing.figures["in_xero"]) == (finance_admin, "", 2)
    data = b"".join(finance.get(f"{address()}file.csv").streaming_content)  # type: ignore[attr-defined]
    assert hashlib.sha256(data).hexdigest() == closing.checksum
    html = page(finance)
    assert closing.checksum in html
    assert "Close the period" not in html
    assert AuditEntry.objects.filter(subject=f"Closed {settled}").count() == 1


def test_the_same_data_make_the_same_file_and_a_cent_another(settled: BillingPeriod) -> None:
    before = export.checksum(settled)
    assert export.checksum(settled) == before
    rows = list(csv.DictReader(io.StringIO("".join(export.period_csv(settled)).lstrip("\ufeff"))))
    assert [(row["InvoiceNumber"], row["State"], row["Total"]) for row in rows] == [
        ("INV-001", "posted", "110.00"),
        ("INV-002", "posted", "110.00"),
        ("OUT-1", "excluded", "110.00"),
    ]
    Posting.objects.filter(invoice__number="INV-001").update(xero_total=Decimal("110.01"))
    assert export.checksum(settled) != before


def test_what_is_open_is_closed_for_a_reason_alone(finance: Client, settled: BillingPeriod) -> None:
    an_invoice(settled, "NEW-1")
    finance.post(f"{address()}close/")
    assert not PeriodClosing.objects.exists()
    finance.post(f"{address()}close/", {"reason": "The customer disputes it"})
    assert PeriodClosing.objects.get().reason == "The customer disputes it"
    assert "The customer disputes it" in page(finance)


def test_it_opens_again_and_says_what_changed_since_it_was_closed(finance: Client, settled: BillingPeriod) -> None:
    finance.post(f"{address()}close/")
    assert "have changed since" not in page(finance)
    an_invoice(settled, "LATE-1")
    assert "have changed since" in page(finance)
    finance.post(f"{address()}reopen/")
    assert PeriodClosing.objects.get().reopened_at is not None
    assert "Still open" in page(finance)
    finance.post(f"{address()}close/", {"reason": "All the same"})
    assert PeriodClosing.objects.filter(reopened_at=None).count() == 1


def test_documents_that_the_portal_did_not_make_are_named(
    connected: XeroConnection,
    sandbox: Any,
    finance: Client,
    make_invoice: MakeInvoice,
    upload: Any,
    work: Work,
    period: BillingPeriod,
) -> None:
    ours = make_invoice(amount="100.00")
    upload(ours)
    work()
    contact = sandbox.put_contacts([{"name": "By hand Ltd"}])[0]
    day = ours.issued_on
    element = {
        "Type": "ACCREC",
        "InvoiceNumber": "HAND-1",
        "Contact": {"ContactID": contact["contact_id"]},
        "Date": day.isoformat(),
        "DueDate": day.isoformat(),
        "LineItems": [{"Description": "Work", "Quantity": "1", "UnitAmount": "50.00", "AccountCode": "4010"}],
    }
    sandbox.write_document(element)
    sandbox.write_document(element | {"InvoiceNumber": "LATER-1", "Date": day.replace(year=day.year + 1).isoformat()})

    found = others.look(period, connected)

    assert isinstance(found, OthersInXero)
    assert [each["number"] for each in found.documents] == ["HAND-1"]
    assert found.count == 1
    assert "HAND-1" in finance.get(f"{LIST}{period.pk}/").content.decode()


def test_a_reader_sees_it_and_has_nothing_to_press(system_reader: User, settled: BillingPeriod) -> None:
    client = Client()
    client.force_login(system_reader)
    html = page(client)
    assert "Nothing is open" in html
    for words in ("Close the period", "Look for others"):
        assert words not in html
    for action in ("close", "reopen", "others"):
        assert client.post(f"{address()}{action}/").status_code == 403


def test_the_periods_are_listed_with_which_are_closed(finance: Client, settled: BillingPeriod) -> None:
    finance.post(f"{address()}close/")
    html = markup(finance.get(LIST).content.decode())
    assert "September 2026" in html
    assert 'class="state good">Closed<' in html


def test_it_asks_the_database_as_often_for_sixty_as_for_ten(
    finance: Client, settled: BillingPeriod, finance_admin: User
) -> None:
    few = queries_of(finance, address())
    uploaded(XeroConnection.objects.get(), finance_admin, *invoices(settled, 60, "MORE"), to=Status.POSTED)
    assert queries_of(finance, address()) == few <= 15
