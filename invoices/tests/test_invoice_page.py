"""One invoice's page."""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from c3portal.models import User
from c3portal.tests.markup import markup
from invoices.conftest import MakeInvoice, Upload, Work
from invoices.models import (
    AccountOverride,
    BillingPeriod,
    HeldBackInvoice,
    ImportFinding,
    ImportRun,
    Invoice,
    InvoiceLine,
    Payment,
    Posting,
    Submission,
)
from invoices.posting import sent_documents
from invoices.tests import makers
from invoices.tests.makers import REFUSAL, a_period, an_invoice, connected, fill_settings, queries_of, uploaded
from xero_integration.models import Account
from xero_sandbox.testing import SandboxControl

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
        '<span class="cur">AUD</span> 1,234.50',
    ):
        assert words in html


def test_it_shows_both_numbers_when_xero_takes_another(reader: Client, period: BillingPeriod) -> None:
    invoice = an_invoice(period, "Rechnung-Åse-1")
    html = text(reader, invoice)
    assert '<span id="invoice-number">Rechnung-Åse-1</span>' in html
    assert f"In Xero: {invoice.xero_number}." in html


def test_it_tells_the_history_in_order_with_who_and_xeros_words(
    reader: Client, period: BillingPeriod, finance_admin: User
) -> None:
    invoice, connection = an_invoice(period, "INV-1"), connected()
    uploaded(connection, finance_admin, invoice, to=Status.REJECTED)
    uploaded(connection, finance_admin, invoice, to=Status.POSTED)
    history = text(reader, invoice).partition('id="history-title"')[2].partition("</section>")[0]
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
    assert "says otherwise" in html
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
    for words in (
        "Out of date",
        "Held back in a later file",
        "Row 7, Quantity: “many” is not a number",
        f"?run={run.pk}",
    ):
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


# The head


def test_its_head_is_who_how_much_and_in_what_state(
    finance: Client, period: BillingPeriod, finance_admin: User
) -> None:
    invoice = an_invoice(period, "INV-1", total="1234.50")
    uploaded(connected(), finance_admin, invoice, to=Status.POSTED)
    Posting.objects.update(amount_due=Decimal("1234.50"))
    head = head_of(finance, invoice)
    for words in ("Tailspin Travel", "INV-1", "1,234.50", "Due 6 Oct 2026, owed AUD 1,234.50", "Draft"):
        assert words in head
    assert head.index("Tailspin Travel") < head.index("INV-1")


def head_of(client: Client, invoice: Invoice) -> str:
    return text(client, invoice).partition('<header class="invoice-head">')[2].partition("</header>")[0]


def first_step(client: Client, invoice: Invoice) -> str:
    found = re.search(r'<span id="next-step">(.*?)</span><details', head_of(client, invoice).replace("\n", " "))
    return re.sub("<[^>]+>", " ", found[1]).strip() if found else ""


NEXT = {
    None: "Check and post…",
    Status.QUEUED: "Watch the upload",
    Status.UNCERTAIN: "Check with Xero now",
    Status.REJECTED: "Upload again…",
    Status.UNDONE: "Post again…",
    Status.WITHDRAWN: "Check and post…",
    Status.POSTED: "Approve…",
}


@pytest.mark.parametrize("status", NEXT, ids=str)
def test_one_thing_is_next(
    finance: Client, reader: Client, period: BillingPeriod, finance_admin: User, status: str | None
) -> None:
    invoice, connection = an_invoice(period, "INV-1"), connected()
    if status:
        uploaded(connection, finance_admin, invoice, to=status)
    assert NEXT[status] in first_step(finance, invoice)
    assert head_of(finance, invoice).count("btn-primary") == 1
    assert NEXT[status] not in head_of(reader, invoice) or status == Status.QUEUED


