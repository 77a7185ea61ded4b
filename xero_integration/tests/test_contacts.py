"""Which contact each customer is: found by number or by name, made in bulk, never shared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from xero_integration import connections, contacts
from xero_integration.client import timeouts
from xero_integration.client.errors import XeroUnavailable
from xero_integration.contact_index import ContactIndex, Customer, archived
from xero_integration.contacts import Outcome
from xero_integration.models import Contact, ContactLink, XeroConnection
from xero_integration.tests.deaths import killed_in_the_call
from xero_sandbox.testing import SandboxControl

Link = Callable[..., Outcome]


def customer(key: str = "tenant-1", name: str = "Proseware", **facts: Any) -> Customer:
    given: dict[str, Any] = {"suffix": "ERP1", "emails": ("ap@proseware.example",), "shares_name": False}
    return Customer(key=key, name=name, **given | facts)


@pytest.fixture
def link(connected: XeroConnection) -> Link:
    """Return a function that links these customers."""
    return lambda *wanted: connections.call(connected, lambda gateway: contacts.link(connected, gateway, wanted))


def links() -> dict[str, tuple[str, str]]:
    rows = ContactLink.objects.values_list("customer_key", "contact_name", "matched_by")
    return {key: (name, how) for key, name, how in rows}


def calls(sandbox: SandboxControl) -> list[str]:
    return [f"{call['method']} {call['path']}" for call in sandbox.calls() if call["path"] == "Contacts"]


def test_a_customer_whom_xero_does_not_know_is_created_with_its_number(link: Link, sandbox: SandboxControl) -> None:
    outcome = link(customer())
    assert (outcome.linked, outcome.problems) == (1, {})
    assert links() == {"tenant-1": ("Proseware", "created")}
    made = Contact.objects.get(contact_number="tenant-1")
    assert made.contact_id == ContactLink.objects.get().contact_id
    assert sandbox.organisations()[0]["contacts"] == 7


def test_no_call_creates_more_contacts_than_one_may_carry(link: Link, sandbox: SandboxControl, settings: Any) -> None:
    settings.XERO_BATCH = 2
    sandbox.forget()
    assert link(*(customer(f"tenant-{number}", f"Customer {number}") for number in range(5))).linked == 5
    assert calls(sandbox).count("PUT Contacts") == 3


def test_a_contact_with_the_customers_number_is_the_customer_whatever_its_name(
    link: Link, sandbox: SandboxControl
) -> None:
    (known,) = sandbox.put_contacts([{"name": "An old name", "number": "tenant-1"}])
    link(customer(shares_name=True))
    assert links() == {"tenant-1": ("An old name", "number")}
    assert ContactLink.objects.get().contact_id == known["contact_id"]


@pytest.mark.parametrize("name", ["Northwind Traders", "northwind TRADERS", " Northwind  Traders "])
def test_a_contact_of_the_same_name_is_the_customer(link: Link, name: str) -> None:
    link(customer(name=name))
    assert links() == {"tenant-1": ("Northwind Traders", "name")}


def test_a_name_that_another_customer_shares_proves_nothing(link: Link, sandbox: SandboxControl) -> None:
    link(
        customer("tenant-1", "Northwind Traders", suffix="ERP1", shares_name=True),
        customer("tenant-2", "Northwind Traders", suffix="", shares_name=True),
    )
    assert links() == {
        "tenant-1": ("Northwind Traders (ERP1)", "created"),
        "tenant-2": ("Northwind Traders (tenant-2)", "created"),
    }
    assert len(set(ContactLink.objects.values_list("contact_id", flat=True))) == 2


def test_a_contact_of_the_same_name_with_another_number_is_someone_else(link: Link, sandbox: SandboxControl) -> None:
    sandbox.put_contacts([{"name": "Proseware", "number": "someone else"}])
    link(customer())
    assert links() == {"tenant-1": ("Proseware (ERP1)", "created")}


def test_a_contact_that_another_customer_has_is_not_shared(link: Link) -> None:
    link(customer("tenant-1", "Northwind Traders"))
    link(customer("tenant-2", "Northwind Traders", suffix="ERP2"))
    assert links() == {
        "tenant-1": ("Northwind Traders", "name"),
        "tenant-2": ("Northwind Traders (ERP2)", "created"),
    }


def test_an_archived_contact_with_the_customers_number_is_a_problem_in_words(
    link: Link, sandbox: SandboxControl
) -> None:
    sandbox.put_contacts([{"name": "Proseware", "number": "tenant-1", "status": "ARCHIVED"}])
    outcome = link(customer(), customer("tenant-2", "Litware"))
    assert outcome.problems == {"tenant-1": archived("Proseware")}
    assert list(links()) == ["tenant-2"]


def test_an_archived_contact_of_the_same_name_is_left_alone(link: Link) -> None:
    link(customer(name="Woodgrove Holdings (closed)"))
    assert links() == {"tenant-1": ("Woodgrove Holdings (closed)", "created")}


def test_what_xero_refuses_is_said_and_the_others_are_made(link: Link, sandbox: SandboxControl) -> None:
    link(customer("tenant-0", "Litware"))
    sandbox.put_contacts([{"name": "Proseware", "number": "made meanwhile"}])
    outcome = link(customer(), customer("tenant-2", "Trey Research"))
    assert list(outcome.problems) == ["tenant-1"]
    assert "already assigned to another contact" in outcome.problems["tenant-1"]
    assert set(links()) == {"tenant-0", "tenant-2"}


def test_a_name_that_was_taken_meanwhile_is_seen_at_the_next_try(link: Link, sandbox: SandboxControl) -> None:
    link(customer("tenant-0", "Litware"))
    sandbox.put_contacts([{"name": "Proseware", "number": "made meanwhile"}])
    link(customer())
    assert link(customer()).problems == {}
    assert links()["tenant-1"] == ("Proseware (ERP1)", "created")


def test_a_name_of_255_letters_still_has_room_for_what_tells_it_apart(link: Link) -> None:
    name = "P" * 255
    link(customer("tenant-1", name, shares_name=True), customer("tenant-2", name, suffix="ERP2", shares_name=True))
    names = {name for name, _ in links().values()}
    assert {len(each) for each in names} == {255}
    assert {each[-7:] for each in names} == {" (ERP1)", " (ERP2)"}


def test_what_is_no_address_is_not_sent_as_one(link: Link) -> None:
    assert link(customer(emails=("none",))).problems == {}


# Calls


def test_a_hundred_and_twenty_customers_take_one_listing_and_three_calls(link: Link, sandbox: SandboxControl) -> None:
    many = [customer(f"tenant-{number}", f"Customer {number}") for number in range(120)]
    assert link(*many).linked == 120
    assert calls(sandbox) == ["GET Contacts", *["PUT Contacts"] * 3]
    assert len(set(ContactLink.objects.values_list("contact_id", flat=True))) == 120


def test_a_listing_serves_for_a_quarter_of_an_hour(link: Link, sandbox: SandboxControl, time_machine: Any) -> None:
    link(customer("tenant-1", "Northwind Traders"))
    link(customer("tenant-2", "Fabrikam Pty Ltd"))
    assert calls(sandbox) == ["GET Contacts"]
    time_machine.move_to(timezone.now() + dt.timedelta(minutes=16))
    link(customer("tenant-3", "Tailspin Toys"))
    assert calls(sandbox) == ["GET Contacts"] * 2


def test_a_listing_goes_on_over_all_pages(link: Link, sandbox: SandboxControl) -> None:
    sandbox.put_contacts([{"name": f"Contact {number}", "number": f"tenant-{number}"} for number in range(1100)])
    link(customer("tenant-0"), customer("tenant-1099"))
    assert {how for _, how in links().values()} == {"number"}
    assert calls(sandbox) == ["GET Contacts"] * 2


def test_nobody_to_link_takes_no_call(link: Link, sandbox: SandboxControl) -> None:
    sandbox.forget()
    assert link().linked == 0
    assert sandbox.calls() == []


# Lost answers


@pytest.mark.parametrize(
    "fault", ["commit_then_drop", "commit_then_500", "garbled_json_after_commit", "elements_missing", "drop_before"]
)
def test_nobody_is_created_twice_when_the_answer_is_lost(link: Link, sandbox: SandboxControl, fault: str) -> None:
    three = [customer(f"tenant-{number}", f"Customer {number}") for number in range(3)]
    sandbox.place_fault(fault, method="PUT", path="^Contacts$")
    with pytest.raises(XeroUnavailable, match="goes on"):
        link(*three)
    assert link(*[each for each in three if each.key not in links()]).problems == {}
    assert len(links()) == 3
    assert sandbox.organisations()[0]["contacts"] == 6 + 3


def test_who_dies_while_creating_leaves_nobody_to_be_created_twice(link: Link, sandbox: SandboxControl) -> None:
    link(customer("tenant-0", "Litware"))
    with killed_in_the_call():
        link(customer())
    assert link(customer()).problems == {}
    assert links()["tenant-1"] == ("Proseware", "number")


def test_a_listing_that_leaves_a_contact_out_is_not_believed(link: Link, sandbox: SandboxControl) -> None:
    sandbox.place_fault("elements_missing", method="GET", path="^Contacts$")
    with pytest.raises(XeroUnavailable, match="left a part out"):
        link(customer(name="Northwind Traders"))
    link(customer(name="Northwind Traders"))
    assert links() == {"tenant-1": ("Northwind Traders", "name")}


def test_a_shuffled_answer_gives_each_customer_its_own_contact(link: Link, sandbox: SandboxControl) -> None:
    sandbox.place_fault("elements_shuffled", method="PUT", path="^Contacts$")
    link(*[customer(f"tenant-{number}", f"Customer {number}") for number in range(3)])
    assert {key: name for key, (name, _) in links().items()} == {f"tenant-{n}": f"Customer {n}" for n in range(3)}


# One at a time


def test_only_one_looks_after_contacts_at_a_time(connected: XeroConnection) -> None:
    assert contacts.lease(connected)
    assert not contacts.lease(connected)
    contacts.release(connected)
    assert contacts.lease(connected)


def test_who_stalled_until_another_had_the_lease_creates_nothing(
    connected: XeroConnection, link: Link, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    contacts.lease(connected)
    names_to_create = ContactIndex.names_to_create

    def stall(*args: Any) -> dict[str, str]:
        XeroConnection.objects.update(contacts_lease_holder="another")
        return names_to_create(*args)

    monkeypatch.setattr(ContactIndex, "names_to_create", stall)
    with pytest.raises(XeroUnavailable, match="stalled"):
        link(customer())
    assert not [call for call in sandbox.calls() if (call["method"], call["path"][-8:]) == ("PUT", "Contacts")]


def test_who_died_over_it_loses_the_lease(connected: XeroConnection, time_machine: Any) -> None:
    contacts.lease(connected)
    time_machine.move_to(timezone.now() + timeouts.row_lease() + dt.timedelta(seconds=1))
    assert contacts.lease(connected)
