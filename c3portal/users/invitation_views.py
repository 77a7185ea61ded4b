"""The pages of an invitation."""

from __future__ import annotations

from allauth.account.adapter import get_adapter

# allauth has no public name for noting that someone has just shown a password by other means than its own form.
from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from c3portal.models import User
from c3portal.users import invitations
from c3portal.users.sign_in.password_forms import NewPasswordForm

HELD = "invitation"


@login_not_required
@never_cache
@require_safe
def invitation_link(request: HttpRequest, token: str) -> HttpResponseBase:
    """Move the token from the link into the session."""
    request.session.pop(HELD, None)
    if invitations.holder(token):
        request.session[HELD] = token
    # So no page has an address that lets one in.
    return redirect("invitation")


@sensitive_post_parameters()
@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest) -> HttpResponseBase:
    """Let the invited person choose a password, and sign them in."""
    invited = invitations.holder(request.session.get(HELD, ""))
    if invited is None:
        return _void(request)
    form = NewPasswordForm(request.POST or None, user=invited)
    if request.method == "POST" and settings.PASSWORD_SIGN_IN and form.is_valid():
        if invitations.accept(request, invited, form.cleaned_data["password1"]):
            return _sign_in(request, invited)
        return _void(request)
    return render(request, "users/invitation.html", {"form": form, "invited": invited})


def _void(request: HttpRequest) -> HttpResponseBase:
    return render(request, "users/invitation_void.html", {"days": invitations.LIFE.days}, status=410)


def _sign_in(request: HttpRequest, user: User) -> HttpResponseBase:
    if request.user.is_authenticated:
        get_adapter().logout(request)
    request.session.pop(HELD, None)
    record_authentication(request, user, method="password", email=user.email, reauthenticated=True)
    response: HttpResponseBase = perform_login(request, user)
    return response
