"""How large a file a form takes."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat


def require_size(file: UploadedFile[Any], limit: int, advice: str) -> UploadedFile[Any]:
    """Return `file`. Raises ValidationError, ending with `advice`, above `limit` bytes."""
    if (size := file.size or 0) > limit:
        words = f"This file has {filesizeformat(size)}; the page takes up to {filesizeformat(limit)}."
        raise forms.ValidationError(f"{words} {advice}")
    return file
