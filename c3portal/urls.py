"""Every address of the portal."""

from django.urls import include, path

from c3portal import health

urlpatterns = [
    path("", include("xero_integration.urls")),
    path("", include("invoices.urls")),
    path("", include("c3portal.account_urls")),
    path("health/live", health.live, name="health_live"),
    path("health/web", health.web, name="health_web"),
    path("health/ready", health.ready, name="health_ready"),
]
