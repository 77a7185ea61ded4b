"""The company's own sign-in, by OpenID Connect: only known users are let in."""

from __future__ import annotations

import logging
import re
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialLogin
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import render

from c3portal.audit.record import Action, record
from c3portal.models import User
from c3portal.outgoing.http_client import BoundedAdapter, BoundedSession
from c3portal.users.sign_in.account_adapter import failed

logger = logging.getLogger(__name__)

# Bytes of a description, of keys, or of tokens.
LARGEST_ANSWER = 1_000_000
ADDRESS = re.compile(r"[^\s'\"<>]+@[^\s'\"<>]+")


class CompanyAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Nobody becomes a user by coming from the company."""

    def get_requests_session(self) -> BoundedSession:
        return BoundedSession(BoundedAdapter(LARGEST_ANSWER))

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def on_authentication_error(self, request: HttpRequest, provider: Any, **why: Any) -> None:
        # For the log, without the person whom the provider may name; the page gives no reason.
        reason = ADDRESS.sub("…", str(why.get("exception")))
        logger.warning("Sign-in with %s failed: %s, %s", provider.name, why.get("error"), reason)

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Tie a known user to the company's subject. Raises ImmediateHttpResponse for others."""
        if sociallogin.is_existing:
            return
        user = known_user(sociallogin.account)
        if user is None:
            failed(request, None, "socialaccount")
            name = sociallogin.provider.name
            raise ImmediateHttpResponse(render(request, "socialaccount/unknown.html", {"name": name}, status=403))
        with transaction.atomic():
            sociallogin.connect(request, user)
            record(request, Action.SIGN_IN, "Tied to the company's sign-in", actor=user)


def known_user(account: SocialAccount) -> User | None:
    """Return the active user whose e-mail address the claims prove; None for a user tied to another subject."""
    claims: dict[str, Any] = account.get_provider_account().get_user_data() or {}
    email = believed_address(claims)
    if not email:
        return None
    user = User.objects.filter(email__iexact=email, is_active=True).first()
    # An e-mail address may be given to someone else, under another subject.
    if user is None or SocialAccount.objects.filter(user=user, provider=account.provider).exists():
        return None
    return user


def believed_address(claims: dict[str, Any]) -> str:
    """Return the e-mail address that the claims prove, or ""."""
    # Only JSON's true proves it. Microsoft Entra leaves it out; there, and where OIDC_TRUST_EMAIL says so, the
    # organisation's own administrators write the addresses, and the user name too.
    email, verified = claims.get("email"), claims.get("email_verified")
    if "email_verified" not in claims and settings.OIDC_TRUST_EMAIL:
        email = email or claims.get("preferred_username")
    elif verified is not True:
        return ""
    return email if isinstance(email, str) else ""


class Provider(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """allauth's exchange with the provider, with stricter checks."""

    @property
    def openid_config(self) -> dict[str, Any]:
        """The provider's metadata. Raises OAuth2Error for another issuer than OIDC_ISSUER."""
        config: dict[str, Any] = super().openid_config
        if config.get("issuer", "").rstrip("/") != settings.OIDC_ISSUER:
            raise OAuth2Error("The provider's description names another issuer than OIDC_ISSUER.")
        return config

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> SocialLogin:
        """Return who signed in. Raises OAuth2Error without an ID token."""
        if not kwargs["response"].get("id_token"):
            raise OAuth2Error("The provider sent no ID token.")
        # allauth checks the signature then, though the ID token came straight from the provider.
        self.did_fetch_access_token = False
        return super().complete_login(request, app, token, **kwargs)
