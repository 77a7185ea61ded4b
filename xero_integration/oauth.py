"""Xero's sign-in service over HTTP: consent address, tokens, connections. No database here.

Source of the rules: Xero's OAuth 2.0 guide (authorisation code with PKCE; refresh tokens rotate and live 60 days).
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import requests
from django.conf import settings
from requests.auth import HTTPBasicAuth

from xero_integration import pace
from xero_integration.errors import XeroAuthError, XeroOutcomeUnknown, XeroRejected, XeroUnavailable

# Apps made since 2 March 2026 get granular scopes only, so these are the ones asked for.
SCOPES = (
    "openid",
    "profile",
    "email",
    "offline_access",
    "accounting.settings.read",
    "accounting.contacts",
    "accounting.invoices",
    "accounting.payments.read",
    "accounting.attachments",
)
USER_AGENT = "C3 Portal (billing portal for CSP partners)"


@dataclass(frozen=True)
class Tokens:
    """A fresh pair; the access token is good for `life` from now on. `authentication_event_id` names this consent in
    GET /connections."""

    access_token: str
    refresh_token: str
    life: dt.timedelta
    scopes: str
    xero_user_id: str
    authentication_event_id: str


@dataclass(frozen=True)
class Tenant:
    """One organisation that a consent connected."""

    connection_id: str
    tenant_id: str
    name: str
    tenant_type: str


@dataclass(frozen=True)
class Consent:
    """What must be remembered between leaving for Xero's consent page and coming back."""

    state: str
    code_verifier: str
    redirect_uri: str


def new_consent(redirect_uri: str) -> Consent:
    """Return a fresh consent whose state and PKCE verifier cannot be guessed."""
    return Consent(secrets.token_urlsafe(32), secrets.token_urlsafe(64), redirect_uri)


