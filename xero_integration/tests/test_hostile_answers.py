"""Whoever plays Xero answers with nonsense: each call ends in a readable answer or in one of the four errors."""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import json
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from c3portal import clock
from invoices import payments
from xero_integration import connections, contacts, oauth, shapes
from xero_integration.errors import XeroError, XeroOutcomeUnknown, XeroUnavailable
from xero_integration.gateway import Gateway
from xero_integration.models import CallBudget, TokenSet, XeroConnection
from xero_integration.tests.scripted import Reply, ScriptedServer, body

pytestmark = [pytest.mark.attack, pytest.mark.django_db, pytest.mark.both_databases]

KEY = "the-key-of-a-submission"
WIDE = "W" * 5000
ODD_VALUES = {
    "a number": 7,
    "true": True,
    "a list": ["x"],
    "an object": {"x": 1},
    "a long text": WIDE,
    "a huge number": 10**19,
    "nothing": None,
    "no text": "",
}
# What no field needs to be looked at for.
ODD_BODIES = {
    "empty": b"",
    "html": b"<html>Hello</html>",
    "cut": b'{"Invoices": [{"Inv',
    "a list": b"[1]",
    "a text": b'"x"',
    "null": b"null",
    "deep": b'{"Invoices": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"a":' * 40 + b"1" + b"}" * 40,
    "nan": b'{"Invoices": [{"Total": NaN}]}',
    "infinity": b'{"Invoices": [{"Total": -Infinity}]}',
    "exponent": b'{"Invoices": [{"Total": 1e999999}]}',
    "small exponent": b'{"Invoices": [{"Total": 1e-999999}]}',
    "huge integer": b'{"Invoices": [{"Total": ' + b"9" * 6000 + b"}]}",
    "nul": b'{"Invoices": [{"InvoiceNumber": "a\\u0000b"}]}',
    "half a pair": b'{"Invoices": [{"InvoiceNumber": "\\ud800"}]}',
    "half a pair as a name": b'{"\\udfff": 1, "Invoices": []}',
    "raw nul": b'{"Invoices": "a\x00b"}',
    "twice": b'{"Invoices": [], "Invoices": [{"InvoiceID": "1"}]}',
    "utf-16": '{"Invoices": []}'.encode("utf-16"),
    "latin-1": '{"Invoices": [{"InvoiceNumber": "ü"}]}'.encode("latin-1"),
    "parts": b'{"Invoices": [' + b"[]," * 2_000_000 + b"[]]}",
}
PACKED = {
    "packed twice": Reply(body=gzip.compress(gzip.compress(b"{}")), headers={"Content-Encoding": "gzip, gzip"}),
    "packed otherwise": Reply(body=b"{}", headers={"Content-Encoding": "br"}),
    "packed and cut": Reply(body=gzip.compress(b"{}" * 500)[:-12], headers={"Content-Encoding": "gzip"}),
    "bomb": Reply(body=gzip.compress(b" " * 200_000_000, 9), headers={"Content-Encoding": "gzip"}),
    "many headers": Reply(headers={f"X-{place}": "x" for place in range(200)}),
    "long headers": Reply(headers={f"X-{place}": "x" * 20_000 for place in range(10)}),
}
REPLIES = {name: Reply(body=content) for name, content in ODD_BODIES.items()} | PACKED


def put(endpoint: str) -> Callable[[XeroConnection], Any]:
    def call(connection: XeroConnection) -> Any:
        return connections.call(connection, lambda door: door.create_documents(endpoint, b"{}", KEY))

    return call


def find(connection: XeroConnection) -> Any:
    return connections.call(
        connection, lambda door: [door.find_invoices(["A-1"]), door.find_credit_notes(["A-1"])], click=True
    )


CALLS: dict[str, Callable[[XeroConnection], Any]] = {
    "reference": connections.read_reference,
    "contacts": lambda connection: connections.call(connection, lambda door: contacts.read_listing(connection, door)),
    "payments": payments.read,
    "find": find,
    "many": lambda connection: connections.call(
        connection, lambda door: door.find_many_invoices([f"A-{place}" for place in range(200)])
    ),
    "invoices": put("Invoices"),
    "credit notes": put("CreditNotes"),
    "new contacts": put("Contacts"),
    "token": lambda connection: oauth.refresh("id", "secret", "token"),
    "organisations": lambda connection: oauth.list_tenants("token"),
}
WRITES = ("invoices", "credit notes", "new contacts", "token")


