"""The key of the stored secrets is changed while everything runs, and a lost key is told in words."""

from __future__ import annotations

import io
import multiprocessing
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django import db
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import models
from django.test import Client
from django.utils import timezone

from c3_integration.models import C3Settings, C3Token
from c3portal import checks
from c3portal.encryption import key_rotation
from c3portal.encryption.cipher import cipher, written_by
from c3portal.encryption.fields import EncryptedTextField
from c3portal.http import error_pages
from c3portal.models import AuditEntry, User, Webhook
from xero_integration import connections
from xero_integration.models import TokenSet, XeroConnection, XeroSettings
from xero_integration.testing import expire

OLD, NEW = "an-encryption-key-for-the-tests", "another-encryption-key-for-the-tests"
ROUNDS = 20


@pytest.fixture
def secrets(system_admin: User) -> None:
    """A secret of every kind, written with the old key."""
    XeroSettings.objects.create(pk=1, client_secret="canary of the client secret")
    C3Settings.objects.create(pk=1, client_secret="canary of the secret for C3")
    C3Token.objects.create(pk=1, access_token="canary of the token for C3", expires_at=timezone.now())
    for number in range(2):
        TokenSet.objects.create(
            access_token=f"access {number}",
            refresh_token=f"refresh {number}",
            access_expires_at=timezone.now(),
            refreshed_at=timezone.now(),
        )
    TokenSet.objects.create(access_expires_at=timezone.now(), refreshed_at=timezone.now())
    Webhook.objects.create(url="https://example.com/", secret="canary of the webhook")
    Authenticator.objects.create(user=system_admin, type="totp", data={"secret": encrypted("TOTP")})
    codes = {"seed": encrypted("seed"), "used_mask": 3, "migrated_codes": [encrypted("one"), encrypted("two")]}
    Authenticator.objects.create(user=system_admin, type="recovery_codes", data=codes)
    Authenticator.objects.create(user=system_admin, type="webauthn", data={"name": "Passkey", "credential": {}})


EVERYTHING = 1 + 2 + 4 + 1 + 1 + 3


def encrypted(text: str) -> str:
    return cipher().encrypt(text.encode()).decode()


def rotate(*options: str) -> str:
    output = io.StringIO()
    call_command("rotate_encryption_key", *options, stdout=output)
    return output.getvalue()


def sums() -> tuple[int, int, int]:
    """Return how many texts the first key wrote, an older one, and none."""
    found = key_rotation.tally()
    return sum(each.current for each in found), sum(each.old for each in found), sum(each.unreadable for each in found)


def data_of(kind: str) -> dict[str, Any]:
    return dict(Authenticator.objects.get(type=kind).data)


@pytest.mark.both_databases
def test_every_secret_is_written_anew_with_the_first_key_and_reads_as_before(secrets: None, settings: Any) -> None:
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    assert sums() == (0, EVERYTHING, 0)
    assert "xero_integration_tokenset.refresh_token: 2 written anew" in rotate()
    assert sums() == (EVERYTHING, 0, 0)

    settings.ENCRYPTION_KEYS = [NEW]
    assert XeroSettings.load().client_secret == "canary of the client secret"
    assert {each.refresh_token for each in TokenSet.objects.all()} == {"refresh 0", "refresh 1", ""}
    assert Webhook.objects.get().secret == "canary of the webhook"
    codes = data_of("recovery_codes")
    assert codes["used_mask"] == 3
    read = [codes["seed"], *codes["migrated_codes"], data_of("totp")["secret"]]
    assert [cipher().decrypt(text.encode()).decode() for text in read] == ["seed", "one", "two", "TOTP"]
    assert data_of("webauthn") == {"name": "Passkey", "credential": {}}


def test_it_leaves_a_line_in_the_audit_record_and_none_when_there_was_nothing_to_do(
    secrets: None, settings: Any
) -> None:
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    rotate()
    rotate()
    entry = AuditEntry.objects.get(action=AuditEntry.Action.OPERATION)
    assert entry.actor == "manage.py rotate_encryption_key"
    assert sum(entry.after.values()) == EVERYTHING


def test_it_tells_whether_older_keys_are_still_needed(secrets: None, settings: Any) -> None:
    assert "Only the first key is needed" in rotate("--check")
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    with pytest.raises(CommandError, match="Older keys are still needed"):
        rotate("--check")
    assert sums() == (0, EVERYTHING, 0)
    rotate()
    assert "Only the first key is needed" in rotate("--check")


def test_what_no_key_reads_is_told_without_its_value_and_stays_as_it_is(secrets: None, settings: Any) -> None:
    kept = data_of("totp")["secret"]
    settings.ENCRYPTION_KEYS = [NEW]
    with pytest.raises(CommandError, match=r"2 of xero_integration_tokenset.access_token") as raised:
        rotate()
    assert kept not in str(raised.value)
    assert data_of("totp")["secret"] == kept
    assert sums() == (0, 0, EVERYTHING)


@pytest.mark.both_databases
def test_when_a_key_is_lost_for_good_the_portal_goes_on_without_what_it_wrote(secrets: None, settings: Any) -> None:
    settings.ENCRYPTION_KEYS = [NEW]
    TokenSet.objects.create(refresh_token="kept", access_expires_at=timezone.now(), refreshed_at=timezone.now())
    assert "tokenset.refresh_token: 2 dropped" in rotate("--forget-unreadable")
    assert XeroSettings.load().client_secret == ""
    assert sorted(each.refresh_token for each in TokenSet.objects.all()) == ["", "", "", "kept"]
    assert Webhook.objects.get().secret not in ("", "canary of the webhook")
    assert list(Authenticator.objects.values_list("type", flat=True)) == ["webauthn"]
    assert "Only the first key is needed" in rotate("--check")


