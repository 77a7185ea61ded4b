"""From an invoice and the organisation's books to the document that Xero is sent."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from invoices.conftest import MakeInvoice, Upload
from invoices.documents.builder import Refused, build_documents, marker, url
from invoices.models import Invoice, InvoiceLine, Posting
from xero_integration import connections
from xero_integration.models import ContactLink, XeroConnection, XeroSettings
from xero_integration.payloads import Document
from xero_sandbox.testing import SandboxControl


@pytest.fixture
def linked(connected: XeroConnection, upload: Upload) -> Callable[[], list[Posting]]:
    """Return a function that queues all invoices, gives their customers contacts and returns the postings."""

    def linked() -> list[Posting]:
        upload()
        postings = list(Posting.objects.select_related("invoice__customer").order_by("pk"))
        ContactLink.objects.bulk_create(
            [
                ContactLink(
                    connection=connected,
                    customer_key=each.invoice.customer.tenant_id,
                    contact_id=f"contact {each.pk}",
                    contact_name="",
                    matched_by=ContactLink.MatchedBy.CREATED,
                )
                for each in postings
            ],
            ignore_conflicts=True,
        )
        return postings

    return linked


Linked = Callable[[], list[Posting]]


def only(prepared: dict[int, Any]) -> Any:
    (result,) = prepared.values()
    return result


def test_a_document_says_what_settings_organisation_and_invoice_say(
    connected: XeroConnection, make_invoice: MakeInvoice, linked: Linked, settings: Any
) -> None:
    settings.PORTAL_URL = "https://portal.contoso.example"
    invoice = make_invoice("Invoice_A")
    (posting,) = linked()
    document = only(build_documents(connected, [posting]))
    assert isinstance(document, Document)
    assert document.number == "Invoice_A"
    assert document.contact_id == f"contact {posting.pk}"
    assert document.status == "AUTHORISED"
    assert document.reference == "Billing 20260918"
    assert document.url == f"https://portal.contoso.example/invoices/{invoice.pk}/?marker={marker(invoice)}"
    assert document.theme_id == connected.brandingthemes.get(name="Cloud services").theme_id
    assert document.total == Decimal("110.00")
    assert [(line.account_code, line.tax_type) for line in document.lines] == [("4010", "OUTPUT")]


@pytest.mark.parametrize(
    ("kind", "code"),
    [(InvoiceLine.Kind.LICENSE, "4010"), (InvoiceLine.Kind.AZURE, "4020"), (InvoiceLine.Kind.CUSTOM, "4030")],
)
def test_each_kind_of_line_goes_to_its_account(
    connected: XeroConnection, make_invoice: MakeInvoice, linked: Linked, kind: str, code: str
) -> None:
    make_invoice().lines.update(kind=kind)
    assert [line.account_code for line in only(build_documents(connected, linked())).lines] == [code]


def test_a_theme_follows_its_rename_in_xero(
    connected: XeroConnection, sandbox: SandboxControl, make_invoice: MakeInvoice, linked: Linked
) -> None:
    theme_id = connected.brandingthemes.get(name="Azure usage").theme_id
    XeroSettings.objects.update(theme_name="Azure usage", theme_id=theme_id)
    sandbox.put_theme("Azure usage", new_name="Azure")
    connections.read_reference(connected)
    make_invoice()
    assert only(build_documents(connected, linked())).theme_id == theme_id


def test_a_negative_invoice_is_a_credit_note_with_positive_amounts(
    connected: XeroConnection, make_invoice: MakeInvoice, linked: Linked
) -> None:
    make_invoice(amount="-50.00")
    document = only(build_documents(connected, linked()))
    assert (document.is_credit_note, document.total) == (True, Decimal("55.00"))


def test_an_address_that_xero_would_refuse_is_left_out(make_invoice: MakeInvoice, settings: Any) -> None:
    invoice = make_invoice()
    for portal in ("https://xero-portal.contoso.example", "https://XERO.contoso.example", ""):
        settings.PORTAL_URL = portal
        assert url(invoice) == ""


def test_markers_are_short_and_of_one_invoice_alone(make_invoices: Callable[[int], list[Invoice]]) -> None:
    markers = [marker(invoice) for invoice in make_invoices(20)]
    assert len(set(markers)) == 20
    assert {len(each) for each in markers} == {15}


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"currency": "EUR"}, "not subscribed to currency EUR"),
        ({"tax_percentage": "12.5"}, "no active tax rate of 12.5 %"),
        ({"tax_name": "", "tax_percentage": "0"}, "several tax rates of 0 %"),
    ],
)
def test_what_xero_would_refuse_is_said_in_words_and_its_mates_are_prepared(
    connected: XeroConnection, make_invoice: MakeInvoice, linked: Linked, facts: dict[str, str], words: str
) -> None:
    make_invoice("Invoice_bad", **facts)
    make_invoice("Invoice_good")
    bad, good = build_documents(connected, linked()).values()
    assert isinstance(bad, Refused)
    assert words in bad.words
    assert isinstance(good, Document)


def test_tax_that_does_not_add_up_to_the_cent_is_refused(
    connected: XeroConnection, make_invoice: MakeInvoice, linked: Linked
) -> None:
    invoice = make_invoice()
    Invoice.objects.filter(pk=invoice.pk).update(total=Decimal("110.01"))
    refusal = only(build_documents(connected, linked()))
    assert "Xero would come to AUD 110.00, the invoice says AUD 110.01: a difference of AUD -0.01" in refusal.words


def test_an_account_that_was_archived_since_is_refused_before_xero_does(
    connected: XeroConnection, sandbox: SandboxControl, make_invoice: MakeInvoice, linked: Linked
) -> None:
    sandbox.put_account("4010", status="ARCHIVED")
    connections.read_reference(connected)
    make_invoice()
    refusal = only(build_documents(connected, linked()))
    assert "Account 4010 Licence revenue is archived" in refusal.words


def test_a_code_that_is_not_filled_in_says_where_to_fill_it_in(
    connected: XeroConnection, make_invoice: MakeInvoice, linked: Linked
) -> None:
    XeroSettings.objects.update(license_account_code="")
    make_invoice()
    assert "Settings → General" in only(build_documents(connected, linked())).words


def test_an_amount_beyond_what_json_carries_refuses_that_invoice_alone(
    connected: XeroConnection, make_invoice: MakeInvoice, linked: Linked
) -> None:
    huge = make_invoice("Invoice_A", amount="0.00").lines.get()
    for position, amount in ((2, "888888888888888.97"), (3, "-888888888888888.97")):
        huge.pk, huge.position, huge.subtotal = None, position, Decimal(amount)
        huge.save()
    make_invoice("Invoice_B")
    bad, good = build_documents(connected, linked()).values()
    assert isinstance(bad, Refused)
    assert "more digits than can be sent" in bad.words
    assert isinstance(good, Document)


def test_fifty_documents_take_as_many_queries_as_two(
    connected: XeroConnection, make_invoices: Callable[[int], list[Invoice]], linked: Linked
) -> None:
    make_invoices(50)
    postings = linked()
    counts = []
    for some in (postings[:2], postings):
        with CaptureQueriesContext(database) as queries:
            build_documents(connected, some)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[1] < 20
