"""The forms of Settings → General and of choosing an organisation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.utils import timezone

from c3portal.audit.record import masked
from c3portal.database import clock
from c3portal.http.versions import version_of
from xero_integration import reference
from xero_integration.client.scopes import BROAD_UNTIL
from xero_integration.models import DifferencePolicy, XeroConnection, XeroSettings
from xero_integration.payloads import PLACEHOLDERS

if TYPE_CHECKING:
    from django.db.models import QuerySet

CLIENT_ID = re.compile(r"[0-9A-Za-z-]{8,64}")
NAMED = re.compile(r"\{[^{}]*\}?|\}")
# What Xero's numbers may hold, and its filters too.
SUFFIX = re.compile(r"[!#-\[\]-~]+")
NEEDED_WHILE_CONNECTED = ("client_id", "license_account_code", "azure_account_code", "custom_account_code")
# The check is against what was last read from Xero.
GONE = "gone"
WHEN_NEW_IN_XERO = "If you changed that in Xero just now, press Refresh first."


class SettingsForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """Settings → General. The secret never comes out; left empty, it stays."""

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
            "broad_scopes",
            "theme_name",
            "invoice_status",
            "two_people",
            "allocate_credit_notes",
            "license_account_code",
            "azure_account_code",
            "custom_account_code",
            "difference_policy",
            "difference_limit",
            "rounding_account_code",
            "reference_template",
            "again_suffix",
        )
        help_texts = {
            "broad_scopes": "Until 13 September 2027. Choose this if Xero refuses the consent with invalid_scope, "
            "then connect again.",
            "allocate_credit_notes": "From negative invoices uploaded from now on: oldest approved invoice of the same "
            "contact and currency first. A credit note made here is always set against its invoice.",
            "theme_name": "Its name in Xero. Empty: the standard theme.",
            "license_account_code": "Microsoft 365, other licences, one-time purchases.",
            "azure_account_code": "Azure plan consumption.",
            "custom_account_code": "Your own services and products.",
            "difference_policy": "When Xero's total would differ from the invoice.",
            "difference_limit": "0.00 to 1.00 in the invoice's currency. More is never posted.",
            "rounding_account_code": "For rounding lines only.",
            "reference_template": "May name {po}, {period}, {number}. Empty, or without that PO number: the PO "
            "number, else “Billing” and the period.",
            "again_suffix": "Voided in Xero and posted again: INV-7 as INV-7-R1. Empty: -R.",
        }

    def __init__(self, *args: Any, connection: XeroConnection | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connection = connection
        self.kept_secret = self.instance.client_secret
        self.kept = reference.facts(self.instance)
        # What the form carries, so that what someone else saved meanwhile is not undone by it.
        self.version = version_of(self.kept, self.kept_secret, self.instance.theme_id)
        self.initial["client_secret"] = ""
        if timezone.localdate() > BROAD_UNTIL:
            del self.fields["broad_scopes"]
        for name in ("client_id", *reference.ACCOUNT_FIELDS):
            self.fields[name].widget.attrs.update({"autocomplete": "off", "spellcheck": "false"})
        self.fields["client_secret"].help_text = (
            "Set; never shown again. Empty keeps it."
            if self.kept_secret
            else "Xero shows it once. Never shown again here."
        )
        if connection and connection.reference_read_at:
            self._offer_choices(connection)

    @property
    def theme_field(self) -> forms.BoundField:
        """The theme: by name before anything is connected, then by id."""
        return self["theme" if "theme" in self.fields else "theme_name"]

    def clean_client_id(self) -> str:
        client_id = str(self.cleaned_data["client_id"]).strip()
        if client_id and not CLIENT_ID.fullmatch(client_id):
            raise forms.ValidationError("This does not look like a Client ID: copy it from the app's page in Xero.")
        return client_id

    def clean_client_secret(self) -> str:
        return str(self.cleaned_data["client_secret"]).strip() or self.kept_secret

    def clean_theme_name(self) -> str:
        name = " ".join(str(self.cleaned_data["theme_name"]).split())
        if name.casefold() != self.initial.get("theme_name", "").casefold():
            self.instance.theme_id = ""
        return name

    def clean_reference_template(self) -> str:
        template = " ".join(str(self.cleaned_data["reference_template"]).split())
        unknown = [each for each in NAMED.findall(template) if each not in PLACEHOLDERS]
        if unknown:
            raise forms.ValidationError(f"There is no {unknown[0]}: name {', '.join(PLACEHOLDERS)}, or plain text.")
        return template

    def clean_again_suffix(self) -> str:
        suffix = str(self.cleaned_data["again_suffix"]).strip()
        if suffix and not SUFFIX.fullmatch(suffix):
            raise forms.ValidationError("Use plain letters, digits and signs, without quotation marks or backslashes.")
        # Without one a number and its suffix could be another invoice's number.
        return suffix or str(XeroSettings._meta.get_field("again_suffix").default)

    def clean(self) -> dict[str, Any]:
        cleaned = cast("dict[str, Any]", super().clean())
        if cleaned.get("difference_policy") == DifferencePolicy.ROUNDING_LINE and not cleaned["rounding_account_code"]:
            self.add_error("rounding_account_code", "Choose the account that rounding lines go to.")
        self._keep_what_is_needed(cleaned)
        return cleaned

    def _keep_what_is_needed(self, cleaned: dict[str, Any]) -> None:
        """Refuse to blank what calls and uploads to the connected organisation need."""
        if self.connection is None:
            return
        for name in NEEDED_WHILE_CONNECTED:
            if self.initial.get(name) and cleaned.get(name) == "":
                self.add_error(
                    name, f"{self.connection.name} is connected and needs this: give another, or disconnect first."
                )

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # Django documents it, its stubs leave it out
        if self.connection is None:
            return
        if "theme" in self.cleaned_data and self.add_prefix("theme") in self.data:
            self._keep_theme(self.connection, self.cleaned_data["theme"])
        for field, problem in reference.settings_problems(self.instance, self.connection).items():
            shown = "theme" if field == "theme_name" and "theme" in self.fields else field
            self.add_error(shown, f"{problem.words} {WHEN_NEW_IN_XERO}")

    def _keep_theme(self, connection: XeroConnection, theme_id: str) -> None:
        # The old theme stays, to be refused in words.
        if theme_id == GONE:
            return
        names = dict(reference.theme_choices(connection))
        self.instance.theme_id, self.instance.theme_name = theme_id, names.get(theme_id, theme_id)

    def save(self, commit: bool = True) -> XeroSettings:
        # By its id too, so that a rename in Xero does not break it.
        if self.connection and (theme := reference.find_theme(self.instance, self.connection)):
            self.instance.theme_id = theme.theme_id if self.instance.theme_name else ""
        if not self.instance.allocate_credit_notes:
            self.instance.allocate_since = None
        elif self.instance.allocate_since is None:
            self.instance.allocate_since = clock.now()
        return cast(XeroSettings, super().save(commit))

    @property
    def changes_app(self) -> bool:
        """Whether the Client ID or Client Secret is another now."""
        kept = (self.initial.get("client_id", ""), self.kept_secret)
        return (self.instance.client_id, self.instance.client_secret) != kept

    def changes(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the settings before and after, by label, the secret masked."""
        secret = masked(self.instance.client_secret, replaces=self.kept_secret)
        return self.kept, reference.facts(self.instance) | {"Client Secret": secret}

    def _offer_choices(self, connection: XeroConnection) -> None:
        """Offer what the organisation has; what is set and gone is offered too, marked."""
        accounts = reference.account_choices(connection)
        for name in reference.ACCOUNT_FIELDS:
            current = str(self[name].value() or "")
            choices = reference.with_current(accounts, current, connection)
            self.fields[name].widget = forms.Select(choices=[("", "Choose an account"), *choices])
        offered = list(connection.brandingthemes.all())
        chosen = reference.find_theme(self.instance, connection, offered)
        themes = [(each.theme_id, each.name) for each in offered]
        if self.instance.theme_name and chosen is None:
            themes.append((GONE, f"{self.instance.theme_name} (not in {connection.name})"))
        self.initial["theme"] = chosen.theme_id if chosen else GONE if self.instance.theme_name else ""
        self.fields["theme"] = forms.CharField(
            label="Theme",
            required=False,
            widget=forms.Select(choices=[("", "Xero's standard theme"), *themes]),
            help_text="A rename in Xero changes nothing.",
        )
        del self.fields["theme_name"]


class OrganisationField(forms.ModelChoiceField):  # type: ignore[type-arg]  # not generic at run time
    def label_from_instance(self, obj: Any) -> str:
        """Return the name, country and currency, and whether uploads go there now."""
        facts = [obj.country_code, obj.base_currency, "in use now" if obj.is_current else ""]
        said = ", ".join(filter(None, facts))
        return f"{obj.name} ({said})" if said else str(obj.name)


class OrganisationForm(forms.Form):
    connection = OrganisationField(
        queryset=XeroConnection.objects.none(), label="Organisation", widget=forms.RadioSelect, empty_label=None
    )

    def __init__(self, *args: Any, connections: QuerySet[XeroConnection], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["connection"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - for the type checker
        field.queryset = connections
