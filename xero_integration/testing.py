"""A connection to the sandbox without a browser, for tests and measurements."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone

from xero_integration import connections
from xero_integration.models import TokenSet, XeroConnection, XeroSettings

if TYPE_CHECKING:
    from xero_sandbox.testing import SandboxControl

APP_NAME = "C3 portal"
FIRST_ORGANISATION = "Contoso Cloud (AU)"


def connect(sandbox: SandboxControl, organisation: str = FIRST_ORGANISATION) -> XeroConnection:
    """Fill in Settings → General, connect the organisation and choose it."""
    app = sandbox.ensure_app(APP_NAME, [f"{settings.PORTAL_URL}/"])
    row = XeroSettings.load()
    row.client_id, row.client_secret = app["client_id"], app["client_secret"]
    row.theme_name = "Cloud services"
    row.license_account_code, row.azure_account_code, row.custom_account_code = "4010", "4020", "4030"
    row.save()
    connection = consent(sandbox, row.client_id, organisation)
    connections.choose(connection)
    return connection


def expire(connection: XeroConnection) -> None:
    """End the access token."""
    TokenSet.objects.filter(connections=connection).update(access_expires_at=timezone.now())


def consent(sandbox: SandboxControl, client_id: str, organisation: str = FIRST_ORGANISATION) -> XeroConnection:
    """Store fresh tokens for the organisation, which is connected from then on."""
    given = sandbox.tokens(client_id, [organisation])
    tokens = TokenSet.objects.create(
        access_token=given["access_token"],
        refresh_token=given["refresh_token"],
        access_expires_at=timezone.now() + dt.timedelta(seconds=int(given["expires_in"])),
        refreshed_at=timezone.now(),
        scopes=given.get("scope", ""),
    )
    (tenant,) = given["connections"]
    connection, _ = XeroConnection.objects.update_or_create(
        tenant_id=tenant["tenantId"],
        defaults={
            "connection_id": tenant["id"],
            "name": organisation,
            "token_set": tokens,
            "status": XeroConnection.Status.CONNECTED,
            "status_reason": "",
        },
    )
    return connection
