"""Every address of the portal."""

from django.urls import include, path

from c3portal import health

urlpatterns = [
    path("", include("xero_integration.urls")),
    path("", include("invoices.urls")),
    path("accounts/", include("allauth.account.urls")),
    path("health/live", health.live, name="health_live"),
    path("health/ready", health.ready, name="health_ready"),
]