@pytest.fixture
def connection(db: None, scripted_xero: ScriptedServer) -> XeroConnection:
    """An organisation whose tokens are good for an hour."""
    ends = clock.now() + dt.timedelta(hours=1)
    tokens = TokenSet.objects.create(
        access_token="a", refresh_token="r", access_expires_at=ends, refreshed_at=clock.now()
    )
    return XeroConnection.objects.create(tenant_id="t", connection_id="c", name="Alpine", token_set=tokens)


@pytest.mark.parametrize("odd", REPLIES)
@pytest.mark.parametrize("call", CALLS)
def test_an_answer_that_cannot_be_read_is_said_to_be_so(
    connection: XeroConnection, scripted_xero: ScriptedServer, call: str, odd: str
) -> None:
    scripted_xero.will(REPLIES[odd])
    kind = XeroOutcomeUnknown if call in WRITES else XeroUnavailable
    if (call, odd) == ("organisations", "a list") or odd != "a list":
        with pytest.raises(kind):
            CALLS[call](connection)
    else:
        with pytest.raises(XeroError):
            CALLS[call](connection)
    assert len(scripted_xero.received) == 1


def row(name: str, **odd: Any) -> dict[str, Any]:
    """Return an element in which every field that is needed is right."""
    ids = {"PaymentID": "1", "BrandingThemeID": "1", "TaxType": "1", "Code": "1", "TrackingCategoryID": "1"}
    return {field: ids[field] for field in shapes.LISTS[name] if field in ids} | odd


FIELDS = [(name, field) for name, fields in shapes.LISTS.items() for field in fields]


READERS = {"Contacts": ["contacts"], "Payments": ["payments"], "Invoices": ["find"], "CreditNotes": ["find"]}


@pytest.mark.parametrize(("name", "field"), FIELDS)
def test_no_field_breaks_a_reader_or_the_database(
    connection: XeroConnection, scripted_xero: ScriptedServer, name: str, field: str
) -> None:
    lists = {each: [] for each in shapes.LISTS} | {"Organisations": [{"Name": "A"}]}
    for odd in ODD_VALUES.values():
        CallBudget.objects.all().delete()
        scripted_xero.will(Reply(body=body(**{**lists, name: [row(name, **{field: odd})]})))
        for call in READERS.get(name, ["reference"]):
            with suppress(XeroError):
                CALLS[call](connection)
    connection.refresh_from_db()


@pytest.mark.parametrize("name", shapes.ONCE)
def test_an_element_that_is_there_twice_is_not_chosen_from(
    connection: XeroConnection, scripted_xero: ScriptedServer, name: str
) -> None:
    lists = {each: [] for each in shapes.LISTS} | {"Organisations": [{"Name": "A"}], name: [row(name), row(name)]}
    scripted_xero.will(Reply(body=body(**lists)))
    with pytest.raises(XeroUnavailable, match="cannot be read"):
        CALLS["payments" if name == "Payments" else "reference"](connection)


@pytest.mark.parametrize("call", ["reference", "contacts", "payments", "find"])
def test_a_list_that_is_missing_is_never_an_empty_one(
    connection: XeroConnection, scripted_xero: ScriptedServer, call: str
) -> None:
    scripted_xero.will(Reply(body=body(Organisations=[{"Name": "A"}])))
    with pytest.raises(XeroUnavailable):
        CALLS[call](connection)


def test_a_mark_of_the_byte_order_is_no_hindrance(scripted_xero: ScriptedServer) -> None:
    scripted_xero.will(Reply(body=b'\xef\xbb\xbf{"Invoices": []}'))
    with Gateway("tenant", "token") as door:
        assert door.create_documents("Invoices", b"{}", KEY).rows("Invoices") == []


