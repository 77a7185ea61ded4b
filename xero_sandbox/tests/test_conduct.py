"""The sandbox notices what a careful caller does not do, and holds nothing against one who is careful."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from xero_sandbox.testing import SandboxControl
from xero_sandbox.tests.conftest import Caller, sin_kinds


def lose_answer(control: SandboxControl, xero: Caller, invoice: dict[str, Any], key: str = "k") -> None:
    control.place_fault("commit_then_drop", method="PUT")
    with pytest.raises(requests.ConnectionError):
        xero.put("Invoices", invoice, key=key)


def test_a_careful_caller_has_no_violations(control: SandboxControl, xero: Caller) -> None:
    xero.put_invoice()
    xero.get("Invoices", page=1)

    assert control.violations() == []


def test_manners_are_noticed(control: SandboxControl, xero: Caller) -> None:
    xero.call("GET", "Organisation", headers={"Accept": "*/*"})
    assert sin_kinds(control) == {"missing_accept"}
    control.forget()
    xero.call("GET", "Organisation", headers={"User-Agent": "python-requests/2.32"})
    assert sin_kinds(control) == {"missing_user_agent"}
    control.forget()
    xero.call("PUT", "Invoices", json={"Invoices": [xero.invoice()]})
    assert sin_kinds(control) == {"missing_idempotency_key"}


def test_creating_by_post_is_a_violation_and_voiding_by_id_is_none(control: SandboxControl, xero: Caller) -> None:
    made = xero.put_invoice()
    key = {"Idempotency-Key": "k"}
    xero.call("POST", f"Invoices/{made['InvoiceID']}", json={"Status": "VOIDED"}, headers=key)
    assert control.violations() == []

    xero.call("POST", "Invoices", json={"Invoices": [xero.invoice()]}, headers={"Idempotency-Key": "k2"})

    assert sin_kinds(control) == {"create_by_post"}


def test_changing_a_contact_through_an_invoice_is_a_violation_and_does_change_it(
    control: SandboxControl, xero: Caller
) -> None:
    contact_id = xero.contact_id()
    xero.put_invoice(Contact={"ContactID": contact_id, "Name": "Renamed", "EmailAddress": "new@x.example"})

    assert sin_kinds(control) == {"contact_changed_by_invoice"}
    assert xero.get(f"Contacts/{contact_id}").json()["Contacts"][0]["Name"] == "Renamed"


def test_sending_again_without_a_lookup_is_a_violation(control: SandboxControl, xero: Caller) -> None:
    invoice = xero.invoice(InvoiceNumber="N-1")
    lose_answer(control, xero, invoice)

    xero.put("Invoices", invoice, key="another")

    (violation,) = control.violations()
    assert violation["kind"] == "resend_without_a_lookup"
    assert "N-1" in violation["detail"]


@pytest.mark.parametrize(
    "lookup",
    [
        ("Invoices", {"InvoiceNumbers": "N-0,N-1"}),
        ("Invoices/N-1", {}),
        ("Invoices", {"where": 'InvoiceNumber=="N-1"'}),
        ("Invoices", {"Statuses": "AUTHORISED"}),
        ("Invoices", {"page": "1"}),
    ],
)
def test_a_lookup_settles_the_doubt(control: SandboxControl, xero: Caller, lookup: tuple[str, dict[str, str]]) -> None:
    invoice = xero.invoice(InvoiceNumber="N-1")
    lose_answer(control, xero, invoice)

    path, query = lookup
    xero.get(path, **query)
    xero.put("Invoices", invoice, key="another")

    assert control.violations() == []


@pytest.mark.parametrize(
    "lookup", [("Contacts", {}), ("Invoices", {"InvoiceNumbers": "N-2"}), ("Invoices", {"Statuses": "PAID"})]
)
def test_looking_elsewhere_settles_nothing(
    control: SandboxControl, xero: Caller, lookup: tuple[str, dict[str, str]]
) -> None:
    invoice = xero.invoice(InvoiceNumber="N-1")
    lose_answer(control, xero, invoice)

    path, query = lookup
    xero.get(path, **query)
    xero.put("Invoices", invoice, key="another")

    assert sin_kinds(control) == {"resend_without_a_lookup"}


def test_a_lookup_whose_answer_was_lost_settles_nothing(control: SandboxControl, xero: Caller) -> None:
    invoice = xero.invoice(InvoiceNumber="N-1")
    lose_answer(control, xero, invoice)
    control.place_fault("503_text", method="GET")

    xero.get("Invoices", InvoiceNumbers="N-1")
    xero.put("Invoices", invoice, key="another")

    assert sin_kinds(control) == {"resend_without_a_lookup"}


def test_a_lookup_while_the_call_still_hangs_settles_the_doubt(control: SandboxControl, xero: Caller) -> None:
    invoice = xero.invoice(InvoiceNumber="N-1")
    control.place_fault("hang_before", method="PUT", seconds=0.5)
    with ThreadPoolExecutor() as pool:
        hanging = pool.submit(xero.put, "Invoices", invoice, key="a")
        while not control.faults()[0]["fired"]:
            assert not hanging.done()
        xero.get("Invoices", InvoiceNumbers="N-1")
        assert not hanging.done()
        with pytest.raises(requests.ConnectionError):
            hanging.result()

    xero.put("Invoices", invoice, key="another")

    assert control.violations() == []


@pytest.mark.parametrize(("is_there", "violations"), [(False, set()), (True, {"resend_without_a_lookup"})])
def test_a_lookup_that_had_nothing_to_leave_out_settles_the_doubt(
    control: SandboxControl, xero: Caller, is_there: bool, violations: set[str]
) -> None:
    invoice = xero.invoice(InvoiceNumber="N-1")
    control.place_fault("commit_then_500" if is_there else "500_before", method="PUT")
    assert xero.put("Invoices", invoice, key="k").status_code == 500
    control.place_fault("elements_missing", method="GET")

    assert xero.get("Invoices", InvoiceNumbers="N-1").json()["Invoices"] == []
    xero.put("Invoices", invoice, key="another")

    assert sin_kinds(control) == violations


def test_the_same_key_may_be_sent_again_for_six_minutes(control: SandboxControl, xero: Caller) -> None:
    invoice = xero.invoice(InvoiceNumber="N-1")
    lose_answer(control, xero, invoice)
    control.place_fault("503_text", method="PUT")
    assert xero.put("Invoices", invoice, key="k").status_code == 503
    assert control.violations() == []
    control.advance_clock(361)

    xero.put("Invoices", invoice, key="k")

    assert sin_kinds(control) == {"resend_without_a_lookup"}


def test_an_answer_that_told_all_leaves_no_doubt(control: SandboxControl, xero: Caller) -> None:
    invoice = xero.invoice(InvoiceNumber="N-1")
    control.place_fault("429_concurrent", method="PUT")
    assert xero.put("Invoices", invoice, key="a").status_code == 429

    assert xero.put("Invoices", invoice, key="b").ok
    assert control.violations() == []


def test_calling_while_told_to_wait_is_a_violation(control: SandboxControl, xero: Caller) -> None:
    control.place_fault("429_minute", seconds=60)
    xero.get("Organisation")
    xero.get("Organisation")
    assert control.violations() == [], "a call that had left before the 429 could be read is forgiven"
    control.advance_clock(30)
    xero.get("Organisation")
    assert sin_kinds(control) == {"call_while_paused"}
    control.forget()
    control.advance_clock(31)
    xero.get("Organisation")
    assert control.violations() == []


def test_too_many_calls_in_flight_are_a_violation(control: SandboxControl, xero: Caller) -> None:
    control.set_limits(latency_seconds=0.3)
    together = threading.Barrier(6)

    def call() -> None:
        together.wait()
        xero.get("Organisation")

    with ThreadPoolExecutor(6) as pool:
        for future in [pool.submit(call) for _ in range(6)]:
            future.result()

    assert sin_kinds(control) == {"too_many_in_flight"}


def test_a_second_live_document_of_one_address_is_a_violation(control: SandboxControl, xero: Caller) -> None:
    first = xero.put_invoice(Url="https://portal.example/1")
    xero.move("Invoices", (first, "VOIDED"))
    xero.put_invoice(Url="https://portal.example/1")
    assert control.violations() == []

    xero.put_invoice(Url="https://portal.example/1")

    assert sin_kinds(control) == {"second_live_document"}


def test_the_state_tells_duplicates_totals_and_calls(control: SandboxControl, xero: Caller) -> None:
    for number in ("N-1", "N-2"):
        xero.put_invoice(InvoiceNumber=number, Url="https://portal.example/1", Reference="PO-1")

    state = control.state()
    organisation = state["organisations"][0]

    assert organisation["duplicates"]["url"] == {"https://portal.example/1": ["N-1", "N-2"]}
    assert organisation["duplicates"]["reference"] == {}
    assert organisation["duplicates"]["number"] == {}
    assert organisation["documents"]["ACCREC"]["totals"] == {"AUD": {"AUTHORISED": "220.00"}}
    assert state["calls"]["PUT Invoices"] == 2
    last = control.calls(last=1)[0]
    assert (last["method"], last["path"], last["elements"], last["status"]) == ("PUT", "Invoices", 1, 200)
    assert len(last["body_sha256"]) == 64


def test_a_reference_tells_apart_only_what_bears_no_address(control: SandboxControl, xero: Caller) -> None:
    for number in ("N-1", "N-2"):
        xero.put_invoice(InvoiceNumber=number, Url=f"https://portal.example/{number}", Reference="PO-1")
        xero.put_invoice(InvoiceNumber=f"{number}-B", Url="", Reference="Marked 1")

    assert control.state()["organisations"][0]["duplicates"]["reference"] == {"Marked 1": ["N-1-B", "N-2-B"]}


def test_no_secret_or_token_is_in_the_log_of_calls(control: SandboxControl, xero: Caller) -> None:
    xero.put_invoice()
    form = {"grant_type": "refresh_token", "refresh_token": xero.tokens["refresh_token"]}
    pair = (xero.app["client_id"], xero.app["client_secret"])
    requests.post(f"{control.url}/connect/token", data=form, auth=pair)

    said = str(control.calls()) + str(control.state())

    assert "connect/token" in said
    for secret in (xero.app["client_secret"], xero.tokens["refresh_token"], xero.tokens["access_token"]):
        assert secret not in said
