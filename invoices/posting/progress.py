"""How far an upload has come: the one place that counts it, for every page that shows it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Case, Count, DateTimeField, F, Min, OuterRef, Q, QuerySet, Subquery, Sum, When
from django.db.models.functions import Abs

from c3portal.database import clock
from invoices.documents import exact_sum
from invoices.models import DocumentType, Posting, PostLog, Upload
from invoices.models.statuses import ANSWERED, IN_PROGRESS, NOT_POSTED
from xero_integration.client.vocabulary import GONE, DocumentStatus
from xero_integration.models import XeroConnection

Status = Posting.Status
CENT = Decimal("0.01")
# The bar's length; whatever there is at all takes at least this much of it, so that it is seen.
LONG, SHORT = 1_000, 6
# How far back a rate looks while the upload runs.
RATE_OVER = dt.timedelta(seconds=60)
# A part that a page filters by, its words behind a count, and its colour in the bar, "" for the bar's own ground.
GONE_STATE = "gone"
ELSEWHERE = "elsewhere"
PARTS = (
    (Status.POSTED, "in Xero", "good"),
    (Status.REJECTED, "rejected", "bad"),
    (Status.UNCERTAIN, "confirming with Xero", "wait"),
    (Status.SENDING, "being sent", "info"),
    (Status.QUEUED, "queued", ""),
    (GONE_STATE, "voided or deleted in Xero", ""),
    (Status.UNDONE, "taken back", ""),
    (Status.WITHDRAWN, "withdrawn", ""),
    (ELSEWHERE, "uploaded again later", ""),
)
# Documents whose total is what it should be need no second look.
_ODD = Q(xero_total=None) | ~Q(xero_total=Abs("invoice__total")) | Q(edits__has_key="missing")


@dataclass(frozen=True)
class Part:
    """A part of the upload: `state` is what a page filters by, `x` and `width` its place in the bar."""

    state: str
    words: str
    colour: str
    count: int
    x: int
    width: int


@dataclass(frozen=True)
class Progress:
    """How far an upload has come: `counts` by status, in which what was voided or deleted in Xero since is `gone`
    instead of posted, and how many invoices the upload began with."""

    counts: Mapping[str, int]
    total: int

    @property
    def here(self) -> int:
        return sum(self.counts.values())

    @property
    def elsewhere(self) -> int:
        """How many belong to a later upload now."""
        return self.total - self.here

    @property
    def in_xero(self) -> int:
        return self.counts.get(Status.POSTED, 0)

    @property
    def rejected(self) -> int:
        return self.counts.get(Status.REJECTED, 0)

    @property
    def confirming(self) -> int:
        return self.counts.get(Status.UNCERTAIN, 0)

    @property
    def queued(self) -> int:
        return self.counts.get(Status.QUEUED, 0)

    @property
    def gone(self) -> int:
        return self.counts.get(GONE_STATE, 0)

    @property
    def in_progress(self) -> int:
        return sum(self.counts.get(status, 0) for status in IN_PROGRESS)

    @property
    def is_finished(self) -> bool:
        return self.in_progress == 0

    @property
    def done(self) -> int:
        return self.total - self.in_progress

    @property
    def is_whole(self) -> bool:
        """Whether all that was uploaded is in Xero."""
        return self.total > 0 and self.in_xero == self.total

    @property
    def parts(self) -> list[Part]:
        """Return what occurs, in the order of the bar."""
        found = []
        x = 0
        for state, words, colour in PARTS:
            count = self.elsewhere if state == ELSEWHERE else self.counts.get(state, 0)
            if count > 0:
                width = max(SHORT, LONG * count // max(1, self.total))
                found.append(Part(str(state), words, colour, count, x, width))
                x += width
        return found

    @property
    def bar_length(self) -> int:
        return max(LONG, sum(each.width for each in self.parts))


@dataclass(frozen=True)
class Money:
    """What of one currency is in Xero: the sum of the invoices, the sum that Xero told, both signed, and how many
    documents have another total than their invoice, told none, or are not shown any more."""

    currency: str
    invoiced: Decimal
    in_xero: Decimal
    differing: int

    @property
    def matches(self) -> bool:
        return self.differing == 0 and self.invoiced == self.in_xero

    @property
    def difference(self) -> Decimal:
        return self.in_xero - self.invoiced


@dataclass(frozen=True)
class Detail:
    """An upload in full. `differing` are the postings of which the money differs, `recent` how many ended in the last
    RATE_OVER, `drafts` and `unsent` how many documents may be approved and sent next. Of what was posted `there` is in
    Xero, `lost` is not any more and may be posted again, and `notes` are credit notes."""

    progress: Progress
    money: list[Money]
    differing: list[int]
    recent: int
    drafts: int
    unsent: int
    there: int
    lost: int
    notes: int
    next_look: dt.datetime | None
    began_at: dt.datetime
    ended_at: dt.datetime | None
    now: dt.datetime

    @property
    def took(self) -> dt.timedelta:
        """Return how long it has taken so far, or took."""
        return max((self.ended_at or self.now) - self.began_at, dt.timedelta())

    @property
    def rate(self) -> Decimal | None:
        """Return how many invoices ended a second: of late, or in all once it is finished; None where none did."""
        span = self.took if self.progress.is_finished else min(self.took, RATE_OVER)
        count = self.progress.in_xero + self.progress.rejected if self.progress.is_finished else self.recent
        seconds = Decimal(max(span.total_seconds(), 1))
        return count / seconds if count else None

    @property
    def left(self) -> dt.timedelta | None:
        """Return how long the rest will take at this rate, None where that is not known: what is being confirmed waits
        for the next look."""
        if self.progress.in_progress == self.progress.confirming or not self.rate:
            return None
        return dt.timedelta(seconds=int(self.progress.in_progress / self.rate) + 1)


@dataclass(frozen=True)
class Wait:
    """Why an upload stands still, and until when (None: until someone acts)."""

    reason: str
    until: dt.datetime | None = None


@dataclass(frozen=True)
class Result:
    """An upload in two words, with the colour of a state."""

    words: str
    colour: str


@dataclass(frozen=True)
class Line:
    """An upload as one line of a list; `took` is None while that is not known."""

    upload: Upload
    progress: Progress
    wait: Wait | None
    took: dt.timedelta | None

    @property
    def result(self) -> Result:
        now = self.progress
        if self.wait:
            return Result("Paused" if self.wait.until else "Waiting", "wait")
        if now.in_progress:
            is_confirming = now.in_progress == now.confirming
            return Result("Confirming", "wait") if is_confirming else Result("Running", "info")
        if now.rejected:
            return Result("To fix", "bad")
        if now.is_whole:
            return Result("All in Xero", "good")
        return Result("Done", "") if now.in_xero else Result("Nothing in Xero", "")


@dataclass
class _Tally:
    counts: Counter[str] = field(default_factory=Counter)
    sums: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    facts: Counter[str] = field(default_factory=Counter)
    next_look: dt.datetime | None = None


def of(uploads: Iterable[Upload]) -> dict[int, Progress]:
    """Return each upload's progress by its id, in one query that reads an index alone."""
    found = {upload.pk: upload for upload in uploads}
    counts: dict[int, Counter[str]] = {key: Counter() for key in found}
    rows = Posting.objects.filter(upload__in=found).order_by().values("upload", "status", is_gone=_gone())
    for row in rows.annotate(count=Count("pk")):
        counts[row["upload"]][_state(row)] += row["count"]
    return {key: _progress(found[key], counts[key]) for key in found}


