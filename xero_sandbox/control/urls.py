"""The control calls under /sandbox/."""

from django.urls import path

from xero_sandbox.control import hands, running
from xero_sandbox.control.door import control
from xero_sandbox.faults import after, before  # noqa: F401 - importing them registers the faults

urlpatterns = [
    path("reset", control({"POST": running.reset})),
    path("forget", control({"POST": running.forget})),
    path("state", control({"GET": running.state})),
    path("calls", control({"GET": running.calls})),
    path(
        "faults",
        control({"GET": running.list_faults, "POST": running.place_fault, "DELETE": running.cancel_faults}),
    ),
    path("clock", control({"POST": running.set_clock})),
    path("limits", control({"POST": running.set_limits})),
    path("apps", control({"POST": hands.ensure_app})),
    path("tokens", control({"POST": hands.make_tokens})),
    path("tokens/revoke", control({"POST": hands.revoke_tokens})),
    path("disconnect", control({"POST": hands.disconnect})),
    path("organisations", control({"POST": hands.make_organisations})),
    path("organisation", control({"POST": hands.change_organisation})),
    path("contacts", control({"POST": hands.put_contacts})),
    path("accounts", control({"POST": hands.put_account})),
    path("tax-rates", control({"POST": hands.put_tax_rate})),
    path("currencies", control({"POST": hands.put_currency})),
    path("themes", control({"POST": hands.put_theme})),
    path("documents", control({"GET": hands.list_documents, "POST": hands.write_document})),
    path("documents/void", control({"POST": hands.void_document})),
    path("payments", control({"POST": hands.record_payment})),
]
