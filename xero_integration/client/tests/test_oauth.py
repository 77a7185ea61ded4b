"""Xero's sign-in service: what is asked of it, and what each of its answers means."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from xero_integration.client import oauth, scopes
from xero_integration.client.errors import XeroAuthError, XeroError, XeroOutcomeUnknown, XeroRejected, XeroUnavailable
from xero_integration.models import XeroSettings
from xero_integration.tests.consent_walk import AUSTRALIA, NEW_ZEALAND, answer_consent
from xero_integration.tests.scripted import Reply, ScriptedServer

PORTAL = "http://localhost:8000/"
SCOPES = scopes.asked(is_broad=False, today=dt.date(2026, 9, 16))
SECRET = "canary-of-the-client-secret"


def token(claims: Any) -> str:
    """Return an access token that carries these claims."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"header.{payload}.signature"


def answer(**fields: Any) -> Reply:
    usual = {"access_token": "an-access-token", "refresh_token": "a-refresh-token", "expires_in": 1800}
    return Reply(body=json.dumps(usual | fields).encode())


def refreshed() -> oauth.Tokens:
    return oauth.refresh("client-1", SECRET, "the-refresh-token")


# The way out


def test_the_consent_page_is_asked_with_state_pkce_and_the_granular_scopes() -> None:
    consent = oauth.new_consent(PORTAL)
    query = parse_qs(urlsplit(oauth.consent_url("client-1", consent, SCOPES)).query)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(consent.code_verifier.encode()).digest()).rstrip(b"=")
    assert query == {
        "response_type": ["code"],
        "client_id": ["client-1"],
        "redirect_uri": [PORTAL],
        "scope": ["openid offline_access accounting.settings.read accounting.contacts accounting.invoices"],
        "state": [consent.state],
        "code_challenge": [challenge.decode()],
        "code_challenge_method": ["S256"],
    }


def test_the_verifier_itself_stays_here() -> None:
    consent = oauth.new_consent(PORTAL)
    assert consent.code_verifier not in oauth.consent_url("client-1", consent, SCOPES)
    assert 43 <= len(consent.code_verifier) <= 128


def test_no_two_consents_are_alike() -> None:
    made = [oauth.new_consent(PORTAL) for _ in range(20)]
    assert len({consent.state for consent in made} | {consent.code_verifier for consent in made}) == 40


# Code and tokens, against the sandbox


@pytest.fixture
def consent() -> oauth.Consent:
    return oauth.new_consent(PORTAL)


@pytest.fixture
def code(app: XeroSettings, consent: oauth.Consent) -> str:
    back = answer_consent(oauth.consent_url(app.client_id, consent, SCOPES))
    fields = parse_qs(urlsplit(back).query)
    assert fields["state"] == [consent.state]
    return fields["code"][0]


def test_a_code_is_traded_for_tokens(app: XeroSettings, consent: oauth.Consent, code: str) -> None:
    tokens = oauth.exchange_code(app.client_id, app.client_secret, code, consent)
    assert tokens.access_token
    assert tokens.refresh_token
    assert set(tokens.scopes.split()) == set(SCOPES)
    assert tokens.xero_user_id
    left = tokens.life
    assert dt.timedelta(minutes=29) < left <= dt.timedelta(minutes=30)
    (tenant,) = oauth.list_tenants(tokens.access_token, tokens.authentication_event_id)
    assert tenant.name == AUSTRALIA


def test_a_code_works_once(app: XeroSettings, consent: oauth.Consent, code: str) -> None:
    oauth.exchange_code(app.client_id, app.client_secret, code, consent)
    with pytest.raises(XeroAuthError, match="connect again"):
        oauth.exchange_code(app.client_id, app.client_secret, code, consent)


def test_a_code_is_worth_nothing_without_the_verifier(app: XeroSettings, consent: oauth.Consent, code: str) -> None:
    stolen = oauth.Consent(consent.state, oauth.new_consent(PORTAL).code_verifier, PORTAL)
    with pytest.raises(XeroAuthError):
        oauth.exchange_code(app.client_id, app.client_secret, code, stolen)