def in_full(upload: Upload, gone: Q | None = None) -> Detail:
    """Return an upload's progress with its money, pace and what may come next, in three queries for any size; `gone` is
    the condition on postings that their document is no more in Xero, without it that it was voided or deleted."""
    now = clock.now()
    tally = _tally(Posting.objects.filter(upload=upload), now, gone or _gone())
    differing = list(_differing(upload)) if tally.sums else []
    progress = _progress(upload, tally.counts)
    return Detail(
        progress=progress,
        money=[_money(code, sums, differing) for code, sums in sorted(tally.sums.items())],
        differing=[each.pk for each, _, is_odd in differing if is_odd],
        recent=tally.facts["recent"],
        drafts=tally.facts["drafts"],
        unsent=tally.facts["unsent"],
        there=tally.facts["there"],
        lost=tally.facts["lost"],
        notes=tally.facts["notes"],
        next_look=tally.next_look,
        began_at=upload.created_at,
        ended_at=_ended_at(upload) if progress.is_finished else None,
        now=now,
    )


def lines(uploads: Iterable[Upload], now: dt.datetime | None = None) -> list[Line]:
    """Return a line for each of `uploads` (of `with_end`, with their connection), in one query more; `now` is the
    database's time, which is asked for without it."""
    now = now or clock.now()
    found = list(uploads)
    counted = of(found)
    return [_line(each, counted[each.pk], now) for each in found]


def _line(upload: Upload, counted: Progress, now: dt.datetime) -> Line:
    ended_at = upload.ended_at if counted.is_finished else now  # type: ignore[attr-defined]
    took = max(ended_at - upload.created_at, dt.timedelta()) if ended_at else None
    return Line(upload, counted, why_waiting(counted, upload.connection, now), took)


