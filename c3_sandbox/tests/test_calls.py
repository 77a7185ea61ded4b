"""The token endpoint and C3's calls, as a partner's program meets them."""

import csv
import json
import time
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from c3_sandbox.testing import C3SandboxControl
from c3_sandbox.tests.conftest import Caller

SAMPLE_DATA = Path(__file__).resolve().parents[2] / "sample_data"
DOCUMENTED = [
    "CustomerBillingType",
    "ERPCustomerID",
    "CRMOpportunityID",
    "CouponDiscountPercentage",
    "ProviderOfferId",
    "SubscriptionEndDate",
    "ProviderCategory",
    "Category",
    "ProductSKUId",
    "UniqueProviderOfferId",
    "UnitPriceOfProduct",
    "ReservationOrderId",
    "InvoiceEntity",
    "ResellerName",
    "ProviderInvoiceNumber",
    "TenantID",
    "SubscriptionID",
    "CurrencyCode",
    "AlternateId",
    "ItemCode",
    "CustomerName",
    "InvoiceNumber",
    "InvoiceGeneratedDate",
    "InvoiceDueDate",
    "SubscriptionName",
    "ChargeStartDate",
]
AMOUNTS = ["ChargeEndDate", "BillableQuantity", "AmountBeforeTax", "TaxRateApplied", "TaxCharged", "AmountAfterTax"]
ENVELOPE = ["OperationType", "Status", "RequestCorrelationID", "ErrorMessage", "ErrorDetail", "Data"]
ONE_CALL = [
    ("GET", "billingperiods"),
    ("POST", "invoices/Download/v3/BillingPeriods/24"),
    ("GET", "activecustomers/v5"),
    ("GET", "activecustomers/details/"),
]


def test_a_token_is_all_text(c3: Caller) -> None:
    answer = c3.sign_in()

    token = answer.json()
    assert answer.status_code == 200
    assert {type(value) for value in token.values()} == {str}
    assert token["token_type"] == "Bearer"
    assert (token["expires_in"], token["ext_expires_in"]) == ("3599", "3599")
    assert int(token["expires_on"]) - int(token["not_before"]) == 3599
    assert token["resource"] == c3.credentials["resource"]


@pytest.mark.parametrize(
    ("wrong", "status", "error", "code"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_id": str(uuid4())}, 400, "unauthorized_client", 700016),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"client_secret": None}, 400, "invalid_request", 900144),
        ({"resource": None}, 400, "invalid_request", 900144),
        ({"resource": str(uuid4())}, 400, "invalid_resource", 500011),
        ({"scope": "openid"}, 400, "invalid_scope", 70011),
        ({"directory": str(uuid4())}, 400, "invalid_request", 90002),
    ],
)
def test_a_wrong_sign_in_is_refused_in_microsofts_words(
    c3: Caller, wrong: dict[str, Any], status: int, error: str, code: int
) -> None:
    answer = c3.sign_in(**wrong)

    refused = answer.json()
    assert (answer.status_code, refused["error"], refused["error_codes"]) == (status, error, [code])
    assert refused["error_description"].startswith(f"AADSTS{code}: ")
    assert refused["correlation_id"] in refused["error_description"]


def test_a_token_request_must_be_a_form(c3: Caller) -> None:
    address = f"{c3.url}/{c3.credentials['directory_id']}/oauth2/token"
    answer = requests.post(address, json={"grant_type": "client_credentials", **c3.credentials}, timeout=10)

    assert (answer.status_code, answer.json()["error_codes"]) == (400, [900144])


@pytest.mark.parametrize(("method", "path"), ONE_CALL)
def test_every_call_answers_in_the_envelope(c3: Caller, method: str, path: str) -> None:
    answer = c3.call(method, path).json()

    assert list(answer) == ENVELOPE
    assert answer["Status"] == "Success"
    assert answer["RequestCorrelationID"]
    assert answer["ErrorMessage"] is answer["ErrorDetail"] is None
    assert answer["Data"]


@pytest.mark.parametrize("token", ["", "Bearer ", "Bearer 1-99999999999-x.forged", "Basic eDp5"])
@pytest.mark.parametrize(("method", "path"), ONE_CALL)
def test_no_call_answers_without_a_good_token(c3: Caller, method: str, path: str, token: str) -> None:
    answer = requests.request(method, f"{c3.url}/api/{path}", headers={"Authorization": token}, timeout=10)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')
    assert answer.json()["Status"] == "Error"
    assert answer.json()["Data"] is None


