"""/metrics for Prometheus, read from the database, so that any web process answers for all.

Each family takes one query, however many invoices there are (docs/operations/monitoring.md).
"""

from __future__ import annotations

import math
import platform
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

import django
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error
from django.db.models import Count, Min
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry

from c3portal.database import clock
from c3portal.models import Delivery
from c3portal.processes import certificate, disks, health, heartbeats, liveness, moments
from invoices.models import Posting, Twin, Upload
from invoices.models.statuses import IN_PROGRESS
from xero_integration import call_metrics, rate_limits
from xero_integration.client.call_log import RESULTS
from xero_integration.models import CallCount, XeroConnection

DAY_SECONDS = 86_400
# Two organisations may go by one name, so the tenant's id stands beside it.
ORGANISATION = ("organisation", "tenant")

Key = tuple[str, ...]
Names = Mapping[int, Key]


@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer whoever sends METRICS_TOKEN as a bearer token; without that setting there is no such page."""
    if not settings.METRICS_TOKEN:
        raise Http404
    if not constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {settings.METRICS_TOKEN}"):
        return HttpResponse(
            "Bring METRICS_TOKEN as a bearer token.\n", status=401, headers={"WWW-Authenticate": "Bearer"}
        )
    registry = CollectorRegistry()
    registry.register(Figures())
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(registry), content_type=content_type)


class Figures(Collector):
    def collect(self) -> Iterator[Metric]:
        """Yield every family; while the database is away, those that need none."""
        yield _build()
        yield from _disks()
        answers = _database_answers()
        yield GaugeMetricFamily("c3portal_database_up", "0: the database cannot be reached.", value=int(answers))
        if answers:
            yield from _of_the_database()

    def describe(self) -> Iterable[Metric]:
        # The registry would collect everything to learn the names.
        return []


def _database_answers() -> bool:
    try:
        return health.database_answers()
    except Error:
        return False


def _of_the_database() -> Iterator[Metric]:
    names = {pk: (name, tenant) for pk, name, tenant in XeroConnection.objects.values_list("pk", "name", "tenant_id")}
    yield from _postings(names)
    yield _oldest(names)
    yield _posted_twice(names)
    yield _uploads(names)
    yield from _calls(names)
    yield from _connections()
    yield _deliveries()
    yield _heartbeats()
    yield from _moments()
    yield from _processes()


def _disks() -> Iterator[Metric]:
    free = GaugeMetricFamily("c3portal_disk_free_bytes", "Room left, where the portal writes.", labels=["place"])
    size = GaugeMetricFamily("c3portal_disk_size_bytes", "Room in all, where the portal writes.", labels=["place"])
    for place, room in disks.rooms().items():
        free.add_metric([place], room.free)
        size.add_metric([place], room.size)
    yield from (free, size)


# What has not happened yet is there as 0: an alarm sees a figure rise only when it was there before.


def _postings(names: Names) -> Iterator[Metric]:
    rows = Posting.objects.values_list("connection", "status").annotate(Count("pk")).order_by()
    counts = {(connection_id, status): count for connection_id, status, count in rows}
    depth = GaugeMetricFamily("c3portal_postings", "Invoices by state.", labels=[*ORGANISATION, "status"])
    posted = CounterMetricFamily("c3portal_posted", "Invoices that are in Xero.", labels=ORGANISATION)
    for connection_id, name in names.items():
        for status in Posting.Status.values:
            depth.add_metric([*name, status], counts.get((connection_id, status), 0))
        posted.add_metric(name, counts.get((connection_id, Posting.Status.POSTED.value), 0))
    yield depth
    yield posted


def _oldest(names: Names) -> Metric:
    """Return the age in seconds of the oldest invoice in each state, from its upload on."""
    now = timezone.now()
    rows = Posting.objects.in_progress().values_list("connection", "status")
    oldest = {
        (connection_id, status): (now - since).total_seconds()
        for connection_id, status, since in rows.annotate(Min("upload__created_at")).order_by()
    }
    family = GaugeMetricFamily(
        "c3portal_oldest_posting_seconds",
        "Age of the oldest invoice on its way to Xero, by state.",
        labels=[*ORGANISATION, "status"],
    )
    for connection_id, name in names.items():
        for status in IN_PROGRESS:
            family.add_metric([*name, status.value], oldest.get((connection_id, status.value), 0))
    return family


def _posted_twice(names: Names) -> Metric:
    counts = dict(Twin.objects.order_by().values_list("posting__connection").annotate(Count("posting", distinct=True)))
    family = GaugeMetricFamily(
        "c3portal_documents_posted_twice", "Documents that Xero has more than once.", labels=ORGANISATION
    )
    for connection_id, name in names.items():
        family.add_metric(name, counts.get(connection_id, 0))
    return family


def _uploads(names: Names) -> Metric:
    family = CounterMetricFamily("c3portal_uploads", "Clicks of UPLOAD TO XERO.", labels=ORGANISATION)
    counts = dict(Upload.objects.values_list("connection").annotate(Count("pk")).order_by())
    for connection_id, name in names.items():
        family.add_metric(name, counts.get(connection_id, 0))
    return family


def _calls(names: Names) -> Iterator[Metric]:
    rows = list(CallCount.objects.all())
    yield _ends(names, rows)
    yield _durations(names, rows)


def _ends(names: Names, rows: Iterable[CallCount]) -> Metric:
    family = CounterMetricFamily(
        "c3portal_xero_calls", "Calls to Xero, by how they ended.", labels=[*ORGANISATION, "result"]
    )
    ends: Counter[tuple[int, str]] = Counter()
    for row in rows:
        ends[row.connection_id, row.result] += row.calls
    for connection_id, name in names.items():
        for result in RESULTS:
            family.add_metric([*name, result], ends[connection_id, result])
    return family


def _durations(names: Names, rows: Iterable[CallCount]) -> Metric:
    calls: dict[Key, dict[float, int]] = defaultdict(lambda: dict.fromkeys((*call_metrics.BUCKETS, math.inf), 0))
    seconds: dict[Key, float] = defaultdict(float)
    for row in rows:
        method, _, endpoint = row.endpoint.partition(" ")
        key = (*names[row.connection_id], method, endpoint, row.result)
        calls[key][row.bucket or math.inf] += row.calls
        seconds[key] += row.seconds
    family = HistogramMetricFamily(
        "c3portal_xero_call_seconds",
        "How long calls to Xero took, by how they ended.",
        labels=[*ORGANISATION, "method", "endpoint", "result"],
    )
    for key, spans in calls.items():
        family.add_metric(key, _cumulative(spans), seconds[key])
    return family


def _cumulative(spans: dict[float, int]) -> Sequence[tuple[str, float]]:
    ends = ["+Inf" if math.isinf(end) else str(end) for end in sorted(spans)]
    return list(zip(ends, accumulate(spans[end] for end in sorted(spans)), strict=True))


def _connections() -> Iterator[Metric]:
    now = clock.now()
    known = XeroConnection.objects.exclude(status=XeroConnection.Status.DISCONNECTED)
    usable = GaugeMetricFamily("c3portal_connection_usable", "0: a person must reconnect.", labels=ORGANISATION)
    paused = GaugeMetricFamily("c3portal_connection_paused_seconds", "How long its pause lasts.", labels=ORGANISATION)
    token = GaugeMetricFamily("c3portal_token_days_left", "Until its refresh token dies.", labels=ORGANISATION)
    day = GaugeMetricFamily("c3portal_calls_left_day", "As Xero last told.", labels=ORGANISATION)
    minute = GaugeMetricFamily("c3portal_calls_left_minute", "Of Xero's limit a minute.", labels=ORGANISATION)
    for row in known.select_related("token_set", "budget"):
        key = (row.name, row.tenant_id)
        usable.add_metric(key, row.is_usable)
        paused.add_metric(key, max((row.paused_until - now).total_seconds(), 0) if row.paused_until else 0)
        if row.token_set:
            token.add_metric(key, (row.token_set.dies_at - now).total_seconds() / DAY_SECONDS)
        budget = getattr(row, "budget", None)
        if budget:
            minute.add_metric(key, rate_limits.minute_left(budget, now))
        if budget and budget.day_remaining is not None:
            day.add_metric(key, budget.day_remaining)
    yield from (usable, paused, token, day, minute)


def _deliveries() -> Metric:
    counts = dict(Delivery.objects.values_list("status").annotate(Count("pk")).order_by())
    family = GaugeMetricFamily("c3portal_deliveries", "Notices to people and webhooks, by state.", labels=["status"])
    for status in Delivery.Status.values:
        family.add_metric([status], counts.get(status, 0))
    return family


def _heartbeats() -> Metric:
    family = GaugeMetricFamily(
        "c3portal_heartbeat_age_seconds", "Since a sweep was last sent, and run.", labels=["process"]
    )
    ages = heartbeats.ages()
    # What was never done is told too, or its alarm would stay silent.
    for process in heartbeats.Process:
        family.add_metric([process.value], ages.get(process.value, math.inf))
    return family


def _moments() -> Iterator[Metric]:
    now, found = clock.now(), moments.every()
    backup = found.get(moments.BACKUP)
    yield GaugeMetricFamily(
        "c3portal_backup_age_seconds",
        "Since manage.py backup last made one.",
        value=(now - backup).total_seconds() if backup else math.inf,
    )
    if certificate.is_shown():
        ends = found.get(moments.CERTIFICATE)
        yield GaugeMetricFamily(
            "c3portal_certificate_days_left",
            "Until the certificate of PORTAL_URL ends; 0 where the portal never saw it.",
            value=(ends - now).total_seconds() / DAY_SECONDS if ends else 0,
        )


def _processes() -> Iterator[Metric]:
    clocks = liveness.clocks()
    alive = GaugeMetricFamily("c3portal_processes", "Processes that give signs of life.", labels=["process"])
    off = GaugeMetricFamily(
        "c3portal_clock_off_seconds", "The clock furthest ahead of the database's, or behind it.", labels=["process"]
    )
    for kind in liveness.Kind.values:
        alive.add_metric([kind], len(clocks.get(kind, [])))
        off.add_metric([kind], max(clocks.get(kind, [0.0]), key=abs))
    yield from (alive, off)


def _build() -> Metric:
    facts = {"version": settings.PORTAL_VERSION, "django": django.__version__, "python": platform.python_version()}
    return InfoMetricFamily("c3portal_build", "What runs.", value=facts)
