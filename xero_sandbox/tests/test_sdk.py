"""The official SDK's real client is a judge of the sandbox, and so is the official specification."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml
from openapi_core import Config, OpenAPI
from openapi_core.testing import MockRequest, MockResponse
from xero_python.accounting import (
    AccountingApi,
    Contact,
    Contacts,
    CreditNote,
    CreditNotes,
    Invoice,
    Invoices,
    LineItem,
)
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token

from xero_sandbox.testing import SandboxControl
from xero_sandbox.tests.conftest import Caller

SPEC = Path(__file__).resolve().parents[3] / "shared/reference/xero-openapi/xero_accounting.yaml"
OFFICIAL = "https://api.xero.com"
PREFIX = "/api.xro/2.0"


class Judge:
    """Holds answers, and requests made of plain JSON, against the official specification."""

    def __init__(self) -> None:
        spec = yaml.load(SPEC.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        # Tokens are the sandbox's own business; the specification would only want to see its security schemes.
        for operations in spec["paths"].values():
            for operation in operations.values():
                if isinstance(operation, dict):
                    operation.pop("security", None)
        self.spec = OpenAPI.from_dict(spec, config=Config(spec_validator_cls=None))
        self.judged = 0

    def check(self, method: str, url: str, headers: dict[str, str], sent: Any, status: int, body: bytes) -> None:
        """Raise when the request (unless `sent` is None) or the answer does not fit."""
        parts = urlsplit(url)
        request = MockRequest(
            OFFICIAL,
            method.lower(),
            parts.path,
            args=dict(parse_qsl(parts.query)),
            headers=headers,
            data=None if sent is None or method == "GET" else json.dumps(sent).encode(),
        )
        if method == "GET" or sent is not None:
            self.spec.validate_request(request)
        answer = MockResponse(body, status_code=status, content_type="application/json")
        self.spec.validate_response(request, answer)
        self.judged += 1


@pytest.fixture(scope="module")
def judge() -> Judge:
    if not SPEC.exists():
        pytest.skip(f"The official specification is not at {SPEC.parent.name}/{SPEC.name} beside this checkout")
    return Judge()


@pytest.fixture
def sdk(xero: Caller) -> AccountingApi:
    """The SDK's own client with its own transport, pointed at the sandbox."""
    configuration = Configuration(oauth2_token=OAuth2Token())
    client = ApiClient(
        configuration,
        pool_threads=1,
        oauth2_token_getter=lambda: {
            name: xero.tokens[name] for name in ("access_token", "expires_in", "token_type", "scope")
        },
        oauth2_token_saver=lambda token: None,
    )
    return AccountingApi(client, base_url=f"{xero.url}{PREFIX}")


@pytest.fixture
def judged(sdk: AccountingApi, judge: Judge, monkeypatch: pytest.MonkeyPatch) -> AccountingApi:
    """The SDK with every answer to it held against the specification."""
    transport = sdk.api_client.rest_client
    request = transport.request

    def watched(method: str, url: str, query_params: Any = None, headers: Any = None, **more: Any) -> Any:
        response = request(method, url, query_params=query_params, headers=headers, **more)
        query = "&".join(f"{name}={value}" for name, value in query_params or [])
        # The SDK sends read-only fields as null, which the specification refuses: its requests are not judged.
        headers_sent = dict(headers) | {"Content-Type": "application/json"}
        method = method.upper()
        judge.check(
            method, f"{url}?{query}", headers_sent, {} if method == "GET" else None, response.status, response.data
        )
        return response

    monkeypatch.setattr(transport, "request", watched)
    return sdk


