"""Xero's sign-in service over HTTP; no database here."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

import requests
from django.conf import settings
from requests.auth import HTTPBasicAuth

from c3portal.outgoing import plain_json
from c3portal.outgoing.http_client import BoundedAdapter, BoundedSession
from xero_integration.client import timeouts
from xero_integration.client.errors import Problem, XeroAuthError, XeroOutcomeUnknown, XeroRejected, XeroUnavailable

CHECK_BOTH = (
    "Check both in Settings → General against the app's Configuration page in Xero; a secret is shown there once only: "
    "generate a new one if in doubt."
)
USER_AGENT = f"C3 Portal/{settings.PORTAL_VERSION} (billing portal for CSP partners)"
# Bytes of tokens or of a list of organisations.
LARGEST_ANSWER = 1_000_000
LONGEST_PAUSE = dt.timedelta(days=1)
LONGEST_TOKEN = 20_000
# https://developer.xero.com/documentation/guides/oauth2/token-types/
# Xero's access tokens live half an hour.
LONGEST_LIFE_SECONDS = 366 * 86_400


@dataclass(frozen=True)
class Tokens:
    """A fresh pair; the access token is good for `life` from now on. `authentication_event_id` names the consent."""

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
    """What is kept until Xero's consent page sends the browser back."""

    state: str
    code_verifier: str
    redirect_uri: str


def new_consent(redirect_uri: str) -> Consent:
    """Return a consent that cannot be guessed."""
    return Consent(secrets.token_urlsafe(32), secrets.token_urlsafe(64), redirect_uri)


