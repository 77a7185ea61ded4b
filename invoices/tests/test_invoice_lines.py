"""The lines of an invoice that has thousands."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from c3portal.models import User
from c3portal.tests.markup import markup
from invoices.models import Invoice, InvoiceLine, Posting
from invoices.posting import sent_documents
from invoices.tests.makers import a_period, an_invoice, connected, queries_of, uploaded
from invoices.tests.test_invoice_page import lines
from xero_integration.models import Account

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(client_for: Callable[[User], Client], system_reader: User) -> Client:
    return client_for(system_reader)


@pytest.fixture
def long_invoice(finance_admin: User) -> Invoice:
    """A posted invoice of 2,000 lines, with what was sent, and its account and tax known."""
    invoice, connection = an_invoice(a_period(), "INV-1", total="85520.00"), connected()
    Account.objects.create(connection=connection, code="4020", name="Azure", type="REVENUE")
    lines(invoice, 2_000 - invoice.lines.count())
    found = list(invoice.lines.all())
    for number, line in enumerate(found, 1):
        line.name = f"Azure plan - Log Analytics - {number}"
    InvoiceLine.objects.bulk_update(found, ["name"])
    item = {"Description": "Azure plan", "AccountCode": "4020", "TaxType": "OUTPUT", "LineAmount": 38.87}
    uploaded(connection, finance_admin, invoice, to=Posting.Status.POSTED)
    sent_documents.keep([(Posting.objects.get(), {"LineItems": [item] * 1_999 + [item | {"AccountCode": "4099"}]})])
    return invoice


def shown_lines(page: str) -> list[int]:
    return [int(number) for number in re.findall(r"Log Analytics - (\d+)<", page)]


def test_lines_come_a_hundred_a_page_with_the_totals_of_all(reader: Client, long_invoice: Invoice) -> None:
    page = text_at(reader, long_invoice, "")
    assert shown_lines(page) == list(range(1, 101))
    # What is printed is what is on the page: it says which part that is.
    heading = page.partition('<h2 id="lines-title">')[2].partition("</h2>")[0]
    assert "1 to 100 of 2,000 · AUD" in heading
    assert "All 2,000 lines" in page
    assert page.count('<dd><span class="cur">AUD</span> 85,520.00</dd>') == 1
    assert 'href="?page=20#lines-title"' in page


def test_the_last_page_has_its_own_lines_and_where_they_went(reader: Client, long_invoice: Invoice) -> None:
    last = text_at(reader, long_invoice, "20")
    assert shown_lines(last) == list(range(1_901, 2_001))
    assert "1,901 to 2,000 of 2,000" in last
    assert last.count("4099") == 1
    assert "85,520.00" in last
    for odd in ("21", "999999999999"):
        assert shown_lines(text_at(reader, long_invoice, odd)) == list(range(1_901, 2_001))
    for odd in ("0", "-1", "two", ""):
        assert shown_lines(text_at(reader, long_invoice, odd))[0] in (1, 1_901)


def text_at(client: Client, invoice: Invoice, page: str) -> str:
    return markup(client.get(invoice.get_absolute_url(), {"page": page} if page else {}).content.decode())


def test_thousands_of_lines_make_no_large_page_and_no_more_queries(reader: Client, long_invoice: Invoice) -> None:
    assert len(reader.get(long_invoice.get_absolute_url()).content) <= 200_000
    with_thousands = queries_of(reader, long_invoice.get_absolute_url())
    long_invoice.lines.filter(position__gt=10).delete()
    assert with_thousands == queries_of(reader, long_invoice.get_absolute_url()) <= 15
    # Nothing is asked of Xero's side before it is there.
    Posting.objects.all().delete()
    lines(long_invoice, 2_000)
    assert queries_of(reader, long_invoice.get_absolute_url()) <= 12
