"""How far each invoice has come on its way to Xero."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Count, Q, Sum
from django.urls import reverse

from c3portal.database import clock
from invoices.models.billing import BillingPeriod, Invoice
from invoices.models.statuses import IN_FLIGHT, IN_PROGRESS, OPEN, SEEN_TO, UPLOADABLE, PostingStatus, SubmissionOutcome
from xero_integration.models import InvoiceStatus, XeroConnection


class DocumentType(models.TextChoices):
    """The kind of document an invoice becomes in Xero; each has its own endpoint."""

    INVOICE = "invoice", "Invoice"
    CREDIT_NOTE = "credit_note", "Credit note"


class Onward(models.TextChoices):
    """What is asked of documents by themselves once they are in Xero."""

    NOTHING = "", "Nothing more"
    APPROVE = "approve", "Approve them"
    SEND = "send", "Approve them and send them to the customers"


class UploadQuerySet(models.QuerySet["Upload"]):
    def count_invoices(self) -> None:
        """Note of each what it began with, by its lines: invoices go on to later uploads."""
        for upload in self:
            began_with = Invoice.objects.filter(pk__in=PostLog.objects.filter(upload=upload).values("invoice"))
            rows = began_with.order_by("currency").values_list("currency").annotate(Count("pk"), Sum("total"))
            found = {code: (count, total.quantize(Decimal("0.01"))) for code, count, total in rows}
            Upload.objects.filter(pk=upload.pk).update(
                invoices_count=sum(count for count, _ in found.values()),
                invoiced={code: str(total) for code, (_, total) in found.items()},
            )


class Upload(models.Model):
    """One click of UPLOAD TO XERO, with the choices in force at that moment."""

    connection = models.ForeignKey(XeroConnection, on_delete=models.PROTECT, related_name="uploads")
    period = models.ForeignKey(BillingPeriod, null=True, on_delete=models.PROTECT, related_name="uploads")
    invoice_status = models.CharField(max_length=10, choices=InvoiceStatus)
    locked_as_drafts = models.BooleanField(default=False, help_text="Invoices in a locked period go as drafts.")
    onward = models.CharField(max_length=10, choices=Onward, blank=True, default="", db_default="")
    onward_ended_at = models.DateTimeField(null=True, help_text="When nothing more was to be asked for by itself.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    trace_id = models.CharField(max_length=64, default="", db_default="", help_text="Of the request that queued it.")
    invoices_count = models.PositiveIntegerField(
        null=True, help_text="How many invoices it began with; counted anew where it is not known."
    )
    invoiced = models.JSONField(null=True, help_text="What those came to: by currency, to the cent, as text.")

    objects = UploadQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(
                fields=["connection"], condition=~Q(onward="") & Q(onward_ended_at=None), name="upload_going_onward"
            )
        ]

    def __str__(self) -> str:
        return f"Upload {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("upload", args=[self.pk])


class UploadDraft(models.Model):
    """A selection on the preflight page: `everything` of the filter, or the invoices with `invoice_ids`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    period = models.ForeignKey(BillingPeriod, on_delete=models.CASCADE, related_name="drafts")
    # The organisation that it was last checked for, the only one that it may be posted to.
    connection = models.ForeignKey(XeroConnection, on_delete=models.SET_NULL, null=True, related_name="+")
    search = models.CharField(max_length=255, blank=True)
    state = models.CharField(max_length=20, blank=True)
    filters = models.JSONField(default=dict, db_default={}, help_text="The list's other filters, as in its address.")
    everything = models.BooleanField(default=False)
    invoice_ids = models.JSONField(default=list)
    invoice_status = models.CharField(max_length=10, choices=InvoiceStatus)
    locked_as_drafts = models.BooleanField(default=False, help_text="Invoices in a locked period go as drafts.")
    onward = models.CharField(max_length=10, choices=Onward, blank=True, default="", db_default="")
    again_of = models.ForeignKey(
        Upload,
        on_delete=models.CASCADE,
        null=True,
        related_name="+",
        help_text="What was refused of it goes again, and to its organisation, whichever is in use.",
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"Selection {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("preflight", args=[self.pk])


class CallQuerySet[C: "Call"](models.QuerySet[C]):
    def open(self) -> Self:
        """Return those whose worker still holds them."""
        return self.filter(outcome__in=OPEN)

    def closed(self) -> Self:
        return self.exclude(outcome__in=OPEN)


class Call(models.Model):
    """One HTTP call that changes something in Xero, and how far it got. Its id is the Idempotency-Key."""

    Outcome = SubmissionOutcome

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    document_type = models.CharField(max_length=12, choices=DocumentType)
    outcome = models.CharField(max_length=12, choices=Outcome, default=Outcome.PREPARING)
    # The exact bytes, committed before the call leaves: one in flight without a body was never sent. Long after its end
    # the bytes may be pruned; their SHA-256 stays.
    body = models.BinaryField(null=True)
    body_sha256 = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    sent_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    # When a silent worker counts as dead.
    lease_until = models.DateTimeField()
    process = models.UUIDField(null=True, help_text="Who claimed it; once that process is dead it is free.")
    status_code = models.PositiveSmallIntegerField(null=True)
    correlation_id = models.CharField(max_length=64, blank=True)
    trace_id = models.CharField(max_length=64, default="", db_default="", help_text="Of the task that made the call.")
    problem = models.TextField(blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.pk)


class Submission(Call):
    """A call that creates up to 50 documents."""

    connection = models.ForeignKey(XeroConnection, on_delete=models.PROTECT, related_name="submissions")
    postings_count = models.PositiveIntegerField(default=0)

    objects = CallQuerySet["Submission"].as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["lease_until"], condition=Q(outcome__in=list(OPEN)), name="submission_under_way"),
            models.Index(fields=["correlation_id"], name="submission_by_correlation"),
            models.Index(fields=["trace_id"], name="submission_by_trace"),
        ]


