"""The token that C3 takes, from Microsoft's v1 token endpoint (docs.cspcontrolcenter.com, get-access-token)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests
from django.conf import settings

from c3_integration.client.envelope import words
from c3_integration.client.errors import C3SignInRefused, C3Unavailable
from c3_integration.client.retries import asked_to_wait
from c3portal.outgoing import plain_json
from c3portal.outgoing.http_client import CONNECT_SECONDS, BoundedAdapter, BoundedSession

USER_AGENT = f"C3 Portal/{settings.PORTAL_VERSION} (billing portal for CSP partners)"
LARGEST_ANSWER = 1_000_000
LONGEST_TOKEN = 20_000
# Microsoft's tokens live about an hour; what says more is not believed.
LONGEST_LIFE = dt.timedelta(days=1)
USUAL_LIFE = dt.timedelta(minutes=30)


@dataclass(frozen=True)
class Credentials:
    """What C3 handed out to the partner."""

    directory: str
    client_id: str
    client_secret: str
    scope: str
    resource: str


@dataclass(frozen=True)
class Token:
    """An access token, good for `life` from now on."""

    access_token: str
    life: dt.timedelta


def ask_for_token(credentials: Credentials) -> Token:
    """Return a fresh token. Raises C3SignInRefused and C3Unavailable."""
    response = _post(credentials)
    if response.status_code == 429:
        wait = asked_to_wait(response.headers.get("Retry-After", ""))
        raise C3Unavailable("Microsoft's sign-in asks to wait. Try again later.", retry_after=wait)
    if response.status_code >= 500 or 300 <= response.status_code < 400:
        raise C3Unavailable(
            f"Microsoft's sign-in had a problem (HTTP {response.status_code}). Try again in a few minutes."
        )
    try:
        body = plain_json.parse(response.content)
    except plain_json.Unreadable as error:
        raise C3Unavailable("Microsoft's sign-in gave an answer that cannot be read. Try again.") from error
    if not isinstance(body, dict) or response.status_code != 200:
        raise _refused(body if isinstance(body, dict) else {}, response.status_code)
    return _token(body)


def _post(credentials: Credentials) -> requests.Response:
    form = {
        "grant_type": "client_credentials",
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret,
        "scope": credentials.scope,
        "resource": credentials.resource,
    }
    try:
        return BoundedSession(BoundedAdapter(LARGEST_ANSWER)).post(
            f"{settings.C3_LOGIN_URL}/{quote(credentials.directory, safe='')}/oauth2/token",
            data={name: value for name, value in form.items() if value},
            headers={"Accept": "application/json", "User-Agent": USER_AGENT},
            timeout=(CONNECT_SECONDS, settings.C3_CALL_TIMEOUT),
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise C3Unavailable("Microsoft's sign-in could not be reached. Try again in a few minutes.") from error


def _refused(body: dict[str, Any], status_code: int) -> C3SignInRefused:
    # Behind the first line come ids and a time for Microsoft's support.
    said = words(str(body.get("error_description") or "").partition("\r\n")[0].partition("\n")[0])
    said = said or words(body.get("error")) or f"HTTP {status_code}."
    return C3SignInRefused(
        f"Microsoft refused the sign-in for C3: {said} Check directory, Client ID, Client Secret, scope and resource "
        "in Settings → Invoices from C3."
    )


def _token(body: dict[str, Any]) -> Token:
    token = body.get("access_token")
    fits = isinstance(token, str) and 0 < len(token) <= LONGEST_TOKEN and token.isascii() and token.isprintable()
    if not isinstance(token, str) or not fits:
        raise C3Unavailable("Microsoft's sign-in left the token out of its answer. Try again.")
    return Token(token, _life(body.get("expires_in")))


def _life(value: Any) -> dt.timedelta:
    # All values of the v1 endpoint are text.
    text = str(value)
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        return USUAL_LIFE
    return min(dt.timedelta(seconds=int(text)), LONGEST_LIFE)