def test_a_code_that_waited_too_long_is_refused(
    sandbox: Any, app: XeroSettings, consent: oauth.Consent, code: str
) -> None:
    sandbox.advance_clock(301)
    with pytest.raises(XeroAuthError):
        oauth.exchange_code(app.client_id, app.client_secret, code, consent)


@pytest.mark.parametrize("wrong", ["client_id", "client_secret"])
def test_a_wrong_id_or_secret_is_said_in_words_with_what_to_check(
    app: XeroSettings, consent: oauth.Consent, code: str, wrong: str
) -> None:
    given = {"client_id": app.client_id, "client_secret": app.client_secret, wrong: "F" * 32}
    with pytest.raises(XeroRejected, match=oauth.CHECK_BOTH) as caught:
        oauth.exchange_code(given["client_id"], given["client_secret"], code, consent)
    assert app.client_secret not in str(caught.value)


def test_each_refresh_gives_a_new_pair(app: XeroSettings, consent: oauth.Consent, code: str) -> None:
    first = oauth.exchange_code(app.client_id, app.client_secret, code, consent)
    second = oauth.refresh(app.client_id, app.client_secret, first.refresh_token)
    assert second.refresh_token != first.refresh_token
    assert second.access_token != first.access_token


def test_every_organisation_of_the_app_is_listed_with_and_without_the_consent(
    sandbox: Any, app: XeroSettings, consent: oauth.Consent, code: str
) -> None:
    sandbox.tokens(app.client_id, [NEW_ZEALAND])
    tokens = oauth.exchange_code(app.client_id, app.client_secret, code, consent)
    assert {tenant.name for tenant in oauth.list_tenants(tokens.access_token)} == {AUSTRALIA, NEW_ZEALAND}


def test_an_organisation_can_be_disconnected_twice(app: XeroSettings, consent: oauth.Consent, code: str) -> None:
    tokens = oauth.exchange_code(app.client_id, app.client_secret, code, consent)
    (tenant,) = oauth.list_tenants(tokens.access_token)
    oauth.remove_tenant(tokens.access_token, tenant.connection_id)
    assert oauth.list_tenants(tokens.access_token) == []
    oauth.remove_tenant(tokens.access_token, tenant.connection_id)


# What else the sign-in service may answer


def test_the_app_proves_itself_by_http_basic(scripted_xero: ScriptedServer) -> None:
    scripted_xero.will(answer())
    refreshed()
    (call,) = scripted_xero.received
    packed = base64.b64encode(f"client-1:{SECRET}".encode()).decode()
    assert call.headers["Authorization"] == f"Basic {packed}"
    assert parse_qs(call.body.decode()) == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["the-refresh-token"],
    }
    assert SECRET not in call.path


def test_scopes_and_user_are_read_from_the_token_when_the_answer_leaves_them_out(
    scripted_xero: ScriptedServer,
) -> None:
    claims = {"scope": ["openid", "accounting.invoices"], "xero_userid": "user-1", "authentication_event_id": "event-1"}
    scripted_xero.will(answer(access_token=token(claims)))
    tokens = refreshed()
    assert tokens.scopes == "openid accounting.invoices"
    assert tokens.xero_user_id == "user-1"
    assert tokens.authentication_event_id == "event-1"


@pytest.mark.parametrize("access_token", ["opaque", "a.b.c", token("a text"), token([1]), "..", "a.é.c"])
def test_a_token_that_tells_nothing_is_a_token_all_the_same(scripted_xero: ScriptedServer, access_token: str) -> None:
    scripted_xero.will(answer(access_token=access_token, scope="openid"))
    tokens = refreshed()
    assert tokens.access_token == access_token
    assert tokens.scopes == "openid"


def error(name: str, status: int = 400) -> Reply:
    return Reply(status, json.dumps({"error": name}).encode())


