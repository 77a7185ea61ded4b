"""Each fault does what it says, in the books and on the wire."""

import time
from typing import Any

import pytest
import requests

from xero_sandbox.testing import SandboxControl, SandboxFailed
from xero_sandbox.tests.conftest import CALLBACK, Caller


def in_the_books(control: SandboxControl) -> int:
    return control.organisations()[0]["documents"]["ACCREC"]["count"]


def put_under(control: SandboxControl, xero: Caller, name: str, **order: Any) -> requests.Response:
    invoices = [xero.invoice(InvoiceNumber=f"F-{number}") for number in range(4)]
    control.place_fault(name, method="PUT", path="Invoices", **order)
    return xero.put("Invoices", *invoices, key="k")


@pytest.mark.parametrize(
    ("name", "committed"),
    [
        ("commit_then_drop", 4),
        ("drop_before", 0),
        ("hang_before", 0),
        ("hang_after_commit", 4),
        ("truncated_json_after_commit", 4),
    ],
)
def test_the_connection_ends_without_an_answer(
    control: SandboxControl, xero: Caller, name: str, committed: int
) -> None:
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        put_under(control, xero, name, seconds=0.1)

    assert in_the_books(control) == committed


@pytest.mark.parametrize(
    ("name", "status", "committed", "words"),
    [
        ("500_before", 500, 0, "An error occurred"),
        ("commit_then_500", 500, 4, "An error occurred"),
        ("503_text", 503, 0, "temporarily unavailable"),
        ("504_after_commit", 504, 4, "<html>"),
        ("html_200_after_commit", 200, 4, "<html>"),
        ("401", 401, 0, "TokenExpired"),
        ("403", 403, 0, "AuthenticationUnsuccessful"),
        ("whole_batch_400", 400, 0, "ValidationException"),
        ("slow", 200, 4, "StatusAttributeString"),
    ],
)
def test_the_answer_is_not_what_it_should_be(
    control: SandboxControl, xero: Caller, name: str, status: int, committed: int, words: str
) -> None:
    answer = put_under(control, xero, name, seconds=0.1)

    assert answer.status_code == status
    assert words in answer.text
    assert in_the_books(control) == committed


@pytest.mark.parametrize(
    ("name", "problem", "retry_after"),
    [("429_minute", "minute", "7"), ("429_day", "day", "7"), ("429_concurrent", "concurrent", None)],
)
def test_a_limit_can_be_met_at_will(
    control: SandboxControl, xero: Caller, name: str, problem: str, retry_after: str | None
) -> None:
    answer = put_under(control, xero, name, seconds=7)

    assert answer.status_code == 429
    assert answer.headers["X-Rate-Limit-Problem"] == problem
    assert answer.headers.get("Retry-After") == retry_after
    assert in_the_books(control) == 0


def test_a_day_limit_is_long_by_itself(control: SandboxControl, xero: Caller) -> None:
    assert put_under(control, xero, "429_day").headers["Retry-After"] == "77000"


def test_garbled_json_cannot_be_read(control: SandboxControl, xero: Caller) -> None:
    answer = put_under(control, xero, "garbled_json_after_commit")

    assert answer.status_code == 200
    with pytest.raises(ValueError):
        answer.json()
    assert in_the_books(control) == 4


def test_elements_go_missing_are_shuffled_and_grow_odd(control: SandboxControl, xero: Caller) -> None:
    def numbers(answer: requests.Response) -> list[str]:
        return [one["InvoiceNumber"] for one in answer.json()["Invoices"]]

    assert numbers(put_under(control, xero, "elements_missing")) == ["F-1", "F-3"]
    control.reset(keep_apps=True)
    assert numbers(put_under(control, xero, "elements_shuffled")) == ["F-3", "F-2", "F-1", "F-0"]
    control.reset(keep_apps=True)
    odd = put_under(control, xero, "nulls_and_unknown_enums").json()["Invoices"][0]
    assert (odd["Status"], odd["DueDate"]) == ("PARKED", None)
    assert in_the_books(control) == 4


