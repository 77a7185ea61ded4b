"""The invoices of one cause that needs attention, by the key that names it in an address."""

from __future__ import annotations

from django.db.models import Q

from invoices.models import AttentionCheck, Posting
from invoices.posting import refused

NOT_THERE = "no longer there"


def has(key: str) -> Q:
    """Return the condition on invoices that they have the cause; none has one that was mended since."""
    kept = AttentionCheck.objects.filter(invoice_ids__has_key=key)
    # Of each billing period that has it. What of it was posted since stays out by the state of each.
    if several := list(kept.values_list(f"invoice_ids__{key}", flat=True)):
        return Q(pk__in=[each for ids in several for each in ids])
    cause = _rejected(key)
    if cause is None:
        return Q(pk__in=[])
    return Q(posting__status=Posting.Status.REJECTED, posting__message__in=cause.wordings)


def words(key: str) -> str:
    """Return the cause in words."""
    for kept in AttentionCheck.objects.filter(invoice_ids__has_key=key).values_list("problems", flat=True):
        return next((str(each["words"]) for each in kept if each["key"] == key), NOT_THERE)
    cause = _rejected(key)
    return cause.problem.words if cause else NOT_THERE


def _rejected(key: str) -> refused.Cause | None:
    return next((each for each in refused.causes(Posting.objects.all()) if each.key == key), None)
