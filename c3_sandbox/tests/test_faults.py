"""What each fault does to a caller, how often, and to which call."""

import json
import time

import pytest
import requests

from c3_sandbox.testing import C3SandboxControl, C3SandboxFailed
from c3_sandbox.tests.conftest import Caller

DOWNLOAD = "invoices/Download/v3/BillingPeriods/24"


@pytest.fixture
def signed_in(c3: Caller) -> Caller:
    c3.periods()
    return c3


@pytest.mark.parametrize(
    ("fault", "status", "start"),
    [
        ("error_at_200", 200, '{"OperationType": null, "Status": "Error"'),
        ("error_at_500", 500, '{"OperationType": null, "Status": "Error"'),
        ("401", 401, '{"OperationType": null, "Status": "Error"'),
        ("403", 403, '{"OperationType": null, "Status": "Error"'),
        ("429", 429, ""),
        ("429_without_retry_after", 429, ""),
        ("500", 500, "<html>"),
        ("503", 503, "The service is unavailable."),
        ("html_sign_in", 200, "<!DOCTYPE html>"),
        ("wrong_content_type", 200, '{"OperationType": null, "Status": "Success"'),
    ],
)
def test_a_fault_strikes_once_and_the_next_call_is_right(
    signed_in: Caller, control: C3SandboxControl, fault: str, status: int, start: str
) -> None:
    control.place_fault(fault, call="invoices")

    struck, next_one = signed_in.call("POST", DOWNLOAD), signed_in.call("POST", DOWNLOAD)

    assert (struck.status_code, struck.text[: len(start)]) == (status, start)
    assert next_one.json()["Status"] == "Success"
    assert [order["fired"] for order in control.faults()] == [1]
    assert [call["fault"] for call in control.calls("invoices")] == [fault, ""]


def test_too_many_calls_say_for_how_long_or_not(signed_in: Caller, control: C3SandboxControl) -> None:
    control.place_fault("429", seconds=7)
    assert signed_in.call("GET", "billingperiods").headers["Retry-After"] == "7"
    control.place_fault("429_without_retry_after")
    assert "Retry-After" not in signed_in.call("GET", "billingperiods").headers


def test_a_wrong_content_type_is_over_a_right_answer(signed_in: Caller, control: C3SandboxControl) -> None:
    control.place_fault("wrong_content_type")

    answer = signed_in.call("GET", "billingperiods")

    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.json()["Data"]


@pytest.mark.parametrize(("method", "path"), [("POST", DOWNLOAD), ("GET", "billingperiods")])
def test_half_a_json_comes_as_if_it_were_all(
    signed_in: Caller, control: C3SandboxControl, method: str, path: str
) -> None:
    honest = signed_in.call(method, path).text
    control.place_fault("half_json")

    half = signed_in.call(method, path)

    assert half.status_code == 200
    assert len(honest) / 4 < len(half.text) < len(honest) * 0.9
    with pytest.raises(json.JSONDecodeError):
        half.json()


@pytest.mark.parametrize("fault", ["cut_off", "stalls"])
def test_an_answer_is_cut_off_in_its_middle(signed_in: Caller, control: C3SandboxControl, fault: str) -> None:
    honest = signed_in.call("POST", DOWNLOAD).content
    control.place_fault(fault, seconds=0.2)

    answer = signed_in.call("POST", DOWNLOAD, stream=True)
    received, chunks = b"", answer.iter_content(None)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):  # noqa: PT012 - what came before it counts
        while True:
            received += next(chunks)

    assert answer.status_code == 200
    assert len(honest) / 4 < len(received) < len(honest) * 0.9


def test_a_stalled_answer_stays_silent_as_long_as_asked(signed_in: Caller, control: C3SandboxControl) -> None:
    control.place_fault("stalls", seconds=3)

    began = time.monotonic()
    with pytest.raises(requests.exceptions.ConnectionError, match="Read timed out"):
        signed_in.session.post(f"{signed_in.url}/api/{DOWNLOAD}", timeout=0.5)
    assert 0.5 <= time.monotonic() - began < 3


def test_a_slow_call_answers_after_its_seconds(signed_in: Caller, control: C3SandboxControl) -> None:
    control.place_fault("slow", seconds=0.4)

    began = time.monotonic()
    assert signed_in.call("GET", "billingperiods").json()["Status"] == "Success"
    assert time.monotonic() - began > 0.4


def test_a_dropped_call_gets_no_answer(signed_in: Caller, control: C3SandboxControl) -> None:
    control.place_fault("dropped")

    with pytest.raises(requests.exceptions.ConnectionError):
        signed_in.call("GET", "billingperiods")


def test_a_refused_sign_in_strikes_the_token_and_nothing_else(c3: Caller, control: C3SandboxControl) -> None:
    control.place_fault("token_refused")

    refused = c3.sign_in()
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert c3.sign_in().status_code == 200


def test_any_fault_can_strike_the_token_when_asked(c3: Caller, control: C3SandboxControl) -> None:
    control.place_fault("500")
    assert c3.sign_in().status_code == 200
    control.place_fault("503", call="token")
    assert c3.sign_in().status_code == 503


def test_faults_are_ordered_by_call_number_and_count(signed_in: Caller, control: C3SandboxControl) -> None:
    control.place_fault("500", call="periods", nth=2, times=2)
    codes = [signed_in.call("GET", "billingperiods").status_code for _ in range(4)]
    assert codes == [200, 500, 500, 200]

    control.cancel_faults()
    control.place_fault("503", call="details", times=None)
    assert [signed_in.call("GET", "activecustomers/details/").status_code for _ in range(3)] == [503] * 3
    assert signed_in.call("GET", "activecustomers/v5").status_code == 200
    control.cancel_faults()
    assert signed_in.call("GET", "activecustomers/details/").status_code == 200


@pytest.mark.parametrize("order", [{"name": "no_such_fault"}, {"name": "500", "call": "no_such_call"}])
def test_an_order_that_makes_no_sense_is_refused(control: C3SandboxControl, order: dict[str, str]) -> None:
    with pytest.raises(C3SandboxFailed, match="no_such"):
        control.call("POST", "faults", **order)
    assert control.faults() == []
