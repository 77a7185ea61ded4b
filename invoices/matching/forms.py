"""Forms for kinds of categories and for column profiles."""

from __future__ import annotations

from typing import Any

from django import forms

from invoices.models import InvoiceLine

NOT_YET = ("", "Not yet known")


class KindRuleForm(forms.Form):
    """The kind of a category."""

    category = forms.CharField(
        label="Category",
        max_length=255,
        required=False,
        help_text="As the file has it; capitals do not count. Empty for lines without one.",
    )
    kind = forms.ChoiceField(
        label="Kind of line",
        choices=[("", "Choose a kind"), *InvoiceLine.Kind.choices],
        error_messages={"required": "Choose the kind."},
    )

    def clean_category(self) -> Any:
        return self.cleaned_data["category"].strip()
