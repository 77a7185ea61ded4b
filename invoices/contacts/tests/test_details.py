"""What C3 knows of customers otherwise than Xero: shown to a person, and never written."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from c3portal.models import User
from c3portal.tests.markup import markup
from invoices.contacts import details, link_statuses, matching
from invoices.contacts.details import differences
from invoices.models import Customer
from xero_integration import connections, contacts
from xero_integration.models import Contact, XeroConnection
from xero_sandbox.testing import SandboxControl

KNOWN = {
    "email": "bills@proseware.example",
    "address": {"line1": "1 Main St", "line2": "", "city": "Perth", "state": "WA", "zip": "6000", "country": "AU"},
    "tags": ["tier: gold"],
}
SAME = {"line1": "1 MAIN ST", "city": "Perth", "state": "WA", "zip": "6000", "country": "Australia"}


@pytest.mark.parametrize(
    ("email", "address", "found"),
    [
        ("Bills@Proseware.example", SAME, []),
        ("old@proseware.example", SAME, ["E-mail in C3: bills@proseware.example; in Xero: old@proseware.example"]),
        ("", SAME, ["E-mail in C3: bills@proseware.example; in Xero: none"]),
        ("bills@proseware.example", SAME | {"zip": "6001"}, ["Postcode in C3: 6000; in Xero: 6001"]),
        ("bills@proseware.example", SAME | {"country": "NZ"}, ["Country in C3: AU; in Xero: NZ"]),
        ("bills@proseware.example", SAME | {"line2": "Level 2"}, []),
        ("bills@proseware.example", None, []),
    ],
)
def test_only_what_both_know_or_xero_lacks_differs(
    email: str, address: dict[str, str] | None, found: list[str]
) -> None:
    assert [str(each) for each in differences(KNOWN, Contact(name="P", email=email, address=address))] == found


@pytest.mark.parametrize("known", [{}, {"email": None}, {"email": 5, "address": "x"}, {"address": {"city": None}}])
def test_what_c3_does_not_know_differs_from_nothing(known: dict[str, Any]) -> None:
    assert differences(known, Contact(name="P", email="a@x.example", address=SAME)) == []


def put(sandbox: SandboxControl, **more: Any) -> None:
    addresses = [
        {"AddressType": "STREET", "City": "Sydney"},
        {"AddressType": "POBOX", "AddressLine1": "1 Main St", "City": "Albany", "Region": "WA", "PostalCode": "6000"},
    ]
    sandbox.put_contacts([{"name": "Proseware", "email": "old@proseware.example", "addresses": addresses, **more}])


def test_the_pages_show_what_differs_and_change_nothing(
    finance: Client, connected: XeroConnection, sandbox: SandboxControl
) -> None:
    customer = Customer.objects.create(tenant_id="one", name="Proseware", c3_details=KNOWN)
    Customer.objects.create(tenant_id="two", name="Litware")
    put(sandbox)
    matching.read_again(connected)
    matching.create(connected, Customer.objects.all())
    sandbox.forget()
    listed = markup(finance.get(reverse("customers") + "?state=differs").content.decode())
    assert "Proseware" in listed
    assert "Litware" not in listed
    for address in (reverse("customer", args=[customer.pk]), reverse("choose_contact", args=[customer.pk])):
        page = markup(finance.get(address).content.decode())
        assert "E-mail in C3: bills@proseware.example; in Xero: old@proseware.example" in page
        assert "City in C3: Perth; in Xero: Albany" in page
        assert "Litware" not in page
    assert sandbox.calls() == []


def test_addresses_are_read_by_a_click_and_kept_when_an_upload_lists_without_them(
    connected: XeroConnection, sandbox: SandboxControl
) -> None:
    Customer.objects.create(tenant_id="one", name="Proseware", c3_details=KNOWN)
    put(sandbox)
    connections.call(connected, lambda gateway: contacts.read_listing(connected, gateway))
    assert Contact.objects.get(name="Proseware").address is None
    matching.read_again(connected)
    connections.call(connected, lambda gateway: contacts.read_listing(connected, gateway))
    assert (Contact.objects.get(name="Proseware").address or {})["city"] == "Albany"
    assert Contact.objects.get(name="Proseware").email == "old@proseware.example"
    matching.create(connected, Customer.objects.all())
    (status,) = link_statuses.link_statuses(connected)
    assert [each.label for each in status.differences] == ["E-mail", "City", "Country"]


# On the pages

ALL = {
    "name": "Proseware Pty Ltd",
    "email": "bills@proseware.example",
    "address": {"line1": "1 Main St", "line2": "", "city": "Perth", "state": "WA", "zip": "6000", "country": ""},
    "country": "AU",
    "tags": ["tier: gold", "region: west"],
    "reseller": "Contoso Distribution",
    "domain": "proseware.example",
    "currency": "AUD",
}
SHOWN = [
    ("Name", "Proseware Pty Ltd"),
    ("E-mail", "bills@proseware.example"),
    ("Address", "1 Main St, Perth, WA, 6000, AU"),
    ("Country", "AU"),
    ("Currency", "AUD"),
    ("Domain", "proseware.example"),
    ("Reseller", "Contoso Distribution"),
    ("Tags", "tier: gold, region: west"),
]


def test_all_that_c3_knows_is_shown_and_nothing_that_it_does_not() -> None:
    assert details.shown(ALL) == SHOWN
    assert details.shown(ALL | {"tags": [], "domain": ""}) == SHOWN[:5] + SHOWN[6:7]


@pytest.mark.parametrize("known", [{}, {"email": 5, "tags": "x", "address": []}, {"tags": [None, 3, {}]}])
def test_nothing_is_shown_of_what_c3_does_not_know(known: dict[str, Any]) -> None:
    assert details.shown(known) == []


def test_the_pages_show_it_with_when_c3_gave_it_to_whoever_may_read(
    finance: Client, client_for: Any, system_reader: User, connected: XeroConnection, sandbox: SandboxControl
) -> None:
    read_at = dt.datetime(2026, 9, 18, 6, 30, tzinfo=dt.UTC)
    customer = Customer.objects.create(tenant_id="one", name="Proseware", c3_details=ALL, c3_read_at=read_at)
    Customer.objects.create(tenant_id="two", name="Litware")
    sandbox.forget()
    own_page, choose = (reverse(name, args=[customer.pk]) for name in ("customer", "choose_contact"))
    for page in (client_for(system_reader).get(own_page), finance.get(own_page), finance.get(choose)):
        html = markup(page.content.decode())
        assert [
            pair for pair in SHOWN if f"<dt>{pair[0]}</dt><dd>{pair[1]}</dd>" not in html.replace("> <", "><")
        ] == []
        assert html.count("From C3") == 1
        assert "18 Sep 2026, 06:30" in html
    assert sandbox.calls() == []
