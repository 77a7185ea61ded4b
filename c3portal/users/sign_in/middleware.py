"""A second factor before anything else, for those who must have one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils.deprecation import MiddlewareMixin

from c3portal.users.sign_in import mfa

# What one needs on the way to a second factor, by the addresses' names.
ALLOWED_BEFORE_ENROLMENT = {
    "mfa_index",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "mfa_view_recovery_codes",
    "account_reauthenticate",
    "account_logout",
}


class SecondFactorRequired(MiddlewareMixin):
    """Lead whoever lacks a required second factor to its set-up page."""

    def process_view(self, request: HttpRequest, view: Callable[..., Any], *args: Any) -> HttpResponseBase | None:
        if not getattr(view, "login_required", True):
            return None
        match = request.resolver_match
        if (match and match.url_name in ALLOWED_BEFORE_ENROLMENT) or not mfa.is_missing(request):
            return None
        return redirect("mfa_index")
