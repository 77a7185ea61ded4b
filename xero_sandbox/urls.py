"""The sandbox's addresses: Xero's own paths, the pages, and the control calls."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from xero_sandbox.api.dispatch import accounting_api
from xero_sandbox.oauth import consent, identity


def moved(request: HttpRequest) -> HttpResponse:
    """Where the redirect fault leads: a page, as of some gateway, and no JSON."""
    return HttpResponse("<html><body>This page is not the one you asked for.</body></html>")


urlpatterns = [
    path("api.xro/2.0/<path:path>", accounting_api),
    path("identity/connect/authorize", consent.authorize, name="authorize"),
    path("connect/token", identity.token),
    path("connect/revocation", identity.revocation),
    path("connections", identity.connections),
    path("connections/<uuid:connection_id>", identity.connections),
    path("sandbox/moved", moved),
    path("sandbox/", include("xero_sandbox.control.urls")),
    path("", include("xero_sandbox.pages.urls")),
]
