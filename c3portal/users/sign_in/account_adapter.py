"""How accounts differ from allauth's defaults, and what the audit record keeps of sign-ins."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from allauth.account import app_settings as account_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.core.exceptions import ImmediateHttpResponse

# The public module counts by allauth's own settings and keys alone, which its docstring says itself.
from allauth.core.internal import ratelimit
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from c3portal.audit import record as audit
from c3portal.encryption.sessions import SessionStore
from c3portal.http.next_address import is_ours
from c3portal.models import User
from c3portal.notifications import email as outgoing_mail
from c3portal.users.sign_in import familiar

if TYPE_CHECKING:
    from django.core.mail import EmailMessage

NOBODY = "Nobody signed in"
NOT_CONFIRMED = "Did not confirm who it is"
# Entries: from an address, and of everyone who asks for a new password or of a person who is asked once more.
RECORDED = "20/h/ip,100/h/key"
METHODS = {
    "password": "password",
    "socialaccount": "the company's sign-in",
    "totp": "authenticator app",
    "webauthn": "passkey",
    "recovery_codes": "recovery code",
}
AGAIN = {
    "reauthenticate": "Use your password",
    "mfa_reauthenticate": "Use your authenticator app or a recovery code",
    "mfa_reauthenticate:webauthn": "Use a passkey",
}
# Seconds: longer than what is left of the request.
MAIL_AFTER = 0.2
logger = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody signs up: a System Admin makes the users. Every sign-in and failure is recorded."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": "The e-mail address or the password is not right.",
        "too_many_login_attempts": "Too many failed attempts. Wait five minutes, then try again.",
        "incorrect_password": "That is not your password. Type it again; if you forgot it, follow the link.",
        "enter_current_password": "That is not your password. Type it again; if you forgot it, follow the link.",
        "invalid_password_reset": "This link was used already, or is too old. Ask for a new one.",
        "rate_limited": "Too many attempts. Wait a few minutes, then try again.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the client's address, the proxy's where TRUSTED_PROXIES is too high."""
        try:
            return str(super().get_client_ip(request))
        except ImproperlyConfigured:
            count = settings.ALLAUTH_TRUSTED_PROXY_COUNT
            logger.error(
                "TRUSTED_PROXIES is %s, but a request came through fewer. Set it to how many there are.", count
            )
            # Everyone behind it shares one count then, and nobody is shut out.
            return str(request.META["REMOTE_ADDR"])

    def is_ajax(self, request: HttpRequest) -> bool:
        # For all else allauth would send a script what was typed, the password too.
        match = request.resolver_match
        return bool(match and match.url_name == "mfa_login_webauthn" and super().is_ajax(request))

    def is_safe_url(self, url: str | None) -> bool:
        return is_ours(self.request, url)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the try. Raises ValidationError after too many, or without PASSWORD_SIGN_IN."""
        # Who is signed in may be asked for their password again.
        if not settings.PASSWORD_SIGN_IN and not request.user.is_authenticated:
            raise ValidationError("Passwords are switched off here: sign in with your company's account.")
        email = str(credentials.get("email") or "")
        whose = familiar.whose_count(request, with_address(email))
        # allauth takes it back when the password was right.
        self._login_failed_rl_usage = familiar.consume(request, "login_failed", email, whose)
        if not self._login_failed_rl_usage:
            raise self.validation_error("too_many_login_attempts")

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        # An unknown address is not recorded, since it may be anyone's.
        failed(request, with_address(credentials.get("email") or ""), "password")

    def login(self, request: HttpRequest, user: User) -> None:
        with transaction.atomic():
            super().login(request, user)
            cast(SessionStore, request.session).begin()
            audit.record(
                request, audit.Action.SIGN_IN, "Signed in", after={"With": methods_used(request, user)}, actor=user
            )

    def post_login(self, request: HttpRequest, user: User, **login: Any) -> HttpResponseBase:
        """Return the way on; the browser and network are familiar now."""
        answer: HttpResponseBase = super().post_login(request, user, **login)
        familiar.remember(request, answer, user)
        return answer

    def logout(self, request: HttpRequest) -> None:
        with transaction.atomic():
            # First, while it is known who it is.
            audit.record(request, audit.Action.SIGN_IN, "Signed out")
            super().logout(request)

    def set_password(self, user: User, password: str) -> None:
        """Set it. Raises ImmediateHttpResponse, back to the form, when another request was first."""
        # A link, or an old password, is good for one change.
        known = User.objects.filter(pk=user.pk, password=user.password, is_active=True)
        user.set_password(password)
        with transaction.atomic():
            if not known.update(password=user.password):
                messages.error(self.request, "Your password was changed a moment ago, and not by this form.")
                raise ImmediateHttpResponse(redirect(self.request.path))
            audit.record(self.request, audit.Action.SIGN_IN, "Password set", after={"Of": user.email}, actor=user)

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Return False also for whoever has just signed in."""
        records = get_authentication_records(self.request, self.request.user)
        if any(time.time() - record["at"] < account_settings.REAUTHENTICATION_TIMEOUT for record in records):
            return False
        return bool(super().is_reauthentication_required(app=app, **kwargs))

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """Return allauth's methods with the portal's words (AGAIN)."""
        return [{**method, "description": AGAIN[method["id"]]} for method in super().get_reauthentication_methods(user)]

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Return the link, at PORTAL_URL whatever host the request named."""
        return f"{settings.PORTAL_URL}{urlsplit(super().get_reset_password_from_key_url(key)).path}"

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send it once the request is answered."""
        context = {"request": self.request, "email": email, "portal_url": settings.PORTAL_URL, **context}
        message = self.render_mail(template_prefix, email, context)
        # How long mail takes, or that it fails, would tell who has an account: what is for no user is written too, and
        # sent nowhere.
        is_to_somebody = "user" not in context or bool(context["user"].pk)
        threading.Timer(MAIL_AFTER, _send, (message if is_to_somebody else None,)).start()


def _send(message: EmailMessage | None) -> None:
    try:
        if message:
            outgoing_mail.send(message)
    except outgoing_mail.MailFailed as error:
        logger.error("A mail about someone's account could not be sent: %s", error)


def with_address(email: str) -> User | None:
    """Return the user with this e-mail address."""
    return User.objects.filter(email__iexact=email).first()


def failed(request: HttpRequest, user: User | None, method: str) -> None:
    """Record a failed sign-in by `method`, of METHODS, to the account of `user`; None for an unknown address."""
    if request.user.is_authenticated:
        kept(request, f"{NOT_CONFIRMED}: {request.user}", actor=request.user, after={"With": METHODS[method]})
        return
    whose = user.email if user else "an unknown address"
    audit.record(
        request,
        audit.Action.SIGN_IN,
        f"Sign-in failed: {whose}",
        after={"With": METHODS.get(method, method)},
        actor=NOBODY,
    )


def kept(request: HttpRequest, subject: str, actor: User | str, after: dict[str, Any] | None = None) -> None:
    """Record what anyone can repeat at will, at most RECORDED an hour."""
    key = str(actor.pk) if isinstance(actor, User) else actor
    if ratelimit.consume(request, app="c3portal", action="recorded", key=key, config={"recorded": RECORDED}):
        audit.record(request, audit.Action.SIGN_IN, subject, after=after, actor=actor)


def methods_used(request: HttpRequest, user: User) -> list[str]:
    """Return in words by what `user` was let in to this session."""
    records = get_authentication_records(request, user)
    return [METHODS.get(record.get("type") or record["method"], record["method"]) for record in records]
