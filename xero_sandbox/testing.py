"""For tests and measurements: start a sandbox of one's own and hold its switchboard. Imports no Django."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import requests

ROOT = Path(__file__).resolve().parent.parent
START_LIMIT = 60.0
STOP_LIMIT = 3.0


class SandboxFailed(RuntimeError):
    """The sandbox did not start, or a control call was refused."""


class SandboxProcess:
    """A sandbox on a free port with its own data file in `directory`. Use it as a context manager."""

    def __init__(self, directory: Path | str, port: int | None = None) -> None:
        self.directory = Path(directory)
        self.port = port or free_port()
        self.url = f"http://localhost:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start the process and wait until it answers. Raises SandboxFailed with its last words."""
        self.directory.mkdir(parents=True, exist_ok=True)
        environment = os.environ | {
            "SANDBOX_PORT": str(self.port),
            "SANDBOX_DATABASE": str(self.directory / "sandbox.sqlite3"),
            "DJANGO_SETTINGS_MODULE": "xero_sandbox.settings",
        }
        with self._log().open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "xero_sandbox"], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        self._wait_until_it_answers()
        return self

    def _log(self) -> Path:
        return self.directory / "sandbox.log"

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            if self._process and self._process.poll() is not None:
                break
            try:
                if requests.get(f"{self.url}/sandbox/state", timeout=2).ok:
                    return
            except (requests.ConnectionError, requests.Timeout):
                time.sleep(0.03)
        self.stop()
        raise SandboxFailed(f"The sandbox did not start:\n{self._log().read_text()}")

    def stop(self) -> None:
        """Stop the process at once; its data file stays."""
        if self._process is None:
            return
        # SIGQUIT stops gunicorn without waiting for kept-alive connections.
        self._process.send_signal(3)
        try:
            self._process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class SandboxControl:
    """The control calls as methods. `tenant` is an organisation's id, name or short code; the first by default.

    Every method returns the decoded JSON and raises SandboxFailed with the sandbox's words when it refuses.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._session = requests.Session()

    def call(self, method: str, path: str, /, **body: Any) -> Any:
        """Make any control call."""
        asks = method in ("GET", "DELETE")
        answer = self._session.request(
            method,
            f"{self.url}/sandbox/{path}",
            params=body if asks else None,
            json=None if asks else body,
            timeout=30,
        )
        if not answer.ok:
            raise SandboxFailed(f"{method} {path}: {answer.text[:500]}")
        return answer.json()

    def reset(self, keep_apps: bool = False) -> list[dict[str, str]]:
        """Start afresh and return the organisations ({tenant_id, name, short_code, base_currency})."""
        return self.call("POST", "reset", keep_apps=keep_apps)["organisations"]  # type: ignore[no-any-return]

    def forget(self) -> None:
        """Forget calls and violations."""
        self.call("POST", "forget")

    def state(self) -> dict[str, Any]:
        """What is in the books, and how callers behaved."""
        return self.call("GET", "state")  # type: ignore[no-any-return]

    def organisations(self) -> list[dict[str, Any]]:
        """The organisations with their counts, totals and duplicates."""
        return self.state()["organisations"]  # type: ignore[no-any-return]

    def violations(self) -> list[dict[str, str]]:
        """What a careful caller would not have done: {kind, detail, at}."""
        return self.state()["violations"]  # type: ignore[no-any-return]

    def calls(self, last: int | None = None) -> list[dict[str, Any]]:
        """The log of calls, oldest first."""
        return self.call("GET", "calls", **({"last": last} if last else {}))["calls"]  # type: ignore[no-any-return]

    def documents(self, tenant: str = "") -> list[dict[str, Any]]:
        """Every invoice and credit note in short; amounts are text."""
        return self.call("GET", "documents", tenant=tenant)["documents"]  # type: ignore[no-any-return]

    def mails(self, tenant: str = "") -> list[dict[str, str]]:
        """Every mail that was sent: {number, address, at}."""
        return self.call("GET", "mails", tenant=tenant)["mails"]  # type: ignore[no-any-return]

    def ensure_app(self, name: str, redirect_uris: Iterable[str], **more: Any) -> dict[str, str]:
        """Make or find an app and return {client_id, client_secret}."""
        return self.call("POST", "apps", name=name, redirect_uris=list(redirect_uris), **more)  # type: ignore[no-any-return]

    def tokens(self, client_id: str, organisations: Iterable[str] | None = None, scopes: Any = None) -> dict[str, Any]:
        """Return a ready token set with `connections`, without a browser."""
        chosen = list(organisations) if organisations is not None else None
        return self.call("POST", "tokens", client_id=client_id, organisations=chosen, scopes=scopes)  # type: ignore[no-any-return]

    def revoke_tokens(self, client_id: str, keep_connections: bool = False) -> None:
        """End every consent given to an app."""
        self.call("POST", "tokens/revoke", client_id=client_id, keep_connections=keep_connections)

    def disconnect(self, tenant: str = "", client_id: str = "") -> None:
        """Disconnect an organisation as its owner can in Xero."""
        self.call("POST", "disconnect", tenant=tenant, client_id=client_id)

    def make_organisations(self, count: int = 1) -> list[dict[str, str]]:
        """Make more organisations."""
        return self.call("POST", "organisations", count=count)["organisations"]  # type: ignore[no-any-return]

    def change_organisation(self, tenant: str = "", **changes: Any) -> None:
        """Set period_lock_date, year_lock_date (ISO text or None), name, or a setting such as mails_a_day."""
        self.call("POST", "organisation", tenant=tenant, **changes)

    def put_contacts(self, contacts: Iterable[dict[str, Any]], tenant: str = "") -> list[dict[str, str]]:
        """Make many contacts, or change those with a `contact_id`; returns {contact_id, name} each."""
        return self.call("POST", "contacts", tenant=tenant, contacts=list(contacts))["contacts"]  # type: ignore[no-any-return]

    def put_account(self, code: str, tenant: str = "", **changes: Any) -> None:
        """Make or change an account: name, type, tax_type, status."""
        self.call("POST", "accounts", tenant=tenant, code=code, **changes)

    def put_tax_rate(self, tax_type: str, tenant: str = "", **changes: Any) -> None:
        """Make or change a tax rate: name, rate, status, applies_to."""
        self.call("POST", "tax-rates", tenant=tenant, tax_type=tax_type, **changes)

    def put_currency(self, code: str, enabled: bool = True, tenant: str = "") -> None:
        """Enable or disable a currency."""
        self.call("POST", "currencies", tenant=tenant, code=code, enabled=enabled)

    def put_theme(self, name: str, tenant: str = "", **changes: Any) -> dict[str, str]:
        """Make a theme, rename it (new_name) or remove it (delete=True); returns ids by name."""
        return self.call("POST", "themes", tenant=tenant, name=name, **changes)["themes"]  # type: ignore[no-any-return]

    def write_document(self, element: dict[str, Any], tenant: str = "", resource: str = "Invoices") -> dict[str, Any]:
        """Write a document by hand, as a bookkeeper would; returns Xero's element for it."""
        made = self.call("POST", "documents", tenant=tenant, resource=resource, element=element)
        return made[resource][0]  # type: ignore[no-any-return]

    def change(self, number: str, tenant: str = "", type: str = "ACCREC", **changes: Any) -> None:
        """Change a document by hand, as a bookkeeper would: Status, Date, DueDate, Reference, Contact, LineItems."""
        self.call("POST", "documents/change", tenant=tenant, number=number, type=type, changes=changes)

    def void(self, number: str, tenant: str = "", type: str = "ACCREC") -> None:
        """Void a document, or delete a draft."""
        self.call("POST", "documents/void", tenant=tenant, number=number, type=type)

    def pay(self, number: str, amount: Decimal | str | None = None, tenant: str = "", **more: Any) -> dict[str, str]:
        """Record a payment; without an amount, in full."""
        fields = more if amount is None else more | {"amount": str(amount)}
        return self.call("POST", "payments", tenant=tenant, number=number, **fields)  # type: ignore[no-any-return]

    def remove_payments(self, number: str, tenant: str = "", **more: Any) -> None:
        """Take back every payment on a document."""
        self.call("POST", "payments/remove", tenant=tenant, number=number, **more)

    def receive(self, contact_id: str, amount: Decimal | str, kind: str = "prepayment", **more: Any) -> str:
        """Take money without an invoice (prepayment or overpayment); returns the id."""
        made = self.call("POST", "received", contact_id=contact_id, amount=str(amount), kind=kind, **more)
        return made["id"]  # type: ignore[no-any-return]

    def allocate(self, source: str, invoice: str, amount: Decimal | str | None = None, **more: Any) -> dict[str, str]:
        """Set credit (an id, or a credit note's number) against an invoice; without an amount, as much as can be."""
        fields = more if amount is None else more | {"amount": str(amount)}
        return self.call("POST", "allocations", source=source, invoice=invoice, **fields)  # type: ignore[no-any-return]

    def allocations(self, tenant: str = "") -> list[dict[str, str]]:
        """Every amount of credit that is set against an invoice: {source, invoice, amount}, both by their ids."""
        return self.call("GET", "allocations", tenant=tenant)["allocations"]  # type: ignore[no-any-return]

    def take_back_allocations(self, number: str, tenant: str = "") -> None:
        """Take back every allocation to an invoice."""
        self.call("POST", "allocations/remove", tenant=tenant, number=number)

    def put_webhook(self, client_id: str, url: str, **more: Any) -> dict[str, Any]:
        """Set up an app's webhook (categories, tells_payments, confirm); returns its key, status and problem."""
        return self.call("POST", "webhooks", client_id=client_id, url=url, **more)  # type: ignore[no-any-return]

    def confirm_webhook(self, client_id: str) -> dict[str, Any]:
        """Ask for the intent to receive again."""
        return self.call("POST", "webhooks/confirm", client_id=client_id)  # type: ignore[no-any-return]

    def set_webhook_fault(self, client_id: str, fault: str) -> None:
        """Have an app's deliveries go wrong (twice, reversed, forged, held, lost), or right again ("")."""
        self.call("POST", "webhooks/fault", client_id=client_id, fault=fault)

    def replay_events(self, client_id: str, last: int = 1) -> None:
        """Send the last events once more."""
        self.call("POST", "webhooks/replay", client_id=client_id, last=last)

    def webhooks(self) -> list[dict[str, Any]]:
        """Every webhook: {client_id, url, key, status, problem, tries, events, pending}."""
        return self.call("GET", "webhooks")["webhooks"]  # type: ignore[no-any-return]

    def place_fault(self, name: str, **order: Any) -> dict[str, Any]:
        """Order a fault: method, path (regex), nth, times, probability, seconds, seed."""
        return self.call("POST", "faults", name=name, **order)  # type: ignore[no-any-return]

    def faults(self) -> list[dict[str, Any]]:
        """The orders with how often they matched and fired."""
        return self.call("GET", "faults")["faults"]  # type: ignore[no-any-return]

    def cancel_faults(self) -> None:
        """Lift all orders."""
        self.call("DELETE", "faults")

    def shift_clock(self, seconds: float) -> None:
        """Set the sandbox's clock this many seconds ahead of real time."""
        self.call("POST", "clock", shift_seconds=seconds)

    def advance_clock(self, seconds: float) -> None:
        """Move the sandbox's clock further ahead."""
        self.call("POST", "clock", add_seconds=seconds)

    def set_limits(self, **limits: Any) -> None:
        """Change minute, day, concurrent, app_minute, minute_seconds, latency_seconds."""
        self.call("POST", "limits", **limits)
