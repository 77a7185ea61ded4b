"""The forms of one's own account and of second factors."""

from __future__ import annotations

import zoneinfo
from typing import Any

from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django import forms
from django.core.exceptions import ValidationError

from c3portal.models import User
from c3portal.sign_in.accounts import failed


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """One's own name and time zone; e-mail address and role are a System Admin's to change."""

    time_zone = forms.ChoiceField(help_text="Times on pages are shown in it.")

    class Meta:
        model = User
        fields = ("name", "time_zone")
        help_texts = {"name": "As others see you in the records."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = {*zoneinfo.available_timezones(), self.instance.time_zone}
        choice = self.fields["time_zone"]
        assert isinstance(choice, forms.ChoiceField)  # noqa: S101  # for the type checker
        choice.choices = [(name, name.replace("_", " ")) for name in sorted(names)]

    @classmethod
    def words(cls, field: str) -> str:
        """Return the label of `field`."""
        return field.replace("_", " ").capitalize()


class CodeForm(AuthenticateForm):  # type: ignore[misc]
    """A second factor's code at sign-in; a wrong one goes into the record."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["code"]
        field.help_text = "From your authenticator app, or one of your recovery codes."
        field.widget.attrs = {"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false"}

    def clean_code(self) -> str:
        """Return the code. Raises ValidationError for a wrong one, once that is in the record."""
        try:
            code: str = super().clean_code()
        except ValidationError as error:
            if error.code == "incorrect_code":
                failed(context.request, self.user, "totp")
            raise
        return code


class AddAppForm(ActivateTOTPForm):  # type: ignore[misc]
    """The first code of an authenticator app, which shows that it has the secret."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["code"]
        field.label, field.help_text = "Code", "The six digits that the app shows now."
        field.widget.attrs = {"autocomplete": "one-time-code", "inputmode": "numeric"}


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """A new passkey and its name."""

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
