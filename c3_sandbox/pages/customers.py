"""The customers, and the page on which one is renamed."""

from django import forms
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from c3_sandbox.billing import periods as billing
from c3_sandbox.models import Customer
from c3_sandbox.storage import writing

PER_PAGE = 50
RENAMED = "The customer is renamed."


class RenameForm(forms.Form):
    """A customer's name."""

    name = forms.CharField(label="Name", max_length=255)
    on_invoices = forms.BooleanField(
        label="On the invoices that are there too",
        required=False,
        help_text="Their numbers stay. Without it, the name is on what is generated from now on.",
    )


@require_safe
def customers(request: HttpRequest) -> HttpResponse:
    """List the customers."""
    term = request.GET.get("q", "").strip()
    found = Customer.objects.all()
    if term:
        found = found.filter(Q(name__icontains=term) | Q(erp_id__icontains=term) | Q(email__icontains=term))
    context = {
        "page": Paginator(found, PER_PAGE).get_page(request.GET.get("page")),
        "term": term,
        "query": f"&{urlencode({'q': term})}" if term else "",
    }
    return render(request, "c3_sandbox/customers.html", context)


@require_http_methods(["GET", "POST"])
def customer(request: HttpRequest, erp_id: str) -> HttpResponse:
    """Show a customer, and rename it."""
    one = get_object_or_404(Customer, erp_id=erp_id)
    form = RenameForm(request.POST or None, initial={"name": one.name})
    if request.method == "POST" and form.is_valid():
        with writing():
            billing.rename(one, form.cleaned_data["name"], on_invoices=form.cleaned_data["on_invoices"])
        return redirect(f"{request.path}?done=renamed")
    done = RENAMED if request.GET.get("done") == "renamed" else ""
    return render(request, "c3_sandbox/customer.html", {"customer": one, "form": form, "done": done})
