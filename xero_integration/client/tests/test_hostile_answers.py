"""Whoever plays Xero answers with nonsense: each call ends in a readable answer or in one of the four errors."""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import json
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from typing import Any

import pytest

from c3portal.database import clock
from c3portal.tests.attack.breadth import part
from invoices.models import DocumentType
from invoices.posting.responses import KINDS
from invoices.readback import documents
from xero_integration import connections, contacts
from xero_integration.client import document_lists, oauth, shapes
from xero_integration.client.errors import XeroError, XeroOutcomeUnknown, XeroUnavailable
from xero_integration.client.gateway import LARGEST_ANSWER, Gateway
from xero_integration.models import CallBudget, TokenSet, XeroConnection
from xero_integration.tests.odd_answers import REPLIES, TELLING
from xero_integration.tests.scripted import Reply, ScriptedServer, body

pytestmark = [pytest.mark.attack, pytest.mark.django_db]

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


@cache
def bomb() -> Reply:
    """Return what is small on the wire and four times the largest answer once it is unpacked; good JSON at that."""
    return Reply(body=gzip.compress(b"{" + b" " * 4 * LARGEST_ANSWER + b"}"), headers={"Content-Encoding": "gzip"})


def put(endpoint: str) -> Callable[[XeroConnection], Any]:
    def call(connection: XeroConnection) -> Any:
        return connections.call(connection, lambda client: client.create_documents(endpoint, b"{}", KEY))

    return call


def find(connection: XeroConnection) -> Any:
    return connections.call(
        connection, lambda client: [client.find_invoices(["A-1"]), client.find_credit_notes(["A-1"])], click=True
    )


def read_back(connection: XeroConnection) -> Any:
    kinds = (KINDS[DocumentType.INVOICE], KINDS[DocumentType.CREDIT_NOTE])
    return connections.call(
        connection,
        lambda client: [
            documents.read(kind, row) for kind in kinds for row in document_lists.with_ids(client, kind.endpoint, ["1"])
        ],
    )


CALLS: dict[str, Callable[[XeroConnection], Any]] = {
    "reference": connections.read_reference,
    "contacts": lambda connection: connections.call(
        connection, lambda client: contacts.read_listing(connection, client)
    ),
    "documents": read_back,
    "find": find,
    "many": lambda connection: connections.call(
        connection, lambda client: client.find_many_invoices([f"A-{place}" for place in range(200)])
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


def met_by(turn: int) -> list[str]:
    """Return the replies that the call at this place of CALLS meets."""
    others = [odd for odd in REPLIES if odd not in TELLING]
    return TELLING + part(others, turn, 3)


@pytest.mark.parametrize(("call", "odd"), [(call, odd) for turn, call in enumerate(CALLS) for odd in met_by(turn)])
def test_an_answer_that_cannot_be_read_is_said_to_be_so(
    connection: XeroConnection, scripted_xero: ScriptedServer, call: str, odd: str
) -> None:
    scripted_xero.will(REPLIES[odd])
    with pytest.raises(XeroOutcomeUnknown if call in WRITES else XeroUnavailable):
        CALLS[call](connection)
    assert len(scripted_xero.received) == 1


def row(name: str, **odd: Any) -> dict[str, Any]:
    """Return an element in which every field that is needed is right."""
    ids = {"BrandingThemeID": "1", "TaxType": "1", "Code": "1", "TrackingCategoryID": "1"}
    return {field: ids[field] for field in shapes.LISTS[name] if field in ids} | odd


FIELDS = [(name, field) for name, fields in shapes.LISTS.items() for field in fields]
READERS = {"Contacts": ["contacts"], "Invoices": ["find", "documents"], "CreditNotes": ["find", "documents"]}


@pytest.mark.both_databases
@pytest.mark.parametrize(("turn", "name", "field"), [(turn, *each) for turn, each in enumerate(FIELDS)])
def test_no_field_breaks_a_reader_or_the_database(
    connection: XeroConnection, scripted_xero: ScriptedServer, turn: int, name: str, field: str
) -> None:
    lists = {each: [] for each in shapes.LISTS} | {"Organisations": [{"Name": "A"}]}
    for odd in [WIDE, *part([value for value in ODD_VALUES.values() if value != WIDE], turn, 1)]:
        CallBudget.objects.all().delete()
        scripted_xero.will(Reply(body=body(**{**lists, name: [row(name, **{field: odd})]})))
        for call in READERS.get(name, ["reference"]):
            with suppress(XeroError):
                CALLS[call](connection)
    connection.refresh_from_db()


@pytest.mark.both_databases
@pytest.mark.parametrize("name", shapes.ONCE)
def test_an_element_that_is_there_twice_is_not_chosen_from(
    connection: XeroConnection, scripted_xero: ScriptedServer, name: str
) -> None:
    lists = {each: [] for each in shapes.LISTS} | {"Organisations": [{"Name": "A"}], name: [row(name), row(name)]}
    scripted_xero.will(Reply(body=body(**lists)))
    with pytest.raises(XeroUnavailable, match="cannot be read"):
        CALLS["reference"](connection)


@pytest.mark.both_databases
@pytest.mark.parametrize("call", ["reference", "contacts", "documents", "find"])
def test_a_list_that_is_missing_is_never_an_empty_one(
    connection: XeroConnection, scripted_xero: ScriptedServer, call: str
) -> None:
    scripted_xero.will(Reply(body=body(Organisations=[{"Name": "A"}])))
    with pytest.raises(XeroUnavailable):
        CALLS[call](connection)


def test_a_mark_of_the_byte_order_is_no_hindrance(scripted_xero: ScriptedServer) -> None:
    scripted_xero.will(Reply(body=b'\xef\xbb\xbf{"Invoices": []}'))
    with Gateway("tenant", "token") as client:
        assert client.create_documents("Invoices", b"{}", KEY).rows("Invoices") == []


@pytest.mark.parametrize("content", [b"", b"<html>", b'{"Elements": [{"InvoiceID": 7}]}', b'{"a": NaN}'])
def test_a_refusal_of_a_write_that_cannot_be_read_leaves_the_outcome_open(
    scripted_xero: ScriptedServer, content: bytes
) -> None:
    scripted_xero.will(Reply(400, content))
    with Gateway("tenant", "token") as client, pytest.raises(XeroOutcomeUnknown, match="cannot be read"):
        client.create_documents("Invoices", b"{}", KEY)


HEADERS = {
    "X-DayLimit-Remaining": ["9" * 30, "9" * 5000, "-1", "NaN", "1e9", "\u0661"],
    "X-MinLimit-Remaining": ["9" * 30, "-9" * 9, "x"],
    "Xero-Correlation-Id": ["x" * 5000, "a\x01b", "ÿ"],
}


@pytest.mark.both_databases
@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in HEADERS.items() for value in values])
def test_no_header_breaks_the_count_of_calls(
    connection: XeroConnection, scripted_xero: ScriptedServer, name: str, value: str
) -> None:
    sent = value.encode().decode("latin-1")
    scripted_xero.will(Reply(body=body(Invoices=[], CreditNotes=[]), headers={name: sent}))
    find(connection)
    assert 0 <= (CallBudget.objects.get().day_remaining or 0) < 10**7


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("field", ["access_token", "refresh_token", "expires_in", "scope"])
def test_no_token_answer_breaks_a_sign_in(scripted_xero: ScriptedServer, field: str, status: int) -> None:
    for odd in ODD_VALUES.values():
        claims = base64.urlsafe_b64encode(json.dumps({"xero_userid": odd}).encode()).decode()
        answer = {"access_token": f"a.{claims}.c", "refresh_token": "r", "expires_in": 1800, field: odd}
        scripted_xero.will(Reply(status, body(**answer)))
        with suppress(XeroError):
            tokens = oauth.refresh("id", "secret", "token")
            assert len(tokens.xero_user_id) <= 36


