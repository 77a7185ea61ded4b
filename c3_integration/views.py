"""Settings → Invoices from C3, and trying it."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from c3_integration import trial
from c3_integration.forms import C3SettingsForm
from c3_integration.models import C3Settings
from c3portal.audit.record import Action, record, record_changes
from c3portal.http.permissions import role_required
from c3portal.http.versions import changed_meanwhile
from c3portal.models import User, roles

SUBJECT = "Settings → Invoices from C3"
WORKS = {True: "works", False: "does not work", None: "not tried"}


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(roles.SYSTEM_ADMIN)
def settings_c3(request: HttpRequest) -> HttpResponse:
    """Show and keep where C3 is and what the portal signs in with."""
    form = _save(request) if request.method == "POST" else C3SettingsForm(instance=C3Settings.load())
    if form.is_valid():
        messages.success(request, "Saved.")
        return redirect("settings_c3")
    return _page(request, form)


def _save(request: HttpRequest) -> C3SettingsForm:
    """Save the form, unless it is invalid or outdated; return it."""
    with transaction.atomic():
        form = C3SettingsForm(request.POST, instance=C3Settings.lock())
        form.full_clean()
        if words := changed_meanwhile(request, form.version, Action.SETTINGS, SUBJECT):
            form.add_error(None, words)
        if form.is_valid():
            form.instance.updated_by = cast(User, request.user)
            form.save()
            record_changes(request, Action.SETTINGS, SUBJECT, form.kept, form.facts())
    return form


@require_POST
@role_required(roles.SYSTEM_ADMIN)
def try_settings(request: HttpRequest) -> HttpResponse:
    """Try the saved settings, and say step by step what works."""
    app = C3Settings.load()
    steps = trial.run(app)
    record(request, Action.OPERATION, f"{SUBJECT}: tried", after={each.name: WORKS[each.works] for each in steps})
    return _page(request, C3SettingsForm(instance=app), steps)


def _page(request: HttpRequest, form: C3SettingsForm, steps: list[trial.Step] | None = None) -> HttpResponse:
    context = {"form": form, "version": form.version, "steps": steps, "missing": C3Settings.load().missing()}
    return render(request, "c3_integration/settings_c3.html", context)
