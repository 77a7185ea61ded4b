"""The way in: what a partner copies into its program, and the readings of what C3 leaves open."""

from dataclasses import fields

from django import forms
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from c3_sandbox.api import readings
from c3_sandbox.api.readings import Readings
from c3_sandbox.models import Partner
from c3_sandbox.storage import writing

DONE = {"saved": "The readings are saved.", "ended": "All tokens have ended."}
LABELS = {
    "errors_with_http_codes": "Errors come with HTTP 4xx instead of 200",
    "bare_401": "A 401 has no envelope and no body",
    "empty_list_on_error": "Data of an error is [] instead of null",
    "older_fields": "The fields from UniqueProviderOfferId to ProviderInvoiceNumber are absent",
    "period_in_lines": "Lines carry BillingId and the period's dates",
    "numbers_as_text": "Numbers of lines are text",
    "addresses_as_lists": "E-mail addresses and telephone numbers are arrays",
    "token_seconds": "Seconds that a token lives",
    "multiply": "How many times every invoice comes (125 make a period of 100 MB)",
}


def _field(name: str, label: str) -> forms.Field:
    if isinstance(getattr(Readings(), name), bool):
        return forms.BooleanField(label=label, required=False)
    return forms.IntegerField(label=label, min_value=1, max_value=100_000)


class ReadingsForm(forms.Form):
    """The readings, each as a tick, and the two measures as numbers."""

    def __init__(self, *args: object, **more: object) -> None:
        super().__init__(*args, **more)  # type: ignore[arg-type]
        for field in fields(Readings):
            self.fields[field.name] = _field(field.name, LABELS[field.name])


@never_cache
@require_http_methods(["GET", "POST"])
def access(request: HttpRequest) -> HttpResponse:
    """Show what to copy into the portal, and choose the readings."""
    form = ReadingsForm(request.POST or None, initial=readings.as_json())
    if request.method == "POST" and form.is_valid():
        with writing():
            readings.choose(form.cleaned_data)
        return redirect(f"{request.path}?done=saved")
    address = request.build_absolute_uri("/").rstrip("/")
    context = {
        "address": address,
        "credentials": _credentials(address),
        "form": form,
        "done": DONE.get(request.GET.get("done", "")),
    }
    return render(request, "c3_sandbox/access.html", context)


def _credentials(address: str) -> list[tuple[str, str]]:
    partner = Partner.objects.get()
    return [
        ("API address", address),
        ("Directory (tenant) id", partner.directory_id),
        ("Client id", str(partner.client_id)),
        ("Client secret", partner.client_secret),
        ("Scope", partner.scope),
        ("Resource", str(partner.resource)),
    ]


@require_POST
def end_tokens(request: HttpRequest) -> HttpResponse:
    """End every token that was given."""
    with writing():
        Partner.objects.update(token_generation=F("token_generation") + 1)
    return redirect("/api-access/?done=ended")
