"""Browsers and networks from which somebody has signed in to an account before, and the counts of wrong guesses.

Each of them has a count of its own for that account, and everyone else shares one: strangers' guesses stop, and keep
nobody out who comes from where they always come from. The browser shows itself by a signed cookie, the network by its
address. Both lose this with a new password.
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
    """Note that this browser and this network belong to whoever has the account of `user`."""
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
    """Return whose tries this one at the account of `user` counts with: a browser's, those of who is signed in to it,
    a network's, or everyone's.

    `user` None is an address that nobody has: the work is the same, and it is always everyone's count.
    """
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
    """Count a try of `action` (of ACCOUNT_RATE_LIMITS) at `account`; None when there were too many.

    What counts by address is left out for whoever may share theirs with strangers and is known without it.
    """
    rates: str = app_settings.RATE_LIMITS.get(action) or ""
    if whose == THEMSELVES or whose.startswith("browser "):
        rates = ",".join(rate for rate in rates.split(",") if not rate.endswith("/ip"))
    key = f"{account.lower()}:{whose}"
    return ratelimit.consume(request, app=APP, action=action, key=key, config={action: rates})


def refused_at_the_door(request: HttpRequest) -> HttpResponseBase | None:
    """Count a form sent to sign-in, for each address and for each familiar browser; return what to say to too many."""
    browser, marks = _held(request)
    users = User.objects.filter(pk__in=marks, is_active=True) if browser else []
    known = any(constant_time_compare(marks[str(user.pk)], _mark(user)) for user in users)
    rates = (app_settings.RATE_LIMITS.get("door") or "").replace("/ip", "/key" if known else "/ip")
    if ratelimit.consume(request, app=APP, action="door", key=browser, config={"door": rates}):
        return None
    return cast(HttpResponseBase, respond_429(request))


def _held(request: HttpRequest) -> tuple[str, dict[str, str]]:
    """Return the browser's name for itself and its marks by account; empty when its cookie is not the portal's."""
    try:
        held: Any = signing.loads(request.COOKIES.get(settings.FAMILIAR_COOKIE_NAME, ""), salt=SALT, max_age=LIFE)
    except signing.BadSignature:
        return "", {}
    return held[0], held[1]


def _mark(user: User) -> str:
    return salted_hmac(SALT, f"{user.pk} {user.password}", algorithm="sha256").hexdigest()[:32]


def _network_key(request: HttpRequest, user: User) -> str:
    return f"{SALT}:{user.pk}:{ratelimit.get_ip(request)}"
