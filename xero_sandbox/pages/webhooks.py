"""My Apps: an app's webhook, how it stands, and what goes wrong with it on purpose."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from xero_sandbox.models import App, Webhook
from xero_sandbox.storage import writing
from xero_sandbox.webhooks import delivery, registration
from xero_sandbox.webhooks.outbox import CATEGORIES

EVENTS_SHOWN = 20


class WebhookForm(forms.Form):
    """Where an app is told of what."""

    url = forms.CharField(
        label="Delivery URL", max_length=2000, help_text="The portal shows its own on its Settings page."
    )
    categories = forms.MultipleChoiceField(
        label="Notify about", choices=[(each, each.capitalize()) for each in CATEGORIES], initial=list(CATEGORIES)
    )
    tells_payments = forms.BooleanField(
        label="Payments make an event", required=False, initial=True, help_text="Xero does not promise that they do."
    )


class FaultForm(forms.Form):
    fault = forms.ChoiceField(label="What goes wrong", choices=list(delivery.FAULTS.items()), required=False)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def webhook(request: HttpRequest, client_id: str) -> HttpResponse:
    """Show an app's webhook, and set it up."""
    app = get_object_or_404(App, client_id=client_id)
    found = Webhook.objects.filter(app=app).first()
    kept = {"url": found.url, "categories": found.categories, "tells_payments": found.tells_payments} if found else None
    form = WebhookForm(request.POST or None, initial=kept)
    if request.method == "POST" and form.is_valid():
        try:
            registration.set_up(app, **form.cleaned_data)
        except registration.WebhookRefused as refused:
            form.add_error("url", str(refused))
        else:
            return redirect(f"{request.path}?done=saved")
    context = {
        "app": app,
        "webhook": found,
        "form": form,
        "fault_form": FaultForm(initial={"fault": found.fault}) if found else None,
        "events": found.events.order_by("-sequence").select_related("document", "contact")[:EVENTS_SHOWN]
        if found
        else [],
        "done": request.GET.get("done"),
    }
    return render(request, "xero_sandbox/webhook.html", context)


@require_POST
def confirm(request: HttpRequest, client_id: str) -> HttpResponse:
    """Send the intent to receive."""
    delivery.confirm(get_object_or_404(Webhook, app_id=client_id))
    return _back(client_id, "confirmed")


@require_POST
def replay(request: HttpRequest, client_id: str) -> HttpResponse:
    """Send the last event once more."""
    registration.replay(get_object_or_404(Webhook, app_id=client_id), 1)
    return _back(client_id, "replayed")


@require_POST
def fault(request: HttpRequest, client_id: str) -> HttpResponse:
    """Have deliveries go wrong, or right again."""
    found = get_object_or_404(Webhook, app_id=client_id)
    form = FaultForm(request.POST)
    if form.is_valid():
        with writing():
            Webhook.objects.filter(pk=found.pk).update(fault=form.cleaned_data["fault"])
    return _back(client_id, "fault")


def _back(client_id: str, done: str) -> HttpResponse:
    return redirect(f"/apps/{client_id}/webhook?done={done}")
