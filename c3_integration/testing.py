"""For tests and the demo: a portal that is set up with a C3 sandbox."""

from __future__ import annotations

from typing import Any

from c3_integration.models import C3Settings


def set_up(sandbox: Any) -> C3Settings:
    """Fill in Settings → Invoices from C3 with what the sandbox (its switchboard) hands out."""
    handed_out = sandbox.credentials()
    app = C3Settings.load()
    app.api_url, app.tenant_id = sandbox.url, handed_out["directory_id"]
    app.client_id, app.client_secret = handed_out["client_id"], handed_out["client_secret"]
    app.scope, app.resource = handed_out["scope"], handed_out["resource"]
    app.save()
    return app