def consent_url(client_id: str, consent: Consent) -> str:
    """Return the address of Xero's consent page for this app and consent (PKCE S256)."""
    digest = hashlib.sha256(consent.code_verifier.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": consent.redirect_uri,
        "scope": " ".join(SCOPES),
        "state": consent.state,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    return f"{settings.XERO_LOGIN_URL}/identity/connect/authorize?{urlencode(query)}"


def exchange_code(client_id: str, client_secret: str, code: str, consent: Consent) -> Tokens:
    """Trade the code that came back for tokens. Raises the errors of `_token_call`."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": consent.redirect_uri,
        "code_verifier": consent.code_verifier,
    }
    return _token_call(client_id, client_secret, form)


def refresh(client_id: str, client_secret: str, refresh_token: str) -> Tokens:
    """Trade a refresh token for a new pair. Raises the errors of `_token_call`.

    After XeroOutcomeUnknown the same refresh token may be tried again for 30 minutes (Xero's grace period).
    """
    return _token_call(client_id, client_secret, {"grant_type": "refresh_token", "refresh_token": refresh_token})


def _identity_post(path: str, client_id: str, client_secret: str, form: dict[str, str]) -> requests.Response:
    try:
        return requests.post(
            f"{settings.XERO_IDENTITY_URL}{path}",
            data=form,
            auth=HTTPBasicAuth(client_id.encode(), client_secret.encode()),
            headers={"Accept": "application/json", "User-Agent": USER_AGENT},
            timeout=pace.sign_in_timeouts(),
            allow_redirects=False,
        )
    except requests.RequestException as error:
        if never_connected(error):
            raise _unreachable() from error
        raise XeroOutcomeUnknown("Xero's sign-in service did not answer. Try again in a minute.") from error


def never_connected(error: requests.RequestException) -> bool:
    """Return whether the connection was never made, so that not one byte of the request left."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return type(reason).__name__ in ("NewConnectionError", "ConnectTimeoutError", "NameResolutionError")


def _unreachable() -> XeroUnavailable:
    return XeroUnavailable(
        "Xero's sign-in service could not be reached. Try again in a minute.",
        retry_after=pace.retry_pause(),
        problem="unreachable",
    )


def _token_call(client_id: str, client_secret: str, form: dict[str, str]) -> Tokens:
    """Ask for tokens.

    Raises XeroRejected for a wrong client id or secret or scope (the settings are to be mended), XeroAuthError for a
    dead code or refresh token (only a new consent helps), XeroUnavailable and XeroOutcomeUnknown as named.
    """
    response = _identity_post("/connect/token", client_id, client_secret, form)
    if response.status_code == 429:
        raise XeroUnavailable(
            "Xero asks to wait before signing in again.", retry_after=retry_after(response), problem="identity"
        )
    if response.status_code >= 500 or 300 <= response.status_code < 400:
        raise XeroOutcomeUnknown(
            f"Xero's sign-in service had a problem (HTTP {response.status_code}). Try again in a minute."
        )
    body = _json_object(response)
    if response.status_code != 200:
        raise _token_error(str(body.get("error", "")), response.status_code)
    return _tokens(body)


def retry_after(response: requests.Response, default: int = 60) -> dt.timedelta:
    """Return the Retry-After header's seconds, or `default` seconds when it is absent or unreadable."""
    try:
        return dt.timedelta(seconds=max(1, int(response.headers.get("Retry-After", ""))))
    except ValueError:
        return dt.timedelta(seconds=default)


def _json_object(response: requests.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError as error:
        raise XeroOutcomeUnknown("Xero's sign-in service gave an answer that cannot be read. Try again.") from error
    if not isinstance(body, dict):
        raise XeroOutcomeUnknown("Xero's sign-in service gave an answer that cannot be read. Try again.")
    return body


def _token_error(code: str, status_code: int) -> XeroRejected | XeroAuthError:
    if code == "invalid_grant":
        return XeroAuthError("Xero no longer accepts this sign-in (invalid_grant): connect again.")
    if code in ("invalid_client", "unauthorized_client"):
        return XeroRejected(
            f"Xero does not know this Client ID and Client Secret ({code}). Check both in Settings → General against "
            "the app's Configuration page in Xero; a secret is shown there once only: generate a new one if in doubt."
        )
    if code == "invalid_scope":
        return XeroRejected(
            "Xero refuses the permissions asked for (invalid_scope). Check that the app is a Web app made at Xero's "
            "developer site, and connect again."
        )
    return XeroRejected(f"Xero refused the sign-in (HTTP {status_code} {code}). Check the app's settings in Xero.")


def _tokens(body: dict[str, Any]) -> Tokens:
    try:
        access_token, refresh_token = str(body["access_token"]), str(body["refresh_token"])
        seconds = int(body.get("expires_in", 1800))
    except (KeyError, TypeError, ValueError) as error:
        raise XeroOutcomeUnknown("Xero's sign-in service left the tokens out of its answer. Try again.") from error
    claims = _claims(access_token)
    scope = body.get("scope") or claims.get("scope") or ""
    return Tokens(
        access_token,
        refresh_token,
        dt.timedelta(seconds=seconds),
        " ".join(scope) if isinstance(scope, list) else str(scope),
        str(claims.get("xero_userid", "")),
        str(claims.get("authentication_event_id", "")),
    )


def _claims(token: str) -> dict[str, Any]:
    """Return the access token's claims, unverified (it came over TLS from Xero itself), {} when it is no JWT."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def list_tenants(access_token: str, authentication_event_id: str = "") -> list[Tenant]:
    """Return the organisations connected to the app, or only those of one consent.

    Raises XeroAuthError when the token is not accepted, XeroUnavailable when Xero cannot be asked now.
    """
    query = {"authEventId": authentication_event_id} if authentication_event_id else {}
    response = _connections_call("GET", access_token, params=query)
    try:
        rows = response.json()
        return [
            Tenant(
                str(row["id"]), str(row["tenantId"]), str(row.get("tenantName") or ""), str(row.get("tenantType") or "")
            )
            for row in rows
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise _no_connections() from error


def remove_tenant(access_token: str, connection_id: str) -> None:
    """Disconnect one organisation in Xero; one that is gone already is no error. Raises as `list_tenants`."""
    _connections_call("DELETE", access_token, f"/{connection_id}")


def _no_connections() -> XeroUnavailable:
    return XeroUnavailable(
        "Xero's list of connected organisations could not be read. Try again in a minute.",
        retry_after=pace.retry_pause(),
        problem="unreachable",
    )


def _connections_call(method: str, access_token: str, path: str = "", **options: Any) -> requests.Response:
    try:
        response = requests.request(
            method,
            f"{settings.XERO_API_URL}/connections{path}",
            headers={
                "Accept": "application/json",
                "Authorization": f"Bearer {access_token}",
                "User-Agent": USER_AGENT,
            },
            timeout=pace.sign_in_timeouts(),
            allow_redirects=False,
            **options,
        )
    except requests.RequestException as error:
        raise _no_connections() from error
    if response.status_code in (401, 403):
        raise XeroAuthError("Xero no longer accepts this sign-in: connect again.")
    if response.status_code not in (200, 204, 404):
        raise _no_connections()
    return response
