"""Second factors: how they are stored, and who must have one."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from allauth.account.authentication import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.http import HttpRequest

from c3portal.encryption.cipher import KeyMissing, cipher
from c3portal.models import User, roles

# Recovery codes alone are no second factor: they stand in for a lost one.
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets are encrypted with ENCRYPTION_KEYS; passkeys belong to PORTAL_URL's host."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "That is not right, or it was used already. Try again with a new one.",
        "cannot_generate_recovery_codes": (
            "Recovery codes stand in for a second factor, and you have none yet: add an authenticator app or a passkey "
            "first."
        ),
    }

    def encrypt(self, text: str) -> str:
        return cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return the plain text. Raises KeyMissing when its key is gone from ENCRYPTION_KEYS."""
        try:
            return cipher().decrypt(encrypted_text.encode()).decode()
        except InvalidToken as error:
            raise KeyMissing(
                "A second factor cannot be read with the ENCRYPTION_KEYS in force: "
                "put the key that wrote it back into the list."
            ) from error

    def get_totp_issuer(self) -> str:
        return f"C3 portal {_host()}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {"id": _host(), "name": "C3 portal"}

    def generate_authenticator_name(self, user: User, type: Any) -> str:
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return f"Passkey {number}" if number > 1 else "Passkey"


def _host() -> str:
    return urlsplit(settings.PORTAL_URL).hostname or "localhost"


def has_one(user: User) -> bool:
    return bool(Authenticator.objects.filter(user_id=user.pk, type__in=FACTORS).exists())


def is_required(user: Any) -> bool:
    """Return whether MFA_REQUIRED_FOR names the user's role."""
    wanted = settings.MFA_REQUIRED_FOR
    return "all" in wanted or roles.role_of(user) in wanted


def is_missing(request: HttpRequest) -> bool:
    """Return whether the signed-in user must set up a second factor first."""
    user = request.user
    if not user.is_authenticated or not is_required(user) or has_one(user):
        return False
    return not (settings.OIDC_IS_TWO_FACTOR and signed_in_by_oidc(request))


def signed_in_by_oidc(request: HttpRequest) -> bool:
    """Return whether this session began with the company's sign-in."""
    return any(record["method"] == "socialaccount" for record in get_authentication_records(request, request.user))
