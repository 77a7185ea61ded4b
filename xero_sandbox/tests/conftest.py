"""A sandbox of these tests' own, over real HTTP, and a caller who knows Xero's manners."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from xero_sandbox.testing import SandboxControl, SandboxProcess

CALLBACK = "http://localhost:8000/settings/xero/callback/"


class Caller:
    """An app that is connected to one organisation and behaves well unless told otherwise."""

    def __init__(self, url: str, app: dict[str, str], tokens: dict[str, Any], tenant: str) -> None:
        self.url, self.app, self.tokens, self.tenant = url, app, tokens, tenant
        self.session = requests.Session()
        self.session.headers.update(
            {
                "Authorization": f"Bearer {tokens['access_token']}",
                "Xero-Tenant-Id": tenant,
                "Accept": "application/json",
                "User-Agent": "Portal tests",
            }
        )

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        return self.session.request(method, f"{self.url}/api.xro/2.0/{path}", timeout=10, **more)

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.call("GET", path, params=query)

    def put(self, resource: str, *elements: dict[str, Any], key: str | None = None, **query: Any) -> requests.Response:
        query = {"summarizeErrors": "false", "unitdp": "4"} | query
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return self.call("PUT", resource, params=query, json={resource: list(elements)}, headers=headers)

    def move(self, resource: str, *moves: tuple[dict[str, Any], str], key: str | None = None) -> requests.Response:
        """POST ids with their new states."""
        field = "InvoiceID" if resource == "Invoices" else "CreditNoteID"
        elements = [{field: made[field], "Status": status} for made, status in moves]
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return self.call(
            "POST", resource, params={"summarizeErrors": "false"}, json={resource: elements}, headers=headers
        )

    def put_invoice(self, **changes: Any) -> dict[str, Any]:
        """Put one invoice and return its element."""
        return self.put("Invoices", self.invoice(**changes)).json()["Invoices"][0]

    def contact_id(self) -> str:
        return self.get("Contacts").json()["Contacts"][0]["ContactID"]

    def invoice(self, **changes: Any) -> dict[str, Any]:
        """A sound invoice with changes; a change of None leaves the field out."""
        if not hasattr(self, "_contact_id"):
            self._contact_id = self.contact_id()
        whole = {
            "Type": "ACCREC",
            "Contact": {"ContactID": self._contact_id},
            "InvoiceNumber": f"T-{uuid.uuid4().hex[:12]}",
            "Date": "2026-10-31",
            "DueDate": "2026-11-30",
            "Status": "AUTHORISED",
            "LineAmountTypes": "Exclusive",
            "LineItems": [line()],
        } | changes
        return {name: value for name, value in whole.items() if value is not None}

    def credit_note(self, **changes: Any) -> dict[str, Any]:
        number = {"Type": "ACCRECCREDIT", "CreditNoteNumber": f"C-{uuid.uuid4().hex[:12]}", "InvoiceNumber": None}
        return self.invoice(**({"DueDate": None} | number | changes))


def line(**changes: Any) -> dict[str, Any]:
    """A sound line with changes; a change of None leaves the field out."""
    whole = {"Description": "Microsoft 365", "Quantity": 1, "UnitAmount": 100, "AccountCode": "4010"} | changes
    return {name: value for name, value in whole.items() if value is not None}


def messages(element: dict[str, Any]) -> list[str]:
    """What Xero said against an element."""
    return [error["Message"] for error in element["ValidationErrors"]]


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with SandboxProcess(tmp_path_factory.mktemp("stand-in")) as running:
        yield running


@pytest.fixture
def control(process: SandboxProcess) -> SandboxControl:
    """The switchboard of a sandbox as new."""
    switchboard = SandboxControl(process.url)
    switchboard.reset()
    return switchboard


@pytest.fixture
def app(control: SandboxControl) -> dict[str, str]:
    return control.ensure_app("Portal", [CALLBACK])


@pytest.fixture
def xero(control: SandboxControl, app: dict[str, str]) -> Caller:
    """A caller connected to the Australian organisation (the app is connected to both)."""
    tokens = control.tokens(app["client_id"])
    return Caller(control.url, app, tokens, tokens["connections"][0]["tenantId"])


def sin_kinds(control: SandboxControl) -> set[str]:
    """The kinds of violation committed so far."""
    return {violation["kind"] for violation in control.violations()}