@pytest.mark.parametrize("content", [b"", b"<html>", b'{"Elements": [{"InvoiceID": 7}]}', b'{"a": NaN}'])
def test_a_refusal_of_a_write_that_cannot_be_read_leaves_the_outcome_open(
    scripted_xero: ScriptedServer, content: bytes
) -> None:
    scripted_xero.will(Reply(400, content))
    with Gateway("tenant", "token") as door, pytest.raises(XeroOutcomeUnknown, match="cannot be read"):
        door.create_documents("Invoices", b"{}", KEY)


HEADERS = {
    "X-DayLimit-Remaining": ["9" * 30, "9" * 5000, "-1", "NaN", "1e9", "\u0661"],
    "X-MinLimit-Remaining": ["9" * 30, "-9" * 9, "x"],
    "Xero-Correlation-Id": ["x" * 5000, "a\x01b", "ÿ"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in HEADERS.items() for value in values])
def test_no_header_breaks_the_count_of_calls(
    connection: XeroConnection, scripted_xero: ScriptedServer, name: str, value: str
) -> None:
    sent = value if value.isascii() else "%FF"
    scripted_xero.will(Reply(body=body(Invoices=[], CreditNotes=[]), headers={name: sent}))
    find(connection)


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("field", ["access_token", "refresh_token", "expires_in", "scope"])
@pytest.mark.parametrize("odd", ODD_VALUES)
def test_no_token_answer_breaks_a_sign_in(scripted_xero: ScriptedServer, field: str, odd: str, status: int) -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"xero_userid": ODD_VALUES[odd]}).encode()).decode()
    told = {"access_token": f"a.{claims}.c", "refresh_token": "r", "expires_in": 1800, field: ODD_VALUES[odd]}
    scripted_xero.will(Reply(status, body(**told)))
    with suppress(XeroError):
        tokens = oauth.refresh("id", "secret", "token")
        assert len(tokens.xero_user_id) <= 36


@pytest.mark.parametrize("field", ["id", "tenantId", "tenantName"])
@pytest.mark.parametrize("odd", ODD_VALUES)
def test_no_list_of_organisations_breaks_a_page(scripted_xero: ScriptedServer, field: str, odd: str) -> None:
    told = [{"id": "1", "tenantId": "2", "tenantName": "A", field: ODD_VALUES[odd]}]
    scripted_xero.will(Reply(body=json.dumps(told).encode()))
    with suppress(XeroError):
        (tenant,) = oauth.list_tenants("token")
        assert len(tenant.name) <= 255


# Time and memory


@pytest.fixture
def drip() -> Iterator[Callable[[bytes], str]]:
    """Return a function that has a server send this, then a byte every twentieth of a second, and says where it is."""
    over, threads, listener = threading.Event(), [], socket.create_server(("127.0.0.1", 0))

    def serve(begin: bytes) -> None:
        with suppress(OSError):
            caller, _ = listener.accept()
            caller.recv(65536)
            caller.sendall(begin)
            while not over.wait(0.05):
                caller.sendall(b"x")

    def start(begin: bytes) -> str:
        threads.append(threading.Thread(target=serve, args=[begin]))
        threads[0].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    over.set()
    listener.close()
    for thread in threads:
        thread.join(5)


@pytest.mark.parametrize(
    "begin",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_an_answer_that_drips_ends_at_the_deadline_and_leaves_the_outcome_open(
    settings: Any, drip: Callable[[bytes], str], begin: bytes
) -> None:
    settings.XERO_CALL_TIMEOUT = 0.6
    settings.XERO_API_URL = drip(begin)
    began = time.monotonic()
    with Gateway("tenant", "token") as door, pytest.raises(XeroOutcomeUnknown):
        door.create_documents("Invoices", b"{}", KEY)
    assert time.monotonic() - began < 2


def test_a_small_answer_that_unpacks_to_much_takes_little_memory(scripted_xero: ScriptedServer) -> None:
    scripted_xero.will(PACKED["bomb"])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with Gateway("tenant", "token") as door, pytest.raises(XeroUnavailable, match="cannot be read"):
        door.read("Organisation")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
