"""Rate limits of sign-in that do not let strangers' guesses shut out a familiar browser or network.

Each familiar browser (a signed cookie) and network (its address) counts for itself, all others together. A new password
makes them unfamiliar.
"""

from __future__ import annotations

import secrets
from typing import Any, cast

from allauth.account import app_settings

# The public module counts by allauth's own settings and keys alone, which its docstring says itself.
from allauth.core.internal import ratelimit
from allauth.core.ratelimit import respond_429
from django.conf import settings
from django.core import signing
from django.core.cache import cache
from django.http import HttpRequest, HttpResponseBase
from django.utils.crypto import constant_time_compare, salted_hmac

from c3portal.models import User

SALT = "c3portal.users.sign_in.familiar"
# Seconds after the last sign-in for which a browser or a network stays familiar.
LIFE = 180 * 24 * 3600
# How many accounts' sign-ins a browser remembers.
ACCOUNTS = 5
APP = "allauth.account"
THEMSELVES = "themselves"


def remember(request: HttpRequest, response: HttpResponseBase, user: User) -> None:
    """Make this browser and network familiar to the account of `user`, for LIFE."""
    browser, marks = _held(request)
    marks = {**{pk: mark for pk, mark in marks.items() if pk != str(user.pk)}, str(user.pk): _mark(user)}
    latest = dict(list(marks.items())[-ACCOUNTS:])
    response.set_cookie(
        settings.FAMILIAR_COOKIE_NAME,
        signing.dumps([browser or secrets.token_urlsafe(12), latest], salt=SALT),
        max_age=LIFE,
        secure=bool(settings.SESSION_COOKIE_SECURE),
        httponly=True,
        samesite="Lax",
    )
    cache.set(_network_key(request, user), _mark(user), LIFE)


def whose_count(request: HttpRequest, user: User | None) -> str:
    """Return the name of the count for tries at the account of `user`; None is an unknown address."""
    # The same work for an unknown address, which always goes to everyone's count.
    account = user or User(pk=0, password="")
    browser, marks = _held(request)
    mark, network = _mark(account), cache.get(_network_key(request, account), "")
    if browser and constant_time_compare(marks.get(str(account.pk), ""), mark):
        return f"browser {browser}"
    if request.user.is_authenticated and request.user.pk == account.pk:
        return THEMSELVES
    if constant_time_compare(network, mark):
        return f"network {ratelimit.get_ip(request)}"
    return "everyone"


def consume(request: HttpRequest, action: str, account: str, whose: str) -> ratelimit.RateLimitUsage | None:
    """Count a try of `action`, of ACCOUNT_RATE_LIMITS; None when there were too many."""
    rates: str = app_settings.RATE_LIMITS.get(action) or ""
    # These may share their address with strangers and are known without it.
    if whose == THEMSELVES or whose.startswith("browser "):
        rates = ",".join(rate for rate in rates.split(",") if not rate.endswith("/ip"))
    key = f"{account.lower()}:{whose}"
    return ratelimit.consume(request, app=APP, action=action, key=key, config={action: rates})


def sign_in_limited(request: HttpRequest) -> HttpResponseBase | None:
    """Count a form sent to sign-in; return the answer 429 after too many."""
    browser, marks = _held(request)
    users = User.objects.filter(pk__in=marks, is_active=True) if browser else []
    known = any(constant_time_compare(marks[str(user.pk)], _mark(user)) for user in users)
    rates = (app_settings.RATE_LIMITS.get("door") or "").replace("/ip", "/key" if known else "/ip")
    if ratelimit.consume(request, app=APP, action="door", key=browser, config={"door": rates}):
        return None
    return cast(HttpResponseBase, respond_429(request))


def _held(request: HttpRequest) -> tuple[str, dict[str, str]]:
    """Return the browser's id and its marks by account from its cookie; empty for a cookie not the portal's."""
    try:
        held: Any = signing.loads(request.COOKIES.get(settings.FAMILIAR_COOKIE_NAME, ""), salt=SALT, max_age=LIFE)
    except signing.BadSignature:
        return "", {}
    return held[0], held[1]


def _mark(user: User) -> str:
    return salted_hmac(SALT, f"{user.pk} {user.password}", algorithm="sha256").hexdigest()[:32]


def _network_key(request: HttpRequest, user: User) -> str:
    return f"{SALT}:{user.pk}:{ratelimit.get_ip(request)}"
