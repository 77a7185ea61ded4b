"""One's own account, and the way to the company's sign-in and back."""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import Any, cast

from allauth.account import views as account
from allauth.account.utils import get_next_redirect_url
from allauth.core import ratelimit
from allauth.mfa.base.views import IndexView
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView, ViewRecoveryCodesView
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.webauthn import views as webauthn
from allauth.mfa.webauthn.views import AddWebAuthnView, EditWebAuthnView, RemoveWebAuthnView
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.usersessions.views import ListUserSessionsView
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from requests import RequestException

from c3portal.audit.record import Action, changes, record
from c3portal.models import User
from c3portal.users.sign_in import familiar, mfa, user_agents
from c3portal.users.sign_in.account_adapter import with_address
from c3portal.users.sign_in.forms import ProfileForm
from c3portal.users.sign_in.oidc import Provider

# The provider cannot be reached, or is not the one that it should be.
NO_ANSWER = (OAuth2Error, RequestException)


def own_account(request: HttpRequest) -> HttpResponse:
    """Show and change one's own name and time zone."""
    form = ProfileForm(request.POST or None, instance=User.objects.get(pk=cast(User, request.user).pk))
    if request.method == "POST" and form.is_valid():
        _keep(request, form)
        messages.success(request, "Saved.")
        return redirect("own_account")
    return render(request, "account/own_account.html", {"form": form})


def _keep(request: HttpRequest, form: ProfileForm) -> None:
    with transaction.atomic():
        # The form's fields and no others are saved: somebody may deactivate the user at this moment.
        before = ProfileForm(instance=User.objects.select_for_update(no_key=True).get(pk=form.instance.pk)).initial
        was, now = changes(
            *({ProfileForm.words(name): each[name] for name in each} for each in (before, form.cleaned_data))
        )
        if now:
            form.instance.save(update_fields=list(form.fields))
            record(request, Action.USER, "Own account", before=was, after=now)


class Recorded:
    """A form that changes how one signs in, in one transaction with its audit record."""

    recorded_as = ""
    # What the form takes away; of several requests that take it at once, one does.
    takes: Authenticator.Type | None = None
    request: HttpRequest

    def form_valid(self, form: Any) -> HttpResponseBase:
        with transaction.atomic():
            user = User.objects.select_for_update(no_key=True).get(pk=cast(User, self.request.user).pk)
            if self.takes and not self._taken(user).exists():
                return redirect("mfa_index")
            answer: HttpResponseBase = super().form_valid(form)  # type: ignore[misc]
            record(self.request, Action.SIGN_IN, self.recorded_as)
        return answer

    def _taken(self, user: User) -> QuerySet[Authenticator]:
        found: QuerySet[Authenticator] = Authenticator.objects.filter(user=user, type=self.takes)
        return found.filter(pk=self.kwargs["pk"]) if "pk" in self.kwargs else found  # type: ignore[attr-defined]


class SecondFactor(IndexView):  # type: ignore[misc]
    """One's second factors."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = self.request.user
        return {
            **super().get_context_data(**kwargs),
            "is_required": mfa.is_required(user),
            "is_missing": mfa.is_missing(self.request),
        }


class AddApp(Recorded, ActivateTOTPView):  # type: ignore[misc]
    recorded_as = "Authenticator app added"


class RemoveApp(Recorded, DeactivateTOTPView):  # type: ignore[misc]
    recorded_as = "Authenticator app removed"
    takes = Authenticator.Type.TOTP


class AddPasskey(Recorded, AddWebAuthnView):  # type: ignore[misc]
    recorded_as = "Passkey added"


class RenamePasskey(EditWebAuthnView):  # type: ignore[misc]
    success_url = reverse_lazy("mfa_index")


class RemovePasskey(Recorded, RemoveWebAuthnView):  # type: ignore[misc]
    recorded_as = "Passkey removed"
    takes = Authenticator.Type.WEBAUTHN
    success_url = reverse_lazy("mfa_index")


class NewRecoveryCodes(Recorded, GenerateRecoveryCodesView):  # type: ignore[misc]
    recorded_as = "New recovery codes"


@method_decorator(never_cache, name="dispatch")
class RecoveryCodes(ViewRecoveryCodesView):  # type: ignore[misc]
    """One's recovery codes, shown once, with a data URL `file` of them."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        if context["can_view_codes"]:
            # With the page, since there is no second time.
            text = "".join(f"{code}\r\n" for code in context["unused_codes"])
            context["file"] = f"data:text/plain;base64,{base64.b64encode(text.encode()).decode()}"
        return context


