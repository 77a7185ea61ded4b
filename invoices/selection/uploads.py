"""Which uploads the post logs show, and which of their lines a download has."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection
from typing import Any

from django import forms
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.functional import cached_property

from c3portal.audit.search import day_field, midnight
from c3portal.models import User
from invoices.models import BillingPeriod, Posting, PostLog, Upload
from invoices.models.statuses import IN_PROGRESS
from invoices.selection import tracks
from xero_integration.client.vocabulary import GONE

Status = Posting.Status
RUNNING, REJECTED, WHOLE = "running", "rejected", "whole"
RESULTS = (("", "Any"), (RUNNING, "In progress"), (REJECTED, "Rejected by Xero"), (WHOLE, "All in Xero"))


class LogsForm(forms.Form):
    """What is asked for; days are in the reader's time zone, both included."""

    q = forms.CharField(label="Invoice, id or person", required=False)
    result = forms.ChoiceField(label="Result", required=False, choices=RESULTS)
    by = forms.ModelChoiceField(User.objects.none(), label="By", required=False, empty_label="Anyone")
    period = forms.ModelChoiceField(
        BillingPeriod.objects.none(), label="Period", required=False, empty_label="Any", to_field_name="billing_id"
    )
    since = day_field("From")
    until = day_field("To")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        uploads = Upload.objects.order_by()
        self.fields["by"].queryset = User.objects.filter(pk__in=uploads.values("created_by")).order_by("email")  # type: ignore[attr-defined]
        self.fields["period"].queryset = BillingPeriod.objects.filter(pk__in=uploads.values("period"))  # type: ignore[attr-defined]
        # As the top bar names a period, which has room for no more.
        self.fields["period"].label_from_instance = lambda period: f"{period.ends_on:%B %Y}"  # type: ignore[attr-defined]
        for field in self.fields.values():
            is_select = isinstance(field.widget, forms.Select)
            field.widget.attrs["class"] = "form-select" if is_select else "form-control"

    @property
    def sought(self) -> str:
        return str(self.data.get("q", "")).strip()[: tracks.LONGEST_SOUGHT]

    @cached_property
    def invoices(self) -> list[uuid.UUID]:
        """Return the ids of the invoices that were sought."""
        return tracks.invoices_with(self.sought)

    def uploads(self) -> QuerySet[Upload]:
        """Return the uploads asked for, newest first; none for an invalid question."""
        if not self.is_valid():
            return Upload.objects.none()
        asked = self.cleaned_data
        conditions = [
            Q(created_by=asked["by"]) if asked["by"] else Q(),
            Q(period=asked["period"]) if asked["period"] else Q(),
            Q(created_at__gte=midnight(asked["since"])) if asked["since"] else Q(),
            Q(created_at__lt=midnight(asked["until"] + dt.timedelta(days=1))) if asked["until"] else Q(),
            _sought(self.sought, self.invoices) if self.sought else Q(),
        ]
        return _with_result(Upload.objects.filter(*conditions), asked["result"])

    def lines(self) -> QuerySet[PostLog]:
        """Return the log lines of those uploads, oldest first; of the invoices that were sought, where any are."""
        found = PostLog.objects.filter(upload__in=self.uploads().order_by().values("pk"))
        if self.invoices:
            found = found.filter(invoice__in=self.invoices)
        return found.order_by("pk")


def _sought(text: str, invoices: Collection[uuid.UUID]) -> Q:
    found = (
        Q(pk__in=tracks.uploads_with(invoices))
        | Q(created_by__email__icontains=text)
        | Q(created_by__name__icontains=text)
    )
    number = text.lower().removeprefix("upload").strip()
    return found | Q(pk=int(number)) if number.isascii() and number.isdigit() and len(number) < 10 else found


def _with_result(uploads: QuerySet[Upload], result: str) -> QuerySet[Upload]:
    postings = Posting.objects.filter(upload=OuterRef("pk"))
    if result == RUNNING:
        return uploads.filter(Exists(postings.filter(status__in=IN_PROGRESS)))
    if result == REJECTED:
        return uploads.filter(Exists(postings.filter(status=Status.REJECTED)))
    if result == WHOLE:
        there = postings.filter(status=Status.POSTED).exclude(xero_status__in=GONE)
        count = there.order_by().values("upload").annotate(count=Count("pk")).values("count")
        return uploads.annotate(there=Coalesce(Subquery(count), 0)).filter(there=F("invoices_count"))
    return uploads
