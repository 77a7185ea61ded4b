"""An app at Xero, a connection to its organisations, and a server that answers as told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone

from xero_integration.models import TokenSet, XeroConnection, XeroSettings
from xero_integration.tests.consent_walk import AUSTRALIA, NEW_ZEALAND
from xero_integration.tests.scripted import ScriptedServer, scripted_server

Connect = Callable[..., list[XeroConnection]]


@pytest.fixture
def scripted() -> Iterator[ScriptedServer]:
    with scripted_server(ScriptedServer) as server:
        yield server


@pytest.fixture
def scripted_xero(scripted: ScriptedServer, settings: Any) -> ScriptedServer:
    """A scripted server where the portal looks for Xero."""
    settings.XERO_LOGIN_URL = settings.XERO_IDENTITY_URL = settings.XERO_API_URL = scripted.url
    return scripted


@pytest.fixture
def app(sandbox: Any, db: None, settings: Any) -> XeroSettings:
    """Settings → General with an app that the sandbox knows."""
    row = XeroSettings.load()
    answer = sandbox.ensure_app("C3 portal", [f"{settings.PORTAL_URL}/"])
    row.client_id, row.client_secret = answer["client_id"], answer["client_secret"]
    row.save()
    return row


@pytest.fixture
def connect(sandbox: Any, app: XeroSettings) -> Connect:
    """Return a function that connects organisations by one consent, without a browser."""

    def connect(*names: str) -> list[XeroConnection]:
        answer = sandbox.tokens(app.client_id, names)
        token_set = TokenSet.objects.create(
            access_token=answer["access_token"],
            refresh_token=answer["refresh_token"],
            access_expires_at=timezone.now() + dt.timedelta(seconds=answer["expires_in"]),
            refreshed_at=timezone.now(),
            scopes=answer["scope"],
        )
        ids = {one["tenantId"]: one["id"] for one in answer["connections"]}
        return [
            XeroConnection.objects.create(
                tenant_id=tenant_id, connection_id=ids[tenant_id], name=name, token_set=token_set
            )
            for name, tenant_id in _tenant_ids(sandbox, names).items()
        ]

    return connect


def _tenant_ids(sandbox: Any, names: tuple[str, ...]) -> dict[str, str]:
    known = {one["name"]: one["tenant_id"] for one in sandbox.organisations()}
    return {name: known[name] for name in names}


@pytest.fixture
def connection(connect: Connect) -> XeroConnection:
    """The Australian organisation, connected and chosen; its accounts and themes are not read yet."""
    (made,) = connect(AUSTRALIA)
    XeroConnection.objects.filter(pk=made.pk).update(is_current=True)
    return XeroConnection.objects.get(pk=made.pk)


@pytest.fixture
def both(connect: Connect) -> list[XeroConnection]:
    """Two organisations that one set of tokens opens."""
    return connect(AUSTRALIA, NEW_ZEALAND)
