"""The outbox: each delivery of a notice is tried until it arrives or is given up, never inside a transaction."""

from __future__ import annotations

import datetime as dt
import json
import logging
import time
import traceback
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from c3portal.database import clock
from c3portal.models import Delivery, Notice, User, Webhook, roles
from c3portal.models.notices import Kind
from c3portal.notifications import email, publish, webhook_admin, webhook_client
from c3portal.notifications.texts import Words, in_zone
from c3portal.processes import liveness

logger = logging.getLogger(__name__)

Status = Delivery.Status

# Longer than a message can be in flight (a mail has several waits of ten seconds each).
LEASE = dt.timedelta(minutes=5)
FIRST_PAUSE = dt.timedelta(minutes=1)
LONGEST_PAUSE = dt.timedelta(hours=12)
# Ten pauses that double and five of twelve hours: three days and five hours.
MOST_TRIES = 16
# How machines call each kind; docs/operations/notices.md lists them.
EVENT_TYPES: dict[str, str] = {
    Kind.UPLOAD_FINISHED: "upload.finished",
    Kind.NEEDS_RECONNECTING: "connection.needs_reconnecting",
    Kind.TOKEN_DIES: "connection.token_dies",
    Kind.DAY_LIMIT: "connection.day_limit",
    Kind.POSTED_TWICE: "connection.posted_twice",
    Kind.CHANGED_IN_XERO: "documents.changed",
    Kind.MAPPING_DRIFT: "mapping.drift",
    Kind.C3_FETCH: "c3.fetch",
    publish.TEST: "portal.test",
}


@dataclass(frozen=True)
class Outcome:
    """What a try came to; `words` are for the page."""

    words: str
    is_delivered: bool = False
    # Another try would change nothing.
    is_final: bool = False
    # The receiver wants no more messages at all.
    is_receiver_gone: bool = False


def pause_after(tries: int) -> dt.timedelta:
    """Return the wait after so many tries (from 1): one minute, doubling, at most twelve hours."""
    return min(FIRST_PAUSE * (1 << (tries - 1)), LONGEST_PAUSE)


def due() -> QuerySet[Delivery]:
    """Return what is to be tried now, longest due first."""
    return Delivery.objects.filter(status=Status.WAITING, next_try_at__lte=clock.now()).order_by("next_try_at")


def deliver_due(seconds: float) -> int:
    """Deliver what is due for about `seconds`; return how many were tried."""
    until, tried = time.monotonic() + seconds, 0
    if not liveness.may_claim(clock.now()):
        return 0
    while time.monotonic() < until and (row := due().only("pk", "tries").first()):
        tried += deliver(row)
    return tried


def deliver(row: Delivery) -> bool:
    """Try one delivery; False when another worker took it since `row` was read."""
    # The lease lets a worker that dies here cost minutes, at worst the same message twice, with the same id.
    claimed = Delivery.objects.filter(pk=row.pk, status=Status.WAITING, tries=row.tries).update(
        tries=row.tries + 1, next_try_at=clock.now() + LEASE
    )
    if not claimed:
        return False
    delivery = Delivery.objects.select_related("notice", "user", "webhook").get(pk=row.pk)
    try:
        outcome = _send(delivery)
    except Exception as error:
        # One message that cannot be made must not hold up all behind it. The error's own words may name people.
        where = "".join(traceback.format_tb(error.__traceback__))
        logger.error("Delivery %s could not be sent: %s\n%s", delivery.pk, type(error).__name__, where)
        outcome = Outcome("It could not be sent for a reason that the portal's log tells.")
    _settle(delivery, outcome)
    return True


def _send(delivery: Delivery) -> Outcome:
    if delivery.webhook:
        return _post(delivery, delivery.webhook)
    return _mail(delivery, cast(User, delivery.user))


def _settle(delivery: Delivery, outcome: Outcome) -> None:
    # Another worker's try, after this one's lease, has a higher number.
    mine = Delivery.objects.filter(pk=delivery.pk, status=Status.WAITING, tries=delivery.tries)
    now, is_trial = clock.now(), delivery.notice.kind == publish.TEST
    # The name of a host, which may stand in the words, fills the column by itself.
    words = outcome.words[: Delivery._meta.get_field("last_answer").max_length]
    if outcome.is_delivered:
        mine.update(status=Status.DELIVERED, last_answer=words, delivered_at=now)
    elif outcome.is_final or is_trial or delivery.tries >= MOST_TRIES:
        mine.update(status=Status.FAILED, last_answer=words)
    else:
        mine.update(last_answer=words, next_try_at=now + pause_after(delivery.tries))
    if outcome.is_receiver_gone and delivery.webhook:
        webhook_admin.switch_off_gone(delivery.webhook)


# Mail


def _mail(delivery: Delivery, user: User) -> Outcome:
    if not user.is_active or not roles.role_of(user):
        return Outcome("Not sent: the user may no longer sign in.", is_final=True)
    if not publish.choices_of(user).get(delivery.notice.kind, False):
        return Outcome("Not sent: the user chose not to be told of this.", is_final=True)
    try:
        email.send(email.of_notice(delivery.notice, user))
    except email.MailFailed as error:
        return Outcome(str(error))
    return Outcome("Handed to the mail server.", is_delivered=True)


# Webhooks


def payload(notice: Notice) -> bytes:
    """Return the JSON that a webhook is posted: `type`, `timestamp`, `data` (https://www.standardwebhooks.com)."""
    content = {
        "subject": in_zone(notice.subject, dt.UTC),
        "text": in_zone(notice.body, dt.UTC),
        "url": f"{settings.PORTAL_URL}{notice.path}",
    }
    message = {
        "type": EVENT_TYPES.get(notice.kind, notice.kind),
        "timestamp": notice.created_at.isoformat(),
        "data": content | notice.data,
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def _post(delivery: Delivery, webhook: Webhook) -> Outcome:
    if not webhook.is_active:
        return Outcome(webhook_admin.SWITCHED_OFF, is_final=True)
    body = payload(delivery.notice)
    headers = webhook_client.signed(webhook.secret, publish.message_id(delivery.notice), int(time.time()), body)
    try:
        status = webhook_client.post(webhook.url, body, headers)
    except webhook_client.WebhookFailed as error:
        return Outcome(str(error))
    if status == HTTPStatus.GONE:
        words = "Answered 410: nobody listens there any more, so the webhook was switched off."
        return Outcome(words, is_final=True, is_receiver_gone=True)
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Outcome(f"Answered {status}.", is_delivered=True)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Outcome(f"Answered {status}: redirects are not followed. Enter the address it leads to.")
    return Outcome(f"Answered {status}: the log there says why.")


# By hand


def send_test(webhook: Webhook, words: Words) -> Delivery:
    """Post a test to the webhook now, once; return its delivery with the outcome."""
    with transaction.atomic():
        notice = publish.create_notice(f"test:{uuid.uuid4()}", publish.TEST, words, quietly=True)
        delivery = Delivery.objects.create(notice=cast(Notice, notice), webhook=webhook)
    deliver(delivery)
    delivery.refresh_from_db()
    return delivery


def try_again(delivery: Delivery) -> bool:
    """Make a delivery due now; False for one that arrived."""
    now = clock.now()
    # One that was given up starts again from its first try.
    given_up = Delivery.objects.filter(pk=delivery.pk, status=Status.FAILED)
    waiting = Delivery.objects.filter(pk=delivery.pk, status=Status.WAITING)
    return bool(given_up.update(status=Status.WAITING, tries=0, next_try_at=now) or waiting.update(next_try_at=now))
