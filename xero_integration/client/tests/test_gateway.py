"""The one client to Xero: what each answer means for the invoice."""

from __future__ import annotations

import datetime as dt
import socket
from decimal import Decimal
from typing import Any

import pytest

from xero_integration.client import gateway
from xero_integration.client.call_log import CallRecord
from xero_integration.client.errors import XeroAuthError, XeroError, XeroOutcomeUnknown, XeroRejected, XeroUnavailable
from xero_integration.client.gateway import Gateway
from xero_integration.tests.scripted import Reply, ScriptedServer, body

KEY = "0c5f1a3e-the-key-of-a-submission"
HTML = b"<html><body><h1>Service Unavailable</h1></body></html>"


def put() -> gateway.Answer:
    with Gateway("tenant-1", "token-1") as client:
        return client.create_documents("Invoices", b'{"Invoices": []}', KEY)


def read() -> gateway.Answer:
    with Gateway("tenant-1", "token-1") as client:
        return client.read("Organisation")


DAY = dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("1800000000", DAY, DAY),
        ("9" * 6000, dt.timedelta(seconds=60), DAY),
        ("-5", dt.timedelta(seconds=1), dt.timedelta(seconds=1)),
        ("NaN", dt.timedelta(seconds=60), dt.timedelta(seconds=60)),
        ("Fri, 31 Dec 2083 23:59:59 GMT", DAY, DAY),
        ("Fri, 31 Dec 1999 23:59:59 GMT", dt.timedelta(seconds=1), dt.timedelta(seconds=1)),
        ("Fri, 99 Dec 99999 23:59:59 GMT", dt.timedelta(seconds=60), dt.timedelta(seconds=60)),
        ("", dt.timedelta(seconds=60), dt.timedelta(seconds=60)),
    ],
    ids=lambda value: str(value)[:20],
)
def test_no_answer_has_the_portal_wait_longer_than_a_day(
    scripted_xero: ScriptedServer, header: str, least: dt.timedelta, most: dt.timedelta
) -> None:
    scripted_xero.will(Reply(429, b"", {"Retry-After": header}))
    with pytest.raises(XeroUnavailable) as caught:
        put()
    assert least <= caught.value.retry_after <= most


# What a call looks like


def test_a_call_carries_token_organisation_and_our_name(scripted_xero: ScriptedServer) -> None:
    read()
    (call,) = scripted_xero.received
    assert call.headers["Authorization"] == "Bearer token-1"
    assert call.headers["Xero-Tenant-Id"] == "tenant-1"
    assert call.headers["Accept"] == "application/json"
    assert "C3 Portal" in call.headers["User-Agent"]


def test_documents_are_put_so_that_none_is_ever_overwritten(scripted_xero: ScriptedServer) -> None:
    put()
    (call,) = scripted_xero.received
    assert call.method == "PUT"
    assert call.path == "/api.xro/2.0/Invoices?summarizeErrors=false&unitdp=4"
    assert call.headers["Idempotency-Key"] == KEY
    assert call.headers["Content-Type"] == "application/json"
    assert call.body == b'{"Invoices": []}'


def test_contacts_are_put_without_the_parameter_that_is_for_prices(scripted_xero: ScriptedServer) -> None:
    with Gateway("tenant-1", "token-1") as client:
        client.create_documents("Contacts", b"{}", KEY)
    assert scripted_xero.received[0].path == "/api.xro/2.0/Contacts?summarizeErrors=false"


def test_money_is_read_as_it_is_written(scripted_xero: ScriptedServer) -> None:
    scripted_xero.will(Reply(body=b'{"Invoices": [{"Total": 1234567.10}, "odd", null]}'))
    assert read().rows("Invoices") == [{"Total": Decimal("1234567.10")}]


@pytest.mark.parametrize("answer", [b"{}", b'{"Invoices": null}', b'{"Invoices": {"Total": 1}}'])
def test_a_list_that_is_not_there_is_empty(scripted_xero: ScriptedServer, answer: bytes) -> None:
    scripted_xero.will(Reply(body=answer))
    assert read().rows("Invoices") == []


def test_the_answer_names_the_call_at_xero(scripted_xero: ScriptedServer) -> None:
    scripted_xero.will(Reply(headers={"Xero-Correlation-Id": "a-correlation-id"}))
    assert put().correlation_id == "a-correlation-id"
    scripted_xero.will(Reply(status=500, headers={"Xero-Correlation-Id": "another"}))
    with pytest.raises(XeroOutcomeUnknown) as caught:
        put()
    assert caught.value.correlation_id == "another"


# What each answer means

DAY = {"X-Rate-Limit-Problem": "day"}
MINUTE = {"X-Rate-Limit-Problem": "minute"}


