"""The pages' addresses."""

from pathlib import Path

from django.conf import settings
from django.urls import path
from django.views.static import serve

from c3_sandbox.pages import access, customers, faults, periods

STATIC = Path(settings.PACKAGE) / "static"

urlpatterns = [
    path("", periods.periods),
    path("periods/next", periods.generate_next),
    path("periods/<int:pk>/", periods.period),
    path("periods/<int:pk>/again", periods.generate_again),
    path("periods/<int:pk>/change", periods.change_amounts),
    path("customers/", customers.customers),
    path("customers/<str:erp_id>/", customers.customer),
    path("api-access/", access.access),
    path("api-access/end-tokens", access.end_tokens),
    path("faults/", faults.faults),
    path("faults/<int:order_id>/cancel", faults.cancel),
    path("static/<path:path>", serve, {"document_root": STATIC}),
]