class Places(Recorded, ListUserSessionsView):  # type: ignore[misc]
    """Where one is signed in; the form signs out everywhere else."""

    recorded_as = "Signed out everywhere else"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        for each in context["sessions"]:
            each.browser = user_agents.in_words(each.user_agent)
        return context


@login_not_required
def sign_in(request: HttpRequest) -> HttpResponseBase:
    """Sign in with a password."""
    return familiar.sign_in_limited(request) or account.login(request)


@login_not_required
def passkey_sign_in(request: HttpRequest) -> HttpResponseBase:
    """Sign in with a passkey alone."""
    return familiar.sign_in_limited(request) or webauthn.login_webauthn(request)


@method_decorator(login_not_required, name="dispatch")
class ForgottenPassword(account.PasswordResetView):  # type: ignore[misc]
    """Ask for the link to a new password."""

    def form_valid(self, form: Any) -> HttpResponseBase:
        email = form.cleaned_data["email"]
        # Strangers cannot use up what its owner may ask for. The answer is the same for every address.
        whose = familiar.whose_count(self.request, with_address(email))
        if familiar.consume(self.request, "reset_password", email, whose) is None:
            return cast(HttpResponseBase, ratelimit.respond_429(self.request))
        form.save(self.request)
        return cast(HttpResponseBase, super(account.PasswordResetView, self).form_valid(form))


@method_decorator(login_not_required, name="dispatch")
class NewPassword(account.PasswordResetFromKeyView):  # type: ignore[misc]
    """Choose a new password by the link of a mail, and make the browser familiar."""

    def form_valid(self, form: Any) -> HttpResponseBase:
        answer: HttpResponseBase = super().form_valid(form)
        familiar.remember(self.request, answer, self.reset_user)
        return answer


class OwnPassword:
    """A new password of one's own; the browser stays familiar."""

    request: HttpRequest

    def form_valid(self, form: Any) -> HttpResponseBase:
        answer: HttpResponseBase = super().form_valid(form)  # type: ignore[misc]
        familiar.remember(self.request, answer, User.objects.get(email=cast(User, self.request.user).email))
        return answer


class ChangePassword(OwnPassword, account.PasswordChangeView):  # type: ignore[misc]
    pass


class FirstPassword(OwnPassword, account.PasswordSetView):  # type: ignore[misc]
    pass


@login_not_required
@require_POST
def company_sign_in(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Leave for the company's sign-in, by a page that goes on by itself."""
    if refused := familiar.sign_in_limited(request):
        return refused
    provider = _provider(request, provider_id).get_provider()
    provider.oauth2_adapter_class = Provider
    try:
        answer = provider.redirect(request, AuthProcess.LOGIN, next_url=get_next_redirect_url(request))
    except NO_ANSWER as error:
        return cast(HttpResponseBase, render_authentication_error(request, provider, exception=error))
    if answer.status_code != HTTPStatus.FOUND:
        return cast(HttpResponseBase, answer)
    # Not by a redirect: browsers hold what follows a form post against form-action of the content security policy, and
    # the company's sign-in may lead on to hosts that nobody here knows.
    page = render(request, "socialaccount/leave.html", {"name": provider.name, "url": answer.url})
    page["Refresh"] = f"0; url={answer.url}"
    return page


@login_not_required
@require_safe
def company_callback(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Come back from the company's sign-in."""
    adapter = _provider(request, provider_id)
    try:
        answer: HttpResponseBase = OAuth2CallbackView.adapter_view(adapter)(request)
    except NO_ANSWER as error:
        return cast(HttpResponseBase, render_authentication_error(request, adapter.get_provider(), exception=error))
    return answer


def _provider(request: HttpRequest, provider_id: str) -> Provider:
    """Return the provider's adapter. Raises Http404 when it is not set up."""
    adapter = Provider(request, provider_id)
    try:
        adapter.get_provider()
    except SocialApp.DoesNotExist as error:
        raise Http404 from error
    return adapter
