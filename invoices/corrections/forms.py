"""What of an invoice is to be credited, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from django import forms

from invoices.corrections.creating import LONGEST_REASON, CorrectingLine
from xero_integration.models import InvoiceStatus

EVERYTHING, SOME = "all", "some"


class CreditForm(forms.Form):
    """The whole invoice, or some lines: whole, or an amount without tax of each."""

    what = forms.ChoiceField(
        label="Credit",
        choices=[(EVERYTHING, "The whole invoice"), (SOME, "Only what is chosen below")],
        initial=EVERYTHING,
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(label="Why", max_length=LONGEST_REASON)
    invoice_status = forms.ChoiceField(label="Arrives in Xero as", choices=InvoiceStatus.choices)

    def __init__(self, *args: Any, lines: Sequence[CorrectingLine], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lines = lines
        for place, line in enumerate(lines):
            label = line.description[:80]
            self.fields[f"whole_{place}"] = forms.BooleanField(required=False, label=f"The whole line: {label}")
            self.fields[f"amount_{place}"] = forms.DecimalField(
                required=False,
                label=f"Amount without tax of: {label}",
                max_digits=15,
                decimal_places=2,
                widget=forms.TextInput(
                    attrs={"inputmode": "decimal", "autocomplete": "off", "placeholder": "or a part"}
                ),
            )

    def rows(self) -> Iterator[tuple[CorrectingLine, forms.BoundField, forms.BoundField]]:
        """Yield each line with its two fields."""
        for place, line in enumerate(self.lines):
            yield line, self[f"whole_{place}"], self[f"amount_{place}"]

    def amounts(self) -> dict[int, Decimal | None]:
        """Return the chosen lines by place, with the amount without tax of each, None for the whole line."""
        if self.cleaned_data["what"] == EVERYTHING:
            return dict.fromkeys(range(len(self.lines)))
        found: dict[int, Decimal | None] = {}
        for place in range(len(self.lines)):
            part = self.cleaned_data.get(f"amount_{place}")
            if part is not None or self.cleaned_data.get(f"whole_{place}"):
                found[place] = part
        return found

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("what") == SOME and not self.errors and not self.amounts():
            raise forms.ValidationError("Choose at least one line, or give an amount.")
        return cleaned
