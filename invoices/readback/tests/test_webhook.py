"""What Xero's webhook brings in, and who may bring it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import time
from typing import Any
from unittest.mock import create_autospec

import pytest
from celery import current_app
from django.db import connection as database
from django.test import Client
from django.urls import reverse

from c3portal.models import AuditEntry, User
from invoices.models import XeroEvent
from invoices.readback import inbox
from invoices.tests import makers
from invoices.views import webhook
from xero_integration.models import XeroConnection, XeroSettings

KEY = "the-signing-key-of-the-tests"
ADDRESS = "/webhooks/xero"
WAKE = inbox.wake


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> Any:
    wake = create_autospec(inbox.wake)
    monkeypatch.setattr(inbox, "wake", wake)
    return wake


@pytest.fixture
def connection(db: None, woken: Any) -> XeroConnection:
    made = makers.connected()
    row = XeroSettings.load()
    row.webhook_key = KEY
    row.save()
    return made


def event(tenant_id: str, resource_id: str = "A0000000-0000-0000-0000-000000000001", **more: str) -> dict[str, Any]:
    named = {"resourceId": resource_id, "tenantId": tenant_id, "eventCategory": "INVOICE", "eventType": "UPDATE"}
    return named | more


def body_of(*events: dict[str, Any]) -> bytes:
    return json.dumps({"events": events, "firstEventSequence": 1, "lastEventSequence": len(events)}).encode()


def signature(body: bytes, key: str = KEY) -> str:
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def deliver(body: bytes, signed: str | None = None) -> Any:
    headers = {"x-xero-signature": signature(body) if signed is None else signed}
    return Client().post(ADDRESS, body, content_type="application/json", headers=headers)


def test_an_intent_to_receive_is_answered_by_its_signature_alone(connection: XeroConnection) -> None:
    body = body_of()
    for signed, status in ((None, 200), (signature(body, "another key"), 401), ("", 401), ("ä", 401)):
        answer = deliver(body, signed)
        assert (answer.status_code, answer.content, answer.cookies) == (status, b"", {})
    assert not XeroEvent.objects.exists()


def test_a_delivery_is_kept_once_for_each_document_and_wakes_a_worker(connection: XeroConnection, woken: Any) -> None:
    tenant = connection.tenant_id
    note = event(tenant, "b0000000-0000-0000-0000-000000000002", eventCategory="CREDITNOTE")
    body = body_of(event(tenant), event(tenant.upper()), note, event(tenant, eventCategory="CONTACT"))
    began = time.monotonic()
    assert [deliver(body).status_code for _ in range(2)] == [200, 200]
    assert time.monotonic() - began < 5
    kept = set(XeroEvent.objects.values_list("tenant_id", "category", "resource_id"))
    assert kept == {
        (tenant, "INVOICE", "a0000000-0000-0000-0000-000000000001"),
        (tenant, "CREDITNOTE", "b0000000-0000-0000-0000-000000000002"),
    }
    woken.assert_called_with(connection.pk)


@pytest.mark.parametrize("change", ["a space", "another event", "signed by another"])
def test_one_byte_more_than_was_signed_is_refused(change: str, connection: XeroConnection) -> None:
    body = body_of(event(connection.tenant_id))
    sent = {"a space": body + b" ", "another event": body_of(event("other")), "signed by another": body}[change]
    assert deliver(sent, signature(body, "no" if change == "signed by another" else KEY)).status_code == 401
    assert not XeroEvent.objects.exists()


def test_without_a_key_nothing_is_believed(connection: XeroConnection) -> None:
    XeroSettings.objects.update(webhook_key="")
    body = body_of(event(connection.tenant_id))
    assert deliver(body, signature(body, "")).status_code == 401


def test_a_body_is_read_up_to_its_bound(connection: XeroConnection) -> None:
    body = b" " * (webhook.LARGEST_BODY + 1)
    assert deliver(body).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"events": 7}',
        b'{"events": [7, {"tenantId": {}}]}',
        b"{",
        b"\xff",
        b'{"events": [{"resourceId": 1}]}',
    ],
)
def test_a_signed_delivery_that_says_nothing_is_taken_and_leaves_nothing(
    body: bytes, connection: XeroConnection
) -> None:
    assert deliver(body).status_code == 200
    assert not XeroEvent.objects.exists()


def test_the_settings_tell_when_xero_last_delivered(
    client_for: Any, system_admin: User, connection: XeroConnection
) -> None:
    client, body = client_for(system_admin), body_of()
    deliver(body, "wrong")
    assert "Nothing received" in client.get(reverse("settings_general")).content.decode()
    deliver(body)
    page = client.get(reverse("settings_general")).content.decode()
    heard = XeroSettings.load().webhook_heard_at
    assert heard is not None
    assert "Xero last delivered" in page
    # Written once a minute, however often one comes.
    deliver(body)
    assert XeroSettings.load().webhook_heard_at == heard


def test_an_organisation_that_is_not_connected_is_ignored(connection: XeroConnection, woken: Any) -> None:
    XeroConnection.objects.update(status=XeroConnection.Status.DISCONNECTED)
    assert deliver(body_of(event(connection.tenant_id), event("unknown"))).status_code == 200
    assert not XeroEvent.objects.exists()
    woken.assert_not_called()


def test_the_key_is_kept_encrypted_and_never_shown(
    client_for: Any, system_admin: User, connection: XeroConnection
) -> None:
    client, secret = client_for(system_admin), "a-new-signing-key"
    client.post(reverse("webhook_key"), {"webhook_key": secret})
    assert XeroSettings.webhook_key_now() == secret
    with database.cursor() as cursor:
        cursor.execute("SELECT webhook_key FROM xero_integration_xerosettings")
        assert secret not in cursor.fetchone()[0]
    page = client.get(reverse("settings_general")).content.decode()
    assert secret not in page
    assert f"{ADDRESS}</code>" in page
    assert secret not in str(list(AuditEntry.objects.values()))
    client.post(reverse("webhook_key"), {"webhook_key": ""})
    assert XeroSettings.webhook_key_now() == secret
    client.post(reverse("webhook_key"), {"forget": "1"})
    assert XeroSettings.webhook_key_now() == ""


def test_a_broker_that_takes_calls_and_says_nothing_delays_no_answer(
    connection: XeroConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "wake", WAKE)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("CELERY_BROKER_WRITE_URL", f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        monkeypatch.setattr(current_app.amqp, "_producer_pool", None)
        began = time.monotonic()
        assert deliver(body_of(event(connection.tenant_id))).status_code == 200
    assert time.monotonic() - began < 4
    assert XeroEvent.objects.exists()


def test_a_large_delivery_is_taken_whole(connection: XeroConnection) -> None:
    many = [event(connection.tenant_id, f"{number:08}-0000-0000-0000-000000000001") for number in range(2000)]
    body = body_of(*many)
    assert 200_000 < len(body) < webhook.LARGEST_BODY
    assert deliver(body).status_code == 200
    assert XeroEvent.objects.count() == 2000
