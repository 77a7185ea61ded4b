"""The forms of Import and of Settings → Imports."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from c3portal.http.upload_size import require_size
from c3portal.http.versions import version_of
from invoices.models import ImportSettings


def import_limit() -> int:
    """Return how large a file the page takes, in bytes."""
    return int(settings.IMPORT_MAX_BYTES)


class ImportForm(forms.Form):
    """A file of invoice lines; only its size is judged here."""

    file = forms.FileField(
        label="File of invoice lines",
        help_text="CSV, Excel (.xlsx) or JSON.",
        widget=forms.FileInput(
            attrs={"accept": ".csv,.tsv,.txt,.xlsx,.json,.jsonl,application/json,text/csv,text/tab-separated-values"}
        ),
        error_messages={"required": "Choose the file to import.", "empty": "The file is empty."},
    )

    all_or_nothing = forms.BooleanField(
        label="All or nothing",
        required=False,
        help_text="One wrong invoice refuses the whole file. Otherwise only that one is held back.",
    )

    def clean_file(self) -> UploadedFile[Any]:
        return require_size(
            self.cleaned_data["file"],
            import_limit(),
            "Have it imported on the server: manage.py import_invoices FILE takes files of any size.",
        )


class ImportSettingsForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """Settings → Imports."""

    time_zone = forms.ChoiceField(
        label="Billing time zone",
        required=False,
        help_text="Dates with a time are the day there.",
    )

    class Meta:
        model = ImportSettings
        fields = ("all_or_nothing", "bill_resellers", "time_zone")
        widgets = {"bill_resellers": forms.RadioSelect}
        help_texts = {
            "all_or_nothing": "Otherwise only wrong invoices are held back. Each import may choose.",
            "bill_resellers": "Per customer: Customers.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = {*zoneinfo.available_timezones(), self.instance.time_zone} - {""}
        choice = self.fields["time_zone"]
        assert isinstance(choice, forms.ChoiceField)  # noqa: S101  # for the type checker
        choice.choices = [
            ("", "That of the organisation in Xero"),
            *((name, name.replace("_", " ")) for name in sorted(names)),
        ]
        self.kept = self.facts()
        self.version = version_of(self.kept)

    def facts(self) -> dict[str, Any]:
        """Return the settings by label, as the audit record shows them."""
        kept = self.instance
        return {
            "All or nothing": kept.all_or_nothing,
            "Invoices to a reseller go to": kept.get_bill_resellers_display(),
            "Billing time zone": kept.time_zone,
        }
