"""The control calls under /sandbox/."""

from django.urls import path

from xero_sandbox.control import actions, state, webhooks
from xero_sandbox.control.endpoint import control
from xero_sandbox.faults import after, before  # noqa: F401 - importing them registers the faults

urlpatterns = [
    path("reset", control({"POST": state.reset})),
    path("forget", control({"POST": state.forget})),
    path("state", control({"GET": state.state})),
    path("calls", control({"GET": state.calls})),
    path(
        "faults",
        control({"GET": state.list_faults, "POST": state.place_fault, "DELETE": state.cancel_faults}),
    ),
    path("clock", control({"POST": state.set_clock})),
    path("limits", control({"POST": state.set_limits})),
    path("apps", control({"POST": actions.ensure_app})),
    path("tokens", control({"POST": actions.make_tokens})),
    path("tokens/revoke", control({"POST": actions.revoke_tokens})),
    path("disconnect", control({"POST": actions.disconnect})),
    path("organisations", control({"POST": actions.make_organisations})),
    path("organisation", control({"POST": actions.change_organisation})),
    path("contacts", control({"POST": actions.put_contacts})),
    path("accounts", control({"POST": actions.put_account})),
    path("tax-rates", control({"POST": actions.put_tax_rate})),
    path("currencies", control({"POST": actions.put_currency})),
    path("themes", control({"POST": actions.put_theme})),
    path("documents", control({"GET": actions.list_documents, "POST": actions.write_document})),
    path("documents/change", control({"POST": actions.change_document})),
    path("documents/void", control({"POST": actions.void_document})),
    path("webhooks", control({"GET": webhooks.list_webhooks, "POST": webhooks.put_webhook})),
    path("webhooks/confirm", control({"POST": webhooks.confirm_webhook})),
    path("webhooks/fault", control({"POST": webhooks.set_fault})),
    path("webhooks/replay", control({"POST": webhooks.replay_events})),
    path("mails", control({"GET": actions.list_mails})),
    path("payments", control({"POST": actions.record_payment})),
    path("payments/remove", control({"POST": actions.remove_payments})),
    path("received", control({"POST": actions.receive_money})),
    path("allocations", control({"GET": actions.list_allocations, "POST": actions.allocate})),
    path("allocations/remove", control({"POST": actions.take_back_allocations})),
]
