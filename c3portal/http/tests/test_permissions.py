"""Who may do what: every address, every method, every kind of user, held against docs/permissions.md."""

from __future__ import annotations

import gc
import logging
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from allauth.account.internal.flows.login import (
    _AUTHENTICATION_METHODS_USER_SESSION_KEY,
    AUTHENTICATION_METHODS_SESSION_KEY,
)
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings as django_settings
from django.contrib.auth.models import Group
from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

from c3_integration.models import C3Fetch
from c3portal.http.concurrency import DOWNLOADS
from c3portal.models import Delivery, Notice, User, Webhook, roles
from c3portal.testing import BASE_DIR
from c3portal.tests.addresses import Address, every_address
from invoices.models import ChangeRequest, HeldBackInvoice, ImportProfile, ImportRun, UploadDraft
from invoices.tests import makers

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
NOT_SIGNED_IN = {"nobody", "deactivated"}
ROLE_LESS = {"without a role"}
KINDS = {
    "everyone": {*NOT_SIGNED_IN, *ROLE_LESS, *roles.ALL},
    "signed in": {*ROLE_LESS, *roles.ALL},
    "all roles": set(roles.ALL),
    **{role: {role} for role in roles.ALL},
    "–": set[str](),
}


@dataclass(frozen=True)
class Row:
    """One row of the table: an address, and for GET and POST the kinds of users that may."""

    name: str
    address: str
    get: frozenset[str]
    post: frozenset[str]

    def allowed(self, method: str) -> frozenset[str]:
        """Return who may use the method."""
        return {"GET": self.get, "HEAD": self.get, "POST": self.post}.get(method, frozenset())


def table() -> Iterator[Row]:
    """Yield the rows of "Every address". Raises KeyError for a word that is no kind of user."""
    text = (BASE_DIR / "docs" / "permissions.md").read_text().partition("## Every address")[2]
    for cells in re.findall(r"^\| `(.+?)` \| `(.+?)` \| (.+?) \| (.+?) \|$", text, re.MULTILINE):
        yield Row(cells[0], cells[1], *(frozenset(who(cell)) for cell in cells[2:]))


def who(cell: str) -> set[str]:
    return set[str]().union(*(KINDS[word] for word in cell.split(", ")))


def as_written(address: Address) -> str:
    """Return the address as the table writes it, `<name>` standing for what varies."""
    return address.template.replace("{", "<").replace("}", ">")


ROWS = list(table())
# What an address needs beyond itself to answer with more than "not found".
QUERIES = dict.fromkeys(("download", "download_xlsx"), "?period=20260918")
# Nothing listens there.
COMPANY = {
    "provider_id": "company",
    "name": "Contoso",
    "client_id": "a",
    "settings": {"server_url": "http://localhost:9"},
}


def test_every_address_is_in_the_table_and_every_row_has_an_address() -> None:
    listed, there = (
        [(row.name, row.address) for row in ROWS],
        [(each.name, as_written(each)) for each in every_address()],
    )
    assert sorted(set(there) - set(listed)) == [], "docs/permissions.md does not say who may do this"
    assert sorted(set(listed) - set(there)) == [], "docs/permissions.md names what is not there"
    assert len(set(listed)) == len(listed)


# The walk


@pytest.fixture
def people(db: None) -> dict[str, User]:
    """One user of each kind that signs in; the deactivated one held every role."""
    kinds = {**dict(zip(roles.ALL, roles.ALL, strict=True)), "without a role": None, "deactivated": None}
    users = {
        kind: User.objects.create_user(
            f"{kind.replace(' ', '.')}@contoso.example", "a password of the tests", role=role
        )
        for kind, role in kinds.items()
    }
    users["deactivated"].groups.set(Group.objects.all())
    return users


@pytest.fixture
def sessions(people: dict[str, User]) -> dict[str, str]:
    """The session of each, begun a moment ago while all of them were active; "" for nobody."""
    keys = {"nobody": ""}
    for kind, user in people.items():
        client = Client()
        client.force_login(user)
        session = client.session
        session[AUTHENTICATION_METHODS_SESSION_KEY] = [
            {"method": "password", "at": time.time(), "reauthenticated": True}
        ]
        session[_AUTHENTICATION_METHODS_USER_SESSION_KEY] = str(user.pk)
        session.save()
        keys[kind] = client.session.session_key or ""
    User.objects.filter(pk=people["deactivated"].pk).update(is_active=False)
    return keys


