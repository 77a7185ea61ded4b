"""Settings → Kinds."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from c3portal.audit.record import Action, record_changes
from c3portal.http.permissions import role_required
from c3portal.models import User, roles
from invoices.matching import kind_rules
from invoices.matching.forms import KindRuleForm
from invoices.matching.kinds import likely_kind
from invoices.models import ImportSettings, InvoiceLine, KindRule

SUBJECT = "Settings → Kinds"


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(*roles.ALL)
def kind_rules_page(request: HttpRequest) -> HttpResponse:
    """Show which kind each category is and which are open; keep or take back the rule of one."""
    form = KindRuleForm()
    if request.method == "POST":
        if roles.role_of(request.user) not in roles.FINANCE:
            raise PermissionDenied
        if "delete" in request.POST:
            _delete(request, request.POST["delete"])
            return redirect("kind_rules")
        form = KindRuleForm(request.POST)
        if form.is_valid():
            save(request, {form.cleaned_data["category"]: form.cleaned_data["kind"]})
            return redirect("kind_rules")
    open_ones = [(each, likely_kind(each.category)) for each in kind_rules.open_categories()]
    context = {
        "form": form,
        "rules": KindRule.objects.select_related("updated_by"),
        "open": open_ones,
        "kinds": InvoiceLine.Kind.choices,
        "may_change": roles.role_of(request.user) in roles.FINANCE,
    }
    return render(request, "invoices/matching/kinds.html", context)


def save(request: HttpRequest, kinds: dict[str, str]) -> None:
    """Keep the kind of each category, and say how many open lines have one now."""
    with transaction.atomic():
        # Two at once would both leave the same change in the audit record.
        ImportSettings.lock()
        before = _kept()
        lines = sum(kind_rules.save_rule(category, kind, cast(User, request.user)) for category, kind in kinds.items())
        record_changes(request, Action.MAPPING, SUBJECT, before, _kept())
    given = f" {lines:,} open lines have their kind now." if lines else ""
    messages.success(request, f"Kept.{given}")


def _delete(request: HttpRequest, key: str) -> None:
    with transaction.atomic():
        ImportSettings.lock()
        before = _kept()
        deleted, _ = KindRule.objects.filter(pk=int(key) if key.isdecimal() else 0).delete()
        record_changes(request, Action.MAPPING, SUBJECT, before, _kept())
    if deleted:
        messages.success(request, "Deleted. Lines that have their kind already keep it.")


def _kept() -> dict[str, str]:
    return {each.category or "(none)": each.get_kind_display() for each in KindRule.objects.all()}
