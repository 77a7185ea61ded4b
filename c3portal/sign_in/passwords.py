"""The forms in which an address or a password is typed: allauth's, in the portal's words."""

from __future__ import annotations

from typing import Any

from allauth.account import forms as account
from django import forms

LABELS = {
    "login": "E-mail address",
    "email": "E-mail address",
    "password": "Password",
    "oldpassword": "Current password",
    "password1": "New password",
    "password2": "New password, once more",
}
# What AUTH_PASSWORD_VALIDATORS asks for.
WHAT_IS_TAKEN = "At least 12 characters, none of the commonest passwords, and nothing like your name or address."


class Worded:
    """Fields that are called the same on every page; no placeholders, which go away when one types."""

    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.label = LABELS[name]
            field.widget.attrs.pop("placeholder", None)
        if "password1" in self.fields:
            self.fields["password1"].help_text = WHAT_IS_TAKEN


class Twice(Worded):
    """A new password is typed twice."""

    def clean(self) -> dict[str, Any]:
        """Return what was typed; in place of allauth's look at the two, which has its own words."""
        typed: dict[str, Any] = super(account.PasswordVerificationMixin, self).clean()  # type: ignore[misc]
        first, second = typed.get("password1"), typed.get("password2")
        if first and second and first != second:
            self.add_error("password2", "The two differ: type the same new password into both.")  # type: ignore[attr-defined]
        return typed


class LoginForm(Worded, account.LoginForm):  # type: ignore[misc]
    """Sign in."""


class ReauthenticateForm(Worded, account.ReauthenticateForm):  # type: ignore[misc]
    """Show once more that it is you."""


class ForgottenForm(Worded, account.ResetPasswordForm):  # type: ignore[misc]
    """Ask for the link to a new password."""


class NewPasswordForm(Twice, account.ResetPasswordKeyForm):  # type: ignore[misc]
    """Choose a password by a link: that of an invitation, or of a forgotten one. It takes `user`, whose it will be."""


class ChangeForm(Twice, account.ChangePasswordForm):  # type: ignore[misc]
    """Change one's own."""


class FirstForm(Twice, account.SetPasswordForm):  # type: ignore[misc]
    """Set one's first, for who came by the company's sign-in."""
