"""What an organisation is like: its lock dates, and what is not known for certain of Xero."""

from typing import Any

from django import forms
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from xero_sandbox.models import Organisation


class OrganisationForm(ModelForm):
    """The settings of an organisation."""

    class Meta:
        model = Organisation
        fields = (
            "period_lock_date",
            "year_lock_date",
            "mails_a_day",
            "is_demo",
            "free_after_delete",
            "free_after_void",
            "numbers_ignore_case",
            "unique_credit_notes",
        )
        labels = {
            "period_lock_date": "Period lock date",
            "year_lock_date": "End of year lock date",
            "mails_a_day": "Mails a day",
            "is_demo": "Demo company, which mails nothing",
            "free_after_delete": "A number is free again after its draft was deleted",
            "free_after_void": "A number is free again after its document was voided",
            "numbers_ignore_case": "Numbers that differ by capitals alone are the same",
            "unique_credit_notes": "Numbers of credit notes are unique",
        }
        widgets = {
            name: forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
            for name in ("period_lock_date", "year_lock_date")
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("period_lock_date", "year_lock_date"):
            self.fields[name].required = False


@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest, short_code: str) -> HttpResponse:
    """Show and change an organisation's settings."""
    one = get_object_or_404(Organisation, short_code=short_code)
    form = OrganisationForm(request.POST or None, instance=one)
    if request.method == "POST" and form.is_valid():
        form.save()
        return redirect(f"/organisations/{short_code}/?done=saved")
    context = {"organisation": one, "title": "Settings", "form": form}
    return render(request, "xero_sandbox/settings.html", context)
