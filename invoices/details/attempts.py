"""What happened to an invoice, line by line, each call at the line that it ended with."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Case, CharField, F, QuerySet, Value, When

from invoices.models import Invoice, PostLog, Submission


def history(invoice: Invoice) -> QuerySet[PostLog]:
    """Return the post log with its calls, without their bodies; `pruned_sha256` is that of sent bytes that are not
    kept any more."""
    pruned_digest = Case(
        When(submission__body=None, then=F("submission__body_sha256")), default=Value(""), output_field=CharField()
    )
    related = ("user", "upload", "submission")
    rows = invoice.post_logs.select_related(*related).defer("submission__body")
    return rows.annotate(pruned_sha256=pruned_digest)


def with_calls(logs: Sequence[PostLog]) -> list[tuple[PostLog, Submission | None]]:
    """Return the lines, each with the call of which it is the last word."""
    last = {log.submission_id: log.pk for log in logs}
    return [(log, log.submission if last[log.submission_id] == log.pk else None) for log in logs]