@pytest.mark.parametrize("field", ["id", "tenantId", "tenantName"])
def test_no_list_of_organisations_breaks_a_page(scripted_xero: ScriptedServer, field: str) -> None:
    for odd in ODD_VALUES.values():
        answer = [{"id": "1", "tenantId": "2", "tenantName": "A", field: odd}]
        scripted_xero.will(Reply(body=json.dumps(answer).encode()))
        with suppress(XeroError):
            (tenant,) = oauth.list_tenants("token")
            assert len(tenant.name) <= 255


# Time and memory


@pytest.fixture
def drip() -> Iterator[Callable[[bytes], str]]:
    """Return a function that has a server send this, then a byte every twentieth of a second for five seconds, and says
    where it is."""
    over, threads, listener = threading.Event(), [], socket.create_server(("127.0.0.1", 0))

    def serve(begin: bytes) -> None:
        with suppress(OSError):
            caller, _ = listener.accept()
            caller.recv(65536)
            caller.sendall(begin)
            for _ in range(100):
                if over.wait(0.05):
                    return
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
    with Gateway("tenant", "token") as client, pytest.raises(XeroOutcomeUnknown):
        client.create_documents("Invoices", b"{}", KEY)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("more", [0, 1])
def test_an_answer_is_read_up_to_the_largest_size_and_no_byte_further(scripted_xero: ScriptedServer, more: int) -> None:
    scripted_xero.will(Reply(body=b'{"Invoices": []}'.ljust(LARGEST_ANSWER + more)))
    with Gateway("tenant", "token") as client:
        if more:
            with pytest.raises(XeroOutcomeUnknown):
                client.create_documents("Invoices", b"{}", KEY)
        else:
            assert client.create_documents("Invoices", b"{}", KEY).rows("Invoices") == []


@pytest.mark.parametrize("call", CALLS)
def test_a_small_answer_that_unpacks_to_much_takes_little_memory(
    connection: XeroConnection, scripted_xero: ScriptedServer, call: str
) -> None:
    scripted_xero.will(bomb())
    tracemalloc.start()
    try:
        with pytest.raises(XeroOutcomeUnknown if call in WRITES else XeroUnavailable):
            CALLS[call](connection)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 3 * LARGEST_ANSWER
