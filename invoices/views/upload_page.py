"""One upload: how far it is, what to do about it, and what became of each invoice."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import BadRequest
from django.db.models import Max, QuerySet, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from c3portal.http.permissions import role_required
from c3portal.models import roles
from invoices.attention import of_upload
from invoices.attention.causes import Cause, Kind
from invoices.attention.shown import Line, Page, forms_of_upload, lines
from invoices.models import Posting, PostLog, Upload
from invoices.posting import progress, twins
from invoices.posting.progress import ELSEWHERE, GONE_STATE, Detail, Progress
from invoices.readback import states
from invoices.selection.selection import DIFFERS
from invoices.views.attention import step_of
from invoices.views.refreshing import refresh_seconds
from invoices.views.tables import PostingTable, arrange
from xero_integration.client.vocabulary import GONE
from xero_integration.context_processors import current_connection

MOVED_ROWS_SHOWN = 100
TWINS_SHOWN = 100
CAUSES_SHOWN = 20
STATES = {*Posting.Status.values, GONE_STATE, ELSEWHERE, DIFFERS, ""}


@require_safe
@role_required(*roles.ALL)
def upload(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Show how far an upload is, and what became of its invoices: in the `state` asked for, or with the cause that
    `why` names."""
    found = get_object_or_404(Upload.objects.select_related("connection", "period", "created_by"), pk=pk)
    state, why = request.GET.get("state", ""), request.GET.get("why", "")
    if state not in STATES:
        raise BadRequest(f"There is no state {state!r}.")
    detail = progress.in_full(found, states.gone())
    causes = of_upload.find(found, detail.progress)
    rows = _with_cause(found, causes, why) if why else _in_state(found, detail, state)
    wait = progress.why_waiting(detail.progress, found.connection, detail.now)
    context = {
        "upload": found,
        "detail": detail,
        "progress": detail.progress,
        "wait": wait,
        "milestone": _milestone(detail.progress, wait),
        "state": state,
        "why": next((each for each in causes if each.key == why), None),
        "table": arrange(PostingTable(rows), request, count=None if state or why else detail.progress.here),
        "lines": _lines(causes[:CAUSES_SHOWN], detail, found, request),
        "more_causes": max(0, len(causes) - CAUSES_SHOWN),
        "twins": twins.of(found)[:TWINS_SHOWN] if detail.notes else (),
        "refresh": refresh_seconds([found.connection], detail.now) if detail.progress.in_progress else 0,
        **_moved(found, detail.progress),
        **_may(detail),
    }
    template = "invoices/_upload_live.html" if "HX-Request" in request.headers else "invoices/upload.html"
    return render(request, template, context)


def _postings(found: Upload) -> QuerySet[Posting]:
    rows = Posting.objects.filter(upload=found).select_related("invoice__customer", "invoice__bill_to", "connection")
    # PostgreSQL would walk the index of all numbers for the first ones of an upload.
    return rows.alias(by_number=Coalesce("invoice__number", Value("")))


def _in_state(found: Upload, detail: Detail, state: str) -> QuerySet[Posting]:
    postings = _postings(found)
    if state == DIFFERS:
        return postings.filter(pk__in=detail.differing)
    if state == GONE_STATE:
        return postings.filter(status=Posting.Status.POSTED, xero_status__in=GONE)
    if state == Posting.Status.POSTED:
        return postings.filter(status=state).exclude(xero_status__in=GONE)
    return postings.filter(status=state) if state else postings


def _with_cause(found: Upload, causes: list[Cause], key: str) -> QuerySet[Posting]:
    rows = _postings(found)
    cause = next((each for each in causes if each.key == key), None)
    if cause is None:
        return rows.none()
    if cause.kind != Kind.REJECTED:
        return rows.filter(invoice__in=of_upload.invoices_with(found, key))
    rejected = rows.filter(status=Posting.Status.REJECTED, message__in=cause.wordings)
    return rejected.filter(invoice__ignored_because="")


def _lines(causes: list[Cause], detail: Detail, found: Upload, request: HttpRequest) -> list[Line]:
    role = roles.role_of(request.user)
    may_act, may_set = role in roles.FINANCE, role == roles.SYSTEM_ADMIN
    back = found.get_absolute_url()
    page = Page(
        forms=lambda cause: forms_of_upload(cause, found),
        account=lambda cause: {"upload": str(found.pk), "cause": cause.key},
        next_step=lambda cause: step_of(cause, back, may_set=may_set),
    )
    # Of another organisation the accounts are others; and nobody chooses on a page that renews itself.
    may_choose = detail.progress.is_finished and current_connection(request) == found.connection
    connection = found.connection if may_choose else None
    return lines(causes, page, connection, may_act=may_act, may_set=may_set)


def _milestone(now: Progress, wait: progress.Wait | None) -> str:
    """Return what a screen reader is told when it changes: a quarter more, a wait, the end."""
    if wait:
        return f"{wait.reason}: the upload waits."
    if now.is_finished:
        rejected = f", {now.rejected:,} rejected" if now.rejected else ""
        return f"Finished: {now.in_xero:,} of {now.total:,} in Xero{rejected}."
    return f"{100 * now.done // max(1, now.total) // 25 * 25} % done."


def _may(detail: Detail) -> dict[str, Any]:
    return {
        "may_take_back": detail.there > 0,
        "may_post_again": detail.lost + detail.progress.counts.get(Posting.Status.UNDONE, 0),
        "may_check": bool(detail.progress.confirming or detail.notes),
    }


def _moved(found: Upload, now: Progress) -> dict[str, Any]:
    if not now.elsewhere:
        return {}
    return {"moved": _moved_on(found), "moved_rows": _moved_rows(found)}


def _moved_on(found: Upload) -> QuerySet[Upload]:
    """Return the later uploads that now carry invoices of this one."""
    logged = PostLog.objects.filter(upload=found).values("invoice")
    return Upload.objects.filter(postings__invoice__in=logged).exclude(pk=found.pk).distinct()


def _moved_rows(found: Upload) -> list[PostLog]:
    """Return the last line here of each invoice that was uploaded again later."""
    lines = PostLog.objects.filter(upload=found).exclude(invoice__posting__upload=found)
    last = lines.order_by().values("invoice").annotate(last=Max("pk")).values("last")
    rows = PostLog.objects.filter(pk__in=last).select_related("invoice", "invoice__customer", "invoice__posting")
    return list(rows.order_by("invoice__number")[:MOVED_ROWS_SHOWN])
