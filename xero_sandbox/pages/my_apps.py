"""My Apps: register an app, edit its redirect URIs, generate its secrets."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from xero_sandbox.models import App
from xero_sandbox.oauth import registration
from xero_sandbox.oauth.scopes import BROAD, GRANULAR


class RedirectUrisForm(forms.Form):
    """The redirect URIs of an app, one a line."""

    redirect_uris = forms.CharField(
        label="Redirect URIs",
        help_text="One a line. The portal shows its own on its Settings page: copy it exactly, "
        "port and slash included. https, or http://localhost while trying things out.",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )

    def clean_redirect_uris(self) -> list[str]:
        """Return the URIs as a list, or say what is wrong with each."""
        uris = [line.strip() for line in self.cleaned_data["redirect_uris"].splitlines() if line.strip()]
        if problems := registration.redirect_uri_problems(uris):
            raise forms.ValidationError(problems)
        return uris


class AppForm(RedirectUrisForm):
    """A new app."""

    name = forms.CharField(label="App name", max_length=100)
    company_url = forms.CharField(label="Company or application URL", max_length=500)
    broad_scopes = forms.BooleanField(
        label="Broad scopes (made before March 2026)",
        required=False,
        help_text="Newer apps get granular scopes only. Tick this to try an older one.",
    )
    field_order = ["name", "company_url", "redirect_uris", "broad_scopes"]

    def clean_company_url(self) -> str:
        """Return the URL, or say that it must be absolute."""
        url: str = self.cleaned_data["company_url"]
        if problem := registration.company_url_problem(url):
            raise forms.ValidationError(problem)
        return url


@require_http_methods(["GET", "POST"])
def apps(request: HttpRequest) -> HttpResponse:
    """List the apps, and register another."""
    form = AppForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        app = registration.register(**form.cleaned_data)
        return redirect("app", client_id=app.client_id)
    return render(request, "xero_sandbox/apps.html", {"apps": App.objects.all(), "form": form})


@require_http_methods(["GET", "POST"])
def app(request: HttpRequest, client_id: str) -> HttpResponse:
    """Show an app, and change its redirect URIs."""
    found = get_object_or_404(App, client_id=client_id)
    form = RedirectUrisForm(request.POST or None, initial={"redirect_uris": "\n".join(found.redirect_uris)})
    if request.method == "POST" and form.is_valid():
        found.redirect_uris = form.cleaned_data["redirect_uris"]
        found.save(update_fields=["redirect_uris"])
        return redirect(f"{request.path}?done=saved")
    return _app_page(request, found, form)


@never_cache
@require_POST
def generate_secret(request: HttpRequest, client_id: str) -> HttpResponse:
    """Generate a secret and show it, this once: it is in no other page and in no address."""
    found = get_object_or_404(App, client_id=client_id)
    secret = registration.generate_secret(found)
    form = RedirectUrisForm(initial={"redirect_uris": "\n".join(found.redirect_uris)})
    return _app_page(request, found, form, secret)


def _app_page(request: HttpRequest, found: App, form: forms.Form, secret: str = "") -> HttpResponse:
    context = {
        "app": found,
        "form": form,
        "secret": secret,
        "scopes": [*GRANULAR, *(BROAD if found.broad_scopes else [])],
        "done": request.GET.get("done"),
    }
    return render(request, "xero_sandbox/app.html", context)