def test_it_reads_the_organisation_and_its_reference_data(judged: AccountingApi, xero: Caller) -> None:
    (organisation,) = judged.get_organisations(xero.tenant).organisations
    accounts = {account.code: account for account in judged.get_accounts(xero.tenant).accounts}
    themes = judged.get_branding_themes(xero.tenant).branding_themes
    rates = {rate.tax_type: rate for rate in judged.get_tax_rates(xero.tenant).tax_rates}
    currencies = judged.get_currencies(xero.tenant).currencies
    tracking = judged.get_tracking_categories(xero.tenant).tracking_categories

    assert organisation.name == "Contoso Cloud (AU)"
    assert organisation.base_currency.value == "AUD"
    assert accounts["4010"].type.value == "REVENUE"
    assert accounts["4090"].status == "ARCHIVED"
    assert accounts["610"].system_account == "DEBTORS"
    assert [theme.name for theme in themes] == ["Standard", "Cloud services", "Azure usage"]
    assert rates["OUTPUT"].effective_rate == Decimal(10)
    assert rates["OUTPUT"].can_apply_to_revenue is True
    assert rates["INPUT"].can_apply_to_revenue is False
    assert [currency.code.value for currency in currencies] == ["AUD", "NZD", "USD"]
    assert tracking[0].options[0].name == "Eastside"


def test_it_shows_lock_dates(judged: AccountingApi, xero: Caller, control: SandboxControl) -> None:
    control.change_organisation(period_lock_date="2026-06-30")

    (organisation,) = judged.get_organisations(xero.tenant).organisations

    assert organisation.period_lock_date.isoformat() == "2026-06-30"


def test_it_creates_and_lists_contacts(judged: AccountingApi, xero: Caller) -> None:
    fresh = Contacts(contacts=[Contact(name="Litware Inc", contact_number="C3-1"), Contact(name="Adventure Works")])

    made, refused = judged.create_contacts(xero.tenant, fresh, summarize_errors=False).contacts
    listed = judged.get_contacts(xero.tenant, page=1, page_size=1000)

    assert made.contact_number == "C3-1"
    assert refused.has_validation_errors is True
    assert "already assigned" in refused.validation_errors[0].message
    assert listed.pagination.item_count == 6
    assert "Litware Inc" in {contact.name for contact in listed.contacts}
    assert judged.get_contact(xero.tenant, made.contact_id).contacts[0].name == "Litware Inc"


def test_it_creates_invoices_and_reads_them_back(judged: AccountingApi, xero: Caller, control: SandboxControl) -> None:
    lines = [
        LineItem(description="Licences", quantity=Decimal("3"), unit_amount=Decimal("12.3456"), account_code="4010")
    ]
    invoice = Invoice(
        type="ACCREC",
        contact=Contact(contact_id=xero.contact_id()),
        invoice_number="SDK-1",
        date=date(2026, 10, 31),
        due_date=date(2026, 11, 30),
        status="AUTHORISED",
        line_items=lines,
        reference="October",
    )
    bad = Invoice(type="ACCREC", invoice_number="SDK-2", line_items=lines)

    made, refused = judged.create_invoices(
        xero.tenant, Invoices(invoices=[invoice, bad]), summarize_errors=False, unitdp=4, idempotency_key="sdk-1"
    ).invoices
    control.pay("SDK-1", "10.00")
    (read,) = judged.get_invoice(xero.tenant, made.invoice_id).invoices
    (found,) = judged.get_invoices(xero.tenant, invoice_numbers=["SDK-1"], page=1).invoices

    assert made.status_attribute_string == "OK"
    assert refused.status_attribute_string == "ERROR"
    assert refused.invoice_id == "00000000-0000-0000-0000-000000000000"
    assert read.total == Decimal("40.74")
    assert read.line_items[0].unit_amount == Decimal("12.3456")
    assert read.due_date.isoformat() == "2026-11-30"
    assert read.payments[0].amount == Decimal("10.00")
    assert found.amount_due == Decimal("30.74")