def test_what_is_approved_is_sent_next_and_then_looked_at(
    finance: Client, period: BillingPeriod, finance_admin: User
) -> None:
    invoice = an_invoice(period, "INV-1")
    uploaded(connected(), finance_admin, invoice, to=Status.POSTED)
    Posting.objects.update(xero_status="AUTHORISED")
    assert "Send…" in first_step(finance, invoice)
    Posting.objects.update(sent_to_contact=True)
    assert "Open in Xero" in first_step(finance, invoice)
    assert "Send again…" in head_of(finance, invoice)


def test_what_was_changed_in_xero_or_excluded_is_decided_first(
    finance: Client, period: BillingPeriod, finance_admin: User
) -> None:
    invoice, excluded = an_invoice(period, "INV-1"), an_invoice(period, "INV-2")
    uploaded(connected(), finance_admin, invoice, to=Status.POSTED)
    Posting.objects.update(edits={"total": {"sent": "110.00", "now": "120.00"}})
    Invoice.objects.filter(pk=excluded.pk).update(ignored_because="A test")
    assert "Decide about the change" in first_step(finance, invoice)
    assert "Include again" in first_step(finance, excluded)


def test_its_neighbours_are_those_of_the_list(reader: Client, finance: Client, period: BillingPeriod) -> None:
    other = a_period("20261018", dt.date(2026, 10, 15))
    facts = [("C", "Adatum"), ("A", "Northwind"), ("B", "Northwind"), ("D", "Zorba")]
    listed = [an_invoice(period, number, customer=name) for number, name in facts]
    an_invoice(other, "E", customer="Northwind")
    page = finance.get(reverse("invoice_list"), {"period": period.billing_id})
    assert [row.record for row in page.context["table"].page.object_list] == listed
    for before, invoice, after in zip([None, *listed], listed, [*listed[1:], None], strict=False):
        shown = reader.get(invoice.get_absolute_url()).context["invoice"]
        assert (shown.previous_id, shown.next_id) == (before and before.pk, after and after.pk)
    html = text(reader, listed[1])
    assert f'href="{listed[0].get_absolute_url()}" rel="prev"' in html
    assert f'href="{listed[2].get_absolute_url()}" rel="next"' in html


# Lines


def test_each_line_says_where_it_goes_and_why(reader: Client, period: BillingPeriod) -> None:
    invoice, connection = an_invoice(period, "INV-1"), connected()
    lines(invoice)
    Account.objects.create(connection=connection, code="210", name="Azure sales", type="REVENUE", status="ACTIVE")
    AccountOverride.objects.create(sku="DZH318Z0BPS6:0001", account_code="230")
    html = text(reader, invoice)
    assert "License based SKUs is set so in Settings → General" in html
    assert "SKU DZH318Z0BPS6:0001 overrides Azure Usage based SKUs" in html
    assert "OUTPUT GST on Income" in html
    assert "GST on Income is the organisation&#x27;s rate of 10 %" in html
    AccountOverride.objects.all().delete()
    assert "210 Azure sales" in text(reader, invoice)


def test_a_line_without_a_place_says_what_is_missing(reader: Client, period: BillingPeriod) -> None:
    invoice = an_invoice(period, "INV-1")
    connected()
    fill_settings(license_account_code="")
    InvoiceLine.objects.update(tax_percentage=Decimal(7))
    html = text(reader, invoice)
    for words in ("No account", "No account code is set for License based SKUs", "No tax type", "tax rate of 7 %"):
        assert words in html


def test_without_an_organisation_lines_go_nowhere(reader: Client, period: BillingPeriod) -> None:
    assert "No account" not in text(reader, an_invoice(period, "INV-1"))


def test_what_was_posted_shows_where_it_went_and_where_it_would_go_now(
    reader: Client, period: BillingPeriod, finance_admin: User
) -> None:
    invoice = an_invoice(period, "INV-1")
    uploaded(connected(), finance_admin, invoice, to=Status.POSTED)
    item = {"AccountCode": "200", "TaxType": "OUTPUT"}
    sent_documents.keep([(Posting.objects.get(), {"InvoiceNumber": "INV-1", "LineItems": [item]})])
    assert "License based SKUs is set so in Settings → General" in text(reader, invoice)
    assert "As sent" not in text(reader, invoice)
    fill_settings(license_account_code="400")
    assert "As sent. Now 400: License based SKUs is set so in Settings → General" in text(reader, invoice)


