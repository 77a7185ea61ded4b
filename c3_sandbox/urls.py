"""The sandbox's addresses: Microsoft's token endpoint, C3's own paths, the control calls and the pages."""

from django.urls import include, path, re_path

from c3_sandbox.api import calls, tokens
from c3_sandbox.api.dispatch import endpoint

# Documented are paths with a slash at the end and without: each is taken in both ways.
urlpatterns = [
    re_path(r"^(?P<directory>[^/]+)/oauth2/token/?$", endpoint("token", "POST", tokens.token)),
    re_path(r"^api/billingperiods/?$", endpoint("periods", "GET", calls.billing_periods)),
    re_path(
        r"^api/invoices/Download/v3/BillingPeriods(?:/(?P<period_id>[^/]*))?/?$",
        endpoint("invoices", "POST", calls.invoice_lines),
    ),
    re_path(r"^api/activecustomers/v5/?$", endpoint("customers", "GET", calls.active_customers)),
    re_path(r"^api/activecustomers/details/?$", endpoint("details", "GET", calls.customer_details)),
    path("sandbox/", include("c3_sandbox.control.urls")),
    path("", include("c3_sandbox.pages.urls")),
]
