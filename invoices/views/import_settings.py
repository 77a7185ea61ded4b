"""Settings → Imports."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from c3portal.audit.record import Action, record_changes
from c3portal.http.permissions import role_required
from c3portal.http.versions import changed_meanwhile
from c3portal.models import User, roles
from invoices.importing.forms import ImportSettingsForm
from invoices.models import ImportSettings

SUBJECT = "Settings → Imports"


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(roles.SYSTEM_ADMIN)
def import_settings(request: HttpRequest) -> HttpResponse:
    """Show and keep what holds for all imports."""
    kept = ImportSettings.objects.first() or ImportSettings(pk=1)
    form = _save(request) if request.method == "POST" else ImportSettingsForm(instance=kept)
    if form.is_valid():
        messages.success(request, "Saved.")
        return redirect("import_settings")
    return render(request, "invoices/import_settings.html", {"form": form, "version": form.version})


def _save(request: HttpRequest) -> ImportSettingsForm:
    """Save the form, unless it is invalid or outdated; return it."""
    with transaction.atomic():
        form = ImportSettingsForm(request.POST, instance=ImportSettings.lock())
        form.full_clean()
        if words := changed_meanwhile(request, form.version, Action.SETTINGS, SUBJECT):
            form.add_error(None, words)
        if form.is_valid():
            form.instance.updated_by = cast(User, request.user)
            form.save()
            record_changes(request, Action.SETTINGS, SUBJECT, form.kept, form.facts())
    return form
