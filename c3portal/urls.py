"""Every address of the portal."""

from django.urls import include, path

from c3portal import health
from c3portal.views import audit

urlpatterns = [
    path("", include("xero_integration.urls")),
    path("", include("invoices.urls")),
    path("", include("c3portal.sign_in.urls")),
    path("settings/audit/", audit.audit_record, name="audit_record"),
    path("settings/audit.csv", audit.audit_csv, name="audit_csv"),
    path("settings/audit.jsonl", audit.audit_jsonl, name="audit_jsonl"),
    path("health/live", health.live, name="health_live"),
    path("health/web", health.web, name="health_web"),
    path("health/ready", health.ready, name="health_ready"),
]