@pytest.mark.parametrize(
    ("headers", "pause", "problem"),
    [
        (MINUTE | {"Retry-After": "17"}, 17, "minute"),
        (MINUTE, 60, "minute"),
        ({"X-Rate-Limit-Problem": "appminute", "Retry-After": "3"}, 3, "appminute"),
        (DAY | {"Retry-After": "77000"}, 77_000, "day"),
        (DAY, 3600, "day"),
        ({"X-Rate-Limit-Problem": "Concurrent"}, 2, "concurrent"),
        ({}, 60, "minute"),
        (MINUTE | {"Retry-After": "soon"}, 60, "minute"),
        (MINUTE | {"Retry-After": "0"}, 1, "minute"),
        (MINUTE | {"Retry-After": "-5"}, 1, "minute"),
    ],
)
def test_a_limit_means_nothing_was_written_and_how_long_to_wait(
    scripted_xero: ScriptedServer, headers: dict[str, str], pause: int, problem: str
) -> None:
    scripted_xero.will(Reply(429, HTML, headers))
    with pytest.raises(XeroUnavailable) as caught:
        put()
    assert caught.value.retry_after == dt.timedelta(seconds=pause)
    assert caught.value.problem == problem


EXPIRED = body(Type=None, Title="Unauthorized", Status=401, Detail="TokenExpired: token expired at 03/11/2026")
NO_PERMISSION = body(Type=None, Title="Unauthorized", Status=401, Detail="AuthorizationUnsuccessful")
SCOPE_HEADER = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}


@pytest.mark.parametrize(
    ("reply", "one_refresh_may_help"),
    [
        (Reply(401, EXPIRED), True),
        (Reply(401, b"Unauthorized"), True),
        (Reply(401, b""), True),
        (Reply(401, NO_PERMISSION), False),
        (Reply(401, b"{}", SCOPE_HEADER), False),
        (Reply(401, b'{"error":"insufficient_scope"}'), False),
        (Reply(403, body(title="Forbidden", status=403, detail="AuthenticationUnsuccessful")), False),
        (Reply(403, HTML), False),
        (Reply(403, b"{}", SCOPE_HEADER), False),
    ],
)
def test_a_sign_in_that_xero_refuses_asks_for_a_person(
    scripted_xero: ScriptedServer, reply: Reply, one_refresh_may_help: bool
) -> None:
    scripted_xero.will(reply)
    with pytest.raises(XeroAuthError, match=r"[Cc]onnect again|Reconnect") as caught:
        put()
    assert caught.value.token_expired is one_refresh_may_help


@pytest.mark.parametrize("reply", [Reply(401, NO_PERMISSION), Reply(403, b"{}", SCOPE_HEADER)])
@pytest.mark.parametrize(
    ("path", "scope", "purpose"),
    [
        ("Invoices/id-1/History", "accounting.invoices", "to post invoices"),
        ("CreditNotes", "accounting.invoices", "to post invoices"),
        ("Contacts?page=1", "accounting.contacts", "to find customers' contacts"),
        ("Organisation", "accounting.settings.read", "to read accounts"),
    ],
)
def test_a_missing_permission_is_called_by_its_name_with_what_it_is_for(
    scripted_xero: ScriptedServer, reply: Reply, path: str, scope: str, purpose: str
) -> None:
    scripted_xero.will(reply)
    with (
        pytest.raises(XeroAuthError, match=f"{scope}, needed {purpose}.*Reconnect"),
        Gateway("tenant-1", "token-1") as client,
    ):
        client.read(path)


VALIDATION = body(
    ErrorNumber=10,
    Type="ValidationException",
    Message="A validation exception occurred",
    Elements=[
        {"InvoiceNumber": "A-1", "ValidationErrors": [{"Message": "Account code '999' is not a valid code"}]},
        "odd",
    ],
)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(400, VALIDATION), "A validation exception occurred"),
        (Reply(400, body(Title="Bad Request", Detail="The request is malformed")), "The request is malformed"),
        (Reply(400, body(title="Bad Request")), "Bad Request"),
        (Reply(400, b"[]"), "HTTP 400"),
        (Reply(400, b'{"Elements": null}'), "HTTP 400"),
        (Reply(404, b"The resource you're looking for cannot be found"), "HTTP 404"),
        (Reply(413, HTML), "HTTP 413"),
    ],
)
def test_what_xero_refuses_is_told_in_its_own_words(scripted_xero: ScriptedServer, reply: Reply, words: str) -> None:
    scripted_xero.will(reply)
    with pytest.raises(XeroRejected, match=words) as caught:
        put()
    assert caught.value.status_code == reply.status


