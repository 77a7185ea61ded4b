"""Needs attention: what a person has to see to, by cause."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from c3_integration import fetches
from c3_integration.models import C3Fetch
from c3portal.http.permissions import role_required
from c3portal.models import roles
from invoices.attention import causes, counting
from invoices.attention.causes import Cause
from invoices.attention.shown import Line, Step, lines
from invoices.models import AttentionCheck
from invoices.views.next_steps import next_step
from xero_integration.context_processors import current_connection
from xero_integration.models import XeroConnection


@require_safe
@role_required(*roles.ALL)
def needs_attention(request: HttpRequest) -> HttpResponseBase:
    """Show what needs attention, with what mends it."""
    found = attention_lines(request, current_connection(request), fetches.last())
    last = AttentionCheck.objects.order_by("-checked_at").first()
    context = {"lines": found, "last_check": last, "attention_count": causes.count(each.cause for each in found)}
    return render(request, "invoices/attention/page.html", context)


@require_POST
@role_required(*roles.FINANCE)
def check_again(request: HttpRequest) -> HttpResponse:
    """Check the newest billing period's unposted invoices again."""
    found = counting.refresh(anew=True)
    if found is None:
        messages.info(request, "Nothing to check yet: connect to Xero and import a billing period first.")
        return redirect("needs_attention")
    messages.success(request, f"Checked {found.invoices:,} invoices that are not posted; {found.blocked:,} blocked.")
    return redirect("needs_attention")


def attention_lines(request: HttpRequest, connection: XeroConnection | None, last_fetch: C3Fetch | None) -> list[Line]:
    """Return the causes with what who looks may do about each, for any page."""
    role = roles.role_of(request.user)
    may_act, may_set = role in roles.FINANCE, role == roles.SYSTEM_ADMIN
    back = request.get_full_path()

    def step(cause: Cause) -> Step | None:
        found = next_step(cause.problem, back, may_set=may_set) if cause.problem else None
        return Step(found.words, found.url) if found else None

    found = causes.find(connection, last_fetch, may_open=may_act)
    return lines(found, step, may_act=may_act)
