"""What the preflight says of the contacts that invoices go to, and that the worker holds to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from c3portal.models import AuditEntry, User
from c3portal.tests.markup import markup
from invoices.conftest import MakeInvoice, Upload, Work
from invoices.contacts import link_statuses
from invoices.documents.tests.test_billing_contact import a_reseller
from invoices.importing.importer import import_file
from invoices.models import BillingPeriod, Customer, CustomerOverride, ImportSettings, Invoice, Posting, UploadDraft
from invoices.preflight.preflight import Inspection, Verdict, inspect
from invoices.tests.c3_files import of_customer, write
from invoices.tests.pages import post_ready, press
from xero_integration.models import Contact, ContactLink, UnlinkedContact, XeroConnection
from xero_sandbox.testing import SandboxControl

pytestmark = pytest.mark.usefixtures("woken")

Post = Callable[[], dict[str, str]]


def preflight_of(connection: XeroConnection) -> Inspection:
    return inspect(Invoice.objects.all(), connection, invoice_status="DRAFT")


def codes(connection: XeroConnection) -> dict[str, tuple[str, str]]:
    """Return each invoice's verdict and the codes of its problems, by customer's name."""
    return {
        row.invoice.customer.name: (row.verdict.value, " ".join(problem.code for problem in row.problems))
        for row in preflight_of(connection).rows
    }


@pytest.fixture
def post(upload: Upload, work: Work, sandbox: SandboxControl) -> Post:
    """Return a function that uploads all and returns the contact of each document in Xero, by number."""

    def post() -> dict[str, str]:
        upload()
        work()
        return {each["number"]: each["contact"] for each in sandbox.documents()}

    return post


def names_in_xero(sandbox: SandboxControl) -> int:
    return int(sandbox.organisations()[0]["contacts"])


# To whom


def test_an_invoice_to_a_reseller_goes_to_the_resellers_contact(
    connected: XeroConnection, sandbox: SandboxControl, make_invoice: MakeInvoice, post: Post
) -> None:
    sandbox.put_contacts([{"name": "Customer 0001"}, {"name": "CONTOSO  Distribution"}])
    make_invoice("One", bill_to=a_reseller())
    assert post() == {"One": "CONTOSO  Distribution"}
    assert dict(ContactLink.objects.values_list("customer_key", "matched_by")) == {
        "reseller:contoso distribution": "name"
    }


def test_a_reseller_whom_xero_does_not_know_gets_one_contact_although_the_answer_is_lost(
    sandbox: SandboxControl, make_invoice: MakeInvoice, upload: Upload, work: Work, no_lookup_delay: None
) -> None:
    reseller = a_reseller()
    make_invoice("One", bill_to=reseller)
    make_invoice("Two", bill_to=reseller)
    before = names_in_xero(sandbox)
    sandbox.place_fault("commit_then_drop", method="PUT", path="^Contacts$")
    upload()
    work()
    XeroConnection.objects.update(paused_until=None)
    work()
    assert names_in_xero(sandbox) == before + 1
    assert {each["contact"] for each in sandbox.documents()} == {"Contoso Distribution"}
    assert Contact.objects.get(name="Contoso Distribution").contact_number == reseller.tenant_id


@pytest.mark.parametrize("where", ["default", "customer"])
def test_it_goes_to_the_end_customers_contact_where_that_is_said(
    make_invoice: MakeInvoice, post: Post, where: str
) -> None:
    invoice = make_invoice("One", bill_to=a_reseller())
    if where == "default":
        ImportSettings.objects.create(pk=1, bill_resellers="customer")
    else:
        CustomerOverride.objects.create(customer=invoice.customer, bill_resellers="customer")
    assert post() == {"One": "Customer 0001"}


def test_a_customer_billed_through_a_reseller_needs_no_contact(
    connected: XeroConnection, make_invoice: MakeInvoice
) -> None:
    make_invoice(bill_to=a_reseller())
    make_invoice()
    states = {each.customer.name: each.state.value for each in link_statuses.link_statuses(connected)}
    assert states == {"Customer 0001": "reseller", "Contoso Distribution": "new", "Customer 0002": "new"}


# Without a key


@pytest.fixture
def keyless(make_invoice: MakeInvoice) -> Customer:
    customer = Customer.objects.create(tenant_id="erp:77", key_from="erp", name="Adventure Works", erp_id="77")
    make_invoice("Keyless", customer=customer)
    return customer


def test_a_customer_without_a_key_gets_no_contact_by_its_name_and_none_made(
    connected: XeroConnection, sandbox: SandboxControl, keyless: Customer, post: Post
) -> None:
    before = names_in_xero(sandbox)
    assert codes(connected) == {"Adventure Works": ("blocked", "keyless")}
    assert post() == {}
    assert "chosen by a person" in Posting.objects.get().message
    assert names_in_xero(sandbox) == before
    assert not ContactLink.objects.exists()


def test_its_contact_is_chosen_from_the_page_before_posting(
    finance: Client,
    connected: XeroConnection,
    sandbox: SandboxControl,
    keyless: Customer,
    period: BillingPeriod,
    work: Work,
) -> None:
    page = press(finance, period, all="1")
    (link,) = re.findall(r'href="(/contacts/\d+/[^"]*)"', page.content.decode())
    choose = finance.get(link)
    (contact_id,) = re.findall(r'name="contact"\s+value="([^"]+)"', choose.content.decode())
    back = re.findall(r'name="back" value="([^"]*)"', choose.content.decode())[0]
    contacts_page = finance.post(
        link.partition("?")[0], {"contact": contact_id, "back": back.replace("&amp;", "&")}, follow=True
    )
    assert UploadDraft.objects.get().get_absolute_url() in contacts_page.content.decode()
    post_ready(finance, finance.get(UploadDraft.objects.get().get_absolute_url()))
    work()
    assert [each["contact"] for each in sandbox.documents()] == ["Adventure Works"]
    assert Contact.objects.get(contact_id=contact_id).contact_number == ""


def test_the_contacts_page_offers_candidates_for_it(connected: XeroConnection, keyless: Customer) -> None:
    preflight_of(connected)
    (status,) = link_statuses.link_statuses(connected)
    assert status.state == "choose"
    assert status.suggestion is not None
    assert (status.suggestion.name, status.suggestion.is_sure) == ("Adventure Works", False)


# The same, but for what cannot be seen


def test_contacts_that_exist_but_for_what_cannot_be_seen_are_the_customers(
    tmp_path: Path, connected: XeroConnection, sandbox: SandboxControl, post: Post
) -> None:
    listed = [
        {"name": "Kilo\u00a0Kitchens"},
        {"name": "O\u2019Brien & Sons"},
        {"name": "Mu\u0308ller Maschinen"},
        {"name": "Another name", "number": "AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEE0004"},
        {"name": "Quebec Quarries"},
        {"name": "Romeo Roofing", "number": "{AAAAAAAA-bbbb-4ccc-8ddd-eeeeeeee0006}"},
        {"name": "Jean\u2011Luc"},
    ]
    sandbox.put_contacts(listed)
    before = names_in_xero(sandbox)
    customers = [
        ("Kilo Kitchens", "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeee0001"),
        ("O'Brien & Sons", "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeee0002"),
        ("Müller Maschinen", "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeee0003"),
        ("Papa Pizza", "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeee0004"),
        ("Quebec Quarries\u200b", "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeee0005"),
        ("Romeo Roofing", "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeee0006"),
        ("JEAN-LUC", "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeee0007"),
    ]
    rows = [of_customer(n, CustomerName=name, TenantID=key) for n, (name, key) in enumerate(customers)]
    import_file(write(tmp_path, *rows))
    assert {row.verdict for row in preflight_of(connected).rows} == {Verdict.READY}
    assert sorted(post().values()) == sorted(each["name"] for each in listed)
    assert names_in_xero(sandbox) == before


# Much alike


@pytest.fixture
def alike(sandbox: SandboxControl, make_invoice: MakeInvoice) -> Invoice:
    sandbox.put_contacts([{"name": "Proseware Pty Ltd"}])
    customer = Customer.objects.create(tenant_id="tenant-p", name="Prosewear", erp_id="ERP9")
    Customer.objects.filter(pk=customer.pk).update(name="Proseware Limited")
    customer.refresh_from_db()
    return make_invoice("Alike", customer=customer)


def answer_forms(page: HttpResponse) -> tuple[str, dict[str, str]]:
    """Return where the question's form goes, and what it shows."""
    html = markup(page.content.decode())
    (action,) = set(re.findall(r'action="(/contacts/\d+/answer/[^"]*)"', html))
    return action, dict(re.findall(r'name="(shown)" value="([^"]+)"', html))


