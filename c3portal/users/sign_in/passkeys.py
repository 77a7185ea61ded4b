"""Forms that carry a passkey's answer, which is untrusted until it is verified."""

from __future__ import annotations

import re
import struct
from typing import Any

from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import forms as webauthn

# The public forms read a passkey's answer with these, and let through what a forged one raises.
from allauth.mfa.webauthn.internal import auth
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from django import forms
from django.forms.fields import InvalidJSONInput

from c3portal.users.sign_in.account_adapter import failed
from c3portal.users.sign_in.forms import count_factor

# Characters; passkeys' answers have about one thousand, their certificates some more.
LONGEST = 20_000
BASE64URL = re.compile(r"[A-Za-z0-9_-]*={0,2}")
# What reading a forged answer comes to in the libraries that read it.
FORGED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    InvalidSignature,
    LookupError,
    NotImplementedError,
    TypeError,
    UnsupportedAlgorithm,
    ValueError,
    struct.error,
)


class CredentialField(forms.JSONField):
    """The JSON of `PublicKeyCredential.toJSON()`."""

    def __init__(self) -> None:
        super().__init__(widget=forms.HiddenInput)

    def to_python(self, value: Any) -> Any:
        """Return the answer, a dict. Raises ValidationError for JSON that no passkey writes."""
        try:
            held = super().to_python(value) if len(str(value)) <= LONGEST else None
        except (RecursionError, ValueError) as error:
            raise get_adapter().validation_error("incorrect_code") from error
        if not is_an_answer(held):
            raise get_adapter().validation_error("incorrect_code")
        return held

    def bound_data(self, data: Any, initial: Any) -> Any:
        return InvalidJSONInput("")


def is_an_answer(held: Any) -> bool:
    """Return whether `held` has the shape of a passkey's answer."""
    if not isinstance(held, dict) or not isinstance(held.get("response"), dict):
        return False
    if not isinstance(held.get("clientExtensionResults", {}), dict):
        return False
    texts = [held.get("id"), held.get("rawId"), *(held["response"].get(name) or "" for name in BYTES)]
    return all(isinstance(each, str) and BASE64URL.fullmatch(each) for each in texts)


BYTES = ("clientDataJSON", "authenticatorData", "signature", "userHandle", "attestationObject")


class Passkey:
    """Verification that is counted and recorded, for the forms of allauth."""

    user: Any
    cleaned_data: dict[str, Any]

    def clean_credential(self) -> Authenticator:
        """Return the passkey. Raises ValidationError for a wrong answer and after too many tries."""
        usage = count_factor(self.user) if self.user else None
        answer = self.cleaned_data["credential"]
        try:
            auth.parse_authentication_response(answer)
            authenticator = auth.complete_authentication(self.user or auth.extract_user_from_response(answer), answer)
        except (*FORGED, forms.ValidationError) as error:
            if self.user:
                failed(context.request, self.user, "webauthn")
            raise get_adapter().validation_error("incorrect_code") from error
        if usage:
            usage.rollback()
        return authenticator


class SignInForm(Passkey, webauthn.LoginWebAuthnForm):  # type: ignore[misc]
    """Sign in with a passkey alone."""

    credential = CredentialField()


class SecondForm(Passkey, webauthn.AuthenticateWebAuthnForm):  # type: ignore[misc]
    """A passkey after the password."""

    credential = CredentialField()


class AgainForm(Passkey, webauthn.ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """A passkey, when asked again who one is."""

    credential = CredentialField()


class AddForm(webauthn.AddWebAuthnForm):  # type: ignore[misc]
    """A new passkey and its name."""

    credential = CredentialField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].help_text = "So that you know it again: Phone, Laptop, Key ring."
        alone = self.fields["passwordless"]
        alone.label = "Sign in with it alone"
        alone.help_text = (
            "The device asks for your finger, face or PIN then, and no password is needed. Without this it comes after "
            "the password."
        )
        alone.initial = True

    def clean(self) -> dict[str, Any]:
        try:
            checked: dict[str, Any] = super().clean()
        except FORGED as error:
            raise get_adapter().validation_error("incorrect_code") from error
        return checked
