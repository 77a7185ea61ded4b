"""Faults to order by hand, those in force, and the latest calls."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from c3_sandbox.api.call_log import call_log
from c3_sandbox.faults.registry import CALLS, KINDS, Order, orders

LATEST = 20
ANY_CALL = "Any call but the sign-in"
DONE = {"ordered": "The fault is ordered.", "lifted": "The fault is lifted."}


def _faults() -> list[tuple[str, str]]:
    return [(kind.name, kind.words) for kind in KINDS.values()]


class OrderForm(forms.Form):
    """An order for a fault."""

    name = forms.ChoiceField(label="Fault", choices=_faults)
    call = forms.ChoiceField(label="Call", required=False, choices=[("", ANY_CALL), *CALLS.items()])
    times = forms.IntegerField(label="How many calls", min_value=1, initial=1)
    nth = forms.IntegerField(label="From which call on", min_value=1, initial=1)
    seconds = forms.FloatField(label="Seconds", min_value=0, max_value=600, required=False)


@require_http_methods(["GET", "POST"])
def faults(request: HttpRequest) -> HttpResponse:
    """Show the orders and the latest calls, and take another order."""
    form = OrderForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        orders.place(Order(**form.cleaned_data))
        return redirect(f"{request.path}?done=ordered")
    context = {
        "form": form,
        "orders": [_row(order) for order in orders.all()],
        "calls": call_log.newest(LATEST)[::-1],
        "done": DONE.get(request.GET.get("done", "")),
    }
    return render(request, "c3_sandbox/faults.html", context)


def _row(order: Order) -> tuple[Order, str, Any]:
    kind = KINDS[order.name]
    return order, kind.words, CALLS.get(order.call) or (CALLS["token"] if kind.strikes_token else ANY_CALL)


@require_POST
def cancel(request: HttpRequest, order_id: int) -> HttpResponse:
    """Lift an order."""
    orders.cancel(order_id)
    return redirect("/faults/?done=lifted")