def test_a_contact_much_alike_is_asked_about_before_another_is_made(
    connected: XeroConnection, sandbox: SandboxControl, alike: Invoice, make_invoice: MakeInvoice, post: Post
) -> None:
    make_invoice("Other")
    before = names_in_xero(sandbox)
    found = preflight_of(connected)
    (row,) = found.of(Verdict.WARNING)
    assert [problem.code for problem in row.problems] == ["alike"]
    assert [each.number for each in found.postable()] == ["Other"]
    assert (found.new_contacts, found.calls_needed) == (1, 2)
    assert list(post()) == ["Other"]
    assert "Proseware Pty Ltd" in Posting.objects.get(invoice=alike).message
    assert names_in_xero(sandbox) == before + 1


def test_use_this_contact_answers_it_in_place(
    finance: Client,
    connected: XeroConnection,
    sandbox: SandboxControl,
    alike: Invoice,
    period: BillingPeriod,
    work: Work,
) -> None:
    page = press(finance, period, all="1")
    assert "No invoice is ready" in " ".join(page.content.decode().split())
    action, shown = answer_forms(page)
    page = finance.post(action, {**shown, "contact": shown["shown"]}, follow=True)  # type: ignore[assignment]
    assert page.redirect_chain[-1][0] == UploadDraft.objects.get().get_absolute_url()  # type: ignore[attr-defined]
    before = names_in_xero(sandbox)
    post_ready(finance, page)
    work()
    assert [each["contact"] for each in sandbox.documents()] == ["Proseware Pty Ltd"]
    assert names_in_xero(sandbox) == before
    assert AuditEntry.objects.filter(action="contact", subject__contains="chosen before posting").count() == 1