class PostingQuerySet(models.QuerySet["Posting"]):
    def in_flight(self) -> Self:
        """Return those that Xero may have by now."""
        return self.filter(status__in=IN_FLIGHT)

    def in_progress(self) -> Self:
        """Return those that will still change by themselves."""
        return self.filter(status__in=IN_PROGRESS)

    def uploadable(self) -> Self:
        """Return those that may be queued again; `Invoice.objects.uploadable` adds those never uploaded."""
        return self.filter(status__in=UPLOADABLE)


class Posting(models.Model):
    """How far one invoice has come on its way to Xero. Only `posting/transitions.py` changes `status`."""

    Status = PostingStatus

    invoice = models.OneToOneField(Invoice, on_delete=models.PROTECT, related_name="posting")
    connection = models.ForeignKey(XeroConnection, on_delete=models.PROTECT, related_name="postings")
    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, related_name="postings")
    document_type = models.CharField(max_length=12, choices=DocumentType)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    submission = models.ForeignKey(Submission, null=True, blank=True, on_delete=models.PROTECT, related_name="postings")
    batch_cap = models.PositiveSmallIntegerField(
        null=True, help_text="How many may travel together: halved when Xero refuses a whole call."
    )
    not_before = models.DateTimeField(null=True, help_text="An uncertain row is looked up no earlier than this.")
    looked_at = models.DateTimeField(
        null=True, help_text="When a look last showed that Xero does not have it; forgotten when it is uploaded again."
    )
    compared_at = models.DateTimeField(
        null=True, help_text="When Xero was last asked whether it has the posted credit note more than once."
    )
    is_number_taken = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Xero refused it since its number is another document's: looked up, and never sent again.",
    )
    message = models.TextField(blank=True, help_text="Why it is where it is; Xero's own words when it refused.")
    xero_id = models.CharField(max_length=36, blank=True)
    xero_status = models.CharField(max_length=20, blank=True)
    xero_total = models.DecimalField(max_digits=15, decimal_places=2, null=True)
    total_difference = models.DecimalField(
        max_digits=15, decimal_places=2, default=Decimal(0), help_text="Xero's total less the invoice's, once posted."
    )
    updated_at = models.DateTimeField(auto_now=True)
    number = models.CharField(
        max_length=255,
        blank=True,
        default="",
        db_default="",
        help_text="What it is called in Xero where the invoice's own number is not free there any more.",
    )
    attempt = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="How often it was taken back; another attempt bears another marker."
    )

    # What was sent, and what Xero says of it since; amounts in the invoice's currency, positive for credit notes too.
    sent_facts = models.JSONField(
        default=dict, db_default={}, help_text="Contact, dates, the lines' sum and the total, as sent."
    )
    amount_due = models.DecimalField(max_digits=15, decimal_places=2, null=True)
    amount_paid = models.DecimalField(max_digits=15, decimal_places=2, null=True)
    amount_credited = models.DecimalField(max_digits=15, decimal_places=2, null=True)
    paid_off_on = models.DateField(null=True)
    sent_to_contact = models.BooleanField(null=True)
    xero_updated_at = models.DateTimeField(null=True, help_text="When it last changed, by Xero's clock.")
    read_at = models.DateTimeField(null=True, help_text="As of when the above is true.")
    mailed_at = models.DateTimeField(null=True, help_text="When the portal last had Xero mail it.")
    mailed_to = models.CharField(max_length=255, default="", db_default="")
    online_url = models.CharField(
        max_length=500, default="", db_default="", help_text="Where the customer sees it, once that was asked for."
    )
    edits = models.JSONField(
        default=dict, db_default={}, help_text="By fact, what was sent and what Xero has in its place."
    )
    edits_told_at = models.DateTimeField(null=True, help_text="When a notice told of these edits.")
    edits_accepted_at = models.DateTimeField(null=True)
    edits_accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    edits_accepted_because = models.CharField(max_length=500, default="", db_default="")
    history_read_at = models.DateTimeField(null=True, help_text="When Xero's own history of it was last asked for.")

    objects = PostingQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["connection", "status", "document_type", "id"]),
            # All that is counted of an upload: no row is read for it.
            models.Index(fields=["upload", "status", "xero_status"], name="posting_progress"),
            models.Index(fields=["xero_id"], name="posting_by_document"),
            models.Index(fields=["number"], name="posting_by_number"),
            # What people see to, few among all that ever went.
            models.Index(fields=["status", "invoice"], condition=Q(status__in=SEEN_TO), name="posting_seen_to"),
            models.Index(fields=["invoice"], condition=~Q(total_difference=0), name="posting_differs"),
            models.Index(fields=["invoice"], condition=~Q(edits={}), name="posting_edited"),
            models.Index(fields=["invoice"], condition=Q(amount_due__gt=0), name="posting_owed"),
            models.Index(
                fields=["connection"],
                condition=Q(status="posted", document_type="credit_note", compared_at=None),
                name="posting_to_compare",
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(status="posted") | ~Q(xero_id=""), name="posted_has_an_id_from_xero"),
            models.CheckConstraint(
                condition=~Q(status__in=list(IN_FLIGHT)) | Q(submission__isnull=False),
                name="under_way_has_a_submission",
            ),
            models.UniqueConstraint(
                fields=["connection", "xero_id"], condition=~Q(xero_id=""), name="one_posting_each_document"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.invoice_id}: {self.get_status_display()}"

    @property
    def number_in_xero(self) -> str:
        """Return the number under which it goes to Xero, or went there."""
        return self.number or self.invoice.xero_number

    @property
    def xero_url(self) -> str:
        """Return the document's address in Xero, "" while it is not known to be there."""
        if not self.xero_id:
            return ""
        return self.connection.invoice_url(self.xero_id, credit_note=self.document_type == DocumentType.CREDIT_NOTE)


