"""Settings → Column profiles."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from c3portal.audit.record import Action, record, record_changes
from c3portal.http.permissions import role_required
from c3portal.http.versions import changed_meanwhile, version_of
from c3portal.models import User, roles
from invoices.matching.column_profile import BUILT_IN
from invoices.matching.forms import ProfileForm
from invoices.matching.meanings import LABELS
from invoices.models import ImportProfile

SUBJECT = "Settings → Column profiles"


@require_safe
@role_required(*roles.ALL)
def column_profiles(request: HttpRequest) -> HttpResponse:
    """List the profiles, the portal's own among them."""
    found = ImportProfile.objects.select_related("updated_by")
    return render(request, "invoices/matching/profiles.html", {"profiles": found, "built_in": BUILT_IN})


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(*roles.ALL)
def column_profile(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a profile, and change or delete it."""
    profile = get_object_or_404(ImportProfile, pk=pk)
    form = ProfileForm(instance=profile)
    if request.method == "POST":
        if roles.role_of(request.user) not in roles.FINANCE:
            raise PermissionDenied
        with transaction.atomic():
            profile = get_object_or_404(ImportProfile.objects.select_for_update(no_key=True), pk=pk)
            form = ProfileForm(request.POST, instance=profile)
            if _post(request, profile, form):
                return redirect("column_profiles")
            profile = ImportProfile.objects.get(pk=pk)
    context = {
        "profile": profile,
        "form": form,
        "version": version_of(as_text(profile)),
        "may_change": roles.role_of(request.user) in roles.FINANCE,
    }
    return render(request, "invoices/matching/profile.html", context)


def as_text(profile: ImportProfile) -> dict[str, str]:
    """Return what a profile says, by label, for the audit record."""
    formats = profile.formats
    written = {**formats.get("numbers", {}), **formats.get("dates", {})}
    facts = {LABELS.get(name, name): column for name, column in profile.columns.items()}
    facts |= {f"{LABELS.get(name, name)}: written": how for name, how in written.items() if how}
    facts |= {f"{LABELS.get(name, name)}: always": text for name, text in formats.get("fixed", {}).items()}
    facts |= {"Encoding": profile.encoding} if profile.encoding else {}
    facts |= {"Sheet": profile.sheet} if profile.sheet else {}
    return {"Name": profile.name, **facts}


def _post(request: HttpRequest, profile: ImportProfile, form: ProfileForm) -> bool:
    before, subject = as_text(profile), f"{SUBJECT}: {profile.name}"
    if words := changed_meanwhile(request, version_of(before), Action.MAPPING, subject):
        form.add_error(None, words)
        return False
    if "delete" in request.POST:
        profile.delete()
        record(request, Action.MAPPING, f"{subject} deleted", before=before)
        messages.success(request, f"{before['Name']} was deleted. Files of its columns ask again.")
        return True
    if not form.is_valid():
        return False
    form.instance.updated_by = cast(User, request.user)
    kept = form.save()
    record_changes(request, Action.MAPPING, subject, before, as_text(kept))
    messages.success(request, f"{kept.name} was saved.")
    return True
