"""The one place that writes the audit record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from c3portal.models import AuditEntry, User
from c3portal.telemetry.tracing import current_id

Action = AuditEntry.Action

MASK = "••••"

# Where a change came in: a request, the words for what acted without one ("manage.py prune"), None for the portal.
Source = HttpRequest | str | None


def record(
    source: Source,
    action: str,
    subject: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    actor: User | str | None = None,
) -> AuditEntry:
    """Write one entry, in the change's own transaction. `action` is an `AuditEntry.Action`; `before` and `after` hold
    values by label, secrets `masked` by the caller; `actor` is who acted when not the source's user."""
    request = source if isinstance(source, HttpRequest) else None
    who = actor or (getattr(request, "user", None) if request else source)
    user = who if isinstance(who, User) else None
    # Beside the change and in its transaction, so that neither is kept without the other.
    return AuditEntry.objects.create(
        actor_id=user.pk if user else None,
        actor=user.email if user else str(who or "The portal")[:254],
        address=_address(request) if request else None,
        action=action,
        subject=subject[:255],
        before=_plain(before),
        after=_plain(after),
        request_id=current_id(),
    )


def record_changes(
    source: Source, action: str, subject: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> AuditEntry | None:
    """Write and return one entry of what differs, by label; None when nothing does."""
    was, is_now = changes(_plain(before), _plain(after))
    return record(source, action, subject, before=was, after=is_now) if was or is_now else None


def masked(value: str, *, replaces: str = "") -> str:
    """Return what the record may show of a secret: that there is one, or another than before."""
    if value and replaces and value != replaces:
        return f"{MASK} (another)"
    return MASK if value else ""


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return of both only what differs, by label."""
    labels = [label for label in {**before, **after} if before.get(label) != after.get(label)]
    return (
        {label: before[label] for label in labels if label in before},
        {label: after[label] for label in labels if label in after},
    )


def _plain(values: Mapping[str, Any] | None) -> dict[str, Any]:
    return {label: _storable(value) for label, value in (values or {}).items()}


def _storable(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [_storable(each) for each in value]
    if isinstance(value, dt.datetime):
        return f"{value.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC"
    return str(value)


def _address(request: HttpRequest) -> str | None:
    try:
        # The one that the rate limits of sign-in count by.
        address: str = get_adapter().get_client_ip(request)
    except PermissionDenied:
        return None
    return address
