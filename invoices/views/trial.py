"""The test draft: posted, shown and deleted again by a person's clicks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from c3portal.http.permissions import role_required
from c3portal.models import User, roles
from invoices.home import trial, trial_document
from invoices.home.trial_document import CONTACT, Plan
from invoices.models import TrialDraft
from xero_integration import connections
from xero_integration.client import refusals
from xero_integration.client.refusals import Topic
from xero_integration.models import XeroConnection

# What the settings have otherwise than Xero wants it; all else is mended in Xero.
_OF_SETTINGS = frozenset({Topic.ACCOUNT, Topic.TAX, Topic.THEME})
_OF_CONTACT = frozenset({Topic.CONTACT, Topic.NAME, Topic.EMAIL})


@dataclass(frozen=True)
class Mending:
    """What a refusal means, and the page where it is mended, "" for in Xero."""

    words: str
    url: str = ""


@require_safe
@role_required(*roles.FINANCE)
def show(request: HttpRequest) -> HttpResponse:
    """Show what the test draft would be, or what became of the last one."""
    connection = XeroConnection.objects.current()
    last = trial.latest(connection) if connection else None
    plan = trial_document.plan(connection) if connection else connections.NOT_CONNECTED
    context = {
        "plan": plan,
        "is_ready": isinstance(plan, Plan),
        "last": last,
        "contact": CONTACT,
        "mendings": _mendings(last.message) if last and last.state == TrialDraft.State.REJECTED else [],
    }
    return render(request, "invoices/home/test_draft.html", context)


@require_POST
@role_required(*roles.FINANCE)
def post(request: HttpRequest) -> HttpResponse:
    """Post a test draft, or look what became of the one that may be in Xero."""
    connection = XeroConnection.objects.current()
    if connection is None:
        messages.error(request, connections.NOT_CONNECTED)
        return redirect("test_draft")
    plan = trial_document.plan(connection)
    if isinstance(plan, Plan):
        trial.post(connection, plan, cast(User, request.user), source=request)
    else:
        messages.error(request, plan)
    return redirect("test_draft")


@require_POST
@role_required(*roles.FINANCE)
def delete(request: HttpRequest) -> HttpResponse:
    """Delete the test draft in Xero."""
    connection = XeroConnection.objects.current()
    if connection and (last := trial.latest(connection)):
        trial.delete(last, source=request)
    return redirect("test_draft")


def _mendings(words: str) -> list[Mending]:
    return [
        Mending(f"Restore the contact “{CONTACT}” in Xero.")
        if each.topic in _OF_CONTACT
        else Mending(each.words, reverse("settings_general") if each.topic in _OF_SETTINGS else "")
        for each in refusals.causes(words)
    ]
