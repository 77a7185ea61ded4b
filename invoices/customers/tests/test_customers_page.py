"""The customers with what they owe, and the page of each, as each role meets them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from c3portal.models import AuditEntry, User
from c3portal.tests.markup import markup
from invoices.contacts import link_statuses, standings
from invoices.contacts.tests.test_matching import a_contact, a_customer, a_link
from invoices.customers import money
from invoices.models import (
    AccountOverride,
    BillResellers,
    Customer,
    CustomerOverride,
    ImportSettings,
    Invoice,
    SubscriptionOrder,
)
from invoices.tests import makers
from invoices.tests.pages import message_of
from xero_integration.models import Account, BrandingTheme, XeroConnection

ClientFor = Callable[[User], Client]
MOST_QUERIES = 15


@pytest.fixture
def organisation(db: None) -> XeroConnection:
    connection = makers.connected()
    BrandingTheme.objects.create(connection=connection, theme_id="theme-1", name="Cloud services")
    return connection


@pytest.fixture
def northwind(organisation: XeroConnection) -> Customer:
    """A linked customer with two posted invoices, one of them with something owed."""
    period = makers.a_period()
    one = makers.an_invoice(period, "N-1", customer="Northwind")
    two = makers.an_invoice(period, "N-2", total="55.00", customer="Northwind")
    customer = one.customer
    Invoice.objects.filter(pk=two.pk).update(customer=customer)
    two.customer.delete()
    a_link(organisation, customer.tenant_id, a_contact(organisation, "Northwind", contact_id="id-n").contact_id)
    for each, due in ((one, "110.00"), (two, "0.00")):
        owed_on(organisation, each, due)
    return customer


def owed_on(connection: XeroConnection, invoice: Invoice, due: str) -> None:
    upload = makers.uploaded(connection, None, invoice, to=makers.Status.POSTED)
    upload.postings.update(amount_due=Decimal(due))


def page(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return markup(response.content.decode())


def of(customer: Customer) -> str:
    return reverse("customer", args=[customer.pk])


def save(client: Client, customer: Customer, **fields: Any) -> str:
    response = client.post(reverse("customer_own", args=[customer.pk]), fields, follow=True)
    return markup(response.content.decode())


# The list


def test_a_row_has_what_is_its_own_how_many_invoices_and_what_is_owed(finance: Client, northwind: Customer) -> None:
    CustomerOverride.objects.create(
        customer=northwind, due_days=30, purchase_order="PO-7", bill_resellers=BillResellers.CUSTOMER
    )
    AccountOverride.objects.create(customer=northwind, account_code="4010")
    html = page(finance, "/customers/")
    row = html[html.index('<th scope="row"') :]
    for words in ("PO-7", "Account, 30 days", "The customer's contact", '<span class="cur">AUD</span> 110.00'):
        assert words.replace("'", "&#x27;") in row, words
    assert re.search(r'data-label="Invoices">2</td>', row)


def test_old_addresses_lead_to_the_list_with_the_same_filter(finance: Client, organisation: XeroConnection) -> None:
    response = finance.get("/contacts/?q=north&state=linked&page=2&other=1")
    assert response.headers["Location"] == "/customers/?q=north&state=linked&page=2"


@pytest.mark.parametrize("words", ["northwind", "NORTHWIND.ONMICROSOFT", "bills@north", "erp-n", "id of"])
def test_it_is_found_by_name_ids_contact_domain_and_address(
    finance: Client, organisation: XeroConnection, words: str
) -> None:
    known = {"domain": "northwind.onmicrosoft.example"}
    Customer.objects.create(
        tenant_id="id of northwind", name="Ñorthwind", erp_id="ERP-N", email="bills@north.example", c3_details=known
    )
    a_customer("another", "Litware")
    html = page(finance, f"/customers/?q={words}")
    assert "Ñorthwind" in html
    assert "Litware" not in html


def test_it_sorts_by_invoices_and_by_what_is_owed(finance: Client, northwind: Customer) -> None:
    a_customer("another", "Adventure")
    for sort in ("-invoices", "-owed"):
        assert names(page(finance, f"/customers/?sort={sort}")) == ["Northwind", "Adventure"]
    assert names(page(finance, "/customers/?sort=invoices")) == ["Adventure", "Northwind"]
    assert 'aria-sort="ascending"' in page(finance, "/customers/?sort=number")


def names(html: str) -> list[str]:
    return re.findall(r'<th scope="row"[^>]*><a[^>]*>([^<]*)', html)


def test_what_is_downloaded_is_what_is_shown_on_all_pages(finance: Client, northwind: Customer) -> None:
    Customer.objects.bulk_create([Customer(tenant_id=f"t{n}", name=f"Customer {n:03}") for n in range(60)])
    text = b"".join(finance.get("/customers.csv?q=north").streaming_content).decode()  # type: ignore[attr-defined]
    assert [line.split(",")[0] for line in text.splitlines()] == ["\ufeffCustomerName", "Northwind"]
    assert text.splitlines()[0].endswith("Invoices,OwedAUD")
    assert text.splitlines()[1].endswith(",2,110.00")
    everything = b"".join(finance.get("/customers.csv").streaming_content).decode()  # type: ignore[attr-defined]
    assert len(everything.splitlines()) == 62


def test_a_download_of_a_state_there_is_not_is_a_bad_request(finance: Client, organisation: XeroConnection) -> None:
    assert finance.get("/customers.csv?state=nonsense").status_code == 400


def test_without_an_organisation_there_is_no_download(finance: Client) -> None:
    assert finance.get("/customers.csv").status_code == 404


# One truth


def test_a_list_shows_the_states_that_the_full_look_finds(organisation: XeroConnection) -> None:
    for key, name in (("a", "Archived"), ("c", "Clash"), ("g", "Gone"), ("l", "Linked"), ("n", "New"), ("s", "Sure")):
        a_customer(f"tenant-{key}", name, f"ERP-{key}")
    a_customer("tenant-t1", "Twin")
    a_customer("tenant-t2", "Twin")
    a_contact(organisation, "Twin")
    merged = a_contact(organisation, "Archived", status="ARCHIVED", contact_id="id-a")
    merged.merged_into = a_contact(organisation, "Archived and merged", contact_id="id-m").contact_id
    merged.save()
    a_link(organisation, "tenant-a", "id-a")
    a_contact(organisation, "Clash", "X77")
    a_link(organisation, "tenant-g", "id-gone")
    XeroConnection.objects.update(contacts_read_at=dt.datetime(2040, 1, 1, tzinfo=dt.UTC))
    organisation.refresh_from_db()
    a_link(organisation, "tenant-l", a_contact(organisation, "Linked", contact_id="id-l").contact_id)
    a_contact(organisation, "Sure", contact_id="id-s")
    Customer.objects.create(tenant_id="name:h", name="By hand", key_from="name")
    reseller = Customer.objects.create(tenant_id="reseller:r", name="Linked", key_from="reseller")
    Customer.objects.filter(pk=reseller.pk).update(same_as=Customer.objects.get(tenant_id="tenant-l"))
    full = {each.customer.pk: each for each in link_statuses.link_statuses(organisation)}
    everyone = standings.Standings(organisation, with_names=True)
    assert {each.pk: (each.state, each.contact_name) for each in everyone.everyone} == {
        pk: (each.state, each.contact_name) for pk, each in full.items()
    }
    assert everyone.statuses(Customer.objects.all()) == full
    for customer in Customer.objects.all():
        assert standings.of_one(organisation, customer) == full[customer.pk]


def test_via_a_reseller_is_who_has_no_invoice_of_its_own(organisation: XeroConnection) -> None:
    period, reseller = makers.a_period(), Customer.objects.create(tenant_id="r", name="Reseller", key_from="reseller")
    invoice = makers.an_invoice(period, "V-1", customer="Through")
    Invoice.objects.filter(pk=invoice.pk).update(bill_to=reseller)
    state = {each.name: each.state for each in standings.Standings(organisation).everyone}
    assert state["Through"] == "reseller"
    own = makers.an_invoice(period, "V-2", customer="Other")
    Invoice.objects.filter(pk=own.pk).update(customer=invoice.customer)
    state = {each.name: each.state for each in standings.Standings(organisation).everyone}
    assert state["Through"] == "new"


# Money


def test_whoever_gets_the_invoice_owes_it(organisation: XeroConnection) -> None:
    reseller = Customer.objects.create(tenant_id="r", name="Reseller", key_from="reseller")
    invoice = makers.an_invoice(makers.a_period(), "M-1", customer="Through")
    Invoice.objects.filter(pk=invoice.pk).update(bill_to=reseller)
    owed_on(organisation, invoice, "110.00")
    assert money.owed(organisation) == {"r": {"AUD": Decimal("110.00")}}
    assert money.owed(organisation, [reseller.pk], [reseller.pk]) == {"r": {"AUD": Decimal("110.00")}}
    assert money.counts() == {invoice.customer_id: 1, reseller.pk: 1}
    assert set(Customer.objects.values_list(money.count_of_each(), flat=True)) == {1}
    ImportSettings.objects.create(pk=1, bill_resellers=BillResellers.CUSTOMER)
    assert list(money.owed(organisation)) == [invoice.customer.tenant_id]
    ImportSettings.objects.update(bill_resellers=BillResellers.RESELLER)
    too = a_customer("too", "Too")
    Customer.objects.filter(pk=reseller.pk).update(same_as=too)
    assert list(money.owed(organisation)) == ["too"]
    assert [each.total for each in money.aged(organisation, too, dt.date(2026, 10, 6))] == [Decimal("110.00")]


@pytest.mark.parametrize(
    ("today", "label"),
    [
        (dt.date(2026, 10, 6), "Not due"),
        (dt.date(2026, 10, 7), "1–30 days"),
        (dt.date(2026, 11, 5), "1–30 days"),
        (dt.date(2026, 11, 6), "31–60 days"),
        (dt.date(2026, 12, 6), "61–90 days"),
        (dt.date(2027, 2, 1), "Over 90 days"),
    ],
)
def test_what_is_owed_ages_from_the_day_it_is_due(
    organisation: XeroConnection, northwind: Customer, today: dt.date, label: str
) -> None:
    (aged,) = money.aged(organisation, northwind, today)
    assert (aged.currency, aged.total, aged.parts[label]) == ("AUD", Decimal("110.00"), Decimal("110.00"))


def test_it_ages_from_the_day_that_was_sent(organisation: XeroConnection, northwind: Customer) -> None:
    posting = Invoice.objects.get(number="N-1").posting
    posting.sent_facts = {"due_date": "2026-12-01"}
    posting.save()
    (aged,) = money.aged(organisation, northwind, dt.date(2026, 12, 1))
    assert aged.parts["Not due"] == Decimal("110.00"), aged


def test_credit_left_counts_against_it(organisation: XeroConnection, northwind: Customer) -> None:
    note = makers.an_invoice(makers.a_period("20261018"), "N-3", total="-33.00", customer="Northwind")
    Invoice.objects.filter(pk=note.pk).update(customer=northwind)
    owed_on(organisation, note, "33.00")
    assert money.owed(organisation, [northwind.pk]) == {northwind.tenant_id: {"AUD": Decimal("77.00")}}


# The page of one


def test_it_shows_contact_own_settings_orders_invoices_and_money(finance: Client, northwind: Customer) -> None:
    CustomerOverride.objects.create(customer=northwind, due_days=30, theme_id="theme-1", theme_name="Cloud services")
    SubscriptionOrder.objects.create(customer=northwind, subscription="sub-1", purchase_order="PO-9")
    html = page(finance, of(northwind))
    for words in ("id-n", "Same name", "after 30 days", "Cloud services", "sub-1", "PO-9", "N-1", "N-2", "110.00"):
        assert words in html, words
    assert html.index(">N-2</a>") < html.index(">N-1</a>")


def test_contacts_of_nearly_the_same_name_that_nobody_has_are_named(
    finance: Client, organisation: XeroConnection, northwind: Customer
) -> None:
    a_contact(organisation, "Northwind Pty Ltd", contact_id="id-near")
    html = page(finance, of(northwind))
    assert "Northwind Pty Ltd" in html


def test_a_suggested_contact_is_linked_and_another_is_created_from_there(
    finance: Client, organisation: XeroConnection
) -> None:
    customer = a_customer("tenant-z", "Zimilar")
    a_contact(organisation, "Zimilar Pty Ltd", contact_id="id-z")
    html = page(finance, of(customer))
    assert f'action="/contacts/{customer.pk}/answer/?next={of(customer)}"' in html.replace("%2F", "/")
    assert "Create another" in html
    response = finance.post(f"/contacts/{customer.pk}/answer/?next={of(customer)}", {"contact": "id-z"}, follow=True)
    assert response.redirect_chain[-1][0] == of(customer)
    assert "Zimilar is linked." in message_of(response)


def test_unlinking_from_there_leads_back_there(finance: Client, northwind: Customer) -> None:
    fields = {"action": "unlink", "customer": northwind.pk, "sure": "1"}
    response = finance.post(f"/contacts/do/?next={of(northwind)}", fields)
    assert response.headers["Location"] == of(northwind)


def test_what_is_its_own_is_edited_in_place(finance: Client, northwind: Customer) -> None:
    html = page(finance, f"{of(northwind)}?edit=1")
    version = re.search(r'name="version" value="(\w+)"', html)
    assert version
    html = save(
        finance,
        northwind,
        version=version[1],
        theme_id="theme-1",
        invoice_status="DRAFT",
        due_days="14",
        bill_resellers="customer",
        purchase_order="PO-1",
        requires_purchase_order="on",
    )
    assert "was kept." in html
    own = CustomerOverride.objects.get()
    assert (own.theme_name, own.invoice_status, own.due_days) == ("Cloud services", "DRAFT", 14)
    assert (own.bill_resellers, own.purchase_order, own.requires_purchase_order) == ("customer", "PO-1", True)
    entry = AuditEntry.objects.filter(action="mapping").latest("pk")
    assert entry.subject == f"Customers: Northwind ({northwind.tenant_id})"
    assert "due after 14 days" in str(entry.after)


def test_what_is_left_empty_is_the_default_again(finance: Client, northwind: Customer) -> None:
    CustomerOverride.objects.create(customer=northwind, due_days=30)
    AccountOverride.objects.create(customer=northwind, account_code="4010")
    save(finance, northwind)
    assert not CustomerOverride.objects.exists()
    assert not AccountOverride.objects.exists()


def test_an_account_that_takes_no_sales_is_refused_and_nothing_kept(
    finance: Client, organisation: XeroConnection, northwind: Customer
) -> None:
    Account.objects.create(connection=organisation, code="9999", name="Bank", type="BANK", status="ACTIVE")
    html = save(finance, northwind, account_code="9999", due_days="5")
    assert 'role="alert"' in html
    assert not CustomerOverride.objects.exists()
    assert 'value="5"' in html


def test_what_is_gone_from_xero_stays_while_something_else_is_saved(finance: Client, northwind: Customer) -> None:
    CustomerOverride.objects.create(customer=northwind, theme_id="gone", theme_name="Old")
    AccountOverride.objects.create(customer=northwind, account_code="1")
    html = page(finance, f"{of(northwind)}?edit=1")
    assert "gone (gone)" in html
    save(finance, northwind, theme_id="gone", account_code="1", due_days="9")
    own = CustomerOverride.objects.get()
    assert (own.theme_id, own.due_days) == ("gone", 9)
    assert AccountOverride.objects.get().account_code == "1"


def test_who_saves_second_is_told(finance: Client, northwind: Customer) -> None:
    html = page(finance, f"{of(northwind)}?edit=1")
    version = re.search(r'name="version" value="(\w+)"', html)
    assert version
    save(finance, northwind, due_days="14")
    html = save(finance, northwind, version=version[1], due_days="20")
    assert "changed meanwhile" in html
    assert CustomerOverride.objects.get().due_days == 14


def test_a_reader_sees_no_form_and_changes_nothing(
    client_for: ClientFor, system_reader: User, northwind: Customer
) -> None:
    reader = client_for(system_reader)
    html = page(reader, f"{of(northwind)}?edit=1")
    for words in ("own-form", "Choose<", "Unlink", ">Edit<"):
        assert words not in html, words
    assert reader.post(reverse("customer_own", args=[northwind.pk]), {"due_days": "1"}).status_code == 403
    assert not CustomerOverride.objects.exists()


def test_before_connecting_a_customer_has_its_page(finance: Client) -> None:
    customer = a_customer("one", "Alone")
    assert "Connect to Xero" in page(finance, of(customer))
    assert save(finance, customer, due_days="1")
    assert not CustomerOverride.objects.exists()


def test_its_page_takes_a_constant_number_of_queries(finance: Client, northwind: Customer) -> None:
    few = makers.queries_of(finance, of(northwind))
    Customer.objects.bulk_create([Customer(tenant_id=f"t{n}", name=f"Customer {n:03}") for n in range(60)])
    period = makers.a_period("20261018")
    for n in range(30):
        more = makers.an_invoice(period, f"X-{n}")
        Invoice.objects.filter(pk=more.pk).update(customer=northwind)
    assert makers.queries_of(finance, of(northwind)) == few <= MOST_QUERIES


@pytest.mark.parametrize("query", ["", "?edit=1"], ids=["shown", "edited"])
def test_its_page_takes_few_queries_before_it_has_a_contact(
    finance: Client, organisation: XeroConnection, query: str
) -> None:
    customer = a_customer("new", "Newcomer Pty Ltd")
    more = makers.an_invoice(makers.a_period("20261018"), "X-1")
    Invoice.objects.filter(pk=more.pk).update(customer=customer)
    assert "The next upload creates “Newcomer Pty Ltd”." in page(finance, f"{of(customer)}{query}")
    assert makers.queries_of(finance, f"{of(customer)}{query}") <= MOST_QUERIES


@pytest.mark.parametrize("query", ["", "?edit=1"], ids=["shown", "edited"])
def test_its_page_takes_few_queries_also_with_its_form_open(finance: Client, northwind: Customer, query: str) -> None:
    CustomerOverride.objects.create(customer=northwind, due_days=30)
    AccountOverride.objects.create(customer=northwind, account_code="4010")
    AccountOverride.objects.create(customer=northwind, account_code="4020", kind="azure")
    SubscriptionOrder.objects.create(customer=northwind, subscription="s-1", purchase_order="PO-1")
    html = page(finance, f"{of(northwind)}{query}")
    assert ('name="due_days" value="30"' in html) == bool(query)
    assert ("PO-1" in html) == (not query)
    assert makers.queries_of(finance, f"{of(northwind)}{query}") <= MOST_QUERIES


def test_there_is_no_page_for_nobody(finance: Client) -> None:
    assert finance.get("/customers/99/").status_code == 404