def test_a_refused_batch_names_each_elements_own_errors(scripted_xero: ScriptedServer) -> None:
    scripted_xero.will(Reply(400, VALIDATION))
    with pytest.raises(XeroRejected) as caught:
        put()
    (element,) = caught.value.elements
    assert element["InvoiceNumber"] == "A-1"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500, body(Title="An error occurred", Status=500)),
        Reply(500, b""),
        Reply(502, HTML),
        Reply(503, b"The Xero API is temporarily unavailable"),
        Reply(503, b"The Organisation is offline"),
        Reply(504, HTML),
        Reply(301, b"", {"Location": "/elsewhere"}),
        Reply(302, b"", {"Location": "/elsewhere"}),
        Reply(307, b"", {"Location": "/elsewhere"}),
        Reply(202, b"{}"),
        Reply(204, b""),
        Reply(418, b"{}"),
        Reply(200, HTML),
        Reply(200, b""),
        Reply(200, b"[]"),
        Reply(200, b"null"),
        Reply(200, b'{"Invoices": [{"Inv'),
        Reply(200, b'{"Invoices": [}\x00{'),
        Reply(200, b"\xff\xfe\xfa"),
        Reply(200, b'{"Invoices": []}', shorter_by=4),
        Reply(200, b"not gzip", {"Content-Encoding": "gzip"}),
        Reply(reset=True),
    ],
    ids=lambda reply: f"{reply.status}-{reply.body[:12]!r}-{reply.shorter_by or reply.reset}",
)
def test_whatever_does_not_say_what_became_of_it_leaves_the_outcome_open(
    scripted_xero: ScriptedServer, reply: Reply
) -> None:
    scripted_xero.will(reply)
    with pytest.raises(XeroOutcomeUnknown):
        put()
    assert len(scripted_xero.received) == 1


def test_an_answer_that_does_not_come_in_time_leaves_the_outcome_open(
    scripted_xero: ScriptedServer, settings: Any
) -> None:
    settings.XERO_CALL_TIMEOUT = 0.2
    scripted_xero.will(Reply(hang=True))
    with pytest.raises(XeroOutcomeUnknown):
        put()
    assert len(scripted_xero.received) == 1


@pytest.mark.parametrize("origin", ["http://localhost:9", "http://xero.invalid"], ids=["refused", "dns"])
def test_a_connection_that_was_never_made_recorded_nothing(settings: Any, origin: str) -> None:
    settings.XERO_API_URL = origin
    with pytest.raises(XeroUnavailable, match="nothing was sent") as caught:
        put()
    assert caught.value.problem == "unreachable"


def test_a_connection_that_takes_too_long_to_make_recorded_nothing(settings: Any, full_queue: str) -> None:
    settings.XERO_CALL_TIMEOUT = 0.2
    settings.XERO_API_URL = full_queue
    with pytest.raises(XeroUnavailable, match="nothing was sent"):
        put()


@pytest.fixture
def full_queue() -> Any:
    """The origin of a server that accepts nobody, and whose queue is full."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        for one in waiting:
            one.close()


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (Reply(500, HTML), "unreachable"),
        (Reply(503, b"offline"), "unreachable"),
        (Reply(200, HTML), "unreadable"),
        (Reply(302, b"", {"Location": "/"}), "unreachable"),
        (Reply(reset=True), "unreachable"),
    ],
    ids=["500", "503", "html", "redirect", "reset"],
)
def test_what_cannot_be_read_is_tried_again_later(scripted_xero: ScriptedServer, reply: Reply, problem: str) -> None:
    scripted_xero.will(reply)
    with pytest.raises(XeroUnavailable) as caught:
        read()
    assert caught.value.problem == problem
    assert len(scripted_xero.received) == 1


def test_a_read_that_takes_too_long_is_given_up(scripted_xero: ScriptedServer, settings: Any) -> None:
    settings.XERO_CALL_TIMEOUT = 0.2
    scripted_xero.will(Reply(hang=True))
    with pytest.raises(XeroUnavailable):
        read()


@pytest.mark.parametrize("reply", [Reply(401, EXPIRED), Reply(403, HTML), Reply(500, HTML), Reply(400, VALIDATION)])
def test_no_error_repeats_the_token(scripted_xero: ScriptedServer, reply: Reply) -> None:
    scripted_xero.will(reply)
    with pytest.raises(XeroError) as caught:
        put()
    assert "token-1" not in str(caught.value) + repr(caught.value.__cause__)


def test_what_xero_tells_of_its_limits_reaches_the_permit(scripted_xero: ScriptedServer) -> None:
    record = CallRecord()
    scripted_xero.will(Reply(429, b"", DAY | {"X-DayLimit-Remaining": "0"}))
    client = Gateway("tenant-1", "token-1", permit=lambda: gateway.nullcontext(record))
    with client, pytest.raises(XeroUnavailable):
        client.read("Organisation")
    assert record.headers["X-DayLimit-Remaining"] == "0"