def test_a_token_ends_by_the_clock_and_by_hand(c3: Caller, control: C3SandboxControl) -> None:
    control.choose(token_seconds=60)
    assert c3.call("GET", "billingperiods").status_code == 200

    control.shift_clock(61)
    assert c3.call("GET", "billingperiods").status_code == 401
    control.shift_clock(0)
    assert c3.call("GET", "billingperiods").status_code == 200
    control.end_tokens()
    assert c3.call("GET", "billingperiods").status_code == 401


def test_the_nine_newest_periods_come_newest_first(whole: C3SandboxControl) -> None:
    whole.reset(customers=1)
    caller = Caller(whole)

    assert caller.periods()[0] == {
        "ID": 24,
        "StartDate": "2026-09-16T00:00:00",
        "EndDate": "2026-10-15T00:00:00",
        "BillingId": "20261018",
    }
    assert [period["ID"] for period in caller.periods()] == list(range(24, 15, -1))

    whole.generate()
    assert [period["ID"] for period in caller.periods()] == list(range(25, 16, -1))


@pytest.mark.parametrize("billing_id", ["20260818", "20260918", "20261018"])
def test_the_newest_periods_are_the_sample_data_line_by_line(whole: C3SandboxControl, billing_id: str) -> None:
    if len(whole.periods()[0]["totals"]) != 120:
        whole.reset()
    caller = Caller(whole)
    (period,) = [period for period in caller.periods() if period["BillingId"] == billing_id]
    with (SAMPLE_DATA / f"c3-invoice-lines-{billing_id}.csv").open(encoding="utf-8", newline="") as file:
        sample = list(csv.DictReader(file))

    lines = caller.lines(period["ID"])

    same = [name for name in DOCUMENTED if name != "UnitPriceOfProduct"] + ["ChargeEndDate"]
    assert [[line[name] or "" for name in same] for line in lines] == [[row[name] for name in same] for row in sample]
    numbers = {
        "UnitPriceOfProduct": "UnitPriceOfProduct",
        "BillableQuantity": "Quantity",
        "AmountBeforeTax": "SubTotal",
        "TaxRateApplied": "TaxPercentage",
        "TaxCharged": "TaxAmount",
        "AmountAfterTax": "Total",
    }
    for line, row in zip(lines, sample, strict=True):
        assert {name: line[name] for name in numbers} == {name: Decimal(row[own]) for name, own in numbers.items()}
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for row in sample:
        totals[row["InvoiceNumber"]] += Decimal(row["Total"])
    (told,) = [period for period in whole.periods() if period["billing_id"] == billing_id]
    assert {number: Decimal(total) for number, total in told["totals"].items()} == totals
    assert len(totals) == 120


def test_a_line_has_the_documented_fields_an_unknown_one_and_names_that_are_nobodys(c3: Caller) -> None:
    line = c3.lines()[0]

    known = [*DOCUMENTED, *AMOUNTS]
    assert list(line) == [*known[:12], "BillingProfileName", *known[12:]]
    assert not {"BillingId", "BillingPeriodStartDate", "Quantity", "SubTotal", "Total"} & line.keys()


def test_numbers_of_lines_have_eight_decimals_and_more_only_of_their_own(c3: Caller) -> None:
    text = c3.call("POST", "invoices/Download/v3/BillingPeriods/24").text

    line = json.loads(text, parse_float=str)["Data"][0]
    for name in ("UnitPriceOfProduct", *AMOUNTS[1:]):
        assert f'"{name}": {line[name]}' in text
        assert len(line[name].partition(".")[2]) >= 8
    assert line["TaxRateApplied"] == "10.00000000"


def test_without_an_id_the_newest_period_comes(c3: Caller) -> None:
    assert c3.lines() == c3.lines(24) != c3.lines(23)
    path = "invoices/Download/v3/BillingPeriods/"
    assert c3.call("POST", path).json()["Data"] == c3.call("POST", f"{path}24/").json()["Data"]


@pytest.mark.parametrize("as_text", [True, False])
def test_lines_of_some_tenants_are_asked_for_in_both_ways(c3: Caller, as_text: bool) -> None:
    every = c3.lines()
    first, *_, last = dict.fromkeys(line["TenantID"] for line in every)

    some = c3.lines(json={"TenantIds": f"{first}, {last}" if as_text else [first, last]})

    assert some == [line for line in every if line["TenantID"] in (first, last)]
    assert c3.lines(json={"TenantIds": "" if as_text else []}) == every
    assert c3.lines(json={"TenantIds": str(uuid4()) if as_text else [str(uuid4())]}) == []


