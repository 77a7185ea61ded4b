"""The life of a consent: code, token set, refresh with its grace period, revocation."""

import base64
import hashlib
import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from xero_sandbox import clock
from xero_sandbox.models import App, Code, Connection, Grant, Organisation, RefreshToken
from xero_sandbox.oauth import jwt
from xero_sandbox.oauth.digests import digest, same
from xero_sandbox.storage import writing

CODE_LIFE = timedelta(minutes=5)
ACCESS_LIFE = timedelta(minutes=30)
REFRESH_LIFE = timedelta(days=60)
REFRESH_GRACE = timedelta(minutes=30)

USER = {
    "xero_userid": "1d3c0f7e-52a4-4a86-9a77-0c5a3b0e2f11",
    "given_name": "Dana",
    "family_name": "Sandbox",
    "email": "dana@sandbox.example",
}


class TokenRefused(Exception):
    """The token endpoint's refusal; `code` is OAuth's name for it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class AccessDenied(Exception):
    """An access token that opens nothing; `detail` says why in Xero's words."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True)
class Access:
    """What a live access token says."""

    app: App
    grant: Grant
    scopes: frozenset[str]


def consent(app: App, organisations: Iterable[Organisation], scope: str) -> Grant:
    """Record a consent and connect the organisations; one connected before keeps its connection id."""
    grant = Grant.objects.create(app=app, auth_event_id=uuid.uuid4(), scope=scope)
    for organisation in organisations:
        Connection.objects.update_or_create(
            app=app,
            organisation=organisation,
            defaults={"auth_event_id": grant.auth_event_id, "updated_at": clock.now()},
        )
    return grant


def issue_code(grant: Grant, redirect_uri: str, challenge: str) -> str:
    """Return a code that works once, for five minutes."""
    text = secrets.token_urlsafe(32)
    Code.objects.create(digest=digest(text), grant=grant, redirect_uri=redirect_uri, challenge=challenge)
    return text


def redeem_code(app: App, text: str, redirect_uri: str, verifier: str) -> dict[str, Any]:
    """Trade a code for its first token set. Raises TokenRefused("invalid_grant")."""
    with writing():
        code = Code.objects.select_related("grant").filter(digest=digest(text), grant__app=app).first()
        if code is None or code.used_at or code.created_at + CODE_LIFE < clock.now():
            raise TokenRefused("invalid_grant")
        if code.redirect_uri != redirect_uri or not _verifier_fits(code.challenge, verifier):
            raise TokenRefused("invalid_grant")
        code.used_at = clock.now()
        code.save(update_fields=["used_at"])
        return token_set(code.grant)


def _verifier_fits(challenge: str, verifier: str) -> bool:
    if not challenge:
        return not verifier
    hashed = hashlib.sha256(verifier.encode()).digest()
    return same(base64.urlsafe_b64encode(hashed).rstrip(b"=").decode(), challenge)


def refresh(app: App, text: str) -> dict[str, Any]:
    """Rotate a refresh token. A used one may be retried for 30 minutes and leads to a new pair of the
    same consent; one left alone for 60 days is dead. Raises TokenRefused("invalid_grant")."""
    with writing():
        token = RefreshToken.objects.select_related("grant").filter(digest=digest(text), grant__app=app).first()
        if token is None or token.grant.revoked_at or not _refreshable(token):
            raise TokenRefused("invalid_grant")
        if token.used_at is None:
            token.used_at = clock.now()
            token.save(update_fields=["used_at"])
        return token_set(token.grant)


def _refreshable(token: RefreshToken) -> bool:
    if token.used_at:
        return clock.now() <= token.used_at + REFRESH_GRACE
    return clock.now() <= token.created_at + REFRESH_LIFE


def revoke(app: App, text: str) -> None:
    """End the consent behind a refresh token and all of the app's connections. Unknown tokens pass in silence."""
    with writing():
        token = RefreshToken.objects.select_related("grant").filter(digest=digest(text), grant__app=app).first()
        if token:
            Grant.objects.filter(pk=token.grant_id).update(revoked_at=clock.now())
            Connection.objects.filter(app=app).delete()


def token_set(grant: Grant) -> dict[str, Any]:
    """Make a new access token, and a refresh token when offline_access was granted."""
    answer = {
        "id_token": jwt.sign(_claims(grant) | {"aud": grant.app_id} | USER),
        "access_token": jwt.sign(_claims(grant) | _access_claims(grant)),
        "expires_in": int(ACCESS_LIFE.total_seconds()),
        "token_type": "Bearer",
        "scope": grant.scope,
    }
    if "offline_access" in grant.scope.split():
        text = secrets.token_urlsafe(32)
        RefreshToken.objects.create(digest=digest(text), grant=grant)
        answer["refresh_token"] = text
    return answer


def _claims(grant: Grant) -> dict[str, Any]:
    issued = int(clock.now().timestamp())
    return {
        "iss": "xero-sandbox",
        "nbf": issued,
        "iat": issued,
        "auth_time": int(grant.created_at.timestamp()),
        "exp": issued + int(ACCESS_LIFE.total_seconds()),
        "sub": USER["xero_userid"].replace("-", ""),
        "jti": uuid.uuid4().hex,
    }


def _access_claims(grant: Grant) -> dict[str, Any]:
    return {
        "client_id": grant.app_id,
        "xero_userid": USER["xero_userid"],
        "authentication_event_id": str(grant.auth_event_id),
        "scope": grant.scope.split(),
        "sandbox_grant": str(grant.grant_id),
    }


def read_access(header: str) -> Access:
    """Read an Authorization header. Raises AccessDenied with the detail that Xero's body would carry."""
    kind, _, text = header.partition(" ")
    if kind != "Bearer" or not text:
        raise AccessDenied("AuthenticationUnsuccessful")
    try:
        claims = jwt.read(text)
        grant = Grant.objects.select_related("app").filter(pk=claims["sandbox_grant"]).first()
    except (jwt.BadToken, KeyError) as error:
        raise AccessDenied("TokenInvalid: The access token is not valid") from error
    if grant is None or grant.revoked_at:
        raise AccessDenied("TokenInvalid: The access token has been revoked")
    if claims["exp"] <= clock.now().timestamp():
        raise AccessDenied("TokenExpired: token expired at " + f"{claims['exp']}")
    return Access(app=grant.app, grant=grant, scopes=frozenset(claims["scope"]))
