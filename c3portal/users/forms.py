"""The forms of the Users page."""

from __future__ import annotations

from django import forms

from c3portal.models import roles

ROLES = [(role, role) for role in roles.ALL]
WHAT_ROLES_DO = "System Admin: everything. Finance Admin: all but settings and users. System Reader: looks only."


class InvitationForm(forms.Form):
    """Whom to invite, and with which role."""

    email = forms.EmailField(label="E-mail address", max_length=254, help_text="They sign in with it.")
    name = forms.CharField(max_length=150, required=False)
    role = forms.ChoiceField(choices=ROLES, initial=roles.SYSTEM_READER, help_text=WHAT_ROLES_DO)

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        return email


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=ROLES, help_text=WHAT_ROLES_DO)
