"""A reseller who is a customer too: asked about before posting, and never given a second contact without a word."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from c3portal.models import AuditEntry
from c3portal.tests.markup import markup
from invoices.conftest import MakeInvoice, Upload, Work
from invoices.contacts import link_statuses, matching
from invoices.documents.tests.test_billing_contact import a_reseller
from invoices.models import BillingPeriod, Customer, Invoice, Posting
from invoices.preflight.preflight import inspect
from invoices.tests.pages import post_ready, press
from xero_integration.models import Contact, ContactLink, XeroConnection
from xero_sandbox.testing import SandboxControl

pytestmark = [pytest.mark.usefixtures("woken"), pytest.mark.both_databases]


@pytest.fixture
def customer() -> Customer:
    return Customer.objects.create(tenant_id="tenant-c", name="Contoso Pty Ltd", erp_id="ERP7", country="NZ")


@pytest.fixture
def through(make_invoice: MakeInvoice, customer: Customer) -> Invoice:
    """An invoice billed to a reseller who has the customer's name but for the legal form."""
    return make_invoice("Through", bill_to=a_reseller("Contoso"))


def names(sandbox: SandboxControl) -> int:
    return int(sandbox.organisations()[0]["contacts"])


def link(connection: XeroConnection, customer: Customer, contact: str = "Contoso Pty Ltd") -> None:
    matching.read_again(connection)
    assert matching.link(connection, {customer.tenant_id: Contact.objects.get(name=contact).contact_id}) == (1, [])


def answers(page: Any) -> tuple[str, dict[str, list[str]]]:
    """Return where the one question's form goes, and all that it can send."""
    html = markup(page.content.decode())
    (action,) = set(re.findall(r'action="(/contacts/\d+/answer/[^"]*)"', html))
    return action, {name: re.findall(rf'name="{name}" value="([^"]+)"', html) for name in ("shown", "contact")}


def documents(sandbox: SandboxControl) -> dict[str, str]:
    return {each["number"]: each["contact"] for each in sandbox.documents()}


@pytest.mark.parametrize("has_contact", [True, False])
def test_he_is_asked_about_and_nothing_is_made_meanwhile(
    connected: XeroConnection,
    sandbox: SandboxControl,
    customer: Customer,
    through: Invoice,
    upload: Upload,
    work: Work,
    has_contact: bool,
) -> None:
    if has_contact:
        sandbox.put_contacts([{"name": "Contoso Pty Ltd"}])
        link(connected, customer)
    before = names(sandbox)
    (row,) = inspect(Invoice.objects.all(), connected, invoice_status="DRAFT").rows
    assert [(each.code, each.is_question) for each in row.problems] == [("alike", True)]
    assert "Contoso Pty Ltd" in row.problems[0].words
    upload()
    work()
    assert documents(sandbox) == {}
    assert "Contoso Pty Ltd" in Posting.objects.get().message
    assert names(sandbox) == before


@pytest.mark.parametrize("has_contact", [True, False])
def test_use_this_contact_sends_his_invoices_to_the_customers(
    finance: Client,
    connected: XeroConnection,
    sandbox: SandboxControl,
    customer: Customer,
    through: Invoice,
    make_invoice: MakeInvoice,
    period: BillingPeriod,
    work: Work,
    has_contact: bool,
) -> None:
    if has_contact:
        sandbox.put_contacts([{"name": "Contoso Pty Ltd"}])
        link(connected, customer)
    make_invoice("Own", customer=customer)
    before = names(sandbox)
    action, shown = answers(press(finance, period, all="1"))
    page = finance.post(action, {"shown": shown["shown"], "contact": shown["contact"][0]}, follow=True)
    assert "/answer/" not in page.content.decode()
    post_ready(finance, page)  # type: ignore[arg-type]
    work()
    assert documents(sandbox) == {"Own": "Contoso Pty Ltd", "Through": "Contoso Pty Ltd"}
    assert names(sandbox) == before + (not has_contact)
    entry = AuditEntry.objects.get(action="contact", subject__contains="chosen before posting")
    assert "Contoso Pty Ltd (tenant-c)" in str(entry.after)


def test_create_another_names_it_by_what_it_is(
    finance: Client,
    connected: XeroConnection,
    sandbox: SandboxControl,
    make_invoice: MakeInvoice,
    period: BillingPeriod,
    work: Work,
) -> None:
    sandbox.put_contacts([{"name": "Contoso"}])
    same = Customer.objects.create(tenant_id="tenant-c", name="Contoso")
    link(connected, same, "Contoso")
    make_invoice("Through", bill_to=a_reseller("Contoso"))
    action, shown = answers(press(finance, period, all="1"))
    page = finance.post(action, {"shown": shown["shown"], "another": ""}, follow=True)
    assert "Contoso (reseller)" in page.content.decode()
    post_ready(finance, page)  # type: ignore[arg-type]
    work()
    assert documents(sandbox) == {"Through": "Contoso (reseller)"}
    assert "Contoso (tenant-c)" in str(AuditEntry.objects.filter(action="contact").latest("pk").after)


