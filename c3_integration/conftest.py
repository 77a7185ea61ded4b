"""What tests of the client share."""

from __future__ import annotations

from typing import Any

import pytest

from c3_integration.client.calls import C3
from c3_integration.models import C3Settings
from c3_integration.testing import set_up
from c3_integration.tokens import KeptTokens
from c3_sandbox.testing import C3SandboxControl


@pytest.fixture
def c3_sandbox(c3_sandbox_process: Any, settings: Any) -> Any:
    """The switchboard of a small sandbox as new, with the portal's sign-in at C3 pointed at it."""
    control = C3SandboxControl(c3_sandbox_process.url)
    control.reset(customers=12, periods=3)
    settings.C3_LOGIN_URL = control.url
    return control


@pytest.fixture
def app(c3_sandbox: Any, db: None, settings: Any) -> C3Settings:
    """Settings → Invoices from C3 as the sandbox hands them out; waits are short."""
    settings.C3_RETRY_AFTER = 0.01
    return set_up(c3_sandbox)


@pytest.fixture
def c3(app: C3Settings) -> C3:
    return C3(app.api_url, KeptTokens(app))