def test_it_creates_credit_notes_and_lists_payments(
    judged: AccountingApi, xero: Caller, control: SandboxControl
) -> None:
    note = CreditNote(
        type="ACCRECCREDIT",
        contact=Contact(contact_id=xero.contact_id()),
        credit_note_number="SDK-C1",
        date=date(2026, 10, 31),
        status="AUTHORISED",
        line_items=[LineItem(description="Refund", quantity=1, unit_amount=10, account_code="4010")],
    )

    (made,) = judged.create_credit_notes(xero.tenant, CreditNotes(credit_notes=[note])).credit_notes
    control.pay("SDK-C1", type="ACCRECCREDIT")
    (read,) = judged.get_credit_notes(xero.tenant, where='CreditNoteNumber=="SDK-C1"', page=1).credit_notes
    (payment,) = judged.get_payments(xero.tenant).payments

    assert made.remaining_credit == Decimal("11.00")
    assert read.status == "PAID"
    assert payment.payment_type == "ARCREDITPAYMENT"


def test_requests_of_plain_json_fit_the_specification_as_their_answers_do(judge: Judge, xero: Caller) -> None:
    invoice, note = xero.invoice(), xero.credit_note()

    for resource, element in (("Invoices", invoice), ("CreditNotes", note), ("Contacts", {"Name": "Litware"})):
        answer = xero.put(resource, element)
        headers = {"Xero-Tenant-Id": xero.tenant, "Content-Type": "application/json"}
        url = f"{PREFIX}/{resource}?summarizeErrors=false"
        judge.check("PUT", url, headers, {resource: [element]}, answer.status_code, answer.content)
        assert answer.json()[resource][0]["StatusAttributeString"] == "OK"


def test_moves_mails_histories_and_online_addresses_fit_the_specification(judge: Judge, xero: Caller) -> None:
    headers = {"Xero-Tenant-Id": xero.tenant, "Content-Type": "application/json"}
    made = xero.put_invoice()
    path = f"Invoices/{made['InvoiceID']}"
    moves = {"Invoices": [{"InvoiceID": made["InvoiceID"], "Status": "VOIDED"}]}
    note = {"HistoryRecords": [{"Details": "Checked"}]}

    for method, place, sent in (
        ("POST", f"{path}/Email", {}),
        ("GET", f"{path}/OnlineInvoice", None),
        ("PUT", f"{path}/History", note),
        ("GET", f"{path}/History", None),
        ("POST", "Invoices", moves),
    ):
        answer = xero.call(method, place, json=sent)
        judge.check(method, f"{PREFIX}/{place}", headers, sent, answer.status_code, answer.content)
        assert answer.status_code == (204 if place.endswith("Email") else 200)


def test_allocations_and_money_received_fit_the_specification(
    judge: Judge, xero: Caller, control: SandboxControl
) -> None:
    headers = {"Xero-Tenant-Id": xero.tenant, "Content-Type": "application/json"}
    invoice = xero.put_invoice(InvoiceNumber="N-1")
    note = xero.put("CreditNotes", xero.credit_note()).json()["CreditNotes"][0]
    for kind in ("prepayment", "overpayment"):
        control.allocate(control.receive(xero.contact_id(), "9.00", kind, date="2026-10-01"), "N-1")
    path = f"CreditNotes/{note['CreditNoteID']}/Allocations"
    sent = {"Allocations": [{"Invoice": {"InvoiceID": invoice["InvoiceID"]}, "Amount": 5, "Date": "2026-11-05"}]}

    made = xero.call("PUT", path, json=sent)
    judge.check("PUT", f"{PREFIX}/{path}", headers, sent, made.status_code, made.content)
    for place in ("Invoices", "CreditNotes", "Prepayments", "Overpayments"):
        answer = xero.get(place, page=1)
        judge.check("GET", f"{PREFIX}/{place}?page=1", headers, None, answer.status_code, answer.content)
        assert answer.json()[place]
    path = f"{path}/{made.json()['Allocations'][0]['AllocationID']}"
    taken = xero.call("DELETE", path)
    judge.check("DELETE", f"{PREFIX}/{path}", headers, None, taken.status_code, taken.content)
    assert taken.ok


def test_the_judge_can_say_no(judge: Judge) -> None:
    body = json.dumps({"Accounts": [{"Code": 7}]}).encode()

    with pytest.raises(Exception, match=r"not of type 'string'|Invalid"):
        judge.check("GET", f"{PREFIX}/Accounts", {"Xero-Tenant-Id": "x"}, {}, 200, body)
