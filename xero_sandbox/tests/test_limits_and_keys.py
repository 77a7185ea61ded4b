"""Limits and idempotency keys."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from xero_sandbox.testing import SandboxControl
from xero_sandbox.tests.conftest import Caller


def test_each_answer_says_what_remains(xero: Caller) -> None:
    headers = xero.get("Organisation").headers

    assert headers["X-MinLimit-Remaining"] == "59"
    assert headers["X-DayLimit-Remaining"] == "4999"
    assert headers["X-AppMinLimit-Remaining"] == "9999"
    assert len(headers["Xero-Correlation-Id"]) == 36


def test_the_minute_limit_names_itself_and_passes(xero: Caller, control: SandboxControl) -> None:
    control.set_limits(minute=2)
    assert [xero.get("Organisation").status_code for _ in range(3)] == [200, 200, 429]

    refused = xero.get("Organisation")
    control.advance_clock(61)

    assert refused.headers["X-Rate-Limit-Problem"] == "minute"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert xero.get("Organisation").ok


def test_the_day_limit_asks_for_hours_of_patience(xero: Caller, control: SandboxControl) -> None:
    control.set_limits(day=1)
    xero.get("Organisation")

    refused = xero.get("Organisation")

    assert refused.headers["X-Rate-Limit-Problem"] == "day"
    assert int(refused.headers["Retry-After"]) > 86_000


def test_limits_are_kept_for_each_organisation(xero: Caller, control: SandboxControl) -> None:
    control.set_limits(minute=1)
    xero.get("Organisation")
    assert xero.get("Organisation").status_code == 429

    xero.session.headers["Xero-Tenant-Id"] = control.organisations()[1]["tenant_id"]

    assert xero.get("Organisation").ok


def test_a_sixth_call_in_flight_is_refused_without_retry_after(xero: Caller, control: SandboxControl) -> None:
    control.set_limits(latency_seconds=0.4)
    together = threading.Barrier(6)

    def call() -> tuple[int, str | None, str | None]:
        together.wait()
        answer = xero.get("Organisation")
        return answer.status_code, answer.headers.get("X-Rate-Limit-Problem"), answer.headers.get("Retry-After")

    with ThreadPoolExecutor(6) as pool:
        answers = sorted(future.result() for future in [pool.submit(call) for _ in range(6)])

    assert [status for status, *_ in answers] == [200] * 5 + [429]
    assert answers[-1][1:] == ("concurrent", None)
    assert control.state()["max_in_flight"] == 6


def test_a_refused_call_writes_nothing_and_leaves_its_key_unused(xero: Caller, control: SandboxControl) -> None:
    invoice = xero.invoice()
    control.set_limits(minute=1)

    refused = xero.put("Invoices", invoice, key="k")
    control.set_limits(minute=60)
    accepted = xero.put("Invoices", invoice, key="k")

    assert refused.status_code == 429
    assert accepted.json()["Invoices"][0]["StatusAttributeString"] == "OK"


def test_the_same_request_under_a_key_gets_the_first_answer_byte_for_byte(xero: Caller) -> None:
    invoice = xero.invoice()

    first, again = (xero.put("Invoices", invoice, key="k") for _ in range(2))

    assert again.content == first.content
    assert len(xero.get("Invoices").json()["Invoices"]) == 1


@pytest.mark.parametrize("change", ["body", "query", "tenant"])
def test_another_request_under_a_key_is_refused(xero: Caller, control: SandboxControl, change: str) -> None:
    invoice = xero.invoice()
    xero.put("Invoices", invoice, key="k")

    if change == "tenant":
        xero.session.headers["Xero-Tenant-Id"] = control.organisations()[1]["tenant_id"]
    changed = xero.invoice() if change == "body" else invoice
    other = xero.put("Invoices", changed, key="k", unitdp="2" if change == "query" else "4")

    assert other.status_code == 400
    assert other.json()["Message"] == "Idempotency Key: k is used with a different request."


def test_a_key_is_forgotten_after_six_minutes(xero: Caller, control: SandboxControl) -> None:
    invoice = xero.invoice()
    xero.put("Invoices", invoice, key="k")
    control.advance_clock(361)

    late = xero.put("Invoices", invoice, key="k").json()["Invoices"][0]

    assert late["ValidationErrors"] == [{"Message": "Invoice # must be unique."}]


def test_a_refusal_is_kept_under_its_key_too(xero: Caller, control: SandboxControl) -> None:
    invoice = xero.invoice(CurrencyCode="EUR")
    first = xero.put("Invoices", invoice, key="k")
    control.put_currency("EUR")

    assert xero.put("Invoices", invoice, key="k").content == first.content


def test_a_key_has_at_most_128_characters(xero: Caller) -> None:
    assert xero.put("Invoices", xero.invoice(), key="k" * 128).ok
    assert xero.put("Invoices", xero.invoice(), key="k" * 129).status_code == 400


def test_keys_are_each_apps_own(xero: Caller, control: SandboxControl) -> None:
    xero.put("Invoices", xero.invoice(), key="k")
    app = control.ensure_app("Another app", ["http://localhost:8000/"])
    other = Caller(control.url, app, control.tokens(app["client_id"]), xero.tenant)

    assert other.put("Invoices", other.invoice(), key="k").ok


def test_two_callers_with_one_number_at_once_make_one_invoice(xero: Caller) -> None:
    for round_number in range(5):
        invoice = xero.invoice(InvoiceNumber=f"RACE-{round_number}")
        together = threading.Barrier(4)

        def put(invoice=invoice, together=together) -> str:
            together.wait()
            return xero.put("Invoices", invoice).json()["Invoices"][0]["StatusAttributeString"]

        with ThreadPoolExecutor(4) as pool:
            results = [future.result() for future in [pool.submit(put) for _ in range(4)]]

        assert sorted(results) == ["ERROR", "ERROR", "ERROR", "OK"]


def test_twins_under_one_key_at_once_make_one_invoice_and_one_answer(xero: Caller) -> None:
    invoice = xero.invoice(InvoiceNumber=None)
    together = threading.Barrier(4)

    def put() -> bytes:
        together.wait()
        return xero.put("Invoices", invoice, key="k").content

    with ThreadPoolExecutor(4) as pool:
        answers = {future.result() for future in [pool.submit(put) for _ in range(4)]}

    assert len(answers) == 1
    assert len(xero.get("Invoices").json()["Invoices"]) == 1


def test_fifty_invoices_of_ten_lines_are_written_at_once(xero: Caller, control: SandboxControl) -> None:
    lines = [{"Description": "x", "Quantity": 1, "UnitAmount": 1, "AccountCode": "4010"}] * 10

    answer = xero.put("Invoices", *[xero.invoice(LineItems=lines) for _ in range(50)])

    assert {one["StatusAttributeString"] for one in answer.json()["Invoices"]} == {"OK"}
    assert control.organisations()[0]["documents"]["ACCREC"]["totals"] == {"AUD": {"AUTHORISED": "550.00"}}
