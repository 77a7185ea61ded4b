"""Periods made and made again, customers renamed, and what else the control calls do."""

from decimal import Decimal
from pathlib import Path

import pytest
import requests

from c3_sandbox.testing import C3SandboxControl, C3SandboxFailed, C3SandboxProcess
from c3_sandbox.tests.conftest import Caller

# What a period generated again has anew.
OF_ITS_OWN = {"InvoiceNumber", "InvoiceGeneratedDate", "InvoiceDueDate"}


def totals(control: C3SandboxControl, billing_id: str) -> dict[str, str]:
    (period,) = [period for period in control.periods() if period["billing_id"] == billing_id]
    return period["totals"]


def test_the_next_period_follows_the_newest(c3: Caller, control: C3SandboxControl) -> None:
    made = control.generate()

    assert (made["id"], made["billing_id"], made["start"], made["end"]) == (25, "20261118", "2026-10-16", "2026-11-15")
    assert c3.periods()[0]["BillingId"] == "20261118"
    assert len(made["totals"]) == 5
    assert {line["InvoiceGeneratedDate"] for line in c3.lines()} == {"2026-11-18T00:00:00"}
    assert [control.generate()["billing_id"] for _ in range(2)] == ["20261218", "20270118"]


def test_a_period_generated_again_has_the_same_lines_under_new_numbers(c3: Caller, control: C3SandboxControl) -> None:
    before = c3.lines(23)

    again = control.generate_again("20260918")

    after = c3.lines(again["id"])
    assert (again["billing_id"], again["start"], again["end"]) == ("20260919", "2026-08-16", "2026-09-15")
    assert [strip(line) for line in after] == [strip(line) for line in before]
    assert not {line["InvoiceNumber"] for line in before} & {line["InvoiceNumber"] for line in after}
    assert list(totals(control, "20260919").values()) == list(totals(control, "20260918").values())
    assert [period["BillingId"] for period in c3.periods()] == ["20261018", "20260919", "20260918", "20260818"]
    assert control.generate_again("20260918")["billing_id"] == "20260920"


def strip(line: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in line.items() if name not in OF_ITS_OWN}


def test_a_period_generated_again_may_take_the_place_of_the_one_before(c3: Caller, control: C3SandboxControl) -> None:
    control.generate_again("20261018", keep_listed=False)

    assert [period["BillingId"] for period in c3.periods()] == ["20261019", "20260918", "20260818"]
    assert {line["InvoiceNumber"].split("_")[3] for line in c3.lines()} == {"20261019"}
    assert c3.lines(24)


def test_a_period_generated_with_other_amounts_keeps_its_numbers(c3: Caller, control: C3SandboxControl) -> None:
    before, told = c3.lines(), totals(control, "20261018")

    changed = control.change_amounts("20261018")

    assert (changed["id"], changed["billing_id"]) == (24, "20261018")
    other = [(old, new) for old, new in zip(before, c3.lines(), strict=True) if old != new]
    ((old, new),) = other
    assert new["BillableQuantity"] == old["BillableQuantity"] + 1
    assert new["AmountAfterTax"] == new["AmountBeforeTax"] + new["TaxCharged"] != old["AmountAfterTax"]
    difference = new["AmountAfterTax"] - old["AmountAfterTax"]
    number = new["InvoiceNumber"]
    expected = {**told, number: str((Decimal(told[number]) + difference).quantize(Decimal("0.01")))}
    assert totals(control, "20261018") == changed["totals"] == expected


def test_a_renamed_customer_has_the_new_name_from_the_next_generation_on(c3: Caller, control: C3SandboxControl) -> None:
    old = c3.lines()[0]["CustomerName"]
    control.rename_customer("ERP1000", "Ski House Group")

    assert c3.call("GET", "activecustomers/v5").json()["Data"][0]["Name"] == "Ski House Group"
    assert c3.lines()[0]["CustomerName"] == old
    again = c3.lines(control.generate_again("20261018")["id"])[0]
    assert (again["CustomerName"], again["TenantID"]) == ("Ski House Group", c3.lines(24)[0]["TenantID"])
    assert again["InvoiceNumber"].startswith("Invoice_SkiHouseGroup_ERP1000_")


