"""What an answer of Xero's that is no success means, as one of the four errors."""

from __future__ import annotations

import datetime as dt
from http import HTTPStatus
from typing import Any

import requests

from c3portal.outgoing import plain_json
from xero_integration.client import refusals, scopes, shapes
from xero_integration.client.errors import Problem, XeroAuthError, XeroOutcomeUnknown, XeroRejected, XeroUnavailable
from xero_integration.client.oauth import retry_after

LONGEST_WORDS = 4000
PAUSE_AFTER_CONCURRENT = dt.timedelta(seconds=2)
PAUSE_AFTER_MINUTE = dt.timedelta(seconds=60)
PAUSE_AFTER_DAY = dt.timedelta(hours=1)
LIMITS = {str(each): each for each in (Problem.MINUTE, Problem.DAY, Problem.CONCURRENT, Problem.APP_MINUTE)}
LIMIT_WORDS = {
    Problem.DAY: "Xero's daily limit is reached",
    Problem.CONCURRENT: "Xero is busy with other calls for this organisation",
}


def not_accepted(response: requests.Response, path: str, correlation_id: str) -> XeroAuthError:
    """Return the error of a 401 or 403 to a call of `path`."""
    # Xero has more than one way of saying that the consent lacks a permission, and none that names it. Only an ended
    # token can be mended without a person.
    challenge = response.headers.get("WWW-Authenticate", "") + response.text[:2000]
    lacks_permission = "insufficient_scope" in challenge or "AuthorizationUnsuccessful" in challenge
    if lacks_permission:
        words = scopes.lacking(scopes.needed_for(path))
    elif response.status_code == 401:
        words = "Xero did not accept the sign-in (401). Connect again to go on."
    else:
        words = (
            "Xero says that this app may not work with the organisation any more (403): it was disconnected in Xero, "
            "its user lost their rights, or a permission is missing. Connect again to go on."
        )
    return XeroAuthError(
        words,
        token_expired=response.status_code == 401 and not lacks_permission,
        correlation_id=correlation_id,
        status_code=response.status_code,
    )


def limit_reached(response: requests.Response, correlation_id: str) -> XeroUnavailable:
    """Return the error of a 429: nothing was recorded."""
    problem = LIMITS.get(response.headers.get("X-Rate-Limit-Problem", "").lower(), Problem.MINUTE)
    default = {Problem.CONCURRENT: PAUSE_AFTER_CONCURRENT, Problem.DAY: PAUSE_AFTER_DAY}.get(
        problem, PAUSE_AFTER_MINUTE
    )
    return XeroUnavailable(
        LIMIT_WORDS.get(problem, "Xero's limit of calls a minute is reached"),
        retry_after=retry_after(response, int(default.total_seconds())),
        problem=problem,
        correlation_id=correlation_id,
        status_code=429,
    )


def refused(response: requests.Response, correlation_id: str) -> XeroRejected:
    """Return the error of a 400, 404 or 413. Raises XeroOutcomeUnknown where its words cannot be read, and matter."""
    body = _body(response, correlation_id)
    elements = shapes.objects(body.get("Elements"))
    words = next((str(body[key]) for key in ("Message", "Detail", "detail", "Title", "title") if body.get(key)), "")
    return XeroRejected(
        words[:LONGEST_WORDS] or f"Xero refused the request (HTTP {response.status_code}).",
        elements=elements,
        is_number_taken=refusals.is_number_taken(words),
        correlation_id=correlation_id,
        status_code=response.status_code,
    )


def _body(response: requests.Response, correlation_id: str) -> dict[str, Any]:
    """Return a refusal's body, {} for one by its status alone."""
    try:
        body = plain_json.parse(response.content)
        return shapes.check(body) if isinstance(body, dict) else {}
    except plain_json.Unreadable as error:
        # A 400 may tell of elements that were recorded, so an unreadable one leaves the outcome open.
        if response.status_code != HTTPStatus.BAD_REQUEST:
            return {}
        raise XeroOutcomeUnknown(
            "Xero's answer cannot be read.", correlation_id=correlation_id, status_code=response.status_code
        ) from error
