"""How each customer stands with its contact in Xero, and what a person may do about it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from invoices.conftest import MakeInvoice, Upload, Work
from invoices.contacts import link_statuses, matching, requests, resellers
from invoices.contacts.link_statuses import LinkStatus
from invoices.contacts.matching import NotLinked
from invoices.models import Customer, Posting
from invoices.tests import makers
from xero_integration import contacts
from xero_integration.contact_index import ContactIndex
from xero_integration.contact_names import name_key
from xero_integration.models import Contact, ContactLink, XeroConnection
from xero_sandbox.testing import SandboxControl

pytestmark = pytest.mark.both_databases


def a_customer(key: str, name: str, erp_id: str = "") -> Customer:
    return Customer.objects.create(tenant_id=key, name=name, erp_id=erp_id)


def a_contact(connection: XeroConnection, name: str, number: str = "", **facts: Any) -> Contact:
    """Put a contact into the last listing."""
    given_facts = {"status": "ACTIVE", "contact_id": f"id of {name} {number}".strip()} | facts
    return Contact.objects.create(
        connection=connection, name=name, name_key=name_key(name), contact_number=number, **given_facts
    )


def a_link(connection: XeroConnection, key: str, contact_id: str, name: str = "A name of old") -> ContactLink:
    return ContactLink.objects.create(
        connection=connection, customer_key=key, contact_id=contact_id, contact_name=name, matched_by="name"
    )


@pytest.fixture
def organisation(db: None) -> XeroConnection:
    """An organisation whose contacts were listed a moment from now, so that every link is older."""
    connection = makers.connected()
    connection.contacts_read_at = timezone.now() + dt.timedelta(minutes=1)
    connection.save()
    return connection


def link_status(connection: XeroConnection, key: str) -> LinkStatus:
    return next(each for each in link_statuses.link_statuses(connection) if each.customer.tenant_id == key)


# States


def test_a_customer_nobody_knows_is_new_and_it_says_under_which_name(organisation: XeroConnection) -> None:
    a_customer("one", "Proseware")
    found = link_status(organisation, "one")
    assert (found.state, found.words) == ("new", "The next upload creates “Proseware”.")


def test_a_linked_customer_shows_the_contact_as_it_is_called_today(organisation: XeroConnection) -> None:
    a_customer("one", "Proseware")
    a_link(organisation, "one", a_contact(organisation, "Proseware Holding").contact_id)
    found = link_status(organisation, "one")
    assert (found.state, found.linked, found.how, found.words) == ("linked", "Proseware Holding", "Same name", "")


@pytest.mark.parametrize(
    ("name", "number", "why"),
    [("Anything", "one", "Same contact number"), ("PROSEWARE", "", "Same name")],
)
def test_number_and_exact_name_are_sure(organisation: XeroConnection, name: str, number: str, why: str) -> None:
    a_customer("one", "Proseware")
    a_contact(organisation, name, number)
    found = link_status(organisation, "one")
    assert found.state == "suggested"
    assert found.suggestion is not None
    assert (found.suggestion.name, found.suggestion.why, found.suggestion.is_sure) == (name, why, True)


def test_a_similar_name_is_a_suggestion_only(organisation: XeroConnection) -> None:
    a_customer("one", "Proseware")
    a_contact(organisation, "Proseware Pty Ltd")
    found = link_status(organisation, "one")
    assert found.suggestion is not None
    assert (found.state, found.suggestion.name, found.suggestion.is_sure) == ("suggested", "Proseware Pty Ltd", False)
    assert found.words == "The next upload asks before it creates “Proseware”."


@pytest.mark.parametrize(
    ("holder", "number"), [("two", ""), ("", "two")], ids=["linked to another", "with the number of another"]
)
def test_a_similar_contact_of_another_customer_is_not_suggested(
    organisation: XeroConnection, holder: str, number: str
) -> None:
    a_customer("one", "Proseware")
    a_customer("two", "Litware")
    contact = a_contact(organisation, "Proseware Pty Ltd", number)
    if holder:
        a_link(organisation, holder, contact.contact_id)
    assert link_status(organisation, "one").state == "new"


def test_two_customers_of_one_name_clash_over_its_contact_and_neither_gets_it(organisation: XeroConnection) -> None:
    a_customer("one", "Proseware", "ERP1")
    a_customer("two", "proseware", "ERP2")
    a_contact(organisation, "Proseware")
    for key, name in (("one", "Proseware (ERP1)"), ("two", "proseware (ERP2)")):
        found = link_status(organisation, key)
        assert found.state == "clash"
        assert "could be either's" in found.words
        assert found.words.endswith(f"The next upload asks before it creates “{name}”.")


@pytest.mark.parametrize(
    ("number", "holder", "words"),
    [("", "two", "is linked to another customer"), ("X77", "", "has the contact number X77, so it is someone else")],
)
def test_a_contact_of_the_same_name_that_is_someone_elses_is_a_clash(
    organisation: XeroConnection, number: str, holder: str, words: str
) -> None:
    a_customer("one", "Proseware", "ERP1")
    contact = a_contact(organisation, "Proseware", number)
    if holder:
        a_link(organisation, holder, contact.contact_id)
    found = link_status(organisation, "one")
    assert found.state == "clash"
    assert words in found.words


def test_a_contact_with_the_customers_number_that_another_has_is_a_clash(organisation: XeroConnection) -> None:
    a_customer("one", "Proseware")
    a_link(organisation, "two", a_contact(organisation, "Proseware", "one").contact_id)
    assert link_status(organisation, "one").state == "clash"


def test_an_archived_contact_with_the_customers_number_is_told(organisation: XeroConnection) -> None:
    a_customer("one", "Proseware")
    a_contact(organisation, "Proseware", "one", status="ARCHIVED")
    assert link_status(organisation, "one").state == "archived"


def test_a_linked_contact_that_was_archived_is_told(organisation: XeroConnection) -> None:
    a_customer("one", "Proseware")
    a_link(organisation, "one", a_contact(organisation, "Proseware", status="ARCHIVED").contact_id)
    found = link_status(organisation, "one")
    assert (found.state, found.linked) == ("archived", "Proseware")
    assert found.words == "The contact “Proseware” is archived in Xero. Restore it there or link another."


def test_a_linked_contact_that_was_merged_is_told_with_the_one_it_was_merged_into(organisation: XeroConnection) -> None:
    a_customer("one", "Proseware")
    target = a_contact(organisation, "Proseware Group")
    merged = a_contact(organisation, "Proseware", status="ARCHIVED", merged_into=target.contact_id)
    a_link(organisation, "one", merged.contact_id)
    found = link_status(organisation, "one")
    assert found.state == "archived"
    assert found.words == "The contact “Proseware” was merged into “Proseware Group” in Xero. Link that one."
    assert found.suggestion is not None
    assert found.suggestion.contact_id == target.contact_id


def test_a_contact_with_the_customers_number_that_was_merged_is_told_too(organisation: XeroConnection) -> None:
    a_customer("one", "Proseware")
    target = a_contact(organisation, "Proseware Group")
    a_contact(organisation, "Proseware", "one", status="ARCHIVED", merged_into=target.contact_id)
    found = link_status(organisation, "one")
    assert found.state == "archived"
    assert "was merged into “Proseware Group” in Xero. Link that." in found.words
    assert found.suggestion is not None
    assert matching.link(organisation, {"one": found.suggestion.contact_id}) == (1, [])


def test_a_linked_contact_that_is_gone_is_told(organisation: XeroConnection) -> None:
    a_customer("one", "Proseware")
    a_link(organisation, "one", "gone", "Proseware")
    found = link_status(organisation, "one")
    assert found.state == "clash"
    assert "is no longer in Xero" in found.words


def test_a_contact_made_after_the_listing_was_asked_for_is_not_taken_to_be_gone(organisation: XeroConnection) -> None:
    organisation.contacts_read_at = timezone.now() - dt.timedelta(minutes=1)
    a_customer("one", "Proseware")
    a_link(organisation, "one", "made just now", "Proseware")
    assert link_status(organisation, "one").state == "linked"


def test_a_search_finds_customer_tenant_erp_id_and_contact(organisation: XeroConnection) -> None:
    a_customer("tenant-one", "Proseware", "ERP77")
    a_customer("tenant-two", "Litware", "ERP88")
    a_link(organisation, "tenant-one", a_contact(organisation, "Holding").contact_id)
    found = link_statuses.link_statuses(organisation)
    for words in ("prose", "NT-ONE", "erp77", "hold"):
        assert [each.customer.name for each in link_statuses.search(found, words)] == ["Proseware"]


# Matching as a whole

PEOPLE = st.lists(
    st.tuples(st.sampled_from(["Ada", "ada", "Ada Ltd", "Bo", "Bo  Inc", "Cy"]), st.sampled_from(["", "E1", "E2"])),
    max_size=6,
)
LISTED = st.lists(
    st.tuples(
        st.sampled_from(["Ada", "ADA", "Bo", "Bo Inc", "Cy", "Dee"]),
        st.sampled_from(["", "", "t0", "t1", "t2", "x"]),
        st.sampled_from(["ACTIVE", "ACTIVE", "ARCHIVED"]),
        st.sampled_from(["", "", "t0", "t1", "t3", "left"]),
    ),
    max_size=6,
)


class MatchingTest(TestCase):
    """Whatever customers and contacts there are."""

    @settings(max_examples=60, deadline=None)
    @given(PEOPLE, LISTED)
    def test_no_contact_is_ever_two_customers_and_order_does_not_matter(
        self, people: list[tuple[str, str]], listed: list[tuple[str, str, str, str]]
    ) -> None:
        connection = makers.connected()
        for number, (name, erp_id) in enumerate(people):
            a_customer(f"t{number}", name, erp_id)
        seen: set[str] = set()
        for number, (name, key, status, holder) in enumerate(listed):
            numbered = "" if key in seen else key
            contact = a_contact(connection, name, numbered, status=status, contact_id=f"c{number}")
            if holder and not ContactLink.objects.filter(customer_key=holder).exists():
                a_link(connection, holder, contact.contact_id)
            seen.add(numbered)
        before = dict(ContactLink.objects.values_list("customer_key", "contact_id"))
        wanted = requests.wanted_contacts(connection, Customer.objects.all())
        taken = []
        for order in (wanted, list(reversed(wanted))):
            index = ContactIndex(connection)
            matches = {each.key: index.match(each) for each in order if each.key not in before}
            found = {key: match["contact_id"] for key, match in matches.items() if isinstance(match, dict)}
            assert len({*found.values(), *before.values()}) == len(found) + len(before)
            assert all(index.contacts[contact_id].status == "ACTIVE" for contact_id in found.values())
            taken.append(found)
        assert taken[0] == taken[1]
        sure = {
            each.customer.tenant_id: each.suggestion.contact_id
            for each in link_statuses.link_statuses(connection)
            if each.suggestion and each.suggestion.is_sure
        }
        assert sure == taken[0]


# What a person does


def test_a_contact_is_linked_by_hand(organisation: XeroConnection) -> None:
    a_customer("one", "Proseware")
    contact = a_contact(organisation, "A wholly different name")
    assert matching.link(organisation, {"one": contact.contact_id}) == (1, [])
    assert (link_status(organisation, "one").state, link_status(organisation, "one").how) == (
        "linked",
        "Linked by hand",
    )


def test_linking_another_takes_the_place_of_the_first(organisation: XeroConnection) -> None:
    a_customer("one", "Proseware")
    first, second = a_contact(organisation, "First"), a_contact(organisation, "Second")
    for contact in (first, second):
        matching.link(organisation, {"one": contact.contact_id})
    assert list(ContactLink.objects.values_list("contact_name", flat=True)) == ["Second"]


@pytest.mark.parametrize(
    ("facts", "holder", "words"),
    [
        ({}, "two", "The contact “Proseware” is linked to Litware. Unlink it there first."),
        ({"number": "two"}, "", "The contact “Proseware” has the contact number of Litware."),
        ({"status": "ARCHIVED"}, "", "The contact “Proseware” is archived in Xero. Restore it there first."),
    ],
)
def test_a_contact_that_cannot_be_the_customer_is_refused_in_words(
    organisation: XeroConnection, facts: dict[str, str], holder: str, words: str
) -> None:
    a_customer("one", "Proseware")
    a_customer("two", "Litware")
    contact = a_contact(organisation, "Proseware", **facts)
    if holder:
        a_link(organisation, holder, contact.contact_id)
    assert matching.link(organisation, {"one": contact.contact_id}) == (0, [f"Proseware: {words}"])
    assert not ContactLink.objects.filter(customer_key="one").exists()


def test_one_contact_for_two_customers_in_one_click_goes_to_one_of_them(organisation: XeroConnection) -> None:
    a_customer("one", "Proseware")
    a_customer("two", "Litware")
    contact = a_contact(organisation, "Either")
    linked, problems = matching.link(organisation, {"one": contact.contact_id, "two": contact.contact_id})
    assert (linked, len(problems)) == (1, 1)


def test_a_reseller_keeps_its_contact_when_the_customer_cannot_have_it(
    organisation: XeroConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_customer("one", "Contoso Pty Ltd")
    Customer.objects.create(tenant_id="reseller", name="Contoso", key_from=Customer.Key.RESELLER)
    contact = a_contact(organisation, "Contoso")
    a_link(organisation, "reseller", contact.contact_id)
    real = contacts.link_by_hand

    def taken_meanwhile(connection: XeroConnection, key: str, contact: Contact) -> None:
        a_link(connection, "another", contact.contact_id)
        real(connection, key, contact)

    monkeypatch.setattr(contacts, "link_by_hand", taken_meanwhile)

    assert matching.link(organisation, {"one": resellers.AS_CUSTOMER + "reseller"}) == (
        0,
        ["Contoso Pty Ltd: The contact “Contoso” is linked to another customer."],
    )
    assert ContactLink.objects.filter(customer_key="reseller").exists()
    assert Customer.objects.get(tenant_id="reseller").same_as is None


def test_nobody_links_while_an_upload_looks_after_contacts(organisation: XeroConnection) -> None:
    a_customer("one", "Proseware")
    contact = a_contact(organisation, "Proseware")
    assert contacts.lease(organisation)
    with pytest.raises(NotLinked, match="Try again"):
        matching.link(organisation, {"one": contact.contact_id})


def test_what_was_unlinked_is_not_found_again_by_name(organisation: XeroConnection) -> None:
    a_customer("one", "Proseware", "ERP1")
    a_link(organisation, "one", a_contact(organisation, "Proseware").contact_id)
    assert contacts.unlink(organisation, ["one"]) == 1
    found = link_status(organisation, "one")
    assert (found.state, found.suggestion) == ("clash", None)
    assert found.words == (
        "The contact “Proseware” was unlinked from this customer. The next upload creates “Proseware (ERP1)”."
    )


def test_what_was_unlinked_is_not_found_again_by_number(organisation: XeroConnection) -> None:
    a_customer("one", "Proseware")
    a_link(organisation, "one", a_contact(organisation, "Proseware", "one").contact_id)
    contacts.unlink(organisation, ["one"])
    found = link_status(organisation, "one")
    assert found.state == "clash"
    assert "was unlinked from it" in found.words


def test_what_was_unlinked_can_be_linked_again(organisation: XeroConnection) -> None:
    a_customer("one", "Proseware")
    contact = a_contact(organisation, "Proseware")
    a_link(organisation, "one", contact.contact_id)
    contacts.unlink(organisation, ["one"])
    matching.link(organisation, {"one": contact.contact_id})
    assert link_status(organisation, "one").state == "linked"
    ContactLink.objects.all().delete()
    assert link_status(organisation, "one").state == "suggested"


def test_a_candidate_says_why_it_may_be_the_customer_or_why_it_cannot(organisation: XeroConnection) -> None:
    one = a_customer("one", "Proseware")
    a_customer("two", "Litware")
    a_contact(organisation, "Old name", "one")
    a_link(organisation, "two", a_contact(organisation, "Proseware").contact_id)
    a_contact(organisation, "Proseware Pty Ltd")
    found = [(each.contact.name, each.why, each.why_not) for each in matching.candidates(organisation, one, "")]
    assert found == [
        ("Old name", "Same contact number", ""),
        ("Proseware", "Same name", "The contact “Proseware” is linked to Litware. Unlink it there first."),
        ("Proseware Pty Ltd", "Nearly the same name", ""),
    ]
    searched = matching.candidates(organisation, one, "pty")
    assert [each.contact.name for each in searched] == ["Proseware Pty Ltd"]


# With Xero


def test_contacts_are_created_in_xero_now(connected: XeroConnection, sandbox: SandboxControl) -> None:
    customers = [a_customer("one", "Proseware"), a_customer("two", "Northwind Traders")]
    outcome = matching.create(connected, customers)
    assert (outcome.linked, outcome.created, outcome.problems) == (2, 1, {})
    assert {each.how for each in link_statuses.link_statuses(connected)} == {"Created by the portal", "Same name"}
    assert sandbox.organisations()[0]["contacts"] == 7


def test_creating_twice_makes_nobody_twice(connected: XeroConnection, sandbox: SandboxControl) -> None:
    one = a_customer("one", "Proseware")
    matching.create(connected, [one])
    assert matching.create(connected, [one]).linked == 0
    assert sandbox.organisations()[0]["contacts"] == 7


def test_reading_again_shows_what_changed_in_xero(connected: XeroConnection, sandbox: SandboxControl) -> None:
    one = a_customer("one", "Proseware")
    matching.create(connected, [one])
    contact_id = ContactLink.objects.get().contact_id
    (target,) = sandbox.put_contacts([{"name": "Proseware Group"}])
    sandbox.put_contacts([{"contact_id": contact_id, "merged_into": target["contact_id"]}])
    assert link_status(connected, "one").state == "linked"
    assert matching.read_again(connected) == 8
    found = link_status(connected, "one")
    assert found.state == "archived"
    assert "was merged into “Proseware Group” in Xero" in found.words


def test_an_invoice_of_an_archived_contact_is_refused_before_xero_does_and_goes_once_it_is_restored(
    connected: XeroConnection,
    sandbox: SandboxControl,
    make_invoice: MakeInvoice,
    upload: Upload,
    work: Work,
    time_machine: Any,
) -> None:
    customer = make_invoice().customer
    matching.create(connected, [customer])
    contact_id = ContactLink.objects.get().contact_id
    sandbox.put_contacts([{"contact_id": contact_id, "status": "ARCHIVED"}])
    matching.read_again(connected)
    sandbox.forget()
    upload()
    work()
    posting = Posting.objects.get()
    assert (posting.status, posting.message) == (
        "rejected",
        f"The contact “{customer.name}” is archived in Xero. Restore it there or link another.",
    )
    assert not any(call["path"] == "Invoices" and call["method"] == "PUT" for call in sandbox.calls())
    sandbox.put_contacts([{"contact_id": contact_id, "status": "ACTIVE"}])
    time_machine.move_to(timezone.now() + dt.timedelta(minutes=2))
    upload()
    work()
    posting.refresh_from_db()
    assert posting.status == "posted"


def test_an_unlinked_customer_gets_a_contact_of_its_own_with_the_next_upload(
    connected: XeroConnection, sandbox: SandboxControl, make_invoice: MakeInvoice, upload: Upload, work: Work
) -> None:
    customer = a_customer("one", "Northwind Traders", "ERP1")
    matching.create(connected, [customer])
    contacts.unlink(connected, ["one"])
    make_invoice(customer=customer)
    upload()
    work()
    assert [each["contact"] for each in sandbox.documents()] == ["Northwind Traders (ERP1)"]


# Calls


def test_thousands_of_customers_take_as_many_queries_as_one(
    organisation: XeroConnection, django_assert_num_queries: Callable[..., Any]
) -> None:
    a_customer("one", "Customer 0")
    a_contact(organisation, "Somebody 0")
    with CaptureQueriesContext(database) as few:
        link_statuses.link_statuses(organisation)
    Customer.objects.bulk_create([Customer(tenant_id=f"t{n}", name=f"Customer {n:04}") for n in range(2000)])
    rows = [
        Contact(connection=organisation, contact_id=f"c{n}", name=f"C {n}", name_key=f"c {n}", status="ACTIVE")
        for n in range(2000)
    ]
    Contact.objects.bulk_create(rows)
    with django_assert_num_queries(len(few)):
        link_statuses.link_statuses(organisation)