def test_a_renamed_customer_may_have_the_new_name_on_all_its_invoices(c3: Caller, control: C3SandboxControl) -> None:
    number = c3.lines()[0]["InvoiceNumber"]
    control.rename_customer("ERP1000", "Ski House Group", on_invoices=True)

    first = c3.lines()[0]
    assert (first["CustomerName"], first["InvoiceNumber"]) == ("Ski House Group", number)


def test_a_customers_details_and_an_invoices_lines_can_be_anything(c3: Caller, control: C3SandboxControl) -> None:
    control.change_customer("ERP1001", EmailAddresses="other@contoso.example", ResellerC3Id="R-7")
    number = next(line["InvoiceNumber"] for line in c3.lines() if line["ERPCustomerID"] == "ERP1001")
    control.change_lines(number, CurrencyCode="dollars", InvoiceEntity="Reseller")

    assert c3.call("GET", "activecustomers/v5").json()["Data"][1]["EmailAddresses"] == "other@contoso.example"
    assert c3.call("GET", "activecustomers/details/").json()["Data"][1]["ResellerC3Id"] == "R-7"
    assert {
        (line["CurrencyCode"], line["InvoiceEntity"]) for line in c3.lines() if line["InvoiceNumber"] == number
    } == {("dollars", "Reseller")}


def test_reset_brings_all_back_and_leaves_the_way_in(c3: Caller, control: C3SandboxControl) -> None:
    c3.periods()
    credentials, before = control.credentials(), control.periods()
    control.generate()
    control.rename_customer("ERP1000", "Another")
    control.choose(older_fields=True, token_seconds=1)
    control.place_fault("500", times=None)
    control.shift_clock(-60)

    after = control.reset(customers=5, periods=3)

    assert after == before
    assert control.credentials() == credentials
    assert control.faults() == control.calls() == []
    assert control.call("GET", "readings")["token_seconds"] == 3599
    assert c3.call("GET", "billingperiods").status_code == 200


def test_calls_are_logged_without_what_was_sent(c3: Caller, control: C3SandboxControl) -> None:
    c3.lines(json={"TenantIds": ""})

    token, download = control.calls()
    assert (token["name"], token["method"], token["status"]) == ("token", "POST", 200)
    assert (download["name"], download["status"], len(download["correlation_id"])) == ("invoices", 200, 36)
    assert c3.credentials["client_secret"] not in str(control.calls())
    control.forget()
    assert control.calls() == []


@pytest.mark.parametrize("wrong", [{"no_such": True}, {"older_fields": 1}, {"token_seconds": "60"}])
def test_a_reading_that_there_is_not_is_refused(control: C3SandboxControl, wrong: dict[str, object]) -> None:
    with pytest.raises(C3SandboxFailed, match="no reading"):
        control.choose(**wrong)


def test_the_control_calls_take_json_alone(control: C3SandboxControl) -> None:
    answer = requests.post(f"{control.url}/sandbox/reset", data={"customers": "1"}, timeout=10)
    assert (answer.status_code, "application/json" in answer.text) == (400, True)
    assert requests.get(f"{control.url}/sandbox/reset", timeout=10).status_code == 405


def test_what_was_done_outlives_a_restart(tmp_path: Path) -> None:
    with C3SandboxProcess(tmp_path) as process:
        control = C3SandboxControl(process.url)
        control.reset(customers=2, periods=2)
        control.generate()
        credentials, periods, caller = control.credentials(), control.periods(), Caller(control)
        caller.periods()
    with process:
        again = C3SandboxControl(process.url)
        assert (again.credentials(), again.periods()) == (credentials, periods)
        # Its token is good still.
        assert len(caller.periods()) == 3


def test_it_listens_on_this_machine_alone(control: C3SandboxControl) -> None:
    port = int(control.url.rpartition(":")[2])
    listening = [line.split()[1:4] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    places = {place for place, _, state in listening if state == "0A" and place.endswith(f":{port:04X}")}
    assert places == {f"0100007F:{port:04X}"}
    answer = requests.get(f"{control.url}/sandbox/state", headers={"Host": "contoso.example"}, timeout=10)
    assert answer.status_code == 400
