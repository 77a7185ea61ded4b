"""/notices/: what happened lately, and what of it somebody has not seen."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from c3portal.http.permissions import role_required
from c3portal.models import Notice, User, roles
from c3portal.notifications import inbox

NOTICES_A_PAGE = 20


@require_safe
@role_required(*roles.ALL)
def notices(request: HttpRequest) -> HttpResponse:
    """Show what people were told, the newest first."""
    user = cast(User, request.user)
    page = Paginator(Notice.objects.shown(), NOTICES_A_PAGE).get_page(request.GET.get("page"))
    shown = list(page.object_list)
    rows = [
        {
            "notice": notice,
            "subject": inbox.in_words(notice.subject),
            "body": inbox.in_words(notice.body),
            "colour": inbox.COLOURS.get(notice.kind, "info"),
            "is_new": notice.pk > user.notices_seen and notice.created_at >= user.date_joined,
        }
        for notice in shown
    ]
    newest = max((notice.pk for notice in shown), default=0)
    return render(request, "notices/list.html", {"page": page, "rows": rows, "newest": newest})


@require_POST
@role_required(*roles.ALL)
def notices_seen(request: HttpRequest) -> HttpResponse:
    """Mark as seen what the page showed."""
    form = inbox.SeenForm(request.POST)
    if form.is_valid():
        inbox.mark_seen(cast(User, request.user), form.cleaned_data["upto"])
        messages.success(request, "Marked as seen.")
    return redirect("notices")
