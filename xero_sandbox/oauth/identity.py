"""The machine's side of sign-in: token endpoint, revocation and connections."""

import base64
import binascii
import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from xero_sandbox import clock, wire
from xero_sandbox.api import answers
from xero_sandbox.api.answers import Answer, json_answer
from xero_sandbox.api.transport import deliver
from xero_sandbox.faults.registry import KINDS, Around, Exchange, orders
from xero_sandbox.models import App, Connection
from xero_sandbox.monitor.call_log import Call, call_log
from xero_sandbox.oauth import registration, tokens
from xero_sandbox.oauth.tokens import TokenRefused

TOKEN_PATH = "connect/token"  # noqa: S105 - a path


@csrf_exempt
@require_POST
def token(request: HttpRequest) -> HttpResponse:
    """Trade a code or a refresh token for a token set; errors are 400 with OAuth's own names."""
    app, client_id = _client(request)

    def carry_out(around: Around) -> Answer:
        return around(lambda: _token_answer(app, request))

    answer, fault = _perhaps_struck(request, carry_out)
    _log(request, TOKEN_PATH, answer, client_id, fault)
    return deliver(request, answer)


def _perhaps_struck(request: HttpRequest, carry_out: Any) -> tuple[Answer, str]:
    order = orders.pick(request.method or "", TOKEN_PATH)
    if order is None:
        return carry_out(lambda work: work()), ""
    exchange = Exchange(order.seconds, carry_out, release=lambda: None, pause=lambda seconds: None)
    return KINDS[order.name].strike(exchange), order.name


def _token_answer(app: App | None, request: HttpRequest) -> Answer:
    try:
        if app is None:
            raise TokenRefused("invalid_client")
        return json_answer(_grant(app, request), Cache_Control="no-store")
    except TokenRefused as refused:
        return json_answer({"error": refused.code}, 400)


def _grant(app: App, request: HttpRequest) -> dict[str, Any]:
    form = request.POST
    kind = form.get("grant_type")
    if kind == "authorization_code":
        return tokens.redeem_code(
            app, form.get("code", ""), form.get("redirect_uri", ""), form.get("code_verifier", "")
        )
    if kind == "refresh_token":
        return tokens.refresh(app, form.get("refresh_token", ""))
    raise TokenRefused("unsupported_grant_type")


def _client(request: HttpRequest) -> tuple[App | None, str]:
    """Return the app that HTTP Basic proves, or None, and the client id it claims."""
    kind, _, packed = request.headers.get("Authorization", "").partition(" ")
    try:
        client_id, _, secret = base64.b64decode(packed).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None, ""
    return (registration.authenticate(client_id, secret) if kind == "Basic" else None), client_id


def _log(request: HttpRequest, path: str, answer: Answer, client_id: str, fault: str = "") -> None:
    call_log.log(
        Call(
            at=clock.now(),
            method=request.method or "",
            path=path,
            query="",
            tenant="",
            client_id=client_id,
            idempotency_key="",
            body_sha256="",
            status=answer.status,
            fault=fault,
            user_agent=request.headers.get("User-Agent", ""),
        )
    )


@csrf_exempt
@require_POST
def revocation(request: HttpRequest) -> HttpResponse:
    """Revoke a refresh token with its consent and the app's connections; 200 whether or not it was known."""
    app, client_id = _client(request)
    if app is None:
        answer = json_answer({"error": "invalid_client"}, 400)
    else:
        tokens.revoke(app, request.POST.get("token", ""))
        answer = Answer(200, b"")
    _log(request, "connect/revocation", answer, client_id)
    return deliver(request, answer)


@csrf_exempt
@require_http_methods(["GET", "DELETE"])
def connections(request: HttpRequest, connection_id: uuid.UUID | None = None) -> HttpResponse:
    """List what the token's app is connected to, or end one connection (204)."""
    try:
        access = tokens.read_access(request.headers.get("Authorization", ""))
    except tokens.AccessDenied as denied:
        return deliver(request, answers.unauthorized(denied.detail))
    answer = _disconnect(access, connection_id) if request.method == "DELETE" else _list(request, access)
    _log(request, "connections", answer, access.app.client_id)
    return deliver(request, answer)


def _list(request: HttpRequest, access: tokens.Access) -> Answer:
    found = Connection.objects.filter(app=access.app).select_related("organisation")
    if event := request.GET.get("authEventId"):
        found = found.filter(auth_event_id=wire.parse_id(event) or wire.ZERO_ID)
    return json_answer([_connection(row) for row in found])


def _connection(row: Connection) -> dict[str, Any]:
    return {
        "id": str(row.connection_id),
        "authEventId": str(row.auth_event_id),
        "tenantId": str(row.organisation_id),
        "tenantType": "ORGANISATION",
        "tenantName": row.organisation.name,
        "createdDateUtc": _moment(row.created_at),
        "updatedDateUtc": _moment(row.updated_at),
    }


def _moment(at: Any) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}0"


def _disconnect(access: tokens.Access, connection_id: uuid.UUID | None) -> Answer:
    deleted, _ = Connection.objects.filter(app=access.app, connection_id=connection_id or wire.ZERO_ID).delete()
    return Answer(204, b"") if deleted else answers.not_found()
