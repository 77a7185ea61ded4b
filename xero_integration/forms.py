"""The forms of Settings → General and of choosing an organisation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from django import forms

from xero_integration import reference
from xero_integration.models import XeroConnection, XeroSettings

if TYPE_CHECKING:
    from django.db.models import QuerySet

CLIENT_ID = re.compile(r"[0-9A-Za-z-]{8,64}")
# The check is against what was last read from Xero.
WHEN_NEW_IN_XERO = "If you changed that in Xero just now, press Read again first."


class SettingsForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """Settings → General. The secret goes in and never comes out: left empty, it stays as it is."""

    client_secret = forms.CharField(
        label="Client Secret",
        required=False,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    class Meta:
        model = XeroSettings
        fields = (
            "client_id",
            "client_secret",
            "theme_name",
            "invoice_status",
            "license_account_code",
            "azure_account_code",
            "custom_account_code",
        )
        help_texts = {
            "theme_name": "The name of an invoice theme in Xero. Left empty, its standard theme is used.",
            "license_account_code": "Microsoft 365 and other licences, one-time purchases.",
            "azure_account_code": "Azure plan consumption.",
            "custom_account_code": "Your own services and products.",
        }

    def __init__(self, *args: Any, connection: XeroConnection | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connection = connection
        self.kept_secret = self.instance.client_secret
        self.initial["client_secret"] = ""
        for name in ("client_id", *reference.ACCOUNT_FIELDS):
            self.fields[name].widget.attrs.update({"autocomplete": "off", "spellcheck": "false"})
        if connection and connection.reference_read_at:
            self._offer_what_is_there(connection)
        self.fields["client_secret"].help_text = (
            "A secret is set and kept encrypted; it is never shown again. Leave this empty to keep it."
            if self.kept_secret
            else "Xero shows it once, when you generate it. It is kept encrypted and never shown again."
        )

    def _offer_what_is_there(self, connection: XeroConnection) -> None:
        """Let accounts and theme be chosen among those of the organisation.

        A value that it does not have stays among the choices, so that nothing is changed by showing it.
        """
        if theme := reference.find_theme(self.instance, connection):
            self.initial["theme_name"] = theme.name if self.instance.theme_name else ""
        self._offer("theme_name", "The standard theme", [(each, each) for each in reference.theme_names(connection)])
        accounts = [(each.code, str(each)) for each in reference.sales_accounts(connection)]
        for field in reference.ACCOUNT_FIELDS:
            self._offer(field, "Choose an account", accounts)

    def _offer(self, field: str, nothing: str, offered: list[tuple[str, str]]) -> None:
        value = str(self[field].value() or "")
        strange = [] if value in dict(offered) or not value else [(value, value)]
        self.fields[field].widget = forms.Select(choices=[("", nothing), *offered, *strange])

    def clean_client_id(self) -> str:
        client_id = str(self.cleaned_data["client_id"]).strip()
        if client_id and not CLIENT_ID.fullmatch(client_id):
            raise forms.ValidationError("This does not look like a Client ID: copy it from the app's page in Xero.")
        return client_id

    def clean_client_secret(self) -> str:
        return str(self.cleaned_data["client_secret"]).strip() or self.kept_secret

    def clean_theme_name(self) -> str:
        """Keep the theme's id as long as its name is the saved one, or the one that Xero renamed it to since."""
        name = " ".join(str(self.cleaned_data["theme_name"]).split())
        kept = (self.instance.theme_name, self.initial.get("theme_name", ""))
        if name.casefold() not in [each.casefold() for each in kept]:
            self.instance.theme_id = ""
        return name

    def _post_clean(self) -> None:
        """Hold account codes and theme against the connected organisation, once they are on the instance."""
        super()._post_clean()  # type: ignore[misc]  # Django documents it, its stubs leave it out
        if self.connection is None:
            return
        for field, words in reference.settings_problems(self.instance, self.connection).items():
            problem = words.partition(": ")[2]
            self.add_error(field, f"{problem[:1].upper()}{problem[1:]} {WHEN_NEW_IN_XERO}")

    def save(self, commit: bool = True) -> XeroSettings:
        """Save, keeping the theme by its id too, so that a rename in Xero does not break it."""
        if self.connection and (theme := reference.find_theme(self.instance, self.connection)):
            self.instance.theme_id = theme.theme_id if self.instance.theme_name else ""
        return cast(XeroSettings, super().save(commit))


class OrganisationForm(forms.Form):
    """Which of the connected organisations uploads go to."""

    connection = forms.ModelChoiceField(
        queryset=XeroConnection.objects.none(), label="Organisation", widget=forms.RadioSelect, empty_label=None
    )

    def __init__(self, *args: Any, connections: QuerySet[XeroConnection], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["connection"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101
        field.queryset = connections
