"""The page between UPLOAD TO XERO and the upload, and the exact payload of an invoice, as each role meets them."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from c3portal.models import User
from c3portal.tests.browser import POST_THEM
from c3portal.tests.markup import markup
from invoices import tasks
from invoices.conftest import MakeInvoice
from invoices.documents import builder, mapping, rules
from invoices.models import (
    AccountOverride,
    BillingPeriod,
    CustomerOverride,
    Invoice,
    Posting,
    SubscriptionOrder,
    Upload,
    UploadDraft,
)
from invoices.preflight import upload_drafts
from invoices.tests.makers import queries_of
from invoices.tests.pages import post_ready, press
from xero_integration import connections
from xero_integration.models import CallBudget, XeroConnection
from xero_integration.xero_models import documents_body

ClientFor = Callable[[User], Client]
Status = Posting.Status
pytestmark = pytest.mark.usefixtures("woken")


def counts(response: HttpResponse) -> dict[str, int]:
    """Return how many invoices the page shows for each verdict."""
    pattern = r'<span class="state \w+">([\w ]+)</span></h2>\s*<p class="count">(\d+) '
    return {label: int(count) for label, count in re.findall(pattern, markup(response.content.decode()))}


def test_when_all_is_ready_it_is_one_more_click(
    finance: Client, connected: XeroConnection, make_invoice: MakeInvoice, period: BillingPeriod, woken: list[int]
) -> None:
    make_invoice()
    page = press(finance, period, all="1", invoice_status="SUBMITTED")
    assert counts(page) == {"Ready": 1, "Needs a look": 0, "Blocked": 0, "Already in Xero": 0}
    assert not Upload.objects.exists()
    response = post_ready(finance, page)
    upload = Upload.objects.get()
    assert response.redirect_chain == [(upload.get_absolute_url(), 302)]  # type: ignore[attr-defined]
    assert upload.invoice_status == "SUBMITTED"
    assert woken == [connected.pk]


def test_it_says_how_many_calls_going_on_takes_and_that_the_rest_waits(
    finance: Client,
    client_for: ClientFor,
    system_reader: User,
    connected: XeroConnection,
    make_invoice: MakeInvoice,
    period: BillingPeriod,
) -> None:
    make_invoice()
    words = "With approving or sending, more than Xero allows today"
    page = " ".join(press(finance, period, all="1", invoice_status="DRAFT").content.decode().split())
    assert "Approve them (1 call more)" in page
    assert "Approve them and send them to the customers (2 calls more)" in page
    assert words not in page
    # Whoever only looks has nothing read anew.
    draft, reader = UploadDraft.objects.get(), client_for(system_reader)
    for left, is_said in ((4, False), (3, True)):
        CallBudget.objects.update(day_remaining=left)
        assert (words in " ".join(reader.get(draft.get_absolute_url()).content.decode().split())) is is_said


def test_blocked_ones_stay_selected_and_go_once_they_are_mended(
    finance: Client, connected: XeroConnection, sandbox: Any, make_invoice: MakeInvoice, period: BillingPeriod
) -> None:
    make_invoice()
    blocked = make_invoice(currency="EUR")
    response = post_ready(finance, press(finance, period, all="1"))
    draft = UploadDraft.objects.get()
    assert f'1 invoice stays selected because something holds them back. <a href="{draft.get_absolute_url()}">' in (
        response.content.decode()
    )
    assert [each.invoice.number for each in Posting.objects.all()] == ["Invoice_0001"]

    make_invoice("Later")
    page = finance.get(draft.get_absolute_url())
    assert counts(page) == {"Ready": 0, "Needs a look": 0, "Blocked": 1, "Already in Xero": 0}
    sandbox.put_currency("EUR")
    connections.read_reference(connected)
    post_ready(finance, finance.get(draft.get_absolute_url()))
    assert set(Posting.objects.values_list("invoice__number", flat=True)) == {"Invoice_0001", blocked.number}
    assert "Nothing left to upload" in finance.get(draft.get_absolute_url()).content.decode()


def test_a_number_that_is_taken_is_not_posted_although_xero_is_not_asked_twice(
    finance: Client, connected: XeroConnection, sandbox: Any, make_invoice: MakeInvoice, period: BillingPeriod
) -> None:
    taken, free = make_invoice(), make_invoice()
    line = {"Description": "A", "Quantity": 1, "UnitAmount": 5, "AccountCode": "200"}
    contact = {"Name": "Adventure Works"}
    sandbox.write_document({"InvoiceNumber": taken.xero_number, "Contact": contact, "LineItems": [line]})
    page = press(finance, period, all="1")
    assert counts(page)["Blocked"] == 1
    sandbox.forget()
    post_ready(finance, page)
    assert [each.invoice for each in Posting.objects.all()] == [free]
    assert sandbox.calls() == []


def test_nothing_ready_posts_nothing(
    finance: Client, connected: XeroConnection, make_invoice: MakeInvoice, period: BillingPeriod
) -> None:
    make_invoice(currency="EUR")
    page = press(finance, period, all="1")
    assert not POST_THEM.search(page.content.decode())
    draft = UploadDraft.objects.get()
    response = finance.post(reverse("preflight_post", args=[draft.pk]), follow=True)
    assert "No invoice is ready." in markup(response.content.decode())
    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    ("trouble", "link"),
    [
        ({"tax_percentage": "7"}, "/settings/taxes/?pick="),
        ({"currency": "EUR"}, ""),
    ],
)
def test_a_problem_links_to_where_it_is_mended_and_back(
    finance: Client,
    connected: XeroConnection,
    make_invoice: MakeInvoice,
    period: BillingPeriod,
    trouble: dict[str, str],
    link: str,
) -> None:
    make_invoice(**trouble)  # type: ignore[arg-type]
    html = markup(press(finance, period, all="1").content.decode())
    draft = UploadDraft.objects.get()
    links = re.findall(r'<a class="btn btn-sm btn-quiet" href="([^"]+)"', html)
    assert bool(links) == bool(link)
    for each in links:
        assert each.startswith(link)
        assert f"next=%2Finvoices%2Fpreflight%2F{draft.pk}%2F" in each
        assert finance.get(each.replace("&amp;", "&")).status_code == 200


def test_settings_are_the_system_admins_to_mend(
    client_for: ClientFor,
    finance: Client,
    system_admin: User,
    connected: XeroConnection,
    sandbox: Any,
    make_invoice: MakeInvoice,
    period: BillingPeriod,
) -> None:
    make_invoice()
    sandbox.put_theme("Cloud services", delete=True)
    connections.read_reference(connected)
    html = press(finance, period, all="1").content.decode()
    assert rules.theme_missing(connected.name) in html
    assert "Ask a System Admin" in html
    assert "Open Settings" not in html
    assert (
        "Open Settings" in client_for(system_admin).get(UploadDraft.objects.get().get_absolute_url()).content.decode()
    )


def test_a_locked_period_offers_drafts_and_takes_the_offer_back(
    finance: Client, connected: XeroConnection, sandbox: Any, make_invoice: MakeInvoice, period: BillingPeriod
) -> None:
    make_invoice()
    sandbox.change_organisation(period_lock_date="2026-09-30")
    connections.read_reference(connected)
    page = press(finance, period, all="1", invoice_status="AUTHORISED")
    assert counts(page)["Blocked"] == 1
    assert "Post as drafts" in page.content.decode()
    offer = reverse("preflight_drafts", args=[UploadDraft.objects.get().pk])
    page = finance.post(offer, follow=True)
    assert counts(page)["Ready"] == 1
    assert counts(finance.post(offer, {"no": "1"}, follow=True))["Blocked"] == 1
    finance.post(offer)
    post_ready(finance, page)
    assert Upload.objects.get().locked_as_drafts


def test_xero_that_cannot_be_asked_is_said_and_the_rest_is_shown(
    finance: Client,
    connected: XeroConnection,
    make_invoice: MakeInvoice,
    period: BillingPeriod,
    settings: Any,
) -> None:
    make_invoice()
    make_invoice(currency="EUR")
    settings.XERO_API_URL = "http://127.0.0.1:9"
    page = press(finance, period, all="1")
    assert "Xero could not be asked now." in page.content.decode()
    assert "Check again" in page.content.decode()
    assert (counts(page)["Ready"], counts(page)["Blocked"]) == (1, 1)


def test_an_organisation_that_is_disconnected_meanwhile_leads_back(
    finance: Client, connected: XeroConnection, make_invoice: MakeInvoice, period: BillingPeriod
) -> None:
    make_invoice()
    press(finance, period, all="1")
    draft = UploadDraft.objects.get()
    XeroConnection.objects.update(status="needs_reconnecting")
    html = finance.get(draft.get_absolute_url()).content.decode()
    assert "needs reconnecting" in html
    assert not POST_THEM.search(html)
    finance.post(reverse("preflight_post", args=[draft.pk]))
    assert not Upload.objects.exists()
    XeroConnection.objects.update(is_current=False)
    assert finance.get(draft.get_absolute_url()).status_code == 302


def test_a_reader_looks_but_has_nothing_to_press_and_asks_xero_nothing(
    finance: Client,
    client_for: ClientFor,
    system_reader: User,
    connected: XeroConnection,
    sandbox: Any,
    make_invoice: MakeInvoice,
    period: BillingPeriod,
) -> None:
    make_invoice()
    press(finance, period, all="1")
    draft, reader = UploadDraft.objects.get(), client_for(system_reader)
    sandbox.forget()
    html = reader.get(draft.get_absolute_url()).content.decode()
    assert "Check before upload" in html
    assert "/post/" not in html
    assert sandbox.calls() == []
    for name in ("preflight_post", "preflight_drafts"):
        assert reader.post(reverse(name, args=[draft.pk])).status_code == 403
    assert reader.post(reverse("upload_to_xero"), {"all": "1"}).status_code == 403


def test_only_a_post_posts(
    finance: Client, connected: XeroConnection, make_invoice: MakeInvoice, period: BillingPeriod
) -> None:
    make_invoice()
    press(finance, period, all="1")
    for name in ("preflight_post", "preflight_drafts"):
        assert finance.get(reverse(name, args=[UploadDraft.objects.get().pk])).status_code == 405


def test_selections_that_nobody_came_back_to_are_forgotten(
    finance: Client, connected: XeroConnection, make_invoice: MakeInvoice, period: BillingPeriod
) -> None:
    make_invoice()
    press(finance, period, all="1")
    upload_drafts.forget_old()
    assert UploadDraft.objects.exists()
    UploadDraft.objects.update(created_at=timezone.now() - dt.timedelta(days=1, minutes=1))
    tasks.sweep()
    assert not UploadDraft.objects.exists()


def test_the_page_asks_the_database_as_often_for_sixty_invoices_as_for_three(
    client_for: ClientFor,
    system_reader: User,
    finance: Client,
    connected: XeroConnection,
    make_invoice: MakeInvoice,
    period: BillingPeriod,
) -> None:
    """Beside what it takes to hold and count the calls to Xero, which a reader does not make."""
    for _ in range(3):
        make_invoice(tax_percentage="7")
    first = make_invoice()
    SubscriptionOrder.objects.create(customer=first.customer, subscription="s", purchase_order="PO-1")
    AccountOverride.objects.create(customer=first.customer, account_code="200")
    press(finance, period, all="1")
    reader, draft = client_for(system_reader), UploadDraft.objects.get()
    for_three = queries_of(reader, draft.get_absolute_url())
    for _ in range(57):
        make_invoice()
    assert queries_of(reader, draft.get_absolute_url()) == for_three <= 15
    assert queries_of(reader, reverse("payload", args=[first.pk])) <= 15


def test_a_look_that_fails_costs_no_second_check(
    finance: Client, connected: XeroConnection, make_invoice: MakeInvoice, period: BillingPeriod, settings: Any
) -> None:
    make_invoice()
    press(finance, period, all="1")
    settings.XERO_API_URL = "http://127.0.0.1:9"
    address = UploadDraft.objects.get().get_absolute_url()
    assert queries_of(finance, address) <= 25
    page = finance.get(address)
    assert "could not be reached" in page.context["lookup_error"]
    assert counts(page)["Ready"] == 1


def test_a_po_number_that_is_missing_is_entered_where_it_is_missed(
    finance: Client, connected: XeroConnection, make_invoice: MakeInvoice, period: BillingPeriod
) -> None:
    customer = make_invoice().customer
    make_invoice(customer=customer)
    make_invoice(customer=customer, purchase_order="PO-1")
    own = CustomerOverride.objects.create(customer=customer, requires_purchase_order=True, due_days=30)
    page = press(finance, period, all="1")
    assert counts(page)["Blocked"] == 2
    assert f"{customer.name} requires a PO number on every invoice" in page.content.decode()
    address = reverse("preflight_order", args=[UploadDraft.objects.get().pk])
    form = {"customer": customer.tenant_id, "purchase_order": " "}
    assert "Enter the PO number" in finance.post(address, form, follow=True).content.decode()
    page = finance.post(address, form | {"purchase_order": "PO-4711"}, follow=True)
    assert counts(page)["Ready"] == 3
    own.refresh_from_db()
    assert (own.purchase_order, own.requires_purchase_order, own.due_days) == ("PO-4711", True, 30)
    # Of two who enter one at a time the first counts, and the second is told.
    page = finance.post(address, form | {"purchase_order": "PO-4712"}, follow=True)
    assert "has the PO number PO-4711 by now" in page.content.decode()
    own.refresh_from_db()
    assert own.purchase_order == "PO-4711"


# The payload


def test_the_payload_says_what_the_reference_is_and_why(
    finance: Client, connected: XeroConnection, make_invoice: MakeInvoice
) -> None:
    invoice = make_invoice(purchase_order="PO-4711")
    html = markup(finance.get(reverse("payload", args=[invoice.pk])).content.decode())
    assert 'PO-4711 <span class="sub">because it is the PO number of its file</span>' in html
    assert "&quot;Reference&quot;: &quot;PO-4711&quot;" in html


def test_the_payload_says_why_each_line_goes_where_it_goes(
    finance: Client, connected: XeroConnection, make_invoice: MakeInvoice
) -> None:
    invoice = make_invoice()
    html = finance.get(reverse("payload", args=[invoice.pk])).content.decode()
    assert "Dated 18 Sep 2026, due 6 Oct 2026" in " ".join(html.split())
    assert f"because {mapping.set_in_settings('License based SKUs')}" in html
    assert "because GST on Income is the organisation" in html
    assert "Xero will come to AUD 110.00, to the cent." in html
    assert "&quot;InvoiceNumber&quot;: &quot;Invoice_0001&quot;" in html


def test_the_download_is_what_would_be_sent_byte_by_byte(
    finance: Client, connected: XeroConnection, make_invoice: MakeInvoice
) -> None:
    make_invoice()
    invoice = Invoice.objects.select_related("customer", "period").get()
    response = finance.get(reverse("payload_json", args=[invoice.pk]), {"status": "AUTHORISED"})
    prepared = builder.build(invoice, "AUTHORISED", "", builder.read_context(connected))
    assert response.content == documents_body([prepared.document])
    assert json.loads(response.content)["Invoices"][0]["Status"] == "AUTHORISED"
    assert response["Content-Disposition"] == 'attachment; filename="Invoice_0001.json"'


def test_without_a_document_the_payload_page_says_why(
    finance: Client, connected: XeroConnection, make_invoice: MakeInvoice
) -> None:
    invoice = make_invoice(tax_percentage="7")
    html = finance.get(reverse("payload", args=[invoice.pk])).content.decode()
    assert "The organisation has no active tax rate of 7 %" in html
    assert finance.get(reverse("payload_json", args=[invoice.pk])).status_code == 404


def test_without_an_organisation_there_is_no_payload(finance: Client, make_invoice: MakeInvoice) -> None:
    invoice = make_invoice()
    assert finance.get(reverse("payload", args=[invoice.pk])).url == invoice.get_absolute_url()  # type: ignore[attr-defined]
    assert finance.get(reverse("payload_json", args=[invoice.pk])).status_code == 404
