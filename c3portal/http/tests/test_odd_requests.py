"""Odd addresses, odd queries, forged forms: every page answers with words, never with an error of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from c3portal.models import User
from c3portal.tests.addresses import Address, every_address
from c3portal.tests.attack.breadth import part
from c3portal.tests.imports import PACKAGES, modules
from invoices.tests import makers

pytestmark = [pytest.mark.attack, pytest.mark.django_db, pytest.mark.both_databases]
ClientFor = Callable[[User], Client]

HUGE = str(2**63)
# The health page answers 503, since no broker runs; an invitation that nobody was sent is gone.
FINE = (200, 302, 400, 401, 403, 404, 405, 410, 429, 503)
# Taken without a session or token, and refused by its signature.
SIGNED = {"xero_webhook"}
PARTS = {
    "int": ["0", str(2**31), HUGE, "9" * 30, "9" * 5000, "-1", "1.5", "١"],
    "uuid": ["00000000-0000-0000-0000-000000000000", "x", "9" * 40],
    "": ["\0", "\udcff", "..", "%", "é", "'\"<script>", "x" * 500, HUGE],
}
PARTS["str"] = PARTS["slug"] = PARTS["path"] = PARTS[""]
# What pages read of their query, and what others might.
QUERY = {
    *("q", "page", "per_page", "sort", "period", "show", "pick", "next", "back", "status", "invoice", "id", "kind"),
    *("from", "to", "user", "action", "code", "error", "format", "since", "until", "day", "date", "search", "upload"),
    *("customer", "only", "limit", "offset", "before", "after", "who", "billing", "field", "by", "result", "why"),
    *("currency", "bill_to", "issued_from", "issued_to", "due_from", "due_to", "least", "most", "owed", "changed"),
    "cause",
    "all",
}
VALUES = [
    "\0",
    "\udcff",
    "\ud800",
    HUGE,
    "-1",
    "9" * 3000,
    "NaN",
    "2026-13-45T99:99",
    # The ends of what dates, numbers and ids can be.
    "0001-01-01",
    "9999-12-31",
    "9999-12-31T23:59:59Z",
    "0000-00-00",
    "1970-01-01",
    HUGE[:-1],
    str(2**63 - 1),
    str(-(2**63)),
    "1e400",
    "-0",
    "Infinity",
    "'\";--%_\\",
    "(((([",
    "\u202e\ufeff\U0001f4a9",
    "posting__upload__created_by__password",
]


@pytest.fixture
def client(client_for: ClientFor, system_admin: User) -> Client:
    xero = makers.connected(system_admin)
    invoices = makers.invoices(makers.a_period(), 2)
    makers.uploaded(xero, system_admin, invoices[0])
    return client_for(system_admin)


def quoted(text: str) -> str:
    """Return `text` as it stands in an address; what is no text goes as the bytes it was."""
    return quote(text.encode("utf-8", "surrogatepass" if text == "\ud800" else "surrogateescape"), safe="")


def tried(address: Address) -> list[str]:
    """Return a part of the odd values, others at each address."""
    turn = [each.name for each in every_address()].index(address.name)
    return part(VALUES, turn, 4 if connection.vendor == "postgresql" else 11)


def odd_paths(address: Address) -> list[str]:
    return [address.path(**{name: quoted(value)}) for name, kind in address.parts for value in PARTS[kind]]


@pytest.mark.parametrize("address", [each for each in every_address() if each.parts], ids=lambda each: each.name)
def test_an_odd_address_is_not_found(address: Address, client: Client) -> None:
    for path in odd_paths(address):
        for ask in (client.get, client.post, Client().get):
            assert ask(path).status_code < 500, path
        assert client.get(path).status_code in (200, 302, 400, 403, 404, 405), path


@pytest.mark.parametrize("address", [each for each in every_address() if not each.parts], ids=lambda each: each.name)
def test_an_odd_query_never_breaks_a_page(address: Address, client: Client) -> None:
    for value in tried(address):
        # A wrong period or state is refused before anything else is looked at: these come alone too.
        for names in (QUERY - {"period"}, {"period", "state"}):
            query = "&".join(f"{name}={quoted(value)}" for name in sorted(names))
            answer = client.get(f"{address.path()}?{query}")
            assert answer.status_code in FINE, (names, ascii(value))
            if answer.streaming:
                # What is made while it is sent may fail as well.
                answer.getvalue()  # type: ignore[attr-defined]


def test_the_names_of_every_query_are_among_those_that_are_tried(client: Client) -> None:
    read = re.compile(r"GET\.get(?:list)?\(\"(\w+)\"")
    known = {name for _, path in modules(*PACKAGES) for name in read.findall(path.read_text())}
    for address in every_address():
        page = client.get(address.path())
        if not page.streaming:
            for form in re.findall(r"<form[^>]*method=\"get\".*?</form>", page.content.decode(), re.DOTALL):
                known |= set(re.findall(r"<(?:input|select)[^>]* name=\"([^\"]+)\"", form))
    assert known >= {"until", "page", "period"}
    assert known - QUERY == {"state"}, "Add them to QUERY"


@pytest.mark.parametrize("zone", ["Etc/GMT+12", "Pacific/Kiritimati", "UTC"])
@pytest.mark.parametrize("day", ["0001-01-01", "1970-01-01", "1970-01-02", "9998-12-31", "9999-12-31"])
def test_the_audit_record_is_asked_for_any_day_in_any_zone(
    day: str, zone: str, client: Client, system_admin: User
) -> None:
    User.objects.filter(pk=system_admin.pk).update(time_zone=zone)
    for name in ("audit_record", "audit_csv", "audit_jsonl"):
        answer = client.get(reverse(name), {"since": day, "until": day})
        assert answer.status_code == 200
        b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]


@pytest.mark.parametrize("address", [each for each in every_address() if not each.parts], ids=lambda each: each.name)
def test_an_odd_form_never_breaks_a_page(address: Address, client: Client, system_admin: User) -> None:
    for value in VALUES[:6]:
        form = "&".join(f"{name}={quoted(value)}" for name in sorted(FIELDS))
        client.force_login(system_admin)
        answer = client.post(address.path(), form, content_type="application/x-www-form-urlencoded")
        assert answer.status_code in FINE, ascii(value)
    for body, kind in BODIES:
        client.force_login(system_admin)
        assert client.generic("POST", address.path(), body, kind).status_code in FINE, (body, kind)


# What pages read of their forms.
FIELDS = QUERY | {
    *("reason", "row", "revert", "sku", "is_prefix", "account_code", "tax_type", "any_country", "theme_id", "due_days"),
    *("invoice_status", "taken", "no", "all", "contact", "client_id", "client_secret", "connection", "login", "email"),
    *("password", "key", "role", "name", "url", "events", "as", "of", "column", "usual"),
}
BODIES = [
    (b"\xff\xfe\0", "application/x-www-form-urlencoded"),
    (b"%", "application/x-www-form-urlencoded; charset=utf-7"),
    (b"a=b", "application/x-www-form-urlencoded; charset=nonsense"),
    (b"--x\r\n", "multipart/form-data; boundary=x"),
    (b"no boundary", "multipart/form-data"),
    (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="\0"\r\n\r\na\r\n--x--',
        "multipart/form-data; boundary=x",
    ),
    (b"{", "application/json"),
    (b"", ""),
]


@pytest.mark.parametrize("address", every_address(), ids=lambda each: each.name)
def test_no_form_is_taken_without_its_token(address: Address, system_admin: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(system_admin)
    refused = (401, 405) if address.name in SIGNED else (403, 405)
    answer = client.post(address.path())
    assert answer.status_code in refused, address
    forged = client.post(address.path(), {"csrfmiddlewaretoken": "a" * 64}, headers={"Origin": "https://evil.example"})
    assert forged.status_code in refused, address


ELSEWHERE = [
    "//evil.example/",
    "https://evil.example/",
    "///evil.example",
    "/\\evil.example",
    "javascript:alert(1)",
    "\thttps://evil.example",
    "https:evil.example",
]


@pytest.mark.parametrize("where", ELSEWHERE)
def test_nothing_leads_to_another_site(where: str, client: Client, finance_admin: User) -> None:
    sign_in = {"login": finance_admin.email, "password": "a password of the tests", "next": where}
    answers = [
        Client().post(f"{reverse('account_login')}?next={quoted(where)}", sign_in),
        Client().get(f"{reverse('account_login')}?next={quoted(where)}"),
        client.post(f"{reverse('account_overrides')}?next={quoted(where)}", {"action": "override"}),
        client.post(reverse("contacts_do"), {"action": "link", "back": f"next={quoted(where)}"}),
        client.get(f"{reverse('account_overrides')}?next={quoted(where)}"),
        client.get(f"{reverse('contacts')}?next={quoted(where)}"),
        client.get(f"{reverse('customers')}?next={quoted(where)}"),
        client.post(f"{reverse('contacts_do')}?next={quoted(where)}", {"action": "link"}),
        client.get(f"{reverse('account_login')}?next={quoted(where)}"),
        client.post(f"{reverse('account_logout')}?next={quoted(where)}", {"next": where}),
    ]
    for answer in answers:
        assert not leads_away(answer.headers.get("Location", "")), answer.headers
        assert f'href="{where}"' not in answer.content.decode()


def leads_away(location: str) -> bool:
    return not (location == "" or (location.startswith("/") and location[1:2] not in ("/", "\\")))


def test_a_forged_host_leads_nowhere(settings: Any, finance_admin: User) -> None:
    for name in ("Host", "X-Forwarded-Host"):
        answer = Client().get("/", headers={name: "evil.example"})
        assert answer.status_code == (400 if name == "Host" else 302)
        assert "evil.example" not in answer.headers.get("Location", "")
        assert b"evil.example" not in answer.content


def test_a_method_cannot_be_changed_by_a_header(client: Client) -> None:
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        assert client.get(reverse("upload_to_xero"), headers={name: "POST"}).status_code == 405
    assert client.post(reverse("upload_to_xero"), {"_method": "GET"}).status_code == 302