def test_every_encrypted_column_of_the_portal_is_among_the_places(db: None) -> None:
    columns = {
        f"{model._meta.db_table}.{field.column}"
        for model in db_models()
        for field in model._meta.local_concrete_fields
        if isinstance(field, EncryptedTextField)
    }
    assert {place.name for place in key_rotation.places()} == columns | {"mfa_authenticator.data"}
    assert len(columns) >= 4


def db_models() -> list[type[models.Model]]:
    from django.apps import apps

    return apps.get_models()


def test_a_secret_that_was_replaced_meanwhile_stays_the_newer(secrets: None, settings: Any) -> None:
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    for place in key_rotation.places():
        for pk, text in list(place.stored()):
            XeroSettings.objects.update(client_secret="newer")
            C3Settings.objects.update(client_secret="newer")
            C3Token.objects.update(access_token="newer")
            TokenSet.objects.update(access_token="newer", refresh_token="newer")
            Webhook.objects.update(secret="newer")
            Authenticator.objects.filter(type="totp").update(data={"secret": encrypted("newer")})
            Authenticator.objects.filter(type="recovery_codes").update(data={"seed": encrypted("newer")})
            assert not place.rewrite(pk, text)
    assert XeroSettings.load().client_secret == "newer"


def _renew_again_and_again(connection: XeroConnection, expire: Any, ready: Any, results: Any) -> None:
    """Renew the tokens as a worker that was not restarted yet: it writes with the old key and reads both."""
    from django.conf import settings

    settings.ENCRYPTION_KEYS = [OLD, NEW]
    lost = []
    ready.wait(30)
    for _ in range(ROUNDS):
        expire(connection)
        renewed = connections.fresh_tokens(connection)
        stored = TokenSet.objects.get()
        if (stored.access_token, stored.refresh_token) != (renewed.access_token, renewed.refresh_token):
            lost.append(stored.generation)
    results.put((lost, renewed.access_token, renewed.refresh_token))
    db.connections.close_all()


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_tokens_that_a_worker_renews_meanwhile_are_never_lost(connected: XeroConnection, settings: Any) -> None:
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    db.connections.close_all()
    context = multiprocessing.get_context("fork")
    ready, results = context.Barrier(2), context.Queue()
    worker = context.Process(target=_renew_again_and_again, args=(connected, expire, ready, results))
    worker.start()
    ready.wait(30)
    written = 0
    while worker.is_alive() and results.empty():
        written += sum(key_rotation.rotate().values())
        seen = [(place, pk, text) for place in key_rotation.places() for pk, text in place.stored()]
        before = TokenSet.objects.get().generation
        while worker.is_alive() and results.empty() and TokenSet.objects.get().generation == before:
            pass
        for place, pk, text in seen:
            place.rewrite(pk, text)
    lost, access_token, refresh_token = results.get(timeout=30)
    worker.join(10)
    rotate()

    assert written > 2
    assert lost == []
    stored = TokenSet.objects.get()
    assert (stored.access_token, stored.refresh_token) == (access_token, refresh_token)
    assert sums()[1:] == (0, 0)


# A lost key


def test_the_check_at_start_tells_a_lost_key_in_words(secrets: None, settings: Any) -> None:
    assert checks.stored_secrets(databases=["default"]) == []
    settings.ENCRYPTION_KEYS = [NEW]
    (error,) = checks.stored_secrets(databases=["default"])
    assert error.id == "c3portal.E011"
    assert "xero_integration_xerosettings.client_secret" in error.msg
    assert "put the key" in str(error.hint)
    assert "canary" not in str(error)


def test_the_check_says_nothing_before_the_first_migration(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_rotation.connection.introspection, "table_names", list)
    assert checks.stored_secrets(databases=["default"]) == []
    assert checks.stored_secrets(databases=None) == []


def test_a_page_that_needs_a_lost_key_says_what_to_do(
    secrets: None, settings: Any, client_for: Callable[[User], Client], system_admin: User
) -> None:
    settings.ENCRYPTION_KEYS = [NEW]
    client = client_for(system_admin)
    client.raise_request_exception = False
    answer = client.get("/settings/general/")
    assert answer.status_code == 500
    html = answer.content.decode()
    assert "ENCRYPTION_KEYS" in html
    assert "Invoices are safe" in html
    assert NEW not in html


@pytest.mark.parametrize("error", [ImproperlyConfigured, RuntimeError])
def test_any_other_error_keeps_its_page(db: None, error: type[Exception]) -> None:
    request = Client().get("/health/live").wsgi_request
    try:
        raise error("No key is missing.")
    except error:
        answer = error_pages.server_error(request)
    assert answer.status_code == 500
    assert "ENCRYPTION_KEYS" not in answer.content.decode()


def test_it_names_the_key_that_wrote(settings: Any) -> None:
    text = encrypted("any")
    assert written_by(text) == 0
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    assert written_by(text) == 1
    settings.ENCRYPTION_KEYS = [NEW]
    assert written_by(text) is None
