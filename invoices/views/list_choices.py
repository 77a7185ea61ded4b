"""What a user chooses of the list: its columns, and filters saved under a name."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from c3portal.http.permissions import role_required
from c3portal.models import User, roles
from invoices.listing import choices, columns
from invoices.selection.selection import Selection


@require_POST
@role_required(*roles.ALL)
def choose_columns(request: HttpRequest) -> HttpResponseBase:
    """Show whoever asks these columns (`column`) from now on, with `usual` those that everyone begins with."""
    user = cast(User, request.user)
    if "usual" in request.POST:
        choices.usual_columns(user)
    else:
        choices.choose_columns(user, request.POST.getlist("column"))
    return _back(request)


@require_POST
@role_required(*roles.ALL)
def save_view(request: HttpRequest) -> HttpResponseBase:
    """Keep the list's filter under a `name`, for whoever asks."""
    selection, name = Selection.from_query(request.POST), request.POST.get("name", "")
    if selection is not None:
        try:
            query = choices.query_of(selection, request.POST.get("sort", ""))
            choices.save_view(cast(User, request.user), name, query)
        except choices.Refused as refusal:
            messages.error(request, str(refusal))
    return _back(request)


@require_POST
@role_required(*roles.ALL)
def delete_view(request: HttpRequest) -> HttpResponseBase:
    """Forget the saved view called `name`."""
    choices.delete_view(cast(User, request.user), request.POST.get("name", ""))
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    """Lead back to the list as it was. Raises Http404, BadRequest."""
    selection = Selection.from_query(request.POST)
    if selection is None:
        return redirect("invoice_list")
    asked = selection.fields() | {"sort": columns.known_sort(request.POST.get("sort", ""))}
    query = urlencode({name: value for name, value in asked.items() if value})
    return redirect(f"{reverse('invoice_list')}?{query}")