@pytest.mark.parametrize(
    ("reply", "expected", "words"),
    [
        (error("invalid_grant"), XeroAuthError, "connect again"),
        (error("invalid_client"), XeroRejected, oauth.CHECK_BOTH),
        (error("invalid_client", 401), XeroRejected, oauth.CHECK_BOTH),
        (error("unauthorized_client"), XeroRejected, oauth.CHECK_BOTH),
        (error("invalid_scope"), XeroRejected, "Web app"),
        (error("something_new"), XeroRejected, "something_new"),
        (Reply(400, b"{}"), XeroRejected, "HTTP 400"),
        (Reply(429, b"", {"Retry-After": "9"}), XeroUnavailable, "asks to wait"),
        (Reply(500, b"<html>"), XeroOutcomeUnknown, "HTTP 500"),
        (Reply(503, b"offline"), XeroOutcomeUnknown, "HTTP 503"),
        (Reply(302, b"", {"Location": "/elsewhere"}), XeroOutcomeUnknown, "HTTP 302"),
        (Reply(400, b"<html>"), XeroOutcomeUnknown, "cannot be read"),
        (Reply(200, b"<html>"), XeroOutcomeUnknown, "cannot be read"),
        (Reply(200, b"[]"), XeroOutcomeUnknown, "cannot be read"),
        (Reply(200, b"{}"), XeroOutcomeUnknown, "left the tokens out"),
        (Reply(200, b'{"access_token": "a"}'), XeroOutcomeUnknown, "left the tokens out"),
        (answer(expires_in="soon"), XeroOutcomeUnknown, "left the tokens out"),
        (answer(expires_in=None), XeroOutcomeUnknown, "left the tokens out"),
        (Reply(reset=True), XeroOutcomeUnknown, "did not answer"),
        (Reply(200, b'{"access_token": "a"}', shorter_by=3), XeroOutcomeUnknown, "did not answer"),
    ],
    ids=lambda value: f"{value.status}-{value.body[:24]!r}" if isinstance(value, Reply) else None,
)
def test_each_refusal_says_what_to_do(
    scripted_xero: ScriptedServer, reply: Reply, expected: type[XeroError], words: str
) -> None:
    scripted_xero.will(reply)
    with pytest.raises(XeroError, match=words) as caught:
        refreshed()
    assert type(caught.value) is expected
    assert SECRET not in str(caught.value)
    assert "the-refresh-token" not in str(caught.value)
    assert len(scripted_xero.received) == 1


def test_a_sign_in_service_that_is_not_there_is_said_so(settings: Any) -> None:
    settings.XERO_IDENTITY_URL = "http://localhost:9"
    with pytest.raises(XeroUnavailable, match="could not be reached"):
        refreshed()


def test_an_answer_that_does_not_come_leaves_open_whether_the_token_was_used(
    scripted_xero: ScriptedServer, settings: Any
) -> None:
    settings.XERO_CALL_TIMEOUT = 0.2
    scripted_xero.will(Reply(hang=True))
    with pytest.raises(XeroOutcomeUnknown):
        refreshed()


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500, b""),
        Reply(429, b""),
        Reply(404, b"not found"),
        Reply(302, b"", {"Location": "/"}),
        Reply(200, b"<html>"),
        Reply(200, b'{"id": "an object"}'),
        Reply(200, b'[{"id": "no-tenant"}]'),
        Reply(200, b"[null]"),
        Reply(200, b"null"),
        Reply(reset=True),
    ],
    ids=lambda reply: f"{reply.status}-{reply.body!r}",
)
def test_a_list_of_organisations_that_cannot_be_read_is_never_an_empty_one(
    scripted_xero: ScriptedServer, reply: Reply
) -> None:
    scripted_xero.will(reply)
    with pytest.raises(XeroUnavailable, match="Try again in a minute"):
        oauth.list_tenants("an-access-token")


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_no_longer_lists_organisations_asks_for_a_person(
    scripted_xero: ScriptedServer, status: int
) -> None:
    scripted_xero.will(Reply(status, b"{}"))
    with pytest.raises(XeroAuthError, match="connect again"):
        oauth.list_tenants("an-access-token")


def test_an_organisation_without_a_name_is_listed(scripted_xero: ScriptedServer) -> None:
    scripted_xero.will(Reply(body=b'[{"id": "c", "tenantId": "t", "tenantName": null, "tenantType": "ORGANISATION"}]'))
    (tenant,) = oauth.list_tenants("an-access-token")
    assert tenant == oauth.Tenant("c", "t", "", "ORGANISATION")
