"""Whoever saves a form second is told what the first changed."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from c3portal.models import AuditEntry

# A form carries the version of what it was filled from. Its view locks what it is about, compares, and only then saves,
# so that the audit record's *before* is what was there.
FIELD = "version"
MAX_CHANGES_SHOWN = 5


def version_of(*facts: Any) -> str:
    """Return what stands for these facts in a form; they cannot be read from it."""
    text = json.dumps(facts, sort_keys=True, default=str)
    return salted_hmac("c3portal.http.versions", text, algorithm="sha256").hexdigest()[:32]


def changed_meanwhile(request: HttpRequest, current: str, action: str, subject: str) -> str:
    """Return what to tell someone whose form is older than `current`, else ""."""
    given = request.POST.get(FIELD, "")
    # A form without a version, such as a script's, is taken as it is.
    if not given or constant_time_compare(given.encode(), current.encode()):
        return ""
    # Who changed it, and what, is the last word of the audit record.
    last = AuditEntry.objects.filter(action=action, subject__startswith=subject).order_by("-pk").first()
    if last is None:
        return "This was changed meanwhile, so nothing was saved. Save again to replace that with what this form says."
    changes = [f"{each.label}: {each.before or 'nothing'} → {each.after or 'nothing'}" for each in last.differences]
    shown = "; ".join(changes[:MAX_CHANGES_SHOWN]) + ("; and more" if len(changes) > MAX_CHANGES_SHOWN else "")
    when = timezone.localtime(last.at).strftime("%H:%M")
    return (
        f"This was changed meanwhile by {last.actor}, at {when}{f' ({shown})' if shown else ''}, so nothing was saved. "
        "Save again to replace that with what this form says."
    )
