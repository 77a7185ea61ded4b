"""/account/notices/: what each user is told by mail."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from c3portal.audit.record import Action, record
from c3portal.http.permissions import role_required
from c3portal.http.versions import changed_meanwhile, version_of
from c3portal.models import Delivery, User, roles
from c3portal.models.notices import Kind
from c3portal.notifications import email, publish
from c3portal.notifications.forms import ChoicesForm

SHOWN = 10


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(*roles.ALL)
def notice_choices(request: HttpRequest) -> HttpResponse:
    """Show and save which notices the user wants, with the last that were sent."""
    user = cast(User, request.user)
    wanted = [kind for kind, is_wanted in publish.choices_of(user).items() if is_wanted]
    form = ChoicesForm(request.POST if request.method == "POST" else None, initial={"kinds": wanted})
    if form.is_valid():
        if words := _keep(request, user, form.cleaned_data["kinds"]):
            form.add_error("kinds", words)
        else:
            messages.success(request, "Saved.")
            return redirect("notice_choices")
    sent = Delivery.objects.filter(user=user).select_related("notice").order_by("-pk")[:SHOWN]
    context = {"form": form, "sent": sent, "mail_to_console": email.goes_to_console()}
    context["version"] = version_of(publish.choices_of(user))
    return render(request, "notices/choices.html", context)


def _keep(request: HttpRequest, user: User, wanted: list[str]) -> str:
    """Save the kinds; return "", or why not: the user's choice changed meanwhile."""
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        version = version_of(publish.choices_of(user))
        if words := changed_meanwhile(request, version, Action.NOTICE, f"Notices of {user.email}"):
            return words
        changed = {str(Kind(kind).label): want for kind, want in publish.choose(user, wanted).items()}
        if changed:
            before = {label: not want for label, want in changed.items()}
            record(request, Action.NOTICE, f"Notices of {user.email}", before=before, after=changed)
    return ""
