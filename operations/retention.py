"""What may be deleted after a time: never invoices, postings, how a call ended, or the audit record."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from c3portal.models import Delivery, Notice
from invoices.importing import intake
from invoices.models import (
    ChangeCall,
    DocumentChange,
    ImportFinding,
    ImportRun,
    Posting,
    PostLog,
    Submission,
    UploadDraft,
)
from invoices.models.statuses import IN_PROGRESS
from invoices.preflight import upload_drafts

# A lock is held for this many rows and no longer.
BATCH = 500


@dataclass(frozen=True)
class RetentionRule:
    """Rows of one kind that may go; `away` takes some of them away and returns how many went."""

    words: str
    rows: QuerySet[Any]
    delete: Callable[[QuerySet[Any]], int]


def prune(older_than: dt.timedelta, *, dry_run: bool = False, seconds: float | None = None) -> dict[str, int]:
    """Delete what is older, in batches, for about `seconds`; return how many of each kind.

    `dry_run` counts them alone. May be cut short and repeated.
    """
    until = None if seconds is None else time.monotonic() + seconds
    now = timezone.now()
    return {
        rule.words: rule.rows.count() if dry_run else sum(_in_batches(rule, until))
        for rule in retention_rules(now - older_than, now)
    }


def _in_batches(rule: RetentionRule, until: float | None) -> Iterator[int]:
    while until is None or time.monotonic() < until:
        keys = list(rule.rows.order_by("pk").values_list("pk", flat=True)[:BATCH])
        # The rows are asked for once more, since one of them may be needed again by now.
        deleted = rule.delete(rule.rows.filter(pk__in=keys)) if keys else 0
        yield deleted
        if not deleted:
            return


def retention_rules(before: dt.datetime, now: dt.datetime) -> list[RetentionRule]:
    """Return the rules for what is older than `before`; sessions and selections by their end at `now`."""
    return [
        RetentionRule("bytes of calls", _bytes(before), _forget_bytes),
        RetentionRule("bytes of calls that changed documents", _bytes_of_changes(before), _forget_bytes),
        RetentionRule("steps in between in the post logs", _steps(before), _delete),
        RetentionRule("error details of imports", _findings(before), _delete),
        RetentionRule("notices that were told", _notices(before), _delete),
        RetentionRule("sessions that ended", Session.objects.filter(expire_date__lt=now), _delete),
        RetentionRule("places of sign-in without a session", _places(), _delete),
        RetentionRule("selections that nobody came back to", _selections(now), _delete),
        RetentionRule("files that nobody imported", intake.left_alone(now), intake.close),
    ]


def _delete(rows: QuerySet[Any]) -> int:
    _, by_model = rows.delete()
    return by_model.get(rows.model._meta.label, 0)


def _forget_bytes(rows: QuerySet[Any]) -> int:
    return rows.update(body=None)


def _bytes_of_changes(before: dt.datetime) -> QuerySet[ChangeCall]:
    """Bodies of finished calls that answer for no change in progress."""
    waits = DocumentChange.objects.in_progress().filter(call=OuterRef("pk"))
    return ChangeCall.objects.closed().filter(~Exists(waits), created_at__lt=before, body__isnull=False)


def _bytes(before: dt.datetime) -> QuerySet[Submission]:
    """Bodies of finished calls with no invoice in progress, in this call or another."""
    waits = Posting.objects.in_progress()
    return Submission.objects.closed().filter(
        ~Exists(waits.filter(submission=OuterRef("pk"))),
        ~Exists(waits.filter(invoice__post_logs__submission=OuterRef("pk"))),
        created_at__lt=before,
        body__isnull=False,
    )


def _steps(before: dt.datetime) -> QuerySet[PostLog]:
    """Lines on queued and sending before a line on the end."""
    later = PostLog.objects.filter(invoice=OuterRef("invoice"), upload=OuterRef("upload"), pk__gt=OuterRef("pk"))
    end = later.exclude(status__in=IN_PROGRESS)
    # Lines on uncertain stay: they are why Xero was asked.
    steps = PostLog.objects.filter(status__in=IN_PROGRESS).exclude(status=Posting.Status.UNCERTAIN)
    return steps.filter(Exists(end), created_at__lt=before)


def _findings(before: dt.datetime) -> QuerySet[ImportFinding]:
    # Of refused files alone: what differs from an invoice that was sent stays.
    return ImportFinding.objects.filter(run__state=ImportRun.State.REFUSED, run__finished_at__lt=before)


def _notices(before: dt.datetime) -> QuerySet[Notice]:
    waiting = Delivery.objects.filter(notice=OuterRef("pk"), status=Delivery.Status.WAITING)
    return Notice.objects.filter(~Exists(waiting), created_at__lt=before)


def _places() -> QuerySet[UserSession]:
    alive = Session.objects.filter(session_key=OuterRef("session_key"))
    places: QuerySet[UserSession] = UserSession.objects.filter(~Exists(alive))
    return places


def _selections(now: dt.datetime) -> QuerySet[UploadDraft]:
    return UploadDraft.objects.filter(created_at__lt=now - upload_drafts.LIFE)
