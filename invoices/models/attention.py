"""What was found to block invoices that are not posted yet, kept because finding it is dear."""

from __future__ import annotations

from django.db import models

from c3portal.database import clock
from invoices.models.billing import BillingPeriod
from xero_integration.models import XeroConnection


class AttentionCheck(models.Model):
    """The last check of what is not posted of a billing period, for one organisation, without asking Xero. Of a period
    that is not checked any more `in_short` alone is kept, and `known` is "".

    `problems`: a list of {key, code, subject, words, fix, severity, count, money: {currency: amount}}; `known` tells
    whether anything that it rests on changed since.
    """

    period = models.OneToOneField(BillingPeriod, on_delete=models.CASCADE, related_name="attention_check")
    connection = models.ForeignKey(XeroConnection, on_delete=models.CASCADE, related_name="+")
    problems = models.JSONField(default=list)
    drift = models.JSONField(
        default=list, help_text="What of the settings no longer fits: {words, places, url, general}."
    )
    # Apart from the problems, since pages that show those have no use for the ids.
    invoice_ids = models.JSONField(
        default=dict, db_default={}, help_text="The invoices of each problem, by the problem's key."
    )
    in_short = models.JSONField(
        default=dict,
        db_default={},
        help_text="All that needs attention of the period, as last counted: {count, more, first: a list of {words, "
        "count, money: {currency: amount}, show}}.",
    )
    invoices = models.PositiveIntegerField(default=0, help_text="How many were checked.")
    blocked = models.PositiveIntegerField(default=0, help_text="How many of them something blocks.")
    needs_attention = models.PositiveIntegerField(
        default=0, help_text="What the navigation shows: the number of all causes, not of this check alone."
    )
    known = models.CharField(max_length=200, blank=True)
    checked_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"Check of {self.period_id}"
