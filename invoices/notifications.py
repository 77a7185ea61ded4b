"""What there is to tell people, found by looking at the rows; each finding's key has it told once."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast
from urllib.parse import urlencode

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery, Sum
from django.urls import reverse

from c3_integration.models import C3Fetch
from c3portal.database import clock
from c3portal.models import Notice
from c3portal.models.notices import Kind
from c3portal.notifications import publish, texts
from invoices.fetching import summary
from invoices.models import Posting, PostLog, Twin, Upload
from invoices.overrides import drift
from invoices.readback import states, telling
from xero_integration.client.errors import Problem
from xero_integration.models import TokenSet, XeroConnection
from xero_integration.payloads import to_cents

logger = logging.getLogger(__name__)

Status = Posting.Status
Organisation = XeroConnection.Status

# What finished longer ago than this is no news: nobody is told of old uploads after an update of the portal.
IS_NEWS = dt.timedelta(days=3)
# An upload that waits this long is forgotten here; none waits longer than a refresh token lives.
LONGEST_UPLOAD = dt.timedelta(days=60)
# A lost answer is looked up within minutes. When that has not settled it for so long, people are told meanwhile.
LONG_IN_DOUBT = dt.timedelta(hours=1)
# Whoever tidies up in Xero changes one after another; they are told of together.
CHANGES_ROUND = dt.timedelta(hours=1)
TOKEN_WARNINGS_DAYS = (2, 7)


def find() -> int:
    """Tell what is to be told. Returns how many notices were written."""
    count = 0
    for check in (
        uploads,
        posted_twice,
        changed_in_xero,
        disconnections,
        ending_tokens,
        day_limits,
        drifts,
        c3_fetches,
    ):
        # One check that fails does not keep the others from theirs.
        try:
            count += check()
        except Exception:
            logger.exception("Looking for notices failed in %s", check.__name__)
    return count


def uploads() -> int:
    """Tell of finished uploads; after LONG_IN_DOUBT of those with only lost answers left, and again once settled."""
    count = 0
    for upload in _finished_uploads().select_related("connection", "period", "created_by"):
        counts = dict(upload.postings.values_list("status").annotate(Count("pk")).order_by())
        key = f"upload:{upload.pk}" + (":in doubt" if counts.get(Status.UNCERTAIN) else "")
        if counts.keys() <= {Status.WITHDRAWN} or publish.is_published(key):
            continue
        outcome = _outcome(upload)
        count += _publish(
            key,
            Kind.UPLOAD_FINISHED,
            texts.upload_finished(outcome),
            upload.get_absolute_url(),
            _upload_data(upload, outcome),
        )
    return count


def posted_twice() -> int:
    """Tell of organisations in whose Xero credit notes are more than once, again when another is found."""
    count = 0
    for connection in XeroConnection.objects.filter(Exists(Twin.objects.filter(posting__connection=OuterRef("pk")))):
        twice = Posting.objects.filter(Exists(Twin.objects.filter(posting=OuterRef("pk"))), connection=connection)
        newest = Twin.objects.filter(posting__connection=connection).latest("pk")
        found = _sum(twice)
        totals = {currency: abs(total) for currency, total in found.totals.items()}
        several = twice.values("upload").distinct().count() > 1
        path = reverse("post_logs") if several else newest.posting.upload.get_absolute_url()
        # Ids are counted anew after a restore, moments are not.
        key = f"twice:{connection.pk}:{newest.pk}:{newest.found_at.isoformat()}"
        words = texts.posted_twice(connection.name, found.count, totals)
        data = {**_organisation(connection), "posted_twice": {"count": found.count, "totals": _texts(totals)}}
        count += _publish(key, Kind.POSTED_TWICE, words, path, data)
    return count


def changed_in_xero() -> int:
    """Tell of what was changed in Xero and waits for a decision: of each organisation all that is new, at most once in
    CHANGES_ROUND."""
    count = 0
    for connection in XeroConnection.objects.filter(Exists(telling.untold(OuterRef("pk")))):
        told = Notice.objects.filter(key__startswith=f"changed:{connection.pk}:")
        if told.filter(created_at__gt=clock.now() - CHANGES_ROUND).exists():
            continue
        with transaction.atomic():
            found = telling.tell(connection)
            if found is None:
                continue
            words = texts.changed_in_xero(connection.name, found.changed)
            data = {**_organisation(connection), "changed": _plain(found.changed.sum), "ways": dict(found.changed.ways)}
            key = f"changed:{connection.pk}:{found.at.isoformat()}"
            path = f"{reverse('invoice_list')}?{urlencode({'period': found.billing_id, 'state': states.CHANGED})}"
            count += _publish(key, Kind.CHANGED_IN_XERO, words, path, data)
    return count


def _texts(totals: Mapping[str, Decimal]) -> dict[str, str]:
    return {currency: str(total) for currency, total in sorted(totals.items())}


def _finished_uploads() -> QuerySet[Upload]:
    now = clock.now()
    postings = Posting.objects.filter(upload=OuterRef("pk"))
    fresh_doubts = postings.filter(status=Status.UNCERTAIN, updated_at__gt=now - LONG_IN_DOUBT)
    last_line = PostLog.objects.filter(upload=OuterRef("pk")).order_by("-pk").values("created_at")[:1]
    return (
        Upload.objects.filter(created_at__gt=now - LONGEST_UPLOAD)
        .annotate(moved_at=Subquery(last_line))
        .filter(Exists(postings), moved_at__gt=now - IS_NEWS)
        .exclude(Exists(postings.in_progress().exclude(status=Status.UNCERTAIN)))
        .exclude(Exists(fresh_doubts))
        .order_by("pk")
    )


def _outcome(upload: Upload) -> texts.UploadOutcome:
    rows = upload.postings.all()
    refused = rows.filter(status=Status.REJECTED)
    reasons = Counter(dict(refused.values_list("message").annotate(Count("pk")).order_by()))
    logged = PostLog.objects.filter(upload=upload).values("invoice").distinct().count()
    return texts.UploadOutcome(
        organisation=upload.connection.name,
        started_at=upload.created_at,
        by=str(upload.created_by or "a former user"),
        period=str(upload.period or "several"),
        posted=_sum(rows.filter(status=Status.POSTED)),
        refused=_sum(refused),
        waited_for=_sum(rows.filter(status=Status.UNCERTAIN)),
        withdrawn=rows.filter(status=Status.WITHDRAWN).count(),
        uploaded_again=logged - rows.count(),
        differing=rows.filter(status=Status.POSTED).exclude(total_difference=0).count(),
        reasons=reasons.most_common(),
    )


def _sum(rows: QuerySet[Posting]) -> texts.Sum:
    sums = rows.order_by().values_list("invoice__currency").annotate(Count("pk"), Sum("invoice__total"))
    found = list(sums)
    totals = {currency: to_cents(Decimal(total)) for currency, _, total in found}
    return texts.Sum(sum(count for _, count, _ in found), totals)


def _upload_data(upload: Upload, outcome: texts.UploadOutcome) -> dict[str, Any]:
    sums = {"posted": outcome.posted, "refused": outcome.refused, "being_checked": outcome.waited_for}
    return {
        **_organisation(upload.connection),
        "upload": upload.pk,
        "period": upload.period.billing_id if upload.period else None,
        **{name: _plain(each) for name, each in sums.items()},
        "withdrawn": {"count": outcome.withdrawn},
        "reasons": [{"count": count, "message": message} for message, count in outcome.reasons[: texts.REASONS_SHOWN]],
    }


def _plain(each: texts.Sum) -> dict[str, Any]:
    return {"count": each.count, "totals": {currency: str(total) for currency, total in sorted(each.totals.items())}}


def disconnections() -> int:
    """Tell of connections that a person must renew."""
    count = 0
    broken = XeroConnection.objects.filter(status=Organisation.NEEDS_RECONNECTING).select_related("connected_by")
    for connection in broken:
        # Connecting again makes a new token set, so its id tells one time from the next; after a restore there is none.
        key = f"reconnect:{connection.pk}:{connection.token_set_id or connection.restored_at}"
        waiting = _waiting(connection)
        words = texts.needs_reconnecting(connection.name, connection.status_reason, _connected(connection), waiting)
        data = {**_organisation(connection), "reason": connection.status_reason, "waiting": waiting}
        count += _publish(key, Kind.NEEDS_RECONNECTING, words, reverse("invoice_list"), data)
    return count


def _connected(connection: XeroConnection) -> str:
    if not connection.connected_by:
        return ""
    return f"It was connected by {connection.connected_by} on {texts.moment(connection.connected_at)}."


def ending_tokens() -> int:
    """Tell of refresh tokens that nobody used, 7 and 2 days before they die."""
    now, count = clock.now(), 0
    for tokens in TokenSet.objects.filter(connections__status=Organisation.CONNECTED).distinct():
        left = tokens.dies_at - now
        days = next((days for days in TOKEN_WARNINGS_DAYS if left <= dt.timedelta(days=days)), None)
        if days is None or left <= dt.timedelta(0):
            continue
        connections = list(tokens.connections.filter(status=Organisation.CONNECTED).order_by("name"))
        waiting = sum(_waiting(each) for each in connections)
        names = ", ".join(each.name for each in connections)
        words = texts.token_dies(names, days, tokens.dies_at, tokens.refreshed_at, waiting)
        data = {
            "organisations": [_organisation(each)["organisation"] for each in connections],
            "dies_at": tokens.dies_at.isoformat(),
            "waiting": waiting,
        }
        key = f"token:{tokens.pk}:{tokens.generation}:{days}"
        count += _publish(key, Kind.TOKEN_DIES, words, reverse("invoice_list"), data)
    return count


def day_limits() -> int:
    """Tell of organisations whose calls of the day are used up, once a day."""
    count = 0
    paused = XeroConnection.objects.filter(paused_until__gt=clock.now(), pause_problem=Problem.DAY)
    for connection in paused:
        until, waiting = cast(dt.datetime, connection.paused_until), _waiting(connection)
        data = {**_organisation(connection), "goes_on_at": until.isoformat(), "waiting": waiting}
        words = texts.day_limit(connection.name, until, waiting)
        key = f"day-limit:{connection.pk}:{until:%Y-%m-%d}"
        count += _publish(key, Kind.DAY_LIMIT, words, reverse("post_logs"), data)
    return count


def drifts() -> int:
    """Tell what no longer fits the current organisation, if the last check did not find it."""
    connection = XeroConnection.objects.current()
    if connection is None or not connection.is_usable:
        return 0
    found = [each for each in drift.find(connection) if each.needs_mending]
    last = Notice.objects.filter(kind=Kind.MAPPING_DRIFT, key__startswith=f"drift:{connection.pk}:").first()
    before = set(last.data.get("keys", [])) if last else set()
    now = sorted(each.key for each in found)
    if set(now) == before:
        return 0
    key = f"drift:{connection.pk}:{last.pk if last else 0}:{hashlib.sha256(json.dumps(now).encode()).hexdigest()}"
    words = texts.mapping_drift(
        connection.name, [(each.words, [place.words for place in each.places]) for each in found]
    )
    data = {**_organisation(connection), "findings": sorted(each.words for each in found), "keys": now}
    # What was mended meanwhile is kept quietly, so that it is told again when it comes back.
    return _publish(key, Kind.MAPPING_DRIFT, words, reverse("account_overrides"), data, quietly=not set(now) - before)


def c3_fetches() -> int:
    """Tell of fetches from C3 that nobody watched: failed ones, once a day, and what waits for someone."""
    count = 0
    unwatched = C3Fetch.objects.exclude(trigger=C3Fetch.Trigger.USER)
    for fetch in unwatched.filter(finished_at__gt=clock.now() - IS_NEWS).order_by("pk"):
        data = {"fetch": fetch.pk, "correlation_id": fetch.correlation_id, "problem": fetch.problem}
        if fetch.state == C3Fetch.State.FAILED and fetch.finished_at:
            words = texts.c3_fetch_failed(
                fetch.finished_at, fetch.reason, summary.next_step(fetch), fetch.correlation_id
            )
            # A morning is tried several times.
            key = f"c3-fetch:{fetch.trigger}:{fetch.started_at:%Y-%m-%d}:{fetch.problem}"
            count += _publish(key, Kind.C3_FETCH, words, fetch.get_absolute_url(), data)
        if waiting := [run.file_name for run in summary.waiting_runs(fetch)]:
            words = texts.c3_fetch_waits(waiting)
            key = f"c3-waits:{fetch.pk}:{fetch.started_at.isoformat()}"
            count += _publish(key, Kind.C3_FETCH, words, reverse("invoice_list"), {**data, "files": waiting})
    return count


def _publish(key: str, kind: str, words: texts.Words, path: str, data: dict[str, Any], *, quietly: bool = False) -> int:
    return int(publish.create_notice(key, kind, words, path=path, data=data, quietly=quietly) is not None)


def _organisation(connection: XeroConnection) -> dict[str, Any]:
    return {"organisation": {"name": connection.name, "tenant_id": connection.tenant_id}}


def _waiting(connection: XeroConnection) -> int:
    return Posting.objects.filter(connection=connection, status=Status.QUEUED).count()
