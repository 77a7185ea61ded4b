"""The form of Settings → Invoices from C3."""

from __future__ import annotations

import zoneinfo
from typing import Any, cast

from django import forms

from c3_integration import tokens
from c3_integration.client.addresses import checked_form
from c3_integration.client.errors import C3NotSetUp
from c3_integration.models import C3Settings
from c3_integration.models.settings import LAST_HOUR
from c3portal.audit.record import masked
from c3portal.http.versions import version_of

TEXTS = ("api_url", "tenant_id", "client_id", "scope", "resource")
# What a token was given for.
SIGNS_IN_WITH = ("tenant_id", "client_id", "client_secret", "scope", "resource")


class C3SettingsForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """Settings → Invoices from C3. The secret never comes out; left empty, it stays."""

    client_secret = forms.CharField(
        label="Client Secret",
        required=False,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    fetch_hour = forms.TypedChoiceField(
        label="Hour of the morning",
        coerce=int,
        choices=[(hour, f"{hour:02}:00") for hour in range(LAST_HOUR + 1)],
        help_text="A missed morning is made up for.",
    )
    time_zone = forms.ChoiceField(label="Time zone", required=False)

    class Meta:
        model = C3Settings
        fields = (*TEXTS, "client_secret", "fetch_enabled", "fetch_hour", "time_zone")
        help_texts = {
            "api_url": "Such as https://contoso-prod-api.azurewebsites.net.",
            "tenant_id": "The same for all partners.",
            "client_id": "From C3, on request.",
            "fetch_enabled": "New billing periods, and changes in those not wholly in Xero.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept_secret = self.instance.client_secret
        self.kept, self.signed_in_with = self.facts(), self._signs_in_with()
        # What the form carries, so that what someone else saved meanwhile is not undone by it.
        self.version = version_of(self.kept, self.kept_secret)
        self.initial["client_secret"] = ""
        for name in TEXTS:
            self.fields[name].widget.attrs.update({"autocomplete": "off", "spellcheck": "false"})
        self.fields["client_secret"].help_text = (
            "Set; never shown again. Empty keeps it." if self.kept_secret else "Never shown again."
        )
        names = {*zoneinfo.available_timezones(), self.instance.time_zone} - {""}
        cast(forms.ChoiceField, self.fields["time_zone"]).choices = [
            ("", "The billing time zone (Settings → Imports)"),
            *((name, name.replace("_", " ")) for name in sorted(names)),
        ]

    def clean_api_url(self) -> str:
        url = str(self.cleaned_data["api_url"]).strip()
        try:
            return checked_form(url) if url else ""
        except C3NotSetUp as error:
            raise forms.ValidationError(str(error)) from error

    def clean_tenant_id(self) -> str:
        tenant = str(self.cleaned_data["tenant_id"]).strip()
        if not all(each.isascii() and (each.isalnum() or each in "-.") for each in tenant):
            raise forms.ValidationError("A directory is an id or a domain: letters, digits, hyphens and dots.")
        return tenant

    def clean_client_secret(self) -> str:
        return str(self.cleaned_data["client_secret"]).strip() or self.kept_secret

    def save(self, commit: bool = True) -> C3Settings:
        if self._signs_in_with() != self.signed_in_with:
            tokens.forget()
        return cast(C3Settings, super().save(commit))

    def facts(self) -> dict[str, Any]:
        """Return the settings by label, as the audit record shows them; the secret masked."""
        app = self.instance
        facts = {str(app._meta.get_field(name).verbose_name): getattr(app, name) for name in TEXTS}
        return facts | {
            "Client Secret": masked(app.client_secret, replaces=self.kept_secret),
            "Fetch every morning": app.fetch_enabled,
            "Hour of the morning": app.fetch_hour,
            "Time zone": app.time_zone,
        }

    def _signs_in_with(self) -> tuple[str, ...]:
        return tuple(getattr(self.instance, name) for name in SIGNS_IN_WITH)
