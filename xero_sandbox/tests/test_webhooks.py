"""Apps are told what became of their organisations' documents, as Xero tells them."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from xero_sandbox.testing import SandboxControl, SandboxFailed
from xero_sandbox.tests.conftest import Caller
from xero_sandbox.tests.test_pages_and_control import Reader

PATIENCE = 10.0


class Receiver:
    """An app's end of a webhook, which checks signatures and remembers what came."""

    def __init__(self) -> None:
        self.key, self.status, self.body = "", 200, b""
        self.events: list[dict[str, Any]] = []
        self.deliveries = 0
        self.before_answering: Callable[[], object] | None = None
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.receive(body, self.headers["x-xero-signature"])
                self.send_response(status)
                self.send_header("Content-Length", str(len(receiver.body)))
                self.end_headers()
                self.wfile.write(receiver.body)

            def log_message(self, *_: Any) -> None:
                """Keep the tests' output quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def receive(self, body: bytes, signature: str) -> int:
        self.deliveries += 1
        digest = hmac.new(self.key.encode(), body, hashlib.sha256).digest()
        if self.key and base64.b64encode(digest).decode() != signature:
            return 401
        if self.status == 200:
            self.events += json.loads(body)["events"]
        if self.before_answering:
            order, self.before_answering = self.before_answering, None
            order()
        return self.status

    def kinds(self) -> list[tuple[str, str]]:
        return [(event["eventCategory"], event["eventType"]) for event in self.events]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def reader(control: SandboxControl) -> Reader:
    return Reader(control.url)


@pytest.fixture
def told(control: SandboxControl, xero: Caller, receiver: Receiver) -> Receiver:
    """A receiver whose app is connected and confirmed."""
    receiver.key = control.put_webhook(xero.app["client_id"], receiver.url, confirm=False)["key"]
    assert control.confirm_webhook(xero.app["client_id"])["status"] == "ACTIVE"
    receiver.deliveries = 0
    return receiver


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_the_intent_to_receive_wants_both_answers(control: SandboxControl, xero: Caller, receiver: Receiver) -> None:
    client_id = xero.app["client_id"]

    trusting = control.put_webhook(client_id, receiver.url)
    receiver.key = trusting["key"]
    careful = control.confirm_webhook(client_id)
    receiver.body = b"ok"
    talkative = control.confirm_webhook(client_id)

    assert (trusting["status"], trusting["problem"]) == ("UNCONFIRMED", "a wrong signature was not answered with 401")
    assert (careful["status"], careful["problem"]) == ("ACTIVE", "")
    assert talkative["status"] == "UNCONFIRMED"


def test_every_change_is_told_in_order(control: SandboxControl, xero: Caller, told: Receiver) -> None:
    made = xero.put_invoice(InvoiceNumber="N-1", Status="DRAFT")
    xero.move("Invoices", (made, "AUTHORISED"))
    control.pay("N-1", "1.00")
    xero.put("CreditNotes", xero.credit_note(CreditNoteNumber="C-1"))
    control.void("C-1", type="ACCRECCREDIT")

    until(lambda: len(told.events) >= 5)

    assert told.kinds() == [
        ("INVOICE", "CREATE"),
        ("INVOICE", "UPDATE"),
        ("INVOICE", "UPDATE"),
        ("CREDITNOTE", "CREATE"),
        ("CREDITNOTE", "UPDATE"),
    ]
    assert (told.events[0]["resourceId"], told.events[0]["tenantId"]) == (made["InvoiceID"], xero.tenant)
    assert told.events[4]["data"]["Type"] == "ACCRECCREDIT"


def test_a_webhook_is_set_up_confirmed_and_broken_on_its_page(
    control: SandboxControl, xero: Caller, receiver: Receiver, reader: Reader
) -> None:
    page = f"/apps/{xero.app['client_id']}/webhook"
    assert "Set it up" in reader.open(page).text
    assert "absolute url" in reader.send(page, url="nowhere", categories="INVOICE").text
    shown = reader.send(page, url=receiver.url, categories="INVOICE", tells_payments="on").text
    assert "Unconfirmed" in shown
    receiver.key = control.webhooks()[0]["key"]
    assert receiver.key in shown
    assert "Active" in reader.send(page, f"{page}/confirm").text

    made = xero.put_invoice(InvoiceNumber="N-1")
    until(lambda: len(receiver.events) == 1)
    assert "CREATE of" in reader.open(page).text
    reader.send(page, f"{page}/replay")
    until(lambda: len(receiver.events) == 2)
    assert 'value="lost" selected' in reader.send(page, f"{page}/fault", fault="lost").text
    assert [event["resourceId"] for event in receiver.events] == [made["InvoiceID"]] * 2


def test_payments_can_go_untold_and_categories_be_left_out(
    control: SandboxControl, xero: Caller, receiver: Receiver
) -> None:
    client_id = xero.app["client_id"]
    set_up = control.put_webhook(client_id, receiver.url, categories=["INVOICE"], tells_payments=False, confirm=False)
    receiver.key = set_up["key"]
    control.confirm_webhook(client_id)
    xero.put("CreditNotes", xero.credit_note())
    made = xero.put_invoice(InvoiceNumber="N-1")
    control.pay("N-1", "1.00")
    xero.call("POST", f"Invoices/{made['InvoiceID']}/Email")

    until(lambda: len(receiver.events) >= 2)

    assert control.webhooks()[0]["events"] == 2


def test_what_fails_is_tried_at_once_and_then_every_quarter_of_an_hour_for_a_day(
    control: SandboxControl, xero: Caller, told: Receiver
) -> None:
    told.status = 500
    xero.put_invoice()
    until(lambda: told.deliveries == 2)
    until(lambda: control.webhooks()[0]["tries"] == 2)
    failing = control.webhooks()[0]
    wait = datetime.fromisoformat(failing["next_try_at"]) - datetime.now(UTC)
    assert failing["problem"] == "500"
    assert timedelta(minutes=14) < wait <= timedelta(minutes=15)

    control.advance_clock(15 * 60)
    until(lambda: told.deliveries == 3)
    control.advance_clock(24 * 3600)

    until(lambda: control.webhooks()[0]["status"] == "OFF")
    told.status = 200
    control.confirm_webhook(xero.app["client_id"])
    until(lambda: len(told.events) == 1)


def test_an_event_may_come_twice(control: SandboxControl, xero: Caller, told: Receiver) -> None:
    xero.put_invoice()
    until(lambda: len(told.events) == 1)

    control.replay_events(xero.app["client_id"])

    until(lambda: len(told.events) == 2)
    assert told.events[0] == told.events[1]


def test_an_event_ordered_again_while_it_is_on_its_way_comes_again(
    control: SandboxControl, xero: Caller, told: Receiver
) -> None:
    """The order comes before the answer to the first delivery is read."""
    told.before_answering = lambda: control.replay_events(xero.app["client_id"])
    xero.put_invoice()

    until(lambda: len(told.events) == 2)
    assert told.events[0] == told.events[1]
    assert told.deliveries == 2


def test_contacts_are_told_too_whoever_makes_or_changes_them(
    control: SandboxControl, xero: Caller, told: Receiver
) -> None:
    made = xero.put("Contacts", {"Name": "Litware"}, {"Name": "<refused>"}).json()["Contacts"][0]
    xero.call("POST", "Contacts", json={"Contacts": [{"ContactID": made["ContactID"], "Name": "Litware 2"}]})
    control.put_contacts([{"name": "By hand"}])
    control.put_contacts([{"contact_id": made["ContactID"], "status": "ARCHIVED"}])

    until(lambda: len(told.events) >= 4)

    assert told.kinds() == [("CONTACT", each) for each in ("CREATE", "UPDATE", "CREATE", "UPDATE")]
    assert [event["resourceId"] == made["ContactID"] for event in told.events] == [True, True, False, True]
    assert told.events[0]["resourceUrl"].endswith(f"/Contacts/{made['ContactID']}")


@pytest.mark.parametrize(
    ("fault", "numbers", "deliveries"),
    [("twice", ["N-1", "N-2"] * 2, 2), ("reversed", ["N-2", "N-1"], 1), ("forged", ["N-1", "N-2"], 2)],
)
def test_deliveries_go_wrong_as_ordered(
    control: SandboxControl, xero: Caller, told: Receiver, fault: str, numbers: list[str], deliveries: int
) -> None:
    client_id = xero.app["client_id"]
    control.set_webhook_fault(client_id, "held")
    answer = xero.put("Invoices", *[xero.invoice(InvoiceNumber=number) for number in ("N-1", "N-2")]).json()
    number_of = {each["InvoiceID"]: each["InvoiceNumber"] for each in answer["Invoices"]}
    assert control.webhooks()[0]["pending"] == 2

    control.set_webhook_fault(client_id, fault)

    until(lambda: len(told.events) >= len(numbers))
    assert [number_of[event["resourceId"]] for event in told.events] == numbers
    assert told.deliveries == deliveries


def test_what_is_lost_counts_as_told(control: SandboxControl, xero: Caller, told: Receiver) -> None:
    control.set_webhook_fault(xero.app["client_id"], "lost")
    xero.put_invoice()

    until(lambda: control.webhooks()[0]["pending"] == 0)

    assert (control.webhooks()[0]["events"], told.deliveries) == (1, 0)
    with pytest.raises(SandboxFailed, match="fault is one of"):
        control.set_webhook_fault(xero.app["client_id"], "weather")


def test_who_is_not_connected_is_told_nothing(control: SandboxControl, xero: Caller, told: Receiver) -> None:
    control.disconnect()
    control.write_document({"Contact": {"Name": "Litware"}})

    assert control.webhooks()[0]["events"] == 0


def test_a_webhook_needs_an_address_and_known_categories(control: SandboxControl, app: dict[str, str]) -> None:
    for more in ({"url": "nowhere"}, {"url": "http://localhost/", "categories": ["WEATHER"]}):
        with pytest.raises(SandboxFailed, match="absolute url"):
            control.put_webhook(app["client_id"], **more)