def test_create_another_answers_it_once_and_for_all(
    finance: Client,
    connected: XeroConnection,
    sandbox: SandboxControl,
    alike: Invoice,
    period: BillingPeriod,
    work: Work,
) -> None:
    action, shown = answer_forms(press(finance, period, all="1"))
    page = finance.post(action, {**shown, "another": ""}, follow=True)
    assert UnlinkedContact.objects.filter(customer_key="tenant-p").count() == 1
    (entry,) = AuditEntry.objects.filter(action="contact")
    assert "Proseware Pty Ltd" in str(entry.after)
    assert "/answer/" not in page.content.decode()
    post_ready(finance, page)  # type: ignore[arg-type]
    work()
    assert [each["contact"] for each in sandbox.documents()] == ["Proseware Limited"]


def test_who_may_only_read_is_not_asked(
    client_for: Any,
    system_reader: User,
    connected: XeroConnection,
    alike: Invoice,
    finance: Client,
    period: BillingPeriod,
) -> None:
    press(finance, period, all="1")
    client = client_for(system_reader)
    page = client.get(UploadDraft.objects.get().get_absolute_url())
    assert "Is it the same?" in page.content.decode()
    assert "/answer/" not in page.content.decode()
    customer = Customer.objects.get(tenant_id="tenant-p")
    assert client.post(reverse("answer_contact", args=[customer.pk]), {"another": ""}).status_code == 403


# What Xero refuses of a contact


