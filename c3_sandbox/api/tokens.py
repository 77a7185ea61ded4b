"""Microsoft's token endpoint, v1, as far as client credentials need it, and the tokens that it gives."""

import json
import secrets
import uuid
from datetime import UTC
from typing import Any

from django.core.signing import BadSignature, Signer
from django.http import HttpRequest, QueryDict

from c3_sandbox import clock
from c3_sandbox.api.answers import Answer, whole
from c3_sandbox.api.readings import current
from c3_sandbox.models import Partner

# What the form of a token request must hold, in the order in which Microsoft misses it.
WANTED = ("grant_type", "client_id", "client_secret", "scope", "resource")
FORM = "application/x-www-form-urlencoded"


class TokenDenied(ValueError):
    """The access token is not good; the words say why."""


def token(request: HttpRequest, directory: str) -> Answer:
    """Answer a token request: all values are text."""
    partner = Partner.objects.get()
    form = request.POST if request.content_type == FORM else QueryDict()
    refused = _refusal(partner, directory, form.dict())
    return refused or _granted(partner)


def _refusal(partner: Partner, directory: str, form: dict[str, Any]) -> Answer | None:
    if directory != partner.directory_id:
        return _error(400, "invalid_request", 90002, f"Tenant '{directory}' not found.")
    if missing := next((name for name in WANTED if not form.get(name)), ""):
        words = f"The request body must contain the following parameter: '{missing}'."
        return _error(400, "invalid_request", 900144, words)
    if form["grant_type"] != "client_credentials":
        words = f"The app requested an unsupported grant type '{form['grant_type']}'."
        return _error(400, "unsupported_grant_type", 70003, words)
    if form["client_id"] != str(partner.client_id):
        words = f"Application with identifier '{form['client_id']}' was not found in the directory."
        return _error(400, "unauthorized_client", 700016, words)
    if not secrets.compare_digest(form["client_secret"].encode(), partner.client_secret.encode()):
        return invalid_secret()
    return _wrong_resource(partner, form)


def _wrong_resource(partner: Partner, form: dict[str, Any]) -> Answer | None:
    if form["resource"] != str(partner.resource):
        words = f"The resource principal named {form['resource']} was not found in the tenant."
        return _error(400, "invalid_resource", 500011, words)
    if form["scope"] != partner.scope:
        words = f"The provided value for the input parameter 'scope' is not valid: {form['scope']}."
        return _error(400, "invalid_scope", 70011, words)
    return None


def invalid_secret() -> Answer:
    """Return what Microsoft answers to a wrong or expired client secret."""
    return _error(401, "invalid_client", 7000215, "Invalid client secret provided.")


def _error(status: int, error: str, code: int, words: str) -> Answer:
    trace_id, correlation_id = str(uuid.uuid4()), str(uuid.uuid4())
    moment = f"{clock.now():%Y-%m-%d %H:%M:%S}Z"
    trail = f"Trace ID: {trace_id}\r\nCorrelation ID: {correlation_id}\r\nTimestamp: {moment}"
    answer = {
        "error": error,
        "error_description": f"AADSTS{code}: {words}\r\n{trail}",
        "error_codes": [code],
        "timestamp": moment,
        "trace_id": trace_id,
        "correlation_id": correlation_id,
        "error_uri": f"https://login.microsoftonline.com/error?code={code}",
    }
    return whole(status, json.dumps(answer))


def _granted(partner: Partner) -> Answer:
    seconds = current().token_seconds
    begins = int(clock.now().astimezone(UTC).timestamp())
    answer = {
        "token_type": "Bearer",
        "expires_in": str(seconds),
        "ext_expires_in": str(seconds),
        "expires_on": str(begins + seconds),
        "not_before": str(begins),
        "resource": str(partner.resource),
        "access_token": _sign(f"{partner.token_generation}-{begins + seconds}-{secrets.token_hex(8)}"),
    }
    return whole(200, json.dumps(answer), Cache_Control="no-store")


def _sign(facts: str) -> str:
    return Signer(sep=".", salt="c3").sign(facts)


def check(header: str) -> None:
    """Check an Authorization header. Raises TokenDenied."""
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "bearer" or not text:
        raise TokenDenied("There is no bearer token")
    try:
        generation, expires_on, _ = Signer(sep=".", salt="c3").unsign(text).split("-")
    except (BadSignature, ValueError) as error:
        raise TokenDenied("The signature is invalid") from error
    if int(expires_on) <= clock.now().timestamp() or int(generation) != Partner.objects.get().token_generation:
        raise TokenDenied("The token is expired")
