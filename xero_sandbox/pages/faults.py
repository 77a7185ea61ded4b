"""Faults, to be ordered and lifted by hand."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from xero_sandbox.faults import after, before  # noqa: F401 - importing them registers the faults
from xero_sandbox.faults.registry import KINDS, Order, orders

METHODS = [("", "Any"), ("GET", "GET"), ("PUT", "PUT"), ("POST", "POST"), ("DELETE", "DELETE")]


def _names() -> list[tuple[str, str]]:
    return [(name, f"{name}: {(kind.strike.__doc__ or '').strip()}") for name, kind in sorted(KINDS.items())]


class OrderForm(forms.Form):
    """One fault as it is ordered."""

    name = forms.ChoiceField(label="Fault", choices=_names)
    method = forms.ChoiceField(choices=METHODS, required=False)
    path = forms.CharField(
        required=False, help_text="A regular expression, such as Invoices or Email$. Empty: every accounting call."
    )
    nth = forms.IntegerField(label="From which matching call", min_value=1, initial=1)
    times = forms.IntegerField(label="How many times", min_value=1, required=False, help_text="Once when empty.")
    probability = forms.FloatField(
        label="Or by chance", min_value=0, max_value=1, required=False, help_text="0.1 strikes one call in ten."
    )
    seconds = forms.FloatField(min_value=0, required=False, help_text="For the faults that wait.")

    def clean(self) -> dict[str, Any]:
        """Refuse a path that cannot be read."""
        cleaned: dict[str, Any] = super().clean() or {}
        try:
            Order(name=cleaned.get("name", ""), path=cleaned.get("path", ""))
        except Exception as error:
            self.add_error("path", f"This cannot be read as a regular expression: {error}.")
        return cleaned


@require_http_methods(["GET", "HEAD", "POST"])
def faults(request: HttpRequest) -> HttpResponse:
    """Show the orders in force, and take one more."""
    form = OrderForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        orders.place(Order(**form.cleaned_data))
        return redirect("/faults/?done=ordered")
    listed = [order | {"when": _when(order)} for order in orders.listed()]
    context = {"orders": listed, "form": form, "done": request.GET.get("done")}
    return render(request, "xero_sandbox/faults.html", context)


def _when(order: dict[str, Any]) -> str:
    parts = [
        (True, f"from call {order['nth']}"),
        (order["times"] is not None, f"{order['times']} in all"),
        (order["probability"] is not None, f"with a chance of {order['probability']}"),
        (order["seconds"] is not None, f"{order['seconds']} s"),
    ]
    return ", ".join(words for holds, words in parts if holds)


@require_POST
def lift(request: HttpRequest) -> HttpResponse:
    """Lift one order, or all."""
    order_id = request.POST.get("id", "")
    orders.cancel(int(order_id) if order_id.isdigit() else None)
    return redirect("/faults/?done=lifted")
