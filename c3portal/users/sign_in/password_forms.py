"""allauth's forms for addresses and passwords, in the portal's words."""

from __future__ import annotations

from typing import Any

from allauth.account import forms as account
from allauth.core import context
from django import forms
from django.http import HttpRequest

from c3portal.models import User
from c3portal.users.sign_in.account_adapter import NOBODY, failed, kept

LABELS = {
    "login": "E-mail address",
    "email": "E-mail address",
    "password": "Password",
    "oldpassword": "Current password",
    "password1": "New password",
    "password2": "New password, once more",
}
# As long as a kept one.
NO_PASSWORD = f"pbkdf2_sha256$1200000${'x' * 22}${'x' * 43}="
# What AUTH_PASSWORD_VALIDATORS asks for.
WHAT_IS_TAKEN = "At least 12 characters; not common, not like your name or address."


class Worded:
    """Fields with the labels of LABELS and without placeholders."""

    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.label = LABELS[name]
            field.widget.attrs.pop("placeholder", None)
        if "password1" in self.fields:
            self.fields["password1"].help_text = WHAT_IS_TAKEN


class Twice(Worded):
    """A new password, typed twice."""

    def clean(self) -> dict[str, Any]:
        # Past allauth's own comparison of the two, which has its own words.
        typed: dict[str, Any] = super(account.PasswordVerificationMixin, self).clean()  # type: ignore[misc]
        first, second = typed.get("password1"), typed.get("password2")
        if first and second and first != second:
            self.add_error("password2", "The two differ: type the same new password into both.")  # type: ignore[attr-defined]
        return typed


class LoginForm(Worded, account.LoginForm):  # type: ignore[misc]
    pass


class ReauthenticateForm(Worded, account.ReauthenticateForm):  # type: ignore[misc]
    pass


class ForgottenForm(Worded, account.ResetPasswordForm):  # type: ignore[misc]
    """Ask for the link to a new password, with the same work for an unknown address."""

    users: list[User]

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        """Mail the link and record for whom; return the address."""
        email: str = self.cleaned_data["email"]
        whose = self.users[0].email if self.users else "an unknown address"
        kept(request, f"New password asked for: {whose}", actor=NOBODY)
        self.users = self.users or [User(pk=0, email=email, password=NO_PASSWORD)]
        return str(super().save(request, **kwargs))


class NewPasswordForm(Twice, account.ResetPasswordKeyForm):  # type: ignore[misc]
    """A password for `user`, by the link of an invitation or a forgotten one."""


class ChangeForm(Twice, account.ChangePasswordForm):  # type: ignore[misc]
    def clean_oldpassword(self) -> str:
        """Return it. Raises ValidationError for a wrong one, and records that."""
        try:
            typed: str = super().clean_oldpassword()
        except forms.ValidationError:
            failed(context.request, self.user, "password")
            raise
        return typed


class FirstForm(Twice, account.SetPasswordForm):  # type: ignore[misc]
    """The first password of someone who came by the company's sign-in."""