@pytest.fixture
def things(people: dict[str, User]) -> dict[str, Any]:
    """Whatever the addresses name, by the first words of the address: so that nothing answers "not found"."""
    period = makers.a_period()
    connection = makers.connected(people[roles.SYSTEM_ADMIN])
    invoice, other = makers.invoices(period, 2)
    upload = makers.uploaded(connection, people[roles.FINANCE_ADMIN], other)
    draft = UploadDraft.objects.create(
        period=period,
        invoice_ids=[str(invoice.pk)],
        invoice_status="DRAFT",
        created_by=people[roles.FINANCE_ADMIN],
    )
    webhook = Webhook.objects.create(url="https://hooks.invalid/")
    notice = Notice.objects.create(key="a thing", kind="test", subject="A test")
    delivery = Delivery.objects.create(notice=notice, webhook=webhook)
    run = ImportRun.objects.create(file_name="lines.csv", size=1, state=ImportRun.State.READY)
    held = HeldBackInvoice.objects.create(run=run, number="x")
    profile = ImportProfile.objects.create(name="Shop", header=["No"], columns={"InvoiceNumber": "No"})
    fetch = C3Fetch.objects.create(trigger=C3Fetch.Trigger.USER, state=C3Fetch.State.DONE, is_open=None)
    asked = ChangeRequest.objects.create(connection=connection)
    return {
        "/analyze/business/periods/": period.pk,
        "/invoices/changes/": asked.pk,
        "/invoices/preflight/": draft.pk,
        "/invoices/fetches/": fetch.pk,
        "/invoices/logs/": upload.pk,
        "/invoices/import/": run.pk,
        "/invoices/held-back/": held.pk,
        "/invoices/download/": "invoices",
        "/invoices/<pk>/": invoice.pk,
        "/settings/users/": people[roles.SYSTEM_READER].pk,
        "/accounts/invitation/": "a-token",
        "/contacts/": invoice.customer.pk,
        "/customers/": invoice.customer.pk,
        "/settings/profiles/": profile.pk,
        "/settings/webhooks/": webhook.pk,
        "/settings/deliveries/": delivery.pk,
        "/accounts/password/reset/key/": "a-key",
        "/accounts/oidc/": "company",
        "/account/second-factor/passkeys/": {kind: _second_factor(user) for kind, user in people.items()},
    }


def _second_factor(user: User) -> int:
    """Give the user all kinds of second factor, without which those who need one see nothing else; return a passkey."""
    TOTP.activate(user, generate_totp_secret())
    RecoveryCodes.activate(user)
    data = {"name": "Passkey", "credential": credential()}
    return int(Authenticator.objects.create(user=user, type=Authenticator.Type.WEBAUTHN, data=data).pk)


def credential() -> dict[str, Any]:
    """Return what a browser sends for a new passkey, as far as pages show it."""
    key = AttestedCredentialData.create(Aaguid.NONE, b"an id", ES256.from_cryptography_key(_public_key()))
    flags = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.AT
    data = AuthenticatorData.create(b"\0" * 32, flags, 0, key)
    client_data = CollectedClientData.create(CollectedClientData.TYPE.CREATE, b"a challenge", "http://localhost:8000")
    attestation = AttestationObject.create("none", data, {})
    response = {"clientDataJSON": websafe_encode(client_data), "attestationObject": websafe_encode(attestation)}
    return {"rawId": websafe_encode(b"an id"), "type": "public-key", "response": response}


def _public_key() -> Any:
    return ec.generate_private_key(ec.SECP256R1()).public_key()


def path_of(row: Row, things: dict[str, Any], kind: str) -> str:
    """Return the row's address for a thing that is there. Raises KeyError when the test does not make one yet."""
    names = re.findall(r"<(\w+)>", row.address)
    found = [thing for beginning, thing in things.items() if row.address.startswith(beginning)]
    if names and not found:
        raise KeyError(f"{row.address}: make what it shows in the fixture `things`.")
    thing = found[0] if found else None
    one = thing.get(kind, 0) if isinstance(thing, dict) else thing
    return reverse(row.name, kwargs=dict.fromkeys(names, one)) + QUERIES.get(row.name, "")


def ask(session: str, method: str, path: str) -> HttpResponseBase:
    """Return the answer to the holder of the session; what the request changed is undone."""
    # Downloads that were asked for and not read count until they are collected.
    if DOWNLOADS._taken:
        gc.collect()
    # That the company's sign-in does not answer is no refusal.
    client = Client(raise_request_exception="/oidc/" not in path)
    if session:
        client.cookies[django_settings.SESSION_COOKIE_NAME] = session
    with transaction.atomic():
        answer = client.generic(method, path)
        transaction.set_rollback(True)
    return answer


def is_right(answer: HttpResponseBase, kind: str, row: Row, method: str) -> bool:
    """Whether the table foresees this answer."""
    status, leads_to = answer.status_code, answer.headers.get("Location", "")
    signs_in = status == 302 and leads_to.startswith(f"{reverse('account_login')}?next=")
    if kind in row.allowed(method):
        return status not in (403, 404, 405, 429) and not signs_in
    if method not in ("GET", "HEAD", "POST"):
        return status == 405
    if row.allowed(method):
        return signs_in if kind in NOT_SIGNED_IN else status == 403
    return status in (403, 405) or (signs_in and kind in NOT_SIGNED_IN)


@pytest.mark.parametrize("method", METHODS)
def test_each_may_do_what_the_table_says_and_nothing_else(
    settings: Any, caplog: pytest.LogCaptureFixture, things: dict[str, Any], sessions: dict[str, str], method: str
) -> None:
    caplog.set_level(logging.CRITICAL)
    settings.ACCOUNT_RATE_LIMITS = False
    settings.METRICS_TOKEN = "a-token-of-the-tests"
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [COMPANY]}}
    wrong = [
        f"{method} {path} ({row.name}) as {kind}: {answer.status_code} {answer.headers.get('Location', '')}"
        for row in ROWS
        for kind, session in sessions.items()
        for path in [path_of(row, things, kind)]
        for answer in [ask(session, method, path)]
        if not is_right(answer, kind, row, method)
    ]
    assert not wrong, "\n".join(wrong)
