"""Settings → General: the key that Xero signs its webhook's deliveries with."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from c3portal.audit.record import Action, masked, record_changes
from c3portal.http.permissions import role_required
from c3portal.models import User, roles
from xero_integration.models import XeroSettings

LONGEST_KEY = 200
LABEL = "Webhook signing key"


@role_required(roles.SYSTEM_ADMIN)
@require_POST
def webhook_key(request: HttpRequest) -> HttpResponse:
    """Keep the signing key `webhook_key`, or with `forget` keep none; it never comes out again."""
    key = "" if "forget" in request.POST else request.POST.get("webhook_key", "").strip()
    if not key and "forget" not in request.POST:
        messages.warning(request, "The signing key stays as it is: nothing was entered.")
    elif len(key) > LONGEST_KEY or not key.isascii():
        messages.error(request, "This does not look like a signing key: copy it from the app's Webhooks page in Xero.")
    else:
        _keep(request, key)
        messages.success(request, "The signing key is kept." if key else "Xero's webhook is not listened to any more.")
    return redirect("settings_general")


@transaction.atomic
def _keep(request: HttpRequest, key: str) -> None:
    row = XeroSettings.lock()
    before, after = {LABEL: masked(row.webhook_key)}, {LABEL: masked(key, replaces=row.webhook_key)}
    row.webhook_key, row.updated_by = key, cast(User, request.user)
    row.save(update_fields=["webhook_key", "updated_by", "updated_at"])
    record_changes(request, Action.SETTINGS, "Settings → General", before, after)