@pytest.mark.parametrize("body", ['{"TenantIds": "me"}', '{"TenantIds": 3}', '{"TenantIds": [3]}', "{", "[]x"])
def test_a_body_that_makes_no_sense_is_an_error_at_200(c3: Caller, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = c3.call("POST", "invoices/Download/v3/BillingPeriods/24", data=body, headers=headers)

    assert (answer.status_code, answer.json()["Status"]) == (200, "Error")
    assert answer.json()["ErrorMessage"] == "The request is not valid."


@pytest.mark.parametrize("period", ["999", "me", "20261018"])
def test_an_unknown_period_is_an_error(c3: Caller, control: C3SandboxControl, period: str) -> None:
    path = f"invoices/Download/v3/BillingPeriods/{period}"
    answer = c3.call("POST", path)
    assert (answer.status_code, answer.json()["Status"], answer.json()["Data"]) == (200, "Error", None)

    control.choose(errors_with_http_codes=True, empty_list_on_error=True)
    answer = c3.call("POST", path)
    assert (answer.status_code, answer.json()["Status"], answer.json()["Data"]) == (404, "Error", [])


def test_a_call_takes_its_own_method_and_json_alone(c3: Caller) -> None:
    assert c3.call("POST", "billingperiods").status_code == 405
    assert c3.call("GET", "invoices/Download/v3/BillingPeriods/24").status_code == 405
    assert c3.call("POST", "invoices/Download/v3/BillingPeriods/24", data={"TenantIds": "a"}).status_code == 415


def test_customers_are_those_of_the_invoices(c3: Caller) -> None:
    active = c3.call("GET", "activecustomers/v5").json()["Data"]
    details = c3.call("GET", "activecustomers/details/").json()["Data"]

    billed = {(line["TenantID"], line["CustomerName"], line["ERPCustomerID"]) for line in c3.lines()}
    assert {(one["TenantId"], one["Name"], one["ERPCustomerID"]) for one in active} == billed
    assert [one["CustomerID"] for one in details] == [one["CustomerID"] for one in active]
    assert active[0]["EmailAddresses"] == "accounts0@customer0.example"
    assert active[0]["Country"] == "AU"
    assert json.loads(details[0]["Tags"]) == [{"TagKey": "Region", "TagValue": "NSW"}]
    assert "," in details[0]["PlanName"]
    assert (details[0]["PaymentMethod"], details[0]["AutoPay"]) == ("Manual", "No")


def test_both_readings_of_what_is_documented_nowhere_can_be_had(c3: Caller, control: C3SandboxControl) -> None:
    control.choose(older_fields=True, period_in_lines=True, numbers_as_text=True, addresses_as_lists=True)
    line = c3.lines()[0]
    assert not {"UniqueProviderOfferId", "UnitPriceOfProduct", "InvoiceEntity", "ProviderInvoiceNumber"} & line.keys()
    assert list(line)[-3:] == ["BillingPeriodStartDate", "BillingPeriodEndDate", "BillingId"]
    assert line["BillingId"] == "20261018"
    assert line["TaxRateApplied"] == "10.00000000"
    assert c3.call("GET", "activecustomers/v5").json()["Data"][0]["PhoneNumbers"] == ["+61 2 5550 0000"]

    control.choose(bare_401=True)
    answer = requests.get(f"{c3.url}/api/billingperiods", timeout=10)
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_period_of_100_megabytes_streams_in_flat_memory(whole: C3SandboxControl, process: Any) -> None:
    whole.reset(periods=1)
    whole.choose(multiply=130)
    caller = Caller(whole)
    caller.periods()
    before = resident(process.pid)

    began = time.monotonic()
    answer = caller.call("POST", "invoices/Download/v3/BillingPeriods/24", stream=True)
    size, most, tail = 0, 0, b""
    for chunk in answer.iter_content(1 << 20):
        size, tail = size + len(chunk), (tail + chunk)[-200:]
        most = max(most, resident(process.pid))

    assert "Content-Length" not in answer.headers
    assert size > 100_000_000
    assert tail.endswith(b"}]}")
    assert most - before < 40_000, f"{(most - before) / 1000:.0f} MB more, {time.monotonic() - began:.1f} s"
    whole.choose(multiply=2)
    assert len({line["InvoiceNumber"] for line in caller.lines()}) == 240


def resident(pid: int) -> int:
    """The largest resident memory, in kB, of a process's children (gunicorn's worker)."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    status = [Path(f"/proc/{child}/status").read_text() for child in children]
    return max(int(text.partition("VmRSS:")[2].split()[0]) for text in status)
