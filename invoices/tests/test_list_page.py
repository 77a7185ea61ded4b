"""Analyze → Business → Download Invoice/Payments, and UPLOAD TO XERO, as each role meets them."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from c3portal.models import User
from c3portal.tests.browser import POST_THEM
from c3portal.tests.markup import markup
from invoices.models import (
    BillingPeriod,
    Customer,
    HeldBackInvoice,
    ImportRun,
    ImportSettings,
    Invoice,
    Posting,
    Upload,
)
from invoices.selection.exports import invoices_csv
from invoices.tests.makers import (
    a_period,
    an_invoice,
    bring,
    connected,
    fill_settings,
    invoices,
    queries_of,
    uploaded,
)
from invoices.tests.pages import message_of, post_ready, press
from xero_integration.models import Account, XeroConnection, XeroSettings

Status = Posting.Status
LIST = "/analyze/business/invoices/"
ClientFor = Callable[[User], Client]


@pytest.fixture
def period(db: None) -> BillingPeriod:
    return a_period()


def page(client: Client, **query: Any) -> str:
    return markup(client.get(LIST, query).content.decode())


def shown(html: str) -> list[str]:
    """Return the numbers in the table, from the top."""
    return [
        unescape(cell)
        for cell in re.findall(r'<td class="col-number"><span title="([^"]*?)(?: \(in Xero: [^"]*)?"', html)
    ]


# What the list shows


def test_it_shows_an_invoice_with_its_amounts_and_days(finance: Client, period: BillingPeriod) -> None:
    an_invoice(period, "INV-1", total="12345.67")
    html = page(finance)
    for words in ("INV-1", "Tailspin Travel", "6 Oct 2026", "AUD", "12,345.67", "Not posted"):
        assert words in html


def test_it_offers_the_periods_newest_first_and_shows_the_newest(finance: Client, period: BillingPeriod) -> None:
    newest = a_period("20261018", dt.date(2026, 10, 15))
    an_invoice(period, "SEP-1")
    an_invoice(newest, "OCT-1")
    html = page(finance)
    assert re.findall(r'<a href="/analyze/business/invoices/\?period=(\d+)"', html) == ["20261018", "20260918"]
    assert shown(html) == ["OCT-1"]
    assert shown(page(finance, period="20260918")) == ["SEP-1"]


def test_it_marks_what_is_out_of_date_and_filters_by_it(
    finance: Client, period: BillingPeriod, finance_admin: User
) -> None:
    newer = ImportRun.objects.create(file_name="newer.csv", size=1)
    for number in ("HELD-1", "POSTED-1", "IGNORED-1"):
        invoice = an_invoice(period, number)
        HeldBackInvoice.objects.create(run=newer, number=number)
        if number == "POSTED-1":
            uploaded_before = invoice
    an_invoice(period, "CHANGED-1")
    Invoice.objects.filter(number="CHANGED-1").update(difference="total 110.00 → 120.00")
    Invoice.objects.filter(number="IGNORED-1").update(ignored_because="Not ours")
    an_invoice(period, "RIGHT-1")
    HeldBackInvoice.objects.update(resolved_at=timezone.now())
    uploaded(connected(), finance_admin, uploaded_before, to=Status.POSTED)
    HeldBackInvoice.objects.update(resolved_at=None)

    html = page(finance)

    assert html.count('<span class="state bad">Out of date</span>') == 2
    assert shown(page(finance, state="outdated")) == ["CHANGED-1", "HELD-1"]
    assert re.search(r'Out of date <span class="n">2</span>', html)


def test_marking_what_is_out_of_date_takes_no_query_for_each(finance: Client, period: BillingPeriod) -> None:
    newer = ImportRun.objects.create(file_name="newer.csv", size=1)

    def held(*numbers: int) -> None:
        for each in numbers:
            an_invoice(period, f"INV-{each}")
            HeldBackInvoice.objects.create(run=newer, number=f"INV-{each}")

    held(1, 2)
    page(finance)
    for_two = queries_of(finance, LIST)
    held(*range(3, 20))
    assert queries_of(finance, LIST) == for_two


def test_it_shows_both_numbers_when_xero_takes_another(finance: Client, period: BillingPeriod) -> None:
    invoice = an_invoice(period, "Rechnung-Åse-1")
    html = page(finance)
    assert invoice.number in html
    assert f"(in Xero: {invoice.xero_number})" in html


def test_it_marks_credit_notes(finance: Client, period: BillingPeriod) -> None:
    an_invoice(period, "CN-1", total="-55.00")
    html = page(finance)
    assert "Credit note" in html
    assert "-55.00" in html


def test_it_links_to_the_invoice_in_xero(finance: Client, period: BillingPeriod, finance_admin: User) -> None:
    invoice = an_invoice(period, "INV-1")
    uploaded(connected(), finance_admin, invoice, to=Status.POSTED)
    posting = Posting.objects.get(invoice=invoice)
    assert f'href="{posting.xero_url.replace("&", "&amp;")}"' in page(finance)


@pytest.mark.parametrize(
    "column", ["number", "customer", "issued_on", "due_on", "currency", "subtotal", "tax", "total"]
)
def test_it_sorts_by_every_column_both_ways(finance: Client, period: BillingPeriod, column: str) -> None:
    an_invoice(period, "A", total="9.00", currency="AUD", customer="Alpine")
    late = an_invoice(period, "B", total="10.00", currency="NZD", customer="Wingtip")
    Invoice.objects.filter(pk=late.pk).update(issued_on=dt.date(2026, 9, 19), due_on=dt.date(2026, 10, 7))
    up, down = page(finance, sort=column), page(finance, sort=f"-{column}")
    assert (shown(up), shown(down)) == (["A", "B"], ["B", "A"])
    is_shown = column in ("number", "customer", "due_on", "total")
    assert up.count('aria-sort="ascending"') == down.count('aria-sort="descending"') == is_shown


def test_it_sorts_by_state(finance: Client, period: BillingPeriod, finance_admin: User) -> None:
    posted, _ = an_invoice(period, "B"), an_invoice(period, "A")
    uploaded(connected(), finance_admin, posted, to=Status.POSTED)
    assert {tuple(shown(page(finance, sort=sort))) for sort in ("state", "-state")} == {("A", "B"), ("B", "A")}


def test_it_pages_and_keeps_search_and_sort(finance: Client, period: BillingPeriod) -> None:
    invoices(period, 60)
    query = {"period": "20260918", "q": "INV", "sort": "-number"}
    first, second = page(finance, **query), page(finance, **query, page=2)
    assert len(shown(first)) == 50
    assert shown(second) == [f"INV-{index:03}" for index in range(10, 0, -1)]
    assert 'href="?period=20260918&amp;q=INV&amp;sort=-number&amp;page=2"' in first


def test_a_page_beyond_the_last_is_the_last(finance: Client, period: BillingPeriod) -> None:
    invoices(period, 3)
    assert len(shown(page(finance, page=99))) == 3


def test_it_filters_by_state_with_the_counts_on_the_pills(
    finance: Client, period: BillingPeriod, finance_admin: User
) -> None:
    uploaded(connected(), finance_admin, *invoices(period, 3), to=Status.REJECTED)
    an_invoice(period, "NEW-1")
    html = page(finance, state="not_uploaded")
    assert shown(html) == ["NEW-1"]
    assert re.findall(r'>([A-Za-z ]+) <span class="n">(\d+)</span>', html) == [
        ("All", "4"),
        ("Not posted", "1"),
        ("Rejected by Xero", "3"),
    ]


def test_it_says_so_when_nothing_fits(finance: Client, period: BillingPeriod) -> None:
    assert "No invoice of this billing period fits" in page(finance, q="nothing is called this")


def test_what_was_searched_for_is_text_and_nothing_else(finance: Client, period: BillingPeriod) -> None:
    an_invoice(period, "<script>alert(1)</script>", customer="<b>bold</b>")
    html = page(finance, q="<script>")
    assert "<script>alert" not in html
    assert "<b>bold" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_it_leads_to_the_import_while_there_is_nothing(finance: Client) -> None:
    shown = page(finance)
    assert "Fetch from C3" in shown
    assert "import a file of invoice lines" in shown


@pytest.mark.parametrize("query", ["state=nonsense", "period=20991231"])
def test_an_address_that_means_nothing_is_no_error_of_ours(finance: Client, period: BillingPeriod, query: str) -> None:
    response = finance.get(f"{LIST}?{query}")
    assert response.status_code in (400, 404)
    assert "C3 portal" in response.content.decode()


def test_it_asks_the_database_as_often_for_sixty_rows_as_for_ten(
    client_for: ClientFor, system_admin: User, period: BillingPeriod
) -> None:
    client, connection = client_for(system_admin), connected(system_admin)
    uploaded(connection, system_admin, *invoices(period, 10), to=Status.POSTED)
    for_ten = queries_of(client, LIST)
    uploaded(connection, system_admin, *invoices(period, 60, "MORE"), to=Status.REJECTED)
    assert queries_of(client, LIST) == for_ten
    # Three of them ask for C3's settings, its last fetch and what waits from it.
    # One is for the top bar.
    assert for_ten <= 19


# Who may do what


def test_nobody_sees_it_without_signing_in(client: Client, period: BillingPeriod) -> None:
    response = client.get(LIST)
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


def test_who_has_no_role_learns_nothing(client_for: ClientFor, period: BillingPeriod) -> None:
    an_invoice(period, "SECRET-1")
    response = client_for(User.objects.create_user("new@contoso.example")).get(LIST)
    html = markup(response.content.decode())
    assert response.status_code == 403
    assert "C3 portal" in html
    assert "SECRET-1" not in html
    assert "Download Invoice/Payments" not in html


def test_a_reader_looks_and_downloads_but_has_nothing_to_press(
    client_for: ClientFor, system_reader: User, period: BillingPeriod
) -> None:
    an_invoice(period, "INV-1")
    connected()
    html = page(client_for(system_reader))
    assert shown(html) == ["INV-1"]
    assert "/invoices/download/lines.csv?period=20260918" in html
    assert "Contoso Cloud Pty Ltd" in html
    for word in (
        "UPLOAD TO XERO",
        'name="invoice"',
        "Disconnect",
        "Refresh from Xero",
        "/invoices/import/",
        "/settings/general/",
    ):
        assert word not in html


def test_a_reader_cannot_upload_by_other_means(
    client_for: ClientFor, system_reader: User, period: BillingPeriod
) -> None:
    invoice = an_invoice(period, "INV-1")
    connected()
    assert press(client_for(system_reader), period, invoice=str(invoice.pk)).status_code == 403
    assert not Posting.objects.exists()


def test_settings_are_offered_to_system_admins_alone(
    client_for: ClientFor, system_admin: User, finance: Client, period: BillingPeriod
) -> None:
    assert "/settings/general/" in page(client_for(system_admin))
    assert "/settings/general/" not in page(finance)


# Connecting, and what the banners say


def test_it_says_how_to_connect_while_nothing_is(finance: Client, period: BillingPeriod, settings: Any) -> None:
    settings.PORTAL_URL = "https://billing.contoso.example"
    fill_settings()
    html = page(finance)
    assert '<code id="redirect-uri">https://billing.contoso.example/</code>' in html
    assert 'action="/xero/connect/"' in html


def test_connecting_waits_for_client_id_and_secret(finance: Client, period: BillingPeriod) -> None:
    fill_settings(client_secret="")
    html = page(finance)
    assert 'action="/xero/connect/"' not in html
    assert "Save Client ID and Secret first" in html


def test_the_instructions_go_once_it_is_connected(finance: Client, period: BillingPeriod) -> None:
    connected()
    assert "redirect-uri" not in page(finance)


def test_every_page_says_when_this_is_not_the_real_xero(
    client: Client, finance: Client, settings: Any, db: None
) -> None:
    pages = (
        client.get("/accounts/login/"),
        finance.get(LIST),
        finance.get("/invoices/logs/"),
        finance.get("/no/such/"),
    )
    assert all("This is not the real Xero" in each.content.decode() for each in pages)
    settings.XERO_LOGIN_URL, settings.XERO_IDENTITY_URL = "https://login.xero.com", "https://identity.xero.com"
    settings.XERO_API_URL = "https://api.xero.com"
    assert "This is not the real Xero" not in finance.get(LIST).content.decode()


def test_a_connection_that_needs_reconnecting_is_told_with_who_made_it(
    finance: Client, period: BillingPeriod, system_admin: User
) -> None:
    connected(system_admin)
    XeroConnection.objects.update(status="needs_reconnecting", status_reason="It was disconnected in Xero.")
    html = page(finance)
    assert "needs reconnecting" in html
    assert "It was disconnected in Xero." in html
    assert "Connected by admin@contoso.example" in html
    assert "Reconnect to Xero" in html


def test_a_pause_is_told_with_its_reason_and_end(finance: Client, period: BillingPeriod) -> None:
    connected()
    until = timezone.now() + dt.timedelta(hours=3)
    XeroConnection.objects.update(paused_until=until, pause_reason="Xero's daily limit is used up.")
    html = page(finance)
    assert f"{until:%H:%M:%S}" in html
    assert "Xero&#x27;s daily limit is used up." in html


# UPLOAD TO XERO


def test_it_uploads_what_was_ticked_and_shows_the_log(
    finance: Client, period: BillingPeriod, finance_admin: User, woken: list[int]
) -> None:
    connection = connected()
    first, second, _ = invoices(period, 3)
    response = press(finance, period, invoice=[str(first.pk), str(second.pk)], invoice_status="SUBMITTED")
    assert not Upload.objects.exists()
    response = post_ready(finance, response)
    upload = Upload.objects.get()
    assert response.redirect_chain == [(f"/invoices/logs/{upload.pk}/", 302)]  # type: ignore[attr-defined]
    assert "2 invoices are on the way to Contoso Cloud Pty Ltd." in message_of(response)
    assert (upload.invoice_status, upload.created_by, upload.period) == ("SUBMITTED", finance_admin, period)
    assert set(upload.postings.values_list("invoice__number", flat=True)) == {"INV-001", "INV-002"}
    assert woken == [connection.pk]


def test_it_uploads_all_of_the_filter_without_any_ids(finance: Client, period: BillingPeriod, woken: list[int]) -> None:
    connected()
    invoices(period, 60, "WANTED")
    invoices(period, 5, "OTHER")
    html = page(finance, q="wanted")
    assert re.search(r'data-select-filter="60"', html)
    post_ready(finance, press(finance, period, q="wanted", state="not_uploaded", all="1"))
    assert Posting.objects.filter(invoice__number__startswith="WANTED").count() == Posting.objects.count() == 60


def test_all_of_the_filter_skips_what_is_in_xero_or_on_its_way(
    finance: Client, period: BillingPeriod, finance_admin: User, woken: list[int]
) -> None:
    connection = connected()
    uploaded(connection, finance_admin, *invoices(period, 2, "DONE"), to=Status.POSTED)
    uploaded(connection, finance_admin, *invoices(period, 2, "WAIT"))
    uploaded(connection, finance_admin, *invoices(period, 2, "BAD"), to=Status.REJECTED)
    invoices(period, 2, "NEW")
    post_ready(finance, press(finance, period, all="1"))
    latest = Upload.objects.latest("pk")
    moved = sorted(latest.postings.values_list("invoice__number", flat=True))
    assert moved == ["BAD-001", "BAD-002", "NEW-001", "NEW-002"]


def test_pressing_twice_uploads_once(finance: Client, period: BillingPeriod, woken: list[int]) -> None:
    connected()
    (invoice,) = invoices(period, 1)
    post_ready(finance, press(finance, period, invoice=str(invoice.pk)))
    again = press(finance, period, invoice=str(invoice.pk))
    assert "Nothing was left to upload" in message_of(again)
    assert Upload.objects.count() == Posting.objects.count() == 1
    assert len(woken) == 1


def test_what_is_on_its_way_cannot_be_ticked_and_what_is_in_xero_can_for_what_is_done_there(
    finance: Client, period: BillingPeriod, finance_admin: User
) -> None:
    upload = uploaded(connected(), finance_admin, *invoices(period, 2))
    bring(upload, Status.POSTED, "INV-001")
    an_invoice(period, "NEW-1")
    boxes = re.findall(r'name="invoice" value="[^"]+" [^>]*aria-label="([^"]+)"( disabled)?', page(finance))
    assert boxes == [
        ("Select INV-001", ""),
        ("Select INV-002 (not possible: already on its way to Xero)", " disabled"),
        ("Select NEW-1", ""),
    ]


def test_the_status_of_the_settings_is_the_one_offered_first(finance: Client, period: BillingPeriod) -> None:
    fill_settings(invoice_status="AUTHORISED")
    an_invoice(period, "INV-1")
    assert '<option value="AUTHORISED" selected>Approved</option>' in page(finance)


def test_without_a_choice_the_status_of_the_settings_counts(
    finance: Client, period: BillingPeriod, woken: list[int]
) -> None:
    connected()
    fill_settings(invoice_status="AUTHORISED")
    post_ready(finance, press(finance, period, invoice=str(an_invoice(period, "INV-1").pk)))
    assert Upload.objects.get().invoice_status == "AUTHORISED"


def test_a_status_that_xero_does_not_have_is_refused(finance: Client, period: BillingPeriod) -> None:
    connected()
    response = press(finance, period, invoice=str(an_invoice(period, "INV-1").pk), invoice_status="PAID")
    assert response.status_code == 400
    assert not Upload.objects.exists()


def test_nothing_selected_is_said_and_the_filter_is_kept(finance: Client, period: BillingPeriod) -> None:
    connected()
    response = press(finance, period, q="inv", state="not_uploaded")
    assert "Nothing was selected" in message_of(response)
    assert response.redirect_chain == [(f"{LIST}?period=20260918&q=inv&state=not_uploaded", 302)]  # type: ignore[attr-defined]


def test_nothing_connected_is_said_with_the_link(finance: Client, period: BillingPeriod) -> None:
    fill_settings()
    response = press(finance, period, all="1")
    assert f'<a href="{LIST}#connect">Connect to Xero</a>' in message_of(response)
    assert not Upload.objects.exists()


def test_a_connection_to_be_renewed_uploads_nothing(finance: Client, period: BillingPeriod) -> None:
    connected()
    an_invoice(period, "INV-1")
    XeroConnection.objects.update(status="needs_reconnecting")
    assert "needs reconnecting" in message_of(press(finance, period, all="1"))
    assert not Upload.objects.exists()


def test_missing_settings_are_named_with_the_link_for_who_may_open_it(
    client_for: ClientFor, system_admin: User, finance: Client, period: BillingPeriod
) -> None:
    connected()
    XeroSettings.objects.update(azure_account_code="", custom_account_code="")
    for_admin = message_of(press(client_for(system_admin), period, all="1"))
    assert '<a href="/settings/general/">Settings → General</a>' in for_admin
    assert "Azure Usage based SKUs, Custom offer SKUs" in for_admin
    for_finance = message_of(press(finance, period, all="1"))
    assert "ask a System Admin" in for_finance
    assert "<a " not in for_finance


def test_an_account_that_the_organisation_lacks_stops_the_upload(finance: Client, period: BillingPeriod) -> None:
    connection = connected()
    an_invoice(period, "INV-1")
    Account.objects.create(connection=connection, code="4010", name="Revenue", type="REVENUE", status="ACTIVE")
    html = markup(press(finance, period, all="1").content.decode())
    assert "has no account 200" in html
    assert not POST_THEM.search(html)
    assert not Upload.objects.exists()


def test_who_is_billed_is_shown_beside_the_customer_found_by_search_and_in_the_download(
    finance: Client, make_invoice: Any
) -> None:
    reseller = Customer.objects.create(tenant_id="reseller:contoso", key_from="reseller", name="Contoso Distribution")
    invoice = make_invoice("To a reseller", bill_to=reseller)
    make_invoice("To the customer")
    page = markup(finance.get(reverse("invoice_list"), {"q": "contoso dist"}).content.decode())
    assert "To the customer" not in page
    assert ">via Contoso Distribution<" in page
    rows = csv.DictReader(io.StringIO("".join(invoices_csv(invoice.period)).lstrip("\ufeff")))
    assert {row["InvoiceNumber"]: row["BillTo"] for row in rows} == {
        "To a reseller": "Contoso Distribution",
        "To the customer": "Customer 0002",
    }


@pytest.mark.parametrize(("default", "words"), [("reseller", "this reseller's"), ("customer", "the customer's")])
def test_the_invoice_says_who_is_billed_and_whose_contact_gets_it(
    finance: Client, make_invoice: Any, default: str, words: str
) -> None:
    reseller = Customer.objects.create(tenant_id="reseller:contoso", key_from="reseller", name="Contoso Distribution")
    ImportSettings.objects.create(pk=1, bill_resellers=default)
    invoice = make_invoice(bill_to=reseller)
    page = " ".join(finance.get(invoice.get_absolute_url()).content.decode().split())
    assert f'Contoso Distribution <span class="sub">Goes to {words} contact in Xero</span>' in page
