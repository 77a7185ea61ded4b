"""What people may enter about invoices."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat


class ImportForm(forms.Form):
    """A file of invoice lines; what is in it is the import's business, only its size is judged here."""

    file = forms.FileField(
        label="File of invoice lines",
        help_text="C3's invoice line download, JSON or CSV.",
        widget=forms.FileInput(attrs={"accept": ".json,.csv,.txt,application/json,text/csv"}),
        error_messages={"required": "Choose the file to import.", "empty": "The file is empty."},
    )

    def clean_file(self) -> UploadedFile[Any]:
        """Return the file. Raises ValidationError for one that would keep the page waiting too long."""
        file = cast("UploadedFile[Any]", self.cleaned_data["file"])
        size = file.size or 0
        if size > settings.IMPORT_MAX_BYTES:
            raise forms.ValidationError(
                f"This file has {filesizeformat(size)}; the page takes up to "
                f"{filesizeformat(settings.IMPORT_MAX_BYTES)}. Have it imported on the server: "
                "manage.py import_invoices FILE takes files of any size."
            )
        return file
