"""What is asked of documents that are in Xero, and how far it has come."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from c3portal.database import clock
from invoices.models.posting import Call, CallQuerySet, DocumentType, Posting, Upload
from invoices.models.statuses import CHANGE_IN_FLIGHT, CHANGE_IN_PROGRESS, OPEN, ChangeKind, ChangeStatus
from xero_integration.models import XeroConnection


class ChangeRequest(models.Model):
    """One click that asks for changes: who, of which organisation, and why."""

    connection = models.ForeignKey(XeroConnection, on_delete=models.PROTECT, related_name="change_requests")
    upload = models.ForeignKey(
        Upload, null=True, on_delete=models.PROTECT, related_name="+", help_text="The one that was asked about, whole."
    )
    reason = models.CharField(max_length=500, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    trace_id = models.CharField(max_length=64, default="", db_default="", help_text="Of the request that asked for it.")

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"Change {self.pk}"


class ChangeCall(Call):
    """A call that changes documents by their ids."""

    connection = models.ForeignKey(XeroConnection, on_delete=models.PROTECT, related_name="change_calls")
    kind = models.CharField(max_length=10, choices=ChangeKind)
    changes_count = models.PositiveIntegerField(default=0)

    objects = CallQuerySet["ChangeCall"].as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["lease_until"], condition=Q(outcome__in=list(OPEN)), name="change_call_under_way")
        ]


class DocumentChangeQuerySet(models.QuerySet["DocumentChange"]):
    def in_flight(self) -> Self:
        """Return those that Xero may have done by now."""
        return self.filter(status__in=CHANGE_IN_FLIGHT)

    def in_progress(self) -> Self:
        """Return those that will still move by themselves."""
        return self.filter(status__in=CHANGE_IN_PROGRESS)


class DocumentChange(models.Model):
    """One thing asked of one document. Only `changes/transitions.py` changes `status`."""

    Kind = ChangeKind
    Status = ChangeStatus

    request = models.ForeignKey(ChangeRequest, on_delete=models.PROTECT, related_name="changes")
    posting = models.ForeignKey(Posting, on_delete=models.PROTECT, related_name="changes")
    connection = models.ForeignKey(XeroConnection, on_delete=models.PROTECT, related_name="+")
    document_type = models.CharField(max_length=12, choices=DocumentType)
    # Whatever the posting becomes, this document is what was asked about.
    xero_id = models.CharField(max_length=36)
    kind = models.CharField(max_length=10, choices=Kind)
    details = models.JSONField(default=dict, db_default={}, help_text="What its kind has to know beside the document.")
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    call = models.ForeignKey(ChangeCall, null=True, on_delete=models.PROTECT, related_name="changes")
    batch_cap = models.PositiveSmallIntegerField(null=True)
    not_before = models.DateTimeField(null=True, help_text="An uncertain one is looked up no earlier than this.")
    looked_at = models.DateTimeField(null=True, help_text="When a look last showed that Xero had not done it.")
    is_refused = models.BooleanField(
        default=False, db_default=False, help_text="Xero refused it, and is looked at before that is believed."
    )
    message = models.TextField(blank=True, help_text="Why it is where it is; Xero's own words when it refused.")
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    objects = DocumentChangeQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["connection", "status", "document_type", "kind", "id"], name="change_in_line")]
        constraints = [
            # Of one document nothing is asked while something else is under way.
            models.UniqueConstraint(
                fields=["posting"], condition=Q(status__in=list(CHANGE_IN_PROGRESS)), name="one_change_at_a_time"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=list(CHANGE_IN_FLIGHT)) | Q(call__isnull=False), name="under_way_has_a_call"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.xero_id}: {self.get_status_display()}"


class PastDocument(models.Model):
    """A document that a posting was in Xero before it was taken back."""

    posting = models.ForeignKey(Posting, on_delete=models.PROTECT, related_name="past_documents")
    xero_id = models.CharField(max_length=36)
    number = models.CharField(max_length=255)
    # Voided, deleted, or not shown any more.
    status = models.CharField(max_length=20)
    total = models.DecimalField(max_digits=15, decimal_places=2, null=True)
    ended_at = models.DateTimeField(default=clock.now)
    why = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["posting", "xero_id"], name="one_row_each_past_document")]

    def __str__(self) -> str:
        return f"{self.number} ({self.status})"