def why_waiting(progress: Progress, connection: XeroConnection, now: dt.datetime) -> Wait | None:
    """Return why an upload to this organisation stands still, None when it does not."""
    if progress.is_finished:
        return None
    if not connection.is_usable:
        return Wait(f"{connection.name} needs reconnecting")
    if connection.is_paused(now):
        return Wait(connection.pause_reason or "Paused", connection.paused_until)
    return None


def with_end(uploads: QuerySet[Upload]) -> QuerySet[Upload]:
    """Add `ended_at`, when the last of what ended did; it is the end of an upload that is finished."""
    ended = PostLog.objects.filter(_ENDS, upload=OuterRef("pk")).order_by("-pk").values("created_at")
    return uploads.annotate(ended_at=Subquery(ended[:1], output_field=DateTimeField()))


# Lines without a call are of what the portal did by itself, or of later changes to what is posted.
_ENDS = Q(status__in=NOT_POSTED) | Q(status=Status.POSTED, submission__isnull=False)


def _ended_at(upload: Upload) -> dt.datetime | None:
    lines = PostLog.objects.filter(_ENDS, upload=upload).order_by("-pk")
    return lines.values_list("created_at", flat=True).first()


def _gone() -> Q:
    return Q(status=Status.POSTED, xero_status__in=GONE)


def _state(row: Mapping[str, Any]) -> str:
    return GONE_STATE if row["is_gone"] else str(row["status"])


def _progress(upload: Upload, counts: Counter[str]) -> Progress:
    here = sum(counts.values())
    return Progress(counts, max(here, upload.invoices_count or 0))


def _tally(rows: QuerySet[Posting], now: dt.datetime, gone: Q) -> _Tally:
    found = _Tally()
    signed = Case(When(document_type=DocumentType.CREDIT_NOTE, then=-F("xero_total")), default=F("xero_total"))
    ended = Q(status__in=ANSWERED, updated_at__gte=now - RATE_OVER)
    grouped = (
        rows.order_by()
        .values("status", "invoice__currency", is_gone=_gone())
        .annotate(
            count=Count("pk"),
            invoiced=Sum("invoice__total"),
            told=Sum(signed),
            recent=Count("pk", filter=ended),
            drafts=Count("pk", filter=Q(xero_status__in=[DocumentStatus.DRAFT, DocumentStatus.SUBMITTED])),
            unsent=Count("pk", filter=Q(xero_status=DocumentStatus.AUTHORISED) & ~Q(sent_to_contact=True)),
            there=Count("pk", filter=Q(status=Status.POSTED) & ~gone),
            lost=Count("pk", filter=gone & Q(invoice__ignored_because="")),
            notes=Count("pk", filter=Q(status=Status.POSTED, document_type=DocumentType.CREDIT_NOTE)),
            look=Min("not_before", filter=Q(status=Status.UNCERTAIN)),
        )
    )
    for row in grouped:
        found.counts[_state(row)] += row["count"]
        found.facts.update({name: row[name] for name in ("recent", "there", "lost", "notes")})
        found.next_look = min(filter(None, [found.next_look, row["look"]]), default=None)
        if row["status"] == Status.POSTED and not row["is_gone"]:
            found.facts["drafts"] += row["drafts"]
            found.facts["unsent"] += row["unsent"]
            found.sums[row["invoice__currency"]] = (_cents(row["invoiced"]), _cents(row["told"]))
    return found


def _cents(value: Decimal | None) -> Decimal:
    return (value or Decimal(0)).quantize(CENT)


def _differing(upload: Upload) -> Iterator[tuple[Posting, Decimal, bool]]:
    """Yield what is posted with another total than its invoice's cents: with what the exact sum of its lines adds to
    those, and whether Xero has another total than both come to."""
    rows = Posting.objects.filter(_ODD, upload=upload, status=Status.POSTED).exclude(xero_status__in=GONE)
    for each in rows.select_related("invoice").only("xero_total", "edits", "invoice__currency", *_SUMMED):
        due = exact_sum.due(each.invoice)
        yield each, due - each.invoice.total, each.xero_total != abs(due) or "missing" in each.edits


_SUMMED = ("invoice__total", "invoice__exact_total")


def _money(code: str, sums: tuple[Decimal, Decimal], differing: list[tuple[Posting, Decimal, bool]]) -> Money:
    of_code = [(added, is_odd) for each, added, is_odd in differing if each.invoice.currency == code]
    invoiced = sums[0] + sum((added for added, _ in of_code), Decimal(0))
    return Money(code, invoiced, sums[1], sum(is_odd for _, is_odd in of_code))
