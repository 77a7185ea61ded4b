"""For tests and measurements: start a C3 sandbox of one's own and hold its switchboard. Imports no Django."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import requests

ROOT = Path(__file__).resolve().parent.parent
START_LIMIT = 60.0
STOP_LIMIT = 3.0


class C3SandboxFailed(RuntimeError):
    """The sandbox did not start, or a control call was refused."""


class C3SandboxProcess:
    """A C3 sandbox on a free port with its own data file in `directory`. Use it as a context manager."""

    def __init__(self, directory: Path | str, port: int | None = None) -> None:
        self.directory = Path(directory)
        self.port = port or _free_port()
        self.url = f"http://localhost:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start the process and wait until it answers. Raises C3SandboxFailed with its last words."""
        self.directory.mkdir(parents=True, exist_ok=True)
        environment = os.environ | {
            "C3_SANDBOX_PORT": str(self.port),
            "C3_SANDBOX_DATABASE": str(self.directory / "c3-sandbox.sqlite3"),
            "DJANGO_SETTINGS_MODULE": "c3_sandbox.settings",
        }
        with self._log().open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "c3_sandbox"], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        self._wait_until_it_answers()
        return self

    @property
    def pid(self) -> int:
        """The process's id. Raises C3SandboxFailed when it does not run."""
        if self._process is None:
            raise C3SandboxFailed("The sandbox does not run.")
        return self._process.pid

    def _log(self) -> Path:
        return self.directory / "c3-sandbox.log"

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            if self._process and self._process.poll() is not None:
                break
            try:
                if requests.get(f"{self.url}/sandbox/readings", timeout=2).ok:
                    return
            except (requests.ConnectionError, requests.Timeout):
                time.sleep(0.03)
        self.stop()
        raise C3SandboxFailed(f"The sandbox did not start:\n{self._log().read_text()}")

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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class C3SandboxControl:
    """The control calls as methods. Every one raises C3SandboxFailed with the sandbox's words when it refuses.

    `url` is the base address of both the API and the sign-in.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._session = requests.Session()

    def call(self, method: str, path: str, /, **body: Any) -> Any:
        """Make any control call and return the decoded JSON."""
        asks = method in ("GET", "DELETE")
        answer = self._session.request(
            method,
            f"{self.url}/sandbox/{path}",
            params=body if asks else None,
            json=None if asks else body,
            timeout=30,
        )
        if not answer.ok:
            raise C3SandboxFailed(f"{method} {path}: {answer.text[:500]}")
        return answer.json()

    def reset(self, customers: int = 120, periods: int = 9) -> list[dict[str, Any]]:
        """Start afresh, with fewer customers and periods when asked, and return the periods as `periods` does."""
        return self.call("POST", "reset", customers=customers, periods=periods)["periods"]  # type: ignore[no-any-return]

    def periods(self) -> list[dict[str, Any]]:
        """The periods, newest first: {id, billing_id, start, end, listed, lines, totals by invoice number as text}."""
        return self.call("GET", "state")["periods"]  # type: ignore[no-any-return]

    def credentials(self) -> dict[str, str]:
        """What C3 hands out: {directory_id, client_id, client_secret, scope, resource}."""
        return self.call("GET", "credentials")  # type: ignore[no-any-return]

    def end_tokens(self) -> None:
        """End every token that was given."""
        self.call("POST", "tokens/end")

    def calls(self, name: str = "") -> list[dict[str, Any]]:
        """The log of calls, oldest first; of one name: token, periods, invoices, customers, details."""
        return [call for call in self.call("GET", "calls")["calls"] if name in ("", call["name"])]

    def forget(self) -> None:
        """Forget the calls."""
        self.call("DELETE", "calls")

    def choose(self, **readings: Any) -> None:
        """Choose among the readings of what C3 leaves open (c3_sandbox/api/readings.py names them)."""
        self.call("POST", "readings", **readings)

    def shift_clock(self, seconds: float) -> None:
        """Set the sandbox's clock this many seconds ahead of real time."""
        self.call("POST", "clock", shift_seconds=seconds)

    def place_fault(self, name: str, **order: Any) -> int:
        """Order a fault: call, nth, times (None: always), seconds. Returns the order's id."""
        return self.call("POST", "faults", name=name, **order)["id"]  # type: ignore[no-any-return]

    def faults(self) -> list[dict[str, Any]]:
        """The orders with how often they matched and fired."""
        return self.call("GET", "faults")["faults"]  # type: ignore[no-any-return]

    def cancel_faults(self) -> None:
        """Lift all orders."""
        self.call("DELETE", "faults")

    def generate(self) -> dict[str, Any]:
        """Make the next period, and return it as `periods` does."""
        return self.call("POST", "periods")  # type: ignore[no-any-return]

    def generate_again(self, billing_id: str, keep_listed: bool = True) -> dict[str, Any]:
        """Make a period anew: new ID, BillingId and numbers, same dates and lines. Returns the new one."""
        return self.call("POST", "periods", again=billing_id, keep_listed=keep_listed)  # type: ignore[no-any-return]

    def change_amounts(self, billing_id: str) -> dict[str, Any]:
        """Make a period anew under its own BillingId with some amounts changed. Returns it as it is then."""
        return self.call("POST", "periods", same=billing_id)  # type: ignore[no-any-return]

    def rename_customer(self, erp_id: str, name: str, on_invoices: bool = False) -> None:
        """Rename a customer, on the invoices that are there too when asked."""
        self.call("POST", "customers/rename", erp_id=erp_id, name=name, on_invoices=on_invoices)

    def change_customer(self, erp_id: str, **details: Any) -> None:
        """Put fields, by C3's names, over what the customer calls answer of one customer."""
        self.call("POST", "customers", erp_id=erp_id, details=details)

    def change_lines(self, number: str, **fields: Any) -> None:
        """Put fields, by C3's names, over every line of one invoice."""
        self.call("POST", "lines", number=number, fields=fields)
