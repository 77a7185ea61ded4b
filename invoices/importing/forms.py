"""The form for a file of invoice lines."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from c3portal.http.upload_size import require_size


def import_limit() -> int:
    """Return how large a file the page takes, in bytes."""
    return int(settings.IMPORT_MAX_BYTES)


class ImportForm(forms.Form):
    """A file of invoice lines; only its size is judged here."""

    file = forms.FileField(
        label="File of invoice lines",
        help_text="C3's invoice line download, JSON or CSV.",
        widget=forms.FileInput(attrs={"accept": ".json,.csv,.txt,application/json,text/csv"}),
        error_messages={"required": "Choose the file to import.", "empty": "The file is empty."},
    )

    def clean_file(self) -> UploadedFile[Any]:
        return require_size(
            self.cleaned_data["file"],
            import_limit(),
            "Have it imported on the server: manage.py import_invoices FILE takes files of any size.",
        )
