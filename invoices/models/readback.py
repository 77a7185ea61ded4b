"""What became of posted documents in Xero, as it was read back."""

from __future__ import annotations

from django.db import models

from c3portal.database import clock
from invoices.models.posting import Posting
from xero_integration.models import XeroConnection


class DocumentEvent(models.Model):
    """A change of a posted document, as the portal came to know of it."""

    class Source(models.TextChoices):
        """How the portal came to know."""

        POLL = "poll", "Read from Xero"
        WEBHOOK = "webhook", "Webhook"
        RECONCILIATION = "reconciliation", "Nightly reconciliation"
        US = "us", "The portal"
        XERO = "xero", "Xero's history"

    posting = models.ForeignKey(Posting, on_delete=models.CASCADE, related_name="document_events")
    at = models.DateTimeField(default=clock.now)
    source = models.CharField(max_length=15, choices=Source)
    status = models.CharField(max_length=20, blank=True)
    amount_due = models.DecimalField(max_digits=15, decimal_places=2, null=True)
    facts = models.JSONField(default=list, help_text="What changed, a sentence each.")
    who = models.CharField(max_length=255, blank=True, help_text="Who did it, where that is known.")

    class Meta:
        ordering = ["at", "pk"]
        indexes = [models.Index(fields=["posting", "at"])]

    def __str__(self) -> str:
        return f"{self.posting_id} {self.status}"


class ReadingState(models.Model):
    """How far an organisation's documents are read back. Who sets `lease_until` by conditional UPDATE may read."""

    connection = models.OneToOneField(XeroConnection, on_delete=models.CASCADE, related_name="reading_state")
    changes_read_until = models.DateTimeField(null=True, help_text="All that changed in Xero before then is known.")
    next_poll_at = models.DateTimeField(default=clock.now)
    quiet_polls = models.PositiveIntegerField(default=0, help_text="In a row, without any news.")
    reconciled_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"Reading of {self.connection_id}"


class XeroEvent(models.Model):
    """A document that a webhook named, until it was read; however often it was named, once."""

    tenant_id = models.CharField(max_length=36)
    category = models.CharField(max_length=20)
    resource_id = models.CharField(max_length=36)
    received_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "category", "resource_id"], name="one_row_each_resource")
        ]

    def __str__(self) -> str:
        return f"{self.category} {self.resource_id}"


class AppliedCredit(models.Model):
    """What was set off against a posted document, as last read; `amount` is in the document's currency.

    Of an invoice the credit note, prepayment or overpayment with `xero_id`; of a credit note the invoice that it was
    allocated to.
    """

    class Kind(models.TextChoices):
        CREDIT_NOTE = "credit_note", "Credit note"
        PREPAYMENT = "prepayment", "Prepayment"
        OVERPAYMENT = "overpayment", "Overpayment"
        ALLOCATION = "allocation", "Allocation"

    posting = models.ForeignKey(Posting, on_delete=models.CASCADE, related_name="applied_credits")
    kind = models.CharField(max_length=12, choices=Kind)
    xero_id = models.CharField(max_length=36)
    number = models.CharField(max_length=255, blank=True)
    applied_on = models.DateField(null=True)
    amount = models.DecimalField(max_digits=15, decimal_places=2)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount}"
