"""A C3 sandbox of these tests' own, over real HTTP, and a caller who knows C3's manners."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import requests

from c3_sandbox.testing import C3SandboxControl, C3SandboxProcess


class Caller:
    """A partner's program: signs in when first it calls, and reads numbers exactly."""

    def __init__(self, control: C3SandboxControl) -> None:
        self.url, self.credentials = control.url, control.credentials()
        self.session = requests.Session()

    def sign_in(self, directory: str = "", **changes: Any) -> requests.Response:
        """Ask for a token; a change of None leaves the field out."""
        form = {"grant_type": "client_credentials", **self.credentials} | changes
        directory = directory or form["directory_id"]
        sent = {name: value for name, value in form.items() if value is not None and name != "directory_id"}
        return self.session.post(f"{self.url}/{directory}/oauth2/token", data=sent, timeout=10)

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        if "Authorization" not in self.session.headers:
            self.session.headers["Authorization"] = f"Bearer {self.sign_in().json()['access_token']}"
        return self.session.request(method, f"{self.url}/api/{path}", timeout=30, **more)

    def periods(self) -> list[dict[str, Any]]:
        return self.call("GET", "billingperiods").json()["Data"]

    def lines(self, period: Any = "", **more: Any) -> list[dict[str, Any]]:
        """The lines of a period by its ID, the newest without one; fractions come as Decimal."""
        path = "invoices/Download/v3/BillingPeriods"
        answer = self.call("POST", f"{path}/{period}" if period else path, **more)
        return answer.json(parse_float=Decimal)["Data"]


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[C3SandboxProcess]:
    with C3SandboxProcess(tmp_path_factory.mktemp("stand-in")) as running:
        yield running


@pytest.fixture(scope="session")
def whole(process: C3SandboxProcess) -> C3SandboxControl:
    """The switchboard of a sandbox with all that it is seeded with."""
    return C3SandboxControl(process.url)


@pytest.fixture
def control(whole: C3SandboxControl) -> C3SandboxControl:
    """The switchboard of a small sandbox as new: five customers, three periods."""
    whole.reset(customers=5, periods=3)
    return whole


@pytest.fixture
def c3(control: C3SandboxControl) -> Caller:
    return Caller(control)
