"""The forms of one's own account and of second factors."""

from __future__ import annotations

import zoneinfo
from typing import Any

from allauth.account.adapter import get_adapter as account_adapter
from allauth.core import context

# What `familiar` counts with.
from allauth.core.internal.ratelimit import RateLimitUsage
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from django import forms

from c3portal.models import User
from c3portal.models.people import DateFormat
from c3portal.users.sign_in import familiar
from c3portal.users.sign_in.account_adapter import failed


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """One's own name, time zone and way to read dates."""

    time_zone = forms.ChoiceField(required=False, help_text="Of the times on pages. E-mails use UTC until you choose.")
    date_format = forms.ChoiceField(choices=DateFormat.choices, required=False)

    class Meta:
        model = User
        fields = ("name", "time_zone", "date_format")
        help_texts = {"name": "As others see you in the records."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = {*zoneinfo.available_timezones(), self.instance.time_zone} - {""}
        choice = self.fields["time_zone"]
        assert isinstance(choice, forms.ChoiceField)  # noqa: S101  # for the type checker
        choice.choices = [("", "As my browser has it"), *((name, name.replace("_", " ")) for name in sorted(names))]

    def clean(self) -> dict[str, Any]:
        """Return the fields' values; what a form left out stays as it is."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        left_out = [name for name in ("time_zone", "date_format") if name not in self.data]
        return cleaned | {name: getattr(self.instance, name) for name in left_out}

    @classmethod
    def words(cls, field: str) -> str:
        return field.replace("_", " ").capitalize()


class Code:
    """Verification of a code that is counted and recorded, for the forms of allauth."""

    user: User
    cleaned_data: dict[str, Any]

    def clean_code(self) -> str:
        """Return the code. Raises ValidationError for a wrong one and after too many tries."""
        usage = count_factor(self.user)
        code: str = self.cleaned_data["code"]
        for each in Authenticator.objects.filter(user=self.user).exclude(type=Authenticator.Type.WEBAUTHN):
            if each.wrap().validate_code(code):
                self.authenticator = each
                usage.rollback()
                return code
        failed(context.request, self.user, "totp")
        raise get_adapter().validation_error("incorrect_code")


def count_factor(user: User) -> RateLimitUsage:
    """Count a try, which the caller rolls back after a right one. Raises ValidationError after too many."""
    whose = familiar.whose_count(context.request, user)
    usage = familiar.consume(context.request, "factor", str(user.pk), whose)
    if usage is None:
        raise account_adapter().validation_error("too_many_login_attempts")
    return usage


class CodeAgainForm(Code, ReauthenticateForm):  # type: ignore[misc]
    """A code, when asked again who one is."""


class CodeForm(Code, AuthenticateForm):  # type: ignore[misc]
    """A code after the password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["code"]
        field.help_text = "From your authenticator app, or one of your recovery codes."
        field.widget.attrs = {"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false"}


class AddAppForm(ActivateTOTPForm):  # type: ignore[misc]
    """The first code of an authenticator app, which shows that it has the secret."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["code"]
        field.label, field.help_text = "Code", "The six digits that the app shows now."
        field.widget.attrs = {"autocomplete": "one-time-code", "inputmode": "numeric"}
