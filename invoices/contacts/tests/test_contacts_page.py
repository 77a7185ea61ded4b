"""The list of customers and what is done about their contacts there, as each role meets it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests
from django.http import HttpResponse
from django.test import Client

from c3portal.models import AuditEntry, User
from c3portal.tests.markup import markup
from invoices.contacts import matching
from invoices.contacts.tests.test_matching import a_contact, a_customer, a_link
from invoices.models import Customer
from invoices.tests import makers
from invoices.tests.pages import message_of
from xero_integration import contacts
from xero_integration.models import ContactLink, XeroConnection
from xero_sandbox.testing import SandboxControl

LIST, PAGE = "/customers/", "/contacts/"
ClientFor = Callable[[User], Client]


@pytest.fixture
def organisation(db: None) -> XeroConnection:
    return makers.connected()


@pytest.fixture
def many(organisation: XeroConnection) -> XeroConnection:
    """One customer in each state."""
    for key, name in (
        ("a", "Archived"),
        ("c", "Clash"),
        ("l", "Linked"),
        ("n", "New"),
        ("s", "Sure"),
        ("z", "Zimilar"),
    ):
        a_customer(f"tenant-{key}", name, f"ERP-{key}")
    a_link(organisation, "tenant-a", a_contact(organisation, "Archived", status="ARCHIVED").contact_id)
    a_contact(organisation, "Clash", "X77")
    a_link(organisation, "tenant-l", a_contact(organisation, "Linked", contact_id="id-l").contact_id)
    a_contact(organisation, "Sure", contact_id="id-s")
    a_contact(organisation, "Zimilar Pty Ltd", contact_id="id-z")
    return organisation


def page(client: Client, **query: Any) -> str:
    response = client.get(LIST, query)
    assert response.status_code == 200
    return markup(response.content.decode())


def shown(html: str) -> list[str]:
    """Return the customers in the table, from the top."""
    return [name.strip() for name in re.findall(r'<th scope="row"[^>]*><a[^>]*>([^<]*)', html)]


def pills(html: str) -> dict[str, int]:
    found = re.findall(r'<li><a href="\?[^>]*>([\w ]+?) ?<span class="n">(\d+)</span>', html)
    return {label: int(count) for label, count in found}


def do(client: Client, action: str, *customers: Customer, **fields: Any) -> HttpResponse:
    chosen = {"customer": [each.pk for each in customers]}
    return client.post(f"{PAGE}do/", {"action": action, "sure": "1", **chosen, **fields}, follow=True)  # type: ignore[return-value]


def named(name: str) -> Customer:
    return Customer.objects.get(name=name)


def links() -> dict[str, str]:
    return dict(ContactLink.objects.values_list("customer_key", "contact_id"))


# What it shows


def test_it_counts_the_states_and_shows_who_needs_a_person_first(finance: Client, many: XeroConnection) -> None:
    html = page(finance)
    assert pills(html) == {
        "All": 6,
        "To choose": 0,
        "Clash": 1,
        "Archived": 1,
        "Suggested": 2,
        "New": 1,
        "Linked": 1,
        "Via reseller": 0,
    }
    assert shown(html) == ["Clash", "Archived", "Sure", "Zimilar", "New", "Linked"]


def test_it_shows_the_ids_the_contact_and_how_it_was_found(finance: Client, many: XeroConnection) -> None:
    html = page(finance, state="linked")
    assert shown(html) == ["Linked"]
    assert "tenant-l" in html
    assert f'href="{many.contact_url("id-l").replace("&", "&amp;")}"' in html
    assert 'title="Same name"' in html


def test_search_and_sorting_work_together(finance: Client, many: XeroConnection) -> None:
    assert shown(page(finance, q="i", sort="-number")) == ["Zimilar", "Linked", "Archived"]
    assert pills(page(finance, q="erp-s"))["All"] == 1
    assert shown(page(finance, sort="-tenant_id"))[0] == "Zimilar"
    assert shown(page(finance, sort="contact"))[0] == "New"


def test_long_lists_come_in_pages(finance: Client, organisation: XeroConnection) -> None:
    Customer.objects.bulk_create([Customer(tenant_id=f"t{n}", name=f"Customer {n:03}") for n in range(60)])
    assert len(shown(page(finance))) == 50
    assert shown(page(finance, page=2))[-1] == "Customer 059"


def test_a_state_there_is_not_is_a_bad_request(finance: Client, organisation: XeroConnection) -> None:
    assert finance.get(LIST, {"state": "nonsense"}).status_code == 400


def test_before_connecting_it_says_so(finance: Client) -> None:
    assert "Connect to Xero" in page(finance)


def test_before_reading_contacts_it_says_so(finance: Client, organisation: XeroConnection) -> None:
    assert "not read yet" in page(finance)


@pytest.mark.parametrize(
    ("address", "shown_back"), [("/invoices/logs/", True), ("https://evil.example/", False), ("//evil.example", False)]
)
def test_it_leads_back_to_a_page_of_the_portal_only(
    finance: Client, many: XeroConnection, address: str, shown_back: bool
) -> None:
    html = page(finance, next=address)
    assert (f'href="{address}">' in html) == shown_back


def test_where_to_go_back_to_is_kept_through_what_is_done(finance: Client, many: XeroConnection) -> None:
    back = "q=i&next=%2Finvoices%2Flogs%2F"
    response = do(finance, "unlink", named("Linked"), back=back)
    assert response.redirect_chain[-1][0] == f"{LIST}?{back}"  # type: ignore[attr-defined]


def test_a_page_of_customers_takes_a_constant_number_of_queries(finance: Client, many: XeroConnection) -> None:
    few = makers.queries_of(finance, LIST)
    Customer.objects.bulk_create([Customer(tenant_id=f"t{n}", name=f"Customer {n:03}") for n in range(60)])
    assert makers.queries_of(finance, LIST) == few <= 15


# Roles


def test_a_system_reader_looks_only(client_for: ClientFor, system_reader: User, many: XeroConnection) -> None:
    reader = client_for(system_reader)
    html = page(reader)
    assert shown(html)[0] == "Clash"
    for words in ("Link suggested", "Unlink", "Refresh from Xero", 'name="customer"', "suggested-"):
        assert words not in html
    for address in ("do/", "read/", f"{named('New').pk}/"):
        assert reader.post(PAGE + address).status_code == 403
    assert reader.get(f"{PAGE}{named('New').pk}/").status_code == 403


def test_the_menu_leads_there_for_everyone(client_for: ClientFor, system_reader: User) -> None:
    assert f'<a href="{LIST}"' in markup(client_for(system_reader).get("/analyze/business/invoices/").content.decode())


def test_nothing_is_changed_by_looking(finance: Client, many: XeroConnection) -> None:
    assert finance.get(f"{PAGE}do/").status_code == 405
    assert finance.get(f"{PAGE}read/").status_code == 405


# Linking


def test_the_ticked_suggestion_that_was_shown_is_linked(finance: Client, many: XeroConnection) -> None:
    similar = named("Zimilar")
    response = do(finance, "link", similar, **{f"suggested-{similar.pk}": "id-z"})
    assert "1 customer linked." in message_of(response)
    assert links()["tenant-z"] == "id-z"


def test_of_a_whole_filter_similar_names_are_left_to_be_looked_at(finance: Client, many: XeroConnection) -> None:
    response = do(finance, "link", all="1", back="state=suggested")
    assert "1 customer linked." in message_of(response)
    assert "1 customer left out: a similar name is linked when its own box is ticked." in message_of(response)
    assert links().keys() == {"tenant-a", "tenant-l", "tenant-s"}


def test_a_suggestion_that_someone_else_took_meanwhile_is_refused_in_words(
    finance: Client, many: XeroConnection
) -> None:
    similar = named("Zimilar")
    a_link(many, "tenant-n", "id-z")
    response = do(finance, "link", similar, **{f"suggested-{similar.pk}": "id-z"})
    assert "The contact “Zimilar Pty Ltd” is linked to New. Unlink it there first." in message_of(response)


def test_nothing_ticked_is_told(finance: Client, many: XeroConnection) -> None:
    assert "Nothing was selected" in message_of(do(finance, "link"))


def test_an_action_there_is_not_is_a_bad_request(finance: Client, many: XeroConnection) -> None:
    assert do(finance, "merge", named("New")).status_code == 400


def test_an_upload_at_work_on_contacts_is_told(finance: Client, many: XeroConnection) -> None:
    contacts.lease(many)
    sure = named("Sure")
    assert "Try again in a minute." in message_of(do(finance, "link", sure, **{f"suggested-{sure.pk}": "id-s"}))


def test_a_contact_is_searched_and_linked_by_hand(finance: Client, many: XeroConnection) -> None:
    a_contact(many, "A wholly different name", contact_id="id-x")
    address = f"{PAGE}{named('New').pk}/"
    html = markup(finance.get(address, {"q": "wholly", "back": "state=new"}).content.decode())
    assert 'value="id-x"' in html
    response = finance.post(address, {"contact": "id-x", "back": "state=new"}, follow=True)
    assert "New is linked" in message_of(response)
    assert response.redirect_chain[-1][0] == f"{LIST}?state=new"
    assert links()["tenant-n"] == "id-x"


def test_a_contact_that_another_customer_has_cannot_be_chosen(finance: Client, many: XeroConnection) -> None:
    address = f"{PAGE}{named('New').pk}/"
    html = markup(finance.get(address, {"q": "linked"}).content.decode())
    assert "is linked to Linked. Unlink it there first." in html
    assert 'value="id-l"' not in html
    response = finance.post(address, {"contact": "id-l"}, follow=True)
    assert "is linked to Linked. Unlink it there first." in message_of(response)
    assert "tenant-n" not in links()


def test_a_contact_that_is_no_longer_listed_cannot_be_chosen(finance: Client, many: XeroConnection) -> None:
    response = finance.post(f"{PAGE}{named('New').pk}/", {"contact": "nobody"}, follow=True)
    assert "not in the list of contacts any more" in message_of(response)


# Unlinking


def test_the_ticked_are_unlinked(finance: Client, many: XeroConnection) -> None:
    response = do(finance, "unlink", named("Linked"), named("New"))
    assert "1 customer unlinked" in message_of(response)
    assert links().keys() == {"tenant-a"}


def test_a_whole_filter_is_never_unlinked(finance: Client, many: XeroConnection) -> None:
    assert "ticked customers only" in message_of(do(finance, "unlink", all="1"))
    assert links().keys() == {"tenant-a", "tenant-l"}


# With Xero


def test_the_ticked_are_created_in_xero(finance: Client, connected: XeroConnection, sandbox: SandboxControl) -> None:
    one, two = a_customer("one", "Proseware"), a_customer("two", "Northwind Traders")
    response = do(finance, "create", one, two)
    assert "1 customer created in Xero." in message_of(response)
    assert "1 customer had a contact with their number or name: linked to that." in message_of(response)
    assert sandbox.organisations()[0]["contacts"] == 7


def test_who_presses_while_another_creates_them_has_not_created_them(
    finance: Client, connected: XeroConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = a_customer("one", "Proseware")

    def another_creates_it_first(connection: XeroConnection) -> bool:
        a_link(connection, customer.tenant_id, "made-meanwhile")
        return False

    monkeypatch.setattr(contacts, "lease", another_creates_it_first)
    before = AuditEntry.objects.count()
    assert "Not all were created" in message_of(do(finance, "create", customer))
    assert ContactLink.objects.get().customer_key == customer.tenant_id
    assert AuditEntry.objects.count() == before


def test_a_refusal_is_told_by_customer(finance: Client, connected: XeroConnection, sandbox: SandboxControl) -> None:
    matching.read_again(connected)
    sandbox.put_contacts([{"name": "Proseware", "number": "made meanwhile"}])
    response = do(finance, "create", a_customer("one", "Proseware"), a_customer("two", "Litware"))
    assert "1 customer created in Xero." in message_of(response)
    assert "Not created in Xero: Proseware: Xero refused to create the contact" in message_of(response)


def test_of_a_whole_filter_only_those_are_created_who_cannot_be_there_already(
    finance: Client, connected: XeroConnection, sandbox: SandboxControl
) -> None:
    matching.read_again(connected)
    for key, name in (("one", "Proseware"), ("two", "Tailspin Toys Pty Ltd")):
        a_customer(key, name)
    response = do(finance, "create", all="1")
    assert "1 customer created in Xero." in message_of(response)
    assert "1 customer left out" in message_of(response)
    assert links().keys() == {"one"}


def test_xero_out_of_reach_is_told(finance: Client, connected: XeroConnection, sandbox: SandboxControl) -> None:
    sandbox.place_fault("503_text", path="^Contacts$")
    assert "Not all were created" in message_of(do(finance, "create", a_customer("one", "Proseware")))
    sandbox.place_fault("503_text", path="^Contacts$")
    assert "Contacts could not be read" in message_of(finance.post(f"{PAGE}read/", follow=True))
    assert contacts.lease(connected)


def test_contacts_are_read_again(finance: Client, connected: XeroConnection, sandbox: SandboxControl) -> None:
    matching.read_again(connected)
    sandbox.put_contacts([{"name": "Proseware"}])
    a_customer("one", "Proseware")
    response = finance.post(f"{PAGE}read/", {"back": "state=suggested"}, follow=True)
    assert "7 contacts of Contoso Cloud (AU) were read." in message_of(response)
    assert shown(markup(response.content.decode())) == ["Proseware"]


def test_a_contact_opens_in_xero(connected: XeroConnection, sandbox: SandboxControl) -> None:
    matching.create(connected, [a_customer("one", "Proseware")])
    answer = requests.get(connected.contact_url(ContactLink.objects.get().contact_id), timeout=10)
    assert answer.status_code == 200
    assert "Proseware" in answer.text