def consent_url(client_id: str, consent: Consent, scopes: Iterable[str]) -> str:
    """Return the address of Xero's consent page, which asks for `scopes`."""
    # https://developer.xero.com/documentation/guides/oauth2/auth-flow/
    # https://developer.xero.com/documentation/guides/oauth2/pkce-flow/
    digest = hashlib.sha256(consent.code_verifier.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": consent.redirect_uri,
        "scope": " ".join(scopes),
        "state": consent.state,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    return f"{settings.XERO_LOGIN_URL}/identity/connect/authorize?{urlencode(query)}"


def exchange_code(client_id: str, client_secret: str, code: str, consent: Consent) -> Tokens:
    """Trade the code that came back for tokens. Raises as `_token_call`."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": consent.redirect_uri,
        "code_verifier": consent.code_verifier,
    }
    return _token_call(client_id, client_secret, form)


def refresh(client_id: str, client_secret: str, refresh_token: str) -> Tokens:
    """Trade a refresh token for a new pair. Raises as `_token_call`."""
    # After XeroOutcomeUnknown the same refresh token may be tried again for 30 minutes.
    # https://developer.xero.com/documentation/guides/oauth2/token-types/
    return _token_call(client_id, client_secret, {"grant_type": "refresh_token", "refresh_token": refresh_token})


def _session() -> BoundedSession:
    return BoundedSession(BoundedAdapter(LARGEST_ANSWER))


def _identity_post(path: str, client_id: str, client_secret: str, form: dict[str, str]) -> requests.Response:
    try:
        return _session().post(
            f"{settings.XERO_IDENTITY_URL}{path}",
            data=form,
            auth=HTTPBasicAuth(client_id.encode(), client_secret.encode()),
            headers={"Accept": "application/json", "User-Agent": USER_AGENT},
            timeout=timeouts.sign_in_timeouts(),
            allow_redirects=False,
        )
    except requests.RequestException as error:
        if never_connected(error):
            raise _unreachable() from error
        raise XeroOutcomeUnknown("Xero's sign-in service did not answer. Try again in a minute.") from error


def never_connected(error: requests.RequestException) -> bool:
    """Return whether not one byte of the request left."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return type(reason).__name__ in ("NewConnectionError", "ConnectTimeoutError", "NameResolutionError")


def _unreachable() -> XeroUnavailable:
    return XeroUnavailable(
        "Xero's sign-in service could not be reached. Try again in a minute.",
        retry_after=timeouts.retry_pause(),
        problem=Problem.UNREACHABLE,
    )


def _token_call(client_id: str, client_secret: str, form: dict[str, str]) -> Tokens:
    """Ask for tokens. Raises XeroRejected (mend the settings), XeroAuthError (only a new consent helps),
    XeroUnavailable and XeroOutcomeUnknown."""
    response = _identity_post("/connect/token", client_id, client_secret, form)
    if response.status_code == 429:
        raise XeroUnavailable(
            "Xero asks to wait before signing in again.", retry_after=retry_after(response), problem=Problem.IDENTITY
        )
    if response.status_code >= 500 or 300 <= response.status_code < 400:
        raise XeroOutcomeUnknown(
            f"Xero's sign-in service had a problem (HTTP {response.status_code}). Try again in a minute."
        )
    body = _json_object(response)
    if response.status_code != 200:
        raise _token_error(_word(body.get("error"), 60), response.status_code)
    return _tokens(body)


def retry_after(response: requests.Response, default: int = 60) -> dt.timedelta:
    """Return how long the Retry-After header asks to wait, a second at least, a day at most; `default` seconds
    without a readable one."""
    header = response.headers.get("Retry-After", "").strip()
    try:
        seconds = float(int(header))
    except ValueError:
        seconds = _seconds_until(header, default)
    except OverflowError:
        seconds = LONGEST_PAUSE.total_seconds()
    return dt.timedelta(seconds=max(1.0, min(seconds, LONGEST_PAUSE.total_seconds())))


def _seconds_until(http_date: str, default: int) -> float:
    try:
        moment = parsedate_to_datetime(http_date)
        return float((moment.replace(tzinfo=moment.tzinfo or dt.UTC) - dt.datetime.now(dt.UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError, IndexError):
        return default


def _json_object(response: requests.Response) -> dict[str, Any]:
    try:
        body = plain_json.parse(response.content)
    except plain_json.Unreadable as error:
        raise XeroOutcomeUnknown("Xero's sign-in service gave an answer that cannot be read. Try again.") from error
    if not isinstance(body, dict):
        raise XeroOutcomeUnknown("Xero's sign-in service gave an answer that cannot be read. Try again.")
    return body


def _token_error(code: str, status_code: int) -> XeroRejected | XeroAuthError:
    if code == "invalid_grant":
        return XeroAuthError("Xero no longer accepts this sign-in (invalid_grant): connect again.")
    if code in ("invalid_client", "unauthorized_client"):
        return XeroRejected(f"Xero does not know this Client ID and Client Secret ({code}). {CHECK_BOTH}")
    if code == "invalid_scope":
        return XeroRejected(
            "Xero refuses the permissions asked for (invalid_scope). Check that the app is a Web app, and in Settings "
            "→ General whether it is said rightly that it was made before 2 March 2026; then connect again."
        )
    return XeroRejected(f"Xero refused the sign-in (HTTP {status_code} {code}). Check the app's settings in Xero.")


def _tokens(body: dict[str, Any]) -> Tokens:
    access_token, refresh_token = _token(body, "access_token"), _token(body, "refresh_token")
    seconds = body.get("expires_in", 1800)
    if type(seconds) is not int or not 0 <= seconds <= LONGEST_LIFE_SECONDS:
        raise XeroOutcomeUnknown("Xero's sign-in service left the tokens out of its answer. Try again.")
    claims = _claims(access_token)
    scope = body.get("scope") or claims.get("scope") or ""
    return Tokens(
        access_token,
        refresh_token,
        dt.timedelta(seconds=seconds),
        (" ".join(map(str, scope)) if isinstance(scope, list) else str(scope))[:LONGEST_TOKEN],
        _word(claims.get("xero_userid"), 36),
        _word(claims.get("authentication_event_id"), 36),
    )


def _token(body: dict[str, Any], name: str) -> str:
    """Return a token that can stand in a header. Raises XeroOutcomeUnknown for any other."""
    token = body.get(name)
    if isinstance(token, str) and 0 < len(token) <= LONGEST_TOKEN and token.isprintable() and max(token) <= "ÿ":
        return token
    raise XeroOutcomeUnknown("Xero's sign-in service left the tokens out of its answer. Try again.")


def _word(value: object, longest: int) -> str:
    """Return a short plain text, "" for anything else."""
    is_word = isinstance(value, str) and len(value) <= longest and value.isascii() and value.isprintable()
    return str(value) if is_word else ""


def _claims(token: str) -> dict[str, Any]:
    """Return the access token's claims, unverified, {} when it is no JWT."""
    try:
        # It came over TLS from Xero itself.
        payload = token.split(".")[1]
        claims = plain_json.parse(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def list_tenants(access_token: str, authentication_event_id: str = "") -> list[Tenant]:
    """Return the organisations connected to the app, or those of one consent. Raises XeroAuthError and
    XeroUnavailable."""
    # https://developer.xero.com/documentation/guides/oauth2/tenants/
    query = {"authEventId": authentication_event_id} if authentication_event_id else {}
    response = _connections_call("GET", access_token, params=query)
    try:
        return [_tenant(row) for row in plain_json.parse(response.content)]
    except (ValueError, TypeError) as error:
        raise _no_connections() from error


def _tenant(row: Any) -> Tenant:
    # One without a usable id must not look disconnected.
    if not isinstance(row, dict):
        raise plain_json.Unreadable("An organisation is no object.")
    connection_id, tenant_id = _word(row.get("id"), 36), _word(row.get("tenantId"), 36)
    name, kind = row.get("tenantName") or "", row.get("tenantType") or ""
    if not all(re.fullmatch(r"[\w.-]+", each) for each in (connection_id, tenant_id)) or not isinstance(name, str):
        raise plain_json.Unreadable("An organisation has no id, or no name.")
    return Tenant(connection_id, tenant_id, name[:255], str(kind)[:50])


def remove_tenant(access_token: str, connection_id: str) -> None:
    """Disconnect an organisation in Xero; one that is gone is no error. Raises as `list_tenants`."""
    _connections_call("DELETE", access_token, f"/{connection_id}")


def _no_connections() -> XeroUnavailable:
    return XeroUnavailable(
        "Xero's list of connected organisations could not be read. Try again in a minute.",
        retry_after=timeouts.retry_pause(),
        problem=Problem.UNREACHABLE,
    )


def _connections_call(method: str, access_token: str, path: str = "", **options: Any) -> requests.Response:
    try:
        response = _session().request(
            method,
            f"{settings.XERO_API_URL}/connections{path}",
            headers={
                "Accept": "application/json",
                "Authorization": f"Bearer {access_token}",
                "User-Agent": USER_AGENT,
            },
            timeout=timeouts.sign_in_timeouts(),
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