def test_a_redirect_leads_to_a_page_that_is_no_answer(control: SandboxControl, xero: Caller) -> None:
    control.place_fault("redirect")

    answer = xero.call("GET", "Organisation", allow_redirects=False)

    assert answer.status_code == 302
    assert "<html>" in requests.get(f"{control.url}{answer.headers['Location']}").text
    assert in_the_books(control) == 0


def test_a_late_finish_commits_after_the_caller_has_looked(control: SandboxControl, xero: Caller) -> None:
    with pytest.raises(requests.ConnectionError):
        put_under(control, xero, "finish_late", seconds=0.5)
    assert xero.get("Invoices", InvoiceNumbers="F-0").json()["Invoices"] == []

    deadline = time.monotonic() + 5
    while in_the_books(control) == 0 and time.monotonic() < deadline:
        time.sleep(0.05)

    assert in_the_books(control) == 4


@pytest.mark.parametrize("name", ["commit_then_500", "500_before"])
def test_an_internal_500_is_kept_under_its_key(control: SandboxControl, xero: Caller, name: str) -> None:
    first = put_under(control, xero, name)
    committed = in_the_books(control)
    invoices = [xero.invoice(InvoiceNumber=f"F-{number}") for number in range(4)]

    again = xero.put("Invoices", *invoices, key="k")

    assert (again.status_code, again.content) == (500, first.content)
    assert in_the_books(control) == committed


@pytest.mark.parametrize("name", ["commit_then_drop", "truncated_json_after_commit"])
def test_a_lost_answer_is_told_again_under_its_key(control: SandboxControl, xero: Caller, name: str) -> None:
    with pytest.raises(requests.RequestException):
        put_under(control, xero, name)
    invoices = [xero.invoice(InvoiceNumber=f"F-{number}") for number in range(4)]

    again = xero.put("Invoices", *invoices, key="k")

    assert {one["StatusAttributeString"] for one in again.json()["Invoices"]} == {"OK"}
    assert in_the_books(control) == 4


def test_orders_choose_their_calls(control: SandboxControl, xero: Caller) -> None:
    control.place_fault("503_text", method="GET", path="^Accounts$", nth=2, times=2)

    statuses = [xero.get(path).status_code for path in ("Accounts", "TaxRates", *["Accounts"] * 3)]

    assert statuses == [200, 200, 503, 503, 200]
    (order,) = control.faults()
    assert (order["matched"], order["fired"]) == (4, 2)


def test_chance_is_repeatable_and_orders_can_be_lifted(control: SandboxControl, xero: Caller) -> None:
    def run() -> list[int]:
        control.cancel_faults()
        control.place_fault("503_text", path="Accounts", probability=0.5, seed=7)
        return [xero.get("Accounts").status_code for _ in range(12)]

    first = run()

    assert set(first) == {200, 503}
    assert run() == first
    control.cancel_faults()
    assert xero.get("Accounts").ok


def test_an_unknown_fault_is_refused_with_the_list_of_known_ones(control: SandboxControl) -> None:
    with pytest.raises(SandboxFailed, match="commit_then_drop"):
        control.place_fault("nonsense")


def test_a_refresh_whose_answer_was_lost_can_be_retried(control: SandboxControl, app: dict[str, str]) -> None:
    tokens = control.tokens(app["client_id"])
    control.place_fault("refresh_answer_lost")

    def refresh() -> requests.Response:
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        return requests.post(f"{control.url}/connect/token", data=form, auth=(app["client_id"], app["client_secret"]))

    with pytest.raises(requests.ConnectionError):
        refresh()
    assert refresh().ok
    control.advance_clock(31 * 60)
    assert refresh().json() == {"error": "invalid_grant"}


def test_faults_reach_the_token_endpoint_only_when_told(control: SandboxControl, xero: Caller) -> None:
    app = control.ensure_app("Portal", [CALLBACK])
    form = {"grant_type": "refresh_token", "refresh_token": xero.tokens["refresh_token"]}

    def refresh() -> int:
        pair = (app["client_id"], app["client_secret"])
        return requests.post(f"{control.url}/connect/token", data=form, auth=pair).status_code

    control.place_fault("503_text")
    assert refresh() == 200
    control.place_fault("503_text", path="connect/token")
    assert refresh() == 503
