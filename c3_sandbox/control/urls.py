"""The control calls under /sandbox/."""

from django.urls import path

from c3_sandbox.control import actions
from c3_sandbox.control.endpoint import control
from c3_sandbox.faults import kinds  # noqa: F401 - importing them registers the faults

urlpatterns = [
    path("reset", control({"POST": actions.reset})),
    path("state", control({"GET": actions.state})),
    path("credentials", control({"GET": actions.credentials})),
    path("tokens/end", control({"POST": actions.end_tokens})),
    path("calls", control({"GET": actions.calls, "DELETE": actions.forget})),
    path("readings", control({"GET": actions.list_readings, "POST": actions.choose_readings})),
    path("clock", control({"POST": actions.set_clock})),
    path(
        "faults",
        control({"GET": actions.list_faults, "POST": actions.place_fault, "DELETE": actions.cancel_faults}),
    ),
    path("periods", control({"POST": actions.generate})),
    path("customers", control({"POST": actions.change_customer})),
    path("customers/rename", control({"POST": actions.rename_customer})),
    path("lines", control({"POST": actions.change_lines})),
]