def test_names_and_addresses_that_xero_refuses_are_known_before_posting(
    tmp_path: Path, connected: XeroConnection, sandbox: SandboxControl, post: Post
) -> None:
    people = {
        "Plain Good": "good@x.example",
        "Mail <Bad> Ltd": "ok@x.example",
        "Two Mails": "a@x.example; b@x.example",
        "Comma Mails": "a@x.example,b@x.example",
        "Lig Mail": "accounts@\ufb01nance.example",
        "Null Mail": "NULL",
        "Umlaut Mail": "info@müller.example",
        "Space Mail": "info @x.example",
        "Wave \U0001f30a Co": "w@x.example",
        "Cafe Ase": "c1@x.example",
        "Café Åse": "c2@x.example",
        "Double  Space": "d@x.example",
    }
    rows = [of_customer(n, CustomerName=name, CustomerEmail=mail) for n, (name, mail) in enumerate(people.items())]
    import_file(write(tmp_path, *rows))
    found = codes(connected)
    blocked = {name for name, (verdict, _) in found.items() if verdict == "blocked"}
    looked_at = {name for name, facts in found.items() if facts == ("warning", "email")}
    assert blocked == {"Mail <Bad> Ltd"}
    assert looked_at >= {"Two Mails", "Comma Mails", "Lig Mail", "Umlaut Mail", "Space Mail"}
    told_apart = {"Mail <Bad> Ltd": "", "Wave \U0001f30a Co": "Wave Co", "Double  Space": "Double Space"}
    told_apart |= {"Cafe Ase": "Cafe Ase (ERP9)", "Café Åse": "Café Åse (ERP10)"}
    assert sorted(post().values()) == sorted(filter(None, (told_apart.get(name, name) for name in people)))
    refused = Posting.objects.get(status="rejected")
    assert "< or >" in refused.message


def test_what_a_file_bills_to_a_reseller_under_many_spellings_goes_to_one_contact(
    tmp_path: Path, connected: XeroConnection, sandbox: SandboxControl, post: Post
) -> None:
    sandbox.put_contacts([{"name": "O\u2019Neil Distribution"}])
    spellings = ["O'Neil Distribution", "O\u2019NEIL Distribution", "O'Neil\u00a0Distribution\u200b"]
    rows = [
        of_customer(n, InvoiceEntity="Reseller", ResellerName=name, CustomerName=f"End customer {n}")
        for n, name in enumerate(spellings)
    ]
    import_file(write(tmp_path, *rows, of_customer(7, InvoiceEntity="Customer", CustomerName="Direct")))
    before = names_in_xero(sandbox)
    assert {row.verdict for row in preflight_of(connected).rows} == {Verdict.READY}
    assert post() == {f"Invoice_{n}": "O\u2019Neil Distribution" for n in range(3)} | {"Invoice_7": "Direct"}
    assert names_in_xero(sandbox) == before + 1


# What a new contact gets

AT_C3 = {
    "email": "bills@proseware.example",
    "address": {"line1": "1 Main St", "line2": None, "city": "Perth", "state": "WA", "zip": "6000", "country": ""},
    "country": "Australia",
}
SHOWN = "{} · 1 Main St, Perth, WA, 6000, AU · contact number"


@pytest.mark.parametrize(
    ("email", "sent"),
    [
        ("", "bills@proseware.example"),
        ("one@x.example; two@x.example", "bills@proseware.example"),
        ("own@x.example", "own@x.example"),
    ],
)
def test_a_new_contact_gets_what_c3_knows_and_the_check_shows_it_before(
    finance: Client,
    connected: XeroConnection,
    make_invoice: MakeInvoice,
    period: BillingPeriod,
    work: Work,
    email: str,
    sent: str,
) -> None:
    customer = Customer.objects.create(tenant_id="tenant-p", name="Proseware", email=email, c3_details=AT_C3)
    make_invoice(customer=customer)
    page = press(finance, period, all="1")
    assert SHOWN.format(sent) in markup(page.content.decode())
    assert SHOWN.format(sent) in markup(finance.get(reverse("choose_contact", args=[customer.pk])).content.decode())
    post_ready(finance, page)
    work()
    made = Contact.objects.get(contact_number="tenant-p")
    assert made.email == sent
    assert made.address == AT_C3["address"] | {"line2": "", "country": "AU"}  # type: ignore[operator]


def test_a_contact_that_is_there_keeps_what_it_has(
    connected: XeroConnection, sandbox: SandboxControl, make_invoice: MakeInvoice, post: Post
) -> None:
    sandbox.put_contacts([{"name": "Proseware", "email": "theirs@x.example"}])
    make_invoice(customer=Customer.objects.create(tenant_id="tenant-p", name="Proseware", c3_details=AT_C3))
    sandbox.forget()
    assert list(post().values()) == ["Proseware"]
    assert [each["path"] for each in sandbox.calls() if each["method"] != "GET"] == ["Invoices"]
    assert Contact.objects.get(name="Proseware").email == "theirs@x.example"
