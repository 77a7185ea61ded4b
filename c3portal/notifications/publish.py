"""Notices, and who gets them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F

from c3portal.database import clock
from c3portal.models import Delivery, Notice, NoticeChoice, User, Webhook, roles
from c3portal.models.notices import Kind
from c3portal.notifications.texts import Words

# What a trial of a webhook is kept as: nobody chooses it, and it is not tried again.
TEST = "test"
NOTIFIED_BY_DEFAULT = {roles.SYSTEM_ADMIN: True, roles.FINANCE_ADMIN: True, roles.SYSTEM_READER: False}


def is_published(key: str) -> bool:
    return Notice.objects.filter(key=key).exists()


def create_notice(
    key: str, kind: str, words: Words, *, path: str = "", data: Mapping[str, Any] | None = None, quietly: bool = False
) -> Notice | None:
    """Write the notice and its deliveries; return None when `key` was told before.

    `key` names what it is about. `path` is the page to open, from the portal's root; `data` (JSON) is for machines.
    `quietly` makes no deliveries, and shows it to nobody.
    """
    if is_published(key):
        return None
    with transaction.atomic():
        # Of several workers that notice the same thing, the unique key lets one tell it.
        notice, is_new = Notice.objects.get_or_create(
            key=key,
            defaults={
                "kind": kind,
                "subject": words.subject,
                "body": words.body,
                "path": path,
                "data": dict(data or {}),
                "is_quiet": quietly,
            },
        )
        if not is_new:
            return None
        if not quietly:
            _address(notice)
    return notice


def message_id(notice: Notice) -> str:
    """Return the id of this notice's messages, the same at every try, and no other notice's."""
    # Not the row's number, which a restore counts anew.
    name = f"{settings.PORTAL_URL}/{notice.key}/{notice.created_at.isoformat()}"
    return f"msg_{uuid.uuid5(uuid.NAMESPACE_URL, name).hex}"


def _address(notice: Notice) -> None:
    now = clock.now()
    to_users = [Delivery(notice=notice, user=user, next_try_at=now) for user in readers(notice.kind)]
    webhooks = [each for each in Webhook.objects.filter(is_active=True) if takes(each, notice.kind)]
    to_webhooks = [Delivery(notice=notice, webhook=each, next_try_at=now) for each in webhooks]
    Delivery.objects.bulk_create([*to_users, *to_webhooks])


def takes(webhook: Webhook, kind: str) -> bool:
    return not webhook.kinds or kind in webhook.kinds


def readers(kind: str) -> list[User]:
    """Return the active users with a role who want this kind."""
    users = User.objects.filter(is_active=True, groups__name__in=roles.ALL).annotate(role=F("groups__name"))
    choices = dict(NoticeChoice.objects.filter(kind=kind).values_list("user", "wanted"))
    return [user for user in users.order_by("pk") if choices.get(user.pk, NOTIFIED_BY_DEFAULT[user.role])]


def choices_of(user: User) -> dict[str, bool]:
    """Return for every kind whether this user gets it by mail."""
    default = NOTIFIED_BY_DEFAULT.get(roles.role_of(user) or "", False)
    return dict.fromkeys(Kind.values, default) | dict(user.notice_choices.values_list("kind", "wanted"))


def choose(user: User, wanted: Iterable[str]) -> dict[str, bool]:
    """Save the kinds that the user wants; return those that changed."""
    before, wanted = choices_of(user), set(wanted)
    # What agrees with the role's default and was never touched goes on following the default.
    changed = {kind: kind in wanted for kind in Kind.values if before[kind] != (kind in wanted)}
    for kind, want in changed.items():
        NoticeChoice.objects.update_or_create(user=user, kind=kind, defaults={"wanted": want})
    return changed