def test_two_resellers_of_one_spelling_get_two_names(
    connected: XeroConnection, sandbox: SandboxControl, make_invoice: MakeInvoice, upload: Upload, work: Work
) -> None:
    make_invoice("One", bill_to=a_reseller("Café Åse"))
    make_invoice("Two", bill_to=a_reseller("Cafe Ase"))
    upload()
    work()
    assert sorted(documents(sandbox).values()) == ["Cafe Ase (reseller)", "Café Åse (reseller 2)"]


def test_he_is_asked_about_by_the_name_of_the_contact_that_a_customer_is_linked_to(
    connected: XeroConnection, sandbox: SandboxControl, make_invoice: MakeInvoice
) -> None:
    sandbox.put_contacts([{"name": "Contoso Distribution"}])
    other = Customer.objects.create(tenant_id="tenant-o", name="Retail Holding 9")
    link(connected, other, "Contoso Distribution")
    make_invoice("Through", bill_to=a_reseller("Contoso Distribution"))
    (row,) = inspect(Invoice.objects.all(), connected, invoice_status="DRAFT").rows
    assert "the customer “Retail Holding 9” has the contact “Contoso Distribution”" in row.problems[0].words


def test_he_shows_on_the_contacts_page_as_the_customer_until_he_is_unlinked(
    finance: Client, connected: XeroConnection, sandbox: SandboxControl, customer: Customer, through: Invoice
) -> None:
    sandbox.put_contacts([{"name": "Contoso Pty Ltd"}])
    link(connected, customer)
    reseller = Customer.objects.get(key_from="reseller")

    def status() -> link_statuses.LinkStatus:
        return next(each for each in link_statuses.link_statuses(connected) if each.customer == reseller)

    assert (status().state, status().suggestion and status().suggestion.name) == ("suggested", "Contoso Pty Ltd")
    choose = finance.get(reverse("choose_contact", args=[reseller.pk]))
    (contact,) = re.findall(r'name="contact"\s+value="([^"]+)"', choose.content.decode())
    finance.post(reverse("choose_contact", args=[reseller.pk]), {"contact": contact})
    assert (status().state, status().linked) == ("linked", "Contoso Pty Ltd")
    assert "the customer “Contoso Pty Ltd”" in status().words
    assert ContactLink.objects.get().customer_key == "tenant-c"
    finance.post(reverse("contacts_do"), {"action": "unlink", "customer": reseller.pk, "sure": "1"})
    assert status().state == "suggested"
    assert ContactLink.objects.get().customer_key == "tenant-c"


def test_no_contact_is_made_for_one_who_is_a_customer(
    finance: Client, connected: XeroConnection, sandbox: SandboxControl, customer: Customer, through: Invoice
) -> None:
    reseller = Customer.objects.get(key_from="reseller")
    Customer.objects.filter(pk=reseller.pk).update(same_as=customer)
    before = names(sandbox)
    finance.post(reverse("contacts_do"), {"action": "create", "customer": reseller.pk})
    assert names(sandbox) == before


@pytest.mark.django_db
def test_with_the_customer_gone_he_is_one_of_his_own_again(customer: Customer) -> None:
    reseller = a_reseller("Contoso", same_as=customer)
    customer.delete()
    reseller.refresh_from_db()
    assert reseller.same_as_id is None


# The other way round


@pytest.fixture
def linked_reseller(connected: XeroConnection, sandbox: SandboxControl) -> Customer:
    sandbox.put_contacts([{"name": "Contoso"}])
    reseller = a_reseller("Contoso")
    matching.read_again(connected)
    assert matching.create(connected, [reseller]).linked == 1
    return reseller


@pytest.mark.parametrize("same", [True, False])
def test_a_customer_who_was_a_reseller_first_is_asked_about_too(
    finance: Client,
    connected: XeroConnection,
    sandbox: SandboxControl,
    linked_reseller: Customer,
    customer: Customer,
    make_invoice: MakeInvoice,
    period: BillingPeriod,
    work: Work,
    same: bool,
) -> None:
    make_invoice("Through", bill_to=linked_reseller)
    make_invoice("Own", customer=customer)
    before = names(sandbox)
    page = press(finance, period, all="1")
    assert "the reseller “Contoso” has the contact “Contoso”" in page.content.decode()
    action, shown = answers(page)
    given = {"contact": shown["contact"][0]} if same else {"another": ""}
    page = finance.post(action, {"shown": shown["shown"], **given}, follow=True)  # type: ignore[assignment]
    assert "/answer/" not in page.content.decode()
    post_ready(finance, page)
    work()
    assert documents(sandbox) == {"Through": "Contoso", "Own": "Contoso" if same else "Contoso Pty Ltd"}
    assert names(sandbox) == before + (not same)


def test_the_suggested_contact_of_a_reseller_is_linked_to_the_customer_and_shared(
    finance: Client,
    connected: XeroConnection,
    sandbox: SandboxControl,
    linked_reseller: Customer,
    customer: Customer,
) -> None:
    html = markup(finance.get(reverse("customers")).content.decode())
    (suggested,) = re.findall(rf'name="suggested-{customer.pk}" value="([^"]+)"', html)
    finance.post(
        reverse("contacts_do"), {"action": "link", "customer": customer.pk, f"suggested-{customer.pk}": suggested}
    )
    assert dict(ContactLink.objects.values_list("customer_key", "contact_name")) == {"tenant-c": "Contoso"}
    linked_reseller.refresh_from_db()
    assert linked_reseller.same_as == customer
