"""What needs attention of one upload: what was rejected, what a rule blocks since, and what is confirmed for too long,
in the words, the counts and the sums of every other page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from django.db.models import Count, Sum

from c3portal.database import clock
from invoices.attention import blocked, causes
from invoices.attention.causes import CENT, Cause, Kind
from invoices.documents.rules import Problem
from invoices.models import AttentionCheck, Invoice, Posting, Upload
from invoices.models.billing import InvoiceQuerySet
from invoices.models.statuses import UPLOADABLE
from invoices.posting import refused
from invoices.posting.progress import Progress
from invoices.selection.filters import Filters


def find(upload: Upload, now: Progress) -> list[Cause]:
    """Return the causes; it asks for what `now` says there is some of."""
    page = upload.get_absolute_url()
    found: list[Cause] = []
    if now.rejected:
        rows = refused.causes(upload.postings.all())
        found += [causes.rejected(each, show=f"{page}?why={each.key}#invoices") for each in rows]
    if any(now.counts.get(status) for status in _waiting()):
        found += _blocked(upload)
    if now.confirming:
        found += _confirming(upload)
    return found


def invoices_with(upload: Upload, key: str) -> InvoiceQuerySet:
    """Return the upload's invoices that have the cause of that key and may be posted. Raises BadRequest."""
    return Invoice.objects.filter(
        Filters.from_query({"cause": key or "-"}).condition(), posting__upload=upload
    ).uploadable()


def _waiting() -> list[str]:
    # As `blocked.check` does: what was rejected has Xero's own words for its cause.
    return [status for status in UPLOADABLE if status != Posting.Status.REJECTED]


def _blocked(upload: Upload) -> Iterator[Cause]:
    waiting = upload.postings.filter(status__in=_waiting(), invoice__ignored_because="")
    rows = {
        str(pk): (currency, total)
        for pk, currency, total in waiting.order_by().values_list("invoice", "invoice__currency", "invoice__total")
    }
    found: dict[Problem, list[tuple[str, Decimal]]] = defaultdict(list)
    for check in AttentionCheck.objects.filter(connection=upload.connection_id).exclude(known="") if rows else ():
        for problem, _, _ in blocked.problems(check):
            ids = check.invoice_ids.get(blocked.key_of(problem), ())
            found[problem] += [rows[each] for each in ids if each in rows]
    for problem, several in found.items():
        if several:
            yield _blocked_by(problem, several, upload)


def _blocked_by(problem: Problem, several: list[tuple[str, Decimal]], upload: Upload) -> Cause:
    money: dict[str, Decimal] = defaultdict(Decimal)
    for code, total in several:
        money[code] += total
    key = blocked.key_of(problem)
    show = f"{upload.get_absolute_url()}?why={key}#invoices"
    sums = dict(sorted(money.items()))
    return Cause(causes.kind_of(problem), problem.words, len(several), money=sums, show=show, problem=problem, key=key)


def _confirming(upload: Upload) -> Iterator[Cause]:
    late = Invoice.objects.filter(causes.confirmed_too_long(clock.now()), posting__upload=upload)
    rows = list(late.order_by("currency").values_list("currency").annotate(count=Count("pk"), total=Sum("total")))
    if rows:
        money = {code: total.quantize(CENT) for code, _, total in rows}
        show = f"{upload.get_absolute_url()}?state={Posting.Status.UNCERTAIN}#invoices"
        count = sum(count for _, count, _ in rows)
        yield Cause(Kind.CONFIRMING, causes.STATES[Kind.CONFIRMING][1], count, money=money, show=show)