# What was sent, what was answered, what support is told


@pytest.fixture
def posted(make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, sweep: Work) -> Invoice:
    invoice = make_invoice()
    make_invoice()
    upload()
    sweep()
    assert set(Posting.objects.values_list("status", flat=True)) == {Status.POSTED}
    return invoice


def test_it_shows_what_was_sent_of_this_invoice_alone_and_what_xero_answered(reader: Client, posted: Invoice) -> None:
    found = reader.get(posted.get_absolute_url()).context["exchange"]
    sent, answered = json.loads(found.sent), json.loads(found.answered)
    assert sent["InvoiceNumber"] == answered["InvoiceNumber"] == posted.number
    assert "Invoice_0002" not in found.sent + found.answered
    assert answered["InvoiceID"] == posted.posting.xero_id
    assert answered["Total"] == 110.0
    assert set(answered["Contact"]) == {"ContactID", "Name"}
    assert found.call.body_sha256 in text(reader, posted)


def test_a_refusal_is_shown_as_xero_gave_it(
    reader: Client, make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, sweep: Work
) -> None:
    invoice = make_invoice()
    upload()
    sandbox.put_account("4010", status="ARCHIVED")
    sweep()
    posting = Posting.objects.get()
    assert posting.status == Status.REJECTED
    found = reader.get(invoice.get_absolute_url()).context["exchange"]
    assert json.loads(found.sent)["InvoiceNumber"] == invoice.number
    assert json.loads(found.answered)["ValidationErrors"][0]["Message"] in posting.message


def test_support_is_told_ids_times_and_words_and_of_no_customer(
    reader: Client, period: BillingPeriod, finance_admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = an_invoice(period, "INV-1", total="1234.50")
    words = "Tailspin Travel (ap@tailspin.example) owes 1,234.50: account code '200' is archived."
    monkeypatch.setattr(makers, "REFUSAL", words)
    uploaded(connected(), finance_admin, invoice, to=Status.REJECTED)
    call = Submission.objects.get()
    moment = dt.datetime(2026, 9, 20, 8, 15, 30, tzinfo=dt.UTC)
    Submission.objects.update(sent_at=moment, correlation_id="correlation-1", status_code=400, outcome="answered")
    block = reader.get(invoice.get_absolute_url()).context["support"]
    for told in ("INV-1", str(invoice.pk), str(call.pk), "correlation-1", "2026-09-20 08:15:30", "HTTP 400"):
        assert told in block
    assert "[name] ([e-mail]) owes [amount]: account code '200' is archived." in block
    for kept in ("Tailspin", "tailspin", "1,234.50", "finance@", "AUD"):
        assert kept not in block


def test_an_invoice_that_was_never_uploaded_tells_support_so(reader: Client, period: BillingPeriod) -> None:
    block = reader.get(an_invoice(period, "INV-1").get_absolute_url()).context["support"]
    assert "State: not uploaded" in block


# Queries


@pytest.mark.parametrize("status", NEXT, ids=str)
def test_no_state_of_it_takes_more_than_fifteen_queries(
    finance: Client, period: BillingPeriod, finance_admin: User, status: str | None
) -> None:
    invoice, connection = an_invoice(period, "INV-1"), connected()
    lines(invoice, 10)
    if status:
        uploaded(connection, finance_admin, invoice, to=status)
        Submission.objects.update(sent_at=timezone.now(), body=b'{"Invoices":[{"InvoiceNumber":"INV-1"}]}')
    if status in (Status.POSTED, Status.UNDONE):
        sent_documents.keep([(Posting.objects.get(), {"InvoiceNumber": "INV-1"})])
    assert queries_of(finance, invoice.get_absolute_url()) <= 15