class SentDocument(models.Model):
    """A posting's document as it was sent last: its element of a call, JSON in zlib. Calls' bytes may be pruned."""

    posting = models.OneToOneField(Posting, on_delete=models.CASCADE, related_name="sent_document")
    xero_id = models.CharField(max_length=36)
    content = models.BinaryField()

    def __str__(self) -> str:
        return self.xero_id


class XeroAnswer(models.Model):
    """What Xero last answered about a posting's document: its element of the call's answer, JSON in zlib, bounded.
    Missing where no answer told of it, as when it was found by a lookup."""

    posting = models.OneToOneField(Posting, on_delete=models.CASCADE, related_name="answer")
    submission = models.ForeignKey(Submission, null=True, on_delete=models.SET_NULL, related_name="+")
    content = models.BinaryField()

    def __str__(self) -> str:
        return f"answer to {self.submission_id}"


class Twin(models.Model):
    """Another live document in Xero with a posting's marker, as long as Xero shows it: the money counts twice."""

    posting = models.ForeignKey(Posting, on_delete=models.CASCADE, related_name="twins")
    xero_id = models.CharField(max_length=36)
    number = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=20, blank=True)
    # As Xero shows it: positive for a credit note.
    total = models.DecimalField(max_digits=15, decimal_places=2, null=True)
    found_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["posting", "pk"]
        constraints = [models.UniqueConstraint(fields=["posting", "xero_id"], name="one_row_each_twin")]

    def __str__(self) -> str:
        return f"{self.number} ({self.xero_id})"

    @property
    def xero_url(self) -> str:
        return self.posting.connection.invoice_url(self.xero_id, credit_note=True)


class Payment(models.Model):
    """A payment in Xero of a posted invoice, as last read; `amount` is in the invoice's currency."""

    posting = models.ForeignKey(Posting, on_delete=models.CASCADE, related_name="payments")
    payment_id = models.CharField(max_length=36, unique=True)
    paid_on = models.DateField()
    amount = models.DecimalField(max_digits=15, decimal_places=2)
    reference = models.CharField(max_length=255, blank=True)

    class Meta:
        ordering = ["paid_on", "payment_id"]

    def __str__(self) -> str:
        return f"{self.amount} on {self.paid_on}"


class PostLog(models.Model):
    """What happened to an invoice, append-only: the lines of VIEW POST LOGS."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="post_logs")
    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, related_name="post_logs")
    submission = models.ForeignKey(Submission, null=True, on_delete=models.PROTECT, related_name="post_logs")
    status = models.CharField(max_length=10, choices=Posting.Status)
    message = models.TextField(blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["invoice", "id"]), models.Index(fields=["upload", "id"])]

    def __str__(self) -> str:
        return f"{self.invoice_id} {self.status}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Raises TypeError on an attempt to change it."""
        if self.pk:
            raise TypeError("A post log is append-only.")
        super().save(*args, **kwargs)
