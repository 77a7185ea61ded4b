"""What a new portal begins with: the tables as all these left them, in one step.

A portal that has applied some of them goes on with the single ones.
"""

import uuid
from decimal import Decimal

import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import c3portal.database.clock
import invoices.models.fields
from c3portal.audit import append_only

# As `0005_post_log_keeps_its_facts` has it.
FACTS = ("invoice_id", "upload_id", "submission_id", "status", "message", "created_at")


def guard(apps, schema_editor):
    append_only.guard(schema_editor, "invoices_postlog", columns=FACTS, deletes=False)


def unguard(apps, schema_editor):
    append_only.unguard(schema_editor, "invoices_postlog")


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ("invoices", "0001_initial"),
        ("invoices", "0002_import_run"),
        ("invoices", "0003_import_run_period"),
        ("invoices", "0004_choices"),
        ("invoices", "0005_post_log_keeps_its_facts"),
        ("invoices", "0006_posting_looked_at"),
        ("invoices", "0007_one_clock"),
        ("invoices", "0008_upload_draft_organisation"),
        ("invoices", "0009_twins_and_traces"),
        ("invoices", "0010_posting_is_number_taken"),
        ("invoices", "0011_real_input"),
        ("invoices", "0012_differences_by_name"),
        ("invoices", "0013_import_in_hand"),
        ("invoices", "0014_decisions_keep_hashes"),
        ("invoices", "0015_xero_number_without_case"),
        ("invoices", "0016_resellers_who_are_customers"),
        ("invoices", "0017_customers_put_back"),
        ("invoices", "0018_charges_without_key"),
        ("invoices", "0019_when_c3_gave_details"),
        ("invoices", "0020_profile_encoding_and_sheet"),
        ("invoices", "0021_close_held_back"),
        ("invoices", "0022_read_back"),
        ("invoices", "0023_purchase_orders"),
        ("invoices", "0024_upload_draft_again"),
        ("invoices", "0025_changes_of_documents"),
        ("invoices", "0026_change_details"),
        ("invoices", "0027_corrections"),
        ("invoices", "0028_told_and_history_read"),
        ("invoices", "0029_approve_and_send"),
        ("invoices", "0030_set_against_invoices"),
        ("invoices", "0031_posting_attempt"),
        ("invoices", "0032_later_versions"),
        ("invoices", "0033_subscription_orders"),
    ]
    dependencies = [("c3portal", "0012_notice_of_changes_in_xero"), ("xero_integration", "0001_squashed_0020")]

    operations = [
        migrations.CreateModel(
            name="BillingPeriod",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("billing_id", models.CharField(max_length=50, unique=True)),
                ("c3_id", models.PositiveIntegerField(blank=True, null=True, verbose_name="C3's number")),
                ("starts_on", models.DateField()),
                ("ends_on", models.DateField()),
            ],
            options={
                "ordering": ["-ends_on", "-billing_id"],
            },
        ),
        migrations.CreateModel(
            name="ChangeCall",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "document_type",
                    models.CharField(choices=[("invoice", "Invoice"), ("credit_note", "Credit note")], max_length=12),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("preparing", "Being prepared"),
                            ("sending", "Under way"),
                            ("answered", "Answered"),
                            ("not_recorded", "Nothing was recorded"),
                            ("unknown", "Outcome unknown"),
                        ],
                        default="preparing",
                        max_length=12,
                    ),
                ),
                ("body", models.BinaryField(null=True)),
                ("body_sha256", models.CharField(blank=True, max_length=64)),
                ("created_at", models.DateTimeField(default=c3portal.database.clock.now)),
                ("sent_at", models.DateTimeField(null=True)),
                ("answered_at", models.DateTimeField(null=True)),
                ("lease_until", models.DateTimeField()),
                (
                    "process",
                    models.UUIDField(help_text="Who claimed it; once that process is dead it is free.", null=True),
                ),
                ("status_code", models.PositiveSmallIntegerField(null=True)),
                ("correlation_id", models.CharField(blank=True, max_length=64)),
                (
                    "trace_id",
                    models.CharField(
                        db_default="", default="", help_text="Of the task that made the call.", max_length=64
                    ),
                ),
                ("problem", models.TextField(blank=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("delete", "Delete"),
                            ("void", "Void"),
                            ("approve", "Approve"),
                            ("send", "Send"),
                            ("allocate", "Set against an invoice"),
                            ("update", "Update"),
                        ],
                        max_length=10,
                    ),
                ),
                ("changes_count", models.PositiveIntegerField(default=0)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="change_calls",
                        to="xero_integration.xeroconnection",
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("outcome__in", ["preparing", "sending"])),
                        fields=["lease_until"],
                        name="change_call_under_way",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ChangeRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("created_at", models.DateTimeField(default=c3portal.database.clock.now)),
                (
                    "trace_id",
                    models.CharField(
                        db_default="", default="", help_text="Of the request that asked for it.", max_length=64
                    ),
                ),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="change_requests",
                        to="xero_integration.xeroconnection",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="Customer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("tenant_id", models.CharField(max_length=50, unique=True)),
                (
                    "key_from",
                    models.CharField(
                        choices=[
                            ("tenant", "Tenant id"),
                            ("erp", "ERP id"),
                            ("name", "Name"),
                            ("reseller", "Reseller's name"),
                        ],
                        db_default="tenant",
                        default="tenant",
                        max_length=10,
                    ),
                ),
                ("name", models.CharField(max_length=255)),
                ("erp_id", models.CharField(blank=True, max_length=100)),
                ("email", models.CharField(blank=True, max_length=255)),
                ("country", models.CharField(blank=True, max_length=2)),
                (
                    "c3_details",
                    models.JSONField(
                        blank=True,
                        db_default={},
                        default=dict,
                        help_text="What C3 knows besides: address, tags, reseller, e-mail.",
                    ),
                ),
                ("c3_read_at", models.DateTimeField(blank=True, null=True, verbose_name="C3 gave its details")),
                (
                    "same_as",
                    models.ForeignKey(
                        blank=True,
                        help_text="Of a reseller: the customer that it is too, as a person said; itself when it is none.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="invoices.customer",
                    ),
                ),
            ],
            options={
                "ordering": ["name", "tenant_id"],
            },
        ),
        migrations.CreateModel(
            name="AccountOverride",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("license", "License based SKUs"),
                            ("azure", "Azure Usage based SKUs"),
                            ("custom", "Custom offer SKUs"),
                        ],
                        max_length=10,
                    ),
                ),
                ("sku", models.CharField(blank=True, max_length=100, verbose_name="SKU")),
                ("is_prefix", models.BooleanField(default=False, verbose_name="SKU is a beginning")),
                ("account_code", models.CharField(max_length=10)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "updated_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="account_overrides",
                        to="invoices.customer",
                    ),
                ),
            ],
            options={
                "ordering": ["sku", "kind", "pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("customer__isnull", False)),
                        fields=("customer", "kind", "sku", "is_prefix"),
                        name="account_override_once_each_customer",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("customer__isnull", True)),
                        fields=("sku", "is_prefix"),
                        name="account_override_once_each_sku",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("customer__isnull", False), models.Q(("sku", ""), _negated=True), _connector="OR"
                        ),
                        name="account_override_names_sku_or_customer",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("sku", ""), ("kind", ""), _connector="OR"),
                        name="account_override_sku_or_kind",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CustomerOverride",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("theme_id", models.CharField(blank=True, max_length=36)),
                ("theme_name", models.CharField(blank=True, max_length=255)),
                (
                    "invoice_status",
                    models.CharField(
                        blank=True,
                        choices=[("DRAFT", "Draft"), ("SUBMITTED", "Awaiting approval"), ("AUTHORISED", "Approved")],
                        max_length=10,
                    ),
                ),
                (
                    "bill_resellers",
                    models.CharField(
                        blank=True,
                        choices=[("reseller", "The reseller's contact"), ("customer", "The customer's contact")],
                        db_default="",
                        default="",
                        max_length=10,
                    ),
                ),
                (
                    "due_days",
                    models.PositiveSmallIntegerField(blank=True, help_text="Days from the invoice's date.", null=True),
                ),
                (
                    "purchase_order",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="Of invoices that come without one.",
                        max_length=255,
                        verbose_name="PO number",
                    ),
                ),
                (
                    "requires_purchase_order",
                    models.BooleanField(db_default=False, default=False, verbose_name="requires a PO number"),
                ),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "customer",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="override", to="invoices.customer"
                    ),
                ),
                (
                    "updated_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ImportProfile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, unique=True)),
                ("header", models.JSONField(help_text="The names of the columns that were seen, in their order.")),
                ("columns", models.JSONField(help_text="The column of each field of `meanings`, by the field's name.")),
                (
                    "formats",
                    models.JSONField(
                        default=dict, help_text="How numbers and dates are written, where the values do not say."
                    ),
                ),
                (
                    "encoding",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="A file whose encoding can only be guessed, and is guessed as this one, asks nobody.",
                        max_length=40,
                    ),
                ),
                (
                    "sheet",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="The one that is read where several sheets of a workbook have these columns.",
                        max_length=100,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "updated_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="ImportRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "source",
                    models.CharField(
                        choices=[("file", "File"), ("c3", "C3")], db_default="file", default="file", max_length=10
                    ),
                ),
                ("file_name", models.CharField(max_length=255)),
                ("size", models.PositiveBigIntegerField(help_text="Bytes.")),
                ("sha256", models.CharField(blank=True, max_length=64)),
                ("started_at", models.DateTimeField(auto_now_add=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting for a worker"),
                            ("columns", "Columns to match"),
                            ("ready", "Ready to import"),
                            ("running", "Under way"),
                            ("imported", "Imported"),
                            ("nothing_new", "Nothing new"),
                            ("refused", "Refused"),
                            ("undone", "Undone"),
                            ("discarded", "Discarded"),
                        ],
                        default="running",
                        max_length=12,
                    ),
                ),
                ("reason", models.TextField(blank=True, help_text="Why the file as a whole was refused.")),
                (
                    "notes",
                    models.JSONField(default=list, help_text="Sentences on what was noticed and refused nothing."),
                ),
                (
                    "stored_as",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="The file's name in IMPORT_DIR while it waits.",
                        max_length=100,
                    ),
                ),
                (
                    "options",
                    models.JSONField(
                        db_default={}, default=dict, help_text="What a person chose: encoding, sheet, billing period."
                    ),
                ),
                ("all_or_nothing", models.BooleanField(db_default=False, default=False)),
                (
                    "bytes_read",
                    models.PositiveBigIntegerField(
                        db_default=0, default=0, help_text="Progress while it is under way."
                    ),
                ),
                (
                    "process",
                    models.UUIDField(
                        help_text="Which process has it in hand; once that one is dead it is free.", null=True
                    ),
                ),
                ("lease_until", models.DateTimeField(null=True)),
                (
                    "attempts",
                    models.PositiveSmallIntegerField(
                        db_default=0, default=0, help_text="How often it was taken in hand."
                    ),
                ),
                (
                    "preview",
                    models.JSONField(db_default={}, default=dict, help_text="What would come in, before it does."),
                ),
                (
                    "correlation_id",
                    models.CharField(
                        blank=True, db_default="", default="", help_text="C3's RequestCorrelationID.", max_length=64
                    ),
                ),
                ("undone_at", models.DateTimeField(null=True)),
                ("lines", models.PositiveIntegerField(default=0)),
                ("invoices_new", models.PositiveIntegerField(default=0)),
                ("invoices_updated", models.PositiveIntegerField(default=0)),
                ("invoices_unchanged", models.PositiveIntegerField(default=0)),
                ("invoices_differing", models.PositiveIntegerField(default=0)),
                ("invoices_held_back", models.PositiveIntegerField(db_default=0, default=0)),
                ("errors", models.PositiveIntegerField(default=0)),
                (
                    "period",
                    models.ForeignKey(
                        help_text="None for a file of several.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="invoices.billingperiod",
                    ),
                ),
                (
                    "profile",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="runs",
                        to="invoices.importprofile",
                    ),
                ),
                (
                    "undone_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="ImportFinding",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("error", "Error"),
                            ("held_back", "Held back"),
                            ("difference", "Differs from what was sent"),
                        ],
                        db_default="error",
                        default="error",
                        max_length=10,
                    ),
                ),
                (
                    "row",
                    models.PositiveIntegerField(help_text="As a spreadsheet counts: the header of a CSV is row 1."),
                ),
                ("invoice_number", models.CharField(blank=True, max_length=255)),
                ("field", models.CharField(blank=True, max_length=50)),
                ("reason", models.TextField()),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="findings", to="invoices.importrun"
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="HeldBackInvoice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.CharField(blank=True, max_length=255)),
                ("customer_name", models.CharField(blank=True, max_length=255)),
                ("currency", models.CharField(blank=True, max_length=3)),
                (
                    "total",
                    models.DecimalField(
                        decimal_places=2, help_text="As far as it could be read.", max_digits=15, null=True
                    ),
                ),
                ("billing_id", models.CharField(blank=True, max_length=50)),
                ("resolved_at", models.DateTimeField(null=True)),
                (
                    "customer_key",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="Empty when it could not be read.",
                        max_length=255,
                    ),
                ),
                (
                    "close_reason",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="Why a person closed it; empty when a file did.",
                        max_length=200,
                    ),
                ),
                (
                    "closed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "resolved_by",
                    models.ForeignKey(
                        help_text="Has it right.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="resolved",
                        to="invoices.importrun",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="held_back", to="invoices.importrun"
                    ),
                ),
            ],
            options={
                "ordering": ["-run", "number", "pk"],
                "indexes": [
                    models.Index(condition=models.Q(("resolved_at", None)), fields=["number"], name="held_back_open")
                ],
            },
        ),
        migrations.CreateModel(
            name="ImportSettings",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "all_or_nothing",
                    models.BooleanField(default=False, verbose_name="One wrong invoice refuses the whole file"),
                ),
                (
                    "bill_resellers",
                    models.CharField(
                        choices=[("reseller", "The reseller's contact"), ("customer", "The customer's contact")],
                        default="reseller",
                        max_length=10,
                        verbose_name="Invoices to a reseller go to",
                    ),
                ),
                (
                    "time_zone",
                    models.CharField(
                        blank=True,
                        help_text="Empty: that of the organisation in Xero.",
                        max_length=50,
                        verbose_name="Billing time zone",
                    ),
                ),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "updated_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "import settings",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("pk", 1)), name="import_settings_is_one_row")
                ],
            },
        ),
        migrations.CreateModel(
            name="Invoice",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("number", models.CharField(max_length=255, unique=True)),
                ("xero_number", models.CharField(max_length=255, unique=True)),
                ("issued_on", models.DateField()),
                ("due_on", models.DateField()),
                ("currency", models.CharField(max_length=3)),
                ("subtotal", models.DecimalField(decimal_places=2, max_digits=15)),
                ("tax", models.DecimalField(decimal_places=2, max_digits=15)),
                ("total", models.DecimalField(decimal_places=2, max_digits=15)),
                (
                    "exact_total",
                    invoices.models.fields.ExactDecimalField(
                        blank=True,
                        help_text="The sum of the lines before they are rounded to cents.",
                        max_length=40,
                        null=True,
                    ),
                ),
                (
                    "service_start",
                    models.DateField(blank=True, help_text="The first day that a line charges for.", null=True),
                ),
                (
                    "service_end",
                    models.DateField(blank=True, help_text="The last day that a line charges for.", null=True),
                ),
                (
                    "billed_hash",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="SHA-256 of what was billed, without number, billing period and names.",
                        max_length=64,
                    ),
                ),
                (
                    "charges_hash",
                    models.CharField(
                        blank=True, help_text="The same without the customer's key.", max_length=64, null=True
                    ),
                ),
                (
                    "keyless_hash",
                    models.CharField(
                        blank=True,
                        help_text="`charges_hash` again, where the customer has no tenant id.",
                        max_length=64,
                        null=True,
                    ),
                ),
                (
                    "named_hash",
                    models.CharField(
                        blank=True,
                        help_text="The same with the customer's name in place of the key.",
                        max_length=64,
                        null=True,
                    ),
                ),
                ("purchase_order", models.CharField(blank=True, db_default="", default="", max_length=255)),
                (
                    "source_hash",
                    models.CharField(
                        help_text="SHA-256 of the lines as imported: tells a changed file from a repeated one.",
                        max_length=64,
                    ),
                ),
                (
                    "difference",
                    models.TextField(blank=True, help_text="What a later import says differently, once it was sent."),
                ),
                (
                    "ignored_because",
                    models.CharField(
                        blank=True, help_text="Why it must not go to Xero; empty when it may.", max_length=500
                    ),
                ),
                ("ignored_at", models.DateTimeField(blank=True, null=True)),
                ("imported_at", models.DateTimeField(auto_now=True)),
                (
                    "reason",
                    models.CharField(
                        blank=True, db_default="", default="", help_text="Why it was corrected.", max_length=500
                    ),
                ),
                (
                    "contact_id",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="Of a correction: the contact in Xero that the corrected invoice is on, whoever is linked by now.",
                        max_length=36,
                    ),
                ),
                (
                    "bill_to",
                    models.ForeignKey(
                        blank=True,
                        help_text="The reseller who is billed in place of the customer.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="billed_invoices",
                        to="invoices.customer",
                    ),
                ),
                (
                    "corrects",
                    models.ForeignKey(
                        blank=True,
                        help_text="The invoice that it corrects.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="corrections",
                        to="invoices.invoice",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="invoices", to="invoices.customer"
                    ),
                ),
                (
                    "ignored_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "import_run",
                    models.ForeignKey(
                        blank=True,
                        help_text="The import that brought it first.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="invoices",
                        to="invoices.importrun",
                    ),
                ),
                (
                    "period",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="invoices",
                        to="invoices.billingperiod",
                    ),
                ),
            ],
            options={
                "ordering": ["number"],
                "indexes": [
                    models.Index(fields=["period", "number"], name="invoices_in_period__215774_idx"),
                    models.Index(
                        django.db.models.functions.text.Lower("xero_number"), name="invoice_xero_number_lower"
                    ),
                    models.Index(
                        condition=models.Q(("billed_hash", ""), _negated=True),
                        fields=["billed_hash"],
                        name="invoice_billed_hash",
                    ),
                    models.Index(
                        condition=models.Q(("charges_hash__isnull", False)),
                        fields=["charges_hash"],
                        name="invoice_charges",
                    ),
                    models.Index(
                        condition=models.Q(("keyless_hash__isnull", False)),
                        fields=["keyless_hash"],
                        name="invoice_keyless",
                    ),
                    models.Index(
                        condition=models.Q(("named_hash__isnull", False)), fields=["named_hash"], name="invoice_named"
                    ),
                    models.Index(fields=["customer", "service_start", "service_end"], name="invoice_service_dates"),
                ],
            },
        ),
        migrations.CreateModel(
            name="DuplicateDecision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "decision",
                    models.CharField(
                        choices=[
                            ("post", "Post it anyway"),
                            ("exclude", "Do not post it"),
                            ("replace", "It replaces the other"),
                        ],
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("invoice_billed_hash", models.CharField(blank=True, db_default="", default="", max_length=64)),
                ("other_billed_hash", models.CharField(blank=True, db_default="", default="", max_length=64)),
                ("decided_at", models.DateTimeField(auto_now_add=True)),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "invoice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="duplicate_decisions",
                        to="invoices.invoice",
                    ),
                ),
                (
                    "other",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="invoices.invoice"
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [models.UniqueConstraint(fields=("invoice", "other"), name="duplicate_decided_once")],
            },
        ),
        migrations.CreateModel(
            name="InvoiceLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveIntegerField()),
                (
                    "kind",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("license", "License based SKUs"),
                            ("azure", "Azure Usage based SKUs"),
                            ("custom", "Custom offer SKUs"),
                        ],
                        max_length=10,
                    ),
                ),
                ("sku", models.CharField(blank=True, max_length=100)),
                ("name", models.CharField(max_length=4000)),
                ("charge_start", models.DateField(blank=True, null=True)),
                ("charge_end", models.DateField(blank=True, null=True)),
                ("quantity", invoices.models.fields.ExactDecimalField(max_length=40)),
                ("unit_price", invoices.models.fields.ExactDecimalField(max_length=40)),
                ("subtotal", invoices.models.fields.ExactDecimalField(max_length=40)),
                ("tax_name", models.CharField(blank=True, max_length=100)),
                ("tax_percentage", invoices.models.fields.ExactDecimalField(max_length=40)),
                ("tax", invoices.models.fields.ExactDecimalField(max_length=40)),
                ("total", invoices.models.fields.ExactDecimalField(max_length=40)),
                ("source", models.JSONField(default=dict)),
                ("account_code", models.CharField(blank=True, db_default="", default="", max_length=50)),
                ("tax_type", models.CharField(blank=True, db_default="", default="", max_length=50)),
                (
                    "invoice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="lines", to="invoices.invoice"
                    ),
                ),
            ],
            options={
                "ordering": ["invoice_id", "position"],
                "constraints": [
                    models.UniqueConstraint(fields=("invoice", "position"), name="line_position_once_each_invoice")
                ],
            },
        ),
        migrations.CreateModel(
            name="KindRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("category", models.CharField(help_text="Case-folded.", max_length=255, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("license", "License based SKUs"),
                            ("azure", "Azure Usage based SKUs"),
                            ("custom", "Custom offer SKUs"),
                        ],
                        max_length=10,
                    ),
                ),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "updated_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["category"],
            },
        ),
        migrations.CreateModel(
            name="LaterVersion",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("facts", models.JSONField()),
                ("kept_at", models.DateTimeField(default=c3portal.database.clock.now)),
                (
                    "invoice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="later_versions",
                        to="invoices.invoice",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        help_text="Its file.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="later_versions",
                        to="invoices.importrun",
                    ),
                ),
            ],
            options={
                "ordering": ["kept_at", "pk"],
            },
        ),
        migrations.CreateModel(
            name="LaterLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveIntegerField()),
                (
                    "kind",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("license", "License based SKUs"),
                            ("azure", "Azure Usage based SKUs"),
                            ("custom", "Custom offer SKUs"),
                        ],
                        max_length=10,
                    ),
                ),
                ("sku", models.CharField(blank=True, max_length=100)),
                ("name", models.CharField(max_length=4000)),
                ("charge_start", models.DateField(blank=True, null=True)),
                ("charge_end", models.DateField(blank=True, null=True)),
                ("quantity", invoices.models.fields.ExactDecimalField(max_length=40)),
                ("unit_price", invoices.models.fields.ExactDecimalField(max_length=40)),
                ("subtotal", invoices.models.fields.ExactDecimalField(max_length=40)),
                ("tax_name", models.CharField(blank=True, max_length=100)),
                ("tax_percentage", invoices.models.fields.ExactDecimalField(max_length=40)),
                ("tax", invoices.models.fields.ExactDecimalField(max_length=40)),
                ("total", invoices.models.fields.ExactDecimalField(max_length=40)),
                ("source", models.JSONField(default=dict)),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="lines", to="invoices.laterversion"
                    ),
                ),
            ],
            options={
                "ordering": ["version_id", "position"],
                "constraints": [
                    models.UniqueConstraint(fields=("version", "position"), name="line_once_each_later_version")
                ],
            },
        ),
        migrations.CreateModel(
            name="Posting",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "document_type",
                    models.CharField(choices=[("invoice", "Invoice"), ("credit_note", "Credit note")], max_length=12),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Waiting"),
                            ("sending", "Being sent"),
                            ("posted", "In Xero"),
                            ("rejected", "Refused"),
                            ("uncertain", "Being checked"),
                            ("withdrawn", "Withdrawn"),
                            ("undone", "Taken back"),
                        ],
                        default="queued",
                        max_length=10,
                    ),
                ),
                (
                    "batch_cap",
                    models.PositiveSmallIntegerField(
                        help_text="How many may travel together: halved when Xero refuses a whole call.", null=True
                    ),
                ),
                (
                    "not_before",
                    models.DateTimeField(help_text="An uncertain row is looked up no earlier than this.", null=True),
                ),
                (
                    "looked_at",
                    models.DateTimeField(
                        help_text="When a look last showed that Xero does not have it; forgotten when it is uploaded again.",
                        null=True,
                    ),
                ),
                (
                    "compared_at",
                    models.DateTimeField(
                        help_text="When Xero was last asked whether it has the posted credit note more than once.",
                        null=True,
                    ),
                ),
                (
                    "is_number_taken",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="Xero refused it since its number is another document's: looked up, and never sent again.",
                    ),
                ),
                (
                    "message",
                    models.TextField(blank=True, help_text="Why it is where it is; Xero's own words when it refused."),
                ),
                ("xero_id", models.CharField(blank=True, max_length=36)),
                ("xero_status", models.CharField(blank=True, max_length=20)),
                ("xero_total", models.DecimalField(decimal_places=2, max_digits=15, null=True)),
                (
                    "total_difference",
                    models.DecimalField(
                        decimal_places=2,
                        default=Decimal("0"),
                        help_text="Xero's total less the invoice's, once posted.",
                        max_digits=15,
                    ),
                ),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "number",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="What it is called in Xero where the invoice's own number is not free there any more.",
                        max_length=255,
                    ),
                ),
                (
                    "attempt",
                    models.PositiveSmallIntegerField(
                        db_default=0,
                        default=0,
                        help_text="How often it was taken back; another attempt bears another marker.",
                    ),
                ),
                (
                    "sent_facts",
                    models.JSONField(
                        db_default={}, default=dict, help_text="Contact, dates, the lines' sum and the total, as sent."
                    ),
                ),
                ("amount_due", models.DecimalField(decimal_places=2, max_digits=15, null=True)),
                ("amount_paid", models.DecimalField(decimal_places=2, max_digits=15, null=True)),
                ("amount_credited", models.DecimalField(decimal_places=2, max_digits=15, null=True)),
                ("paid_off_on", models.DateField(null=True)),
                ("sent_to_contact", models.BooleanField(null=True)),
                (
                    "xero_updated_at",
                    models.DateTimeField(help_text="When it last changed, by Xero's clock.", null=True),
                ),
                ("read_at", models.DateTimeField(help_text="As of when the above is true.", null=True)),
                ("mailed_at", models.DateTimeField(help_text="When the portal last had Xero mail it.", null=True)),
                ("mailed_to", models.CharField(db_default="", default="", max_length=255)),
                (
                    "online_url",
                    models.CharField(
                        db_default="",
                        default="",
                        help_text="Where the customer sees it, once that was asked for.",
                        max_length=500,
                    ),
                ),
                (
                    "edits",
                    models.JSONField(
                        db_default={}, default=dict, help_text="By fact, what was sent and what Xero has in its place."
                    ),
                ),
                ("edits_told_at", models.DateTimeField(help_text="When a notice told of these edits.", null=True)),
                ("edits_accepted_at", models.DateTimeField(null=True)),
                ("edits_accepted_because", models.CharField(db_default="", default="", max_length=500)),
                (
                    "history_read_at",
                    models.DateTimeField(help_text="When Xero's own history of it was last asked for.", null=True),
                ),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="postings",
                        to="xero_integration.xeroconnection",
                    ),
                ),
                (
                    "edits_accepted_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "invoice",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="posting", to="invoices.invoice"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["connection", "status", "document_type", "id"], name="invoices_po_connect_8e56ed_idx"
                    ),
                    models.Index(
                        condition=models.Q(
                            ("compared_at", None), ("document_type", "credit_note"), ("status", "posted")
                        ),
                        fields=["connection"],
                        name="posting_to_compare",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "posted"), _negated=True),
                            models.Q(("xero_id", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="posted_has_an_id_from_xero",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("xero_id", ""), _negated=True),
                        fields=("connection", "xero_id"),
                        name="one_posting_each_document",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Payment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("payment_id", models.CharField(max_length=36, unique=True)),
                ("paid_on", models.DateField()),
                ("amount", models.DecimalField(decimal_places=2, max_digits=15)),
                ("reference", models.CharField(blank=True, max_length=255)),
                (
                    "posting",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="payments", to="invoices.posting"
                    ),
                ),
            ],
            options={
                "ordering": ["paid_on", "payment_id"],
            },
        ),
        migrations.CreateModel(
            name="PastDocument",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("xero_id", models.CharField(max_length=36)),
                ("number", models.CharField(max_length=255)),
                ("status", models.CharField(max_length=20)),
                ("total", models.DecimalField(decimal_places=2, max_digits=15, null=True)),
                ("ended_at", models.DateTimeField(default=c3portal.database.clock.now)),
                ("why", models.CharField(blank=True, max_length=500)),
                (
                    "posting",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="past_documents",
                        to="invoices.posting",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [
                    models.UniqueConstraint(fields=("posting", "xero_id"), name="one_row_each_past_document")
                ],
            },
        ),
        migrations.CreateModel(
            name="DocumentEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(default=c3portal.database.clock.now)),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("poll", "Read from Xero"),
                            ("webhook", "Webhook"),
                            ("reconciliation", "Nightly reconciliation"),
                            ("us", "The portal"),
                            ("xero", "Xero's history"),
                        ],
                        max_length=15,
                    ),
                ),
                ("status", models.CharField(blank=True, max_length=20)),
                ("amount_due", models.DecimalField(decimal_places=2, max_digits=15, null=True)),
                ("facts", models.JSONField(default=list, help_text="What changed, a sentence each.")),
                ("who", models.CharField(blank=True, help_text="Who did it, where that is known.", max_length=255)),
                (
                    "posting",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="document_events",
                        to="invoices.posting",
                    ),
                ),
            ],
            options={
                "ordering": ["at", "pk"],
                "indexes": [models.Index(fields=["posting", "at"], name="invoices_do_posting_0f278d_idx")],
            },
        ),
        migrations.CreateModel(
            name="DocumentChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "document_type",
                    models.CharField(choices=[("invoice", "Invoice"), ("credit_note", "Credit note")], max_length=12),
                ),
                ("xero_id", models.CharField(max_length=36)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("delete", "Delete"),
                            ("void", "Void"),
                            ("approve", "Approve"),
                            ("send", "Send"),
                            ("allocate", "Set against an invoice"),
                            ("update", "Update"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "details",
                    models.JSONField(
                        db_default={}, default=dict, help_text="What its kind has to know beside the document."
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Waiting"),
                            ("sending", "Being sent"),
                            ("uncertain", "Being checked"),
                            ("done", "Done"),
                            ("refused", "Refused"),
                            ("withdrawn", "Withdrawn"),
                            ("untold", "May have been done"),
                        ],
                        default="queued",
                        max_length=10,
                    ),
                ),
                ("batch_cap", models.PositiveSmallIntegerField(null=True)),
                (
                    "not_before",
                    models.DateTimeField(help_text="An uncertain one is looked up no earlier than this.", null=True),
                ),
                (
                    "looked_at",
                    models.DateTimeField(help_text="When a look last showed that Xero had not done it.", null=True),
                ),
                (
                    "is_refused",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="Xero refused it, and is looked at before that is believed.",
                    ),
                ),
                (
                    "message",
                    models.TextField(blank=True, help_text="Why it is where it is; Xero's own words when it refused."),
                ),
                ("created_at", models.DateTimeField(default=c3portal.database.clock.now)),
                ("updated_at", models.DateTimeField(default=c3portal.database.clock.now)),
                (
                    "call",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="changes",
                        to="invoices.changecall",
                    ),
                ),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="xero_integration.xeroconnection",
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="changes", to="invoices.changerequest"
                    ),
                ),
                (
                    "posting",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="changes", to="invoices.posting"
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "indexes": [
                    models.Index(fields=["connection", "status", "document_type", "kind", "id"], name="change_in_line")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("status__in", ["queued", "sending", "uncertain"])),
                        fields=("posting",),
                        name="one_change_at_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status__in", ["sending", "uncertain"]), _negated=True),
                            ("call__isnull", False),
                            _connector="OR",
                        ),
                        name="under_way_has_a_call",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AppliedCredit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("credit_note", "Credit note"),
                            ("prepayment", "Prepayment"),
                            ("overpayment", "Overpayment"),
                            ("allocation", "Allocation"),
                        ],
                        max_length=12,
                    ),
                ),
                ("xero_id", models.CharField(max_length=36)),
                ("number", models.CharField(blank=True, max_length=255)),
                ("applied_on", models.DateField(null=True)),
                ("amount", models.DecimalField(decimal_places=2, max_digits=15)),
                (
                    "posting",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="applied_credits",
                        to="invoices.posting",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="ReadingState",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "changes_read_until",
                    models.DateTimeField(help_text="All that changed in Xero before then is known.", null=True),
                ),
                ("next_poll_at", models.DateTimeField(default=c3portal.database.clock.now)),
                ("quiet_polls", models.PositiveIntegerField(default=0, help_text="In a row, without any news.")),
                ("reconciled_at", models.DateTimeField(null=True)),
                ("lease_until", models.DateTimeField(null=True)),
                (
                    "connection",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="reading_state",
                        to="xero_integration.xeroconnection",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ReplacedCustomer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("before", models.JSONField(help_text="The fields that imports write, as they were.")),
                ("after", models.JSONField(help_text="The same fields, as it wrote them.")),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="invoices.customer"
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="replaced_customers",
                        to="invoices.importrun",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [
                    models.UniqueConstraint(fields=("run", "customer"), name="replaced_customer_once_each_run")
                ],
            },
        ),
        migrations.CreateModel(
            name="ReplacedInvoice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("before", models.JSONField(help_text="The invoice's fields and its lines.")),
                (
                    "invoice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="invoices.invoice"
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="replaced", to="invoices.importrun"
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [models.UniqueConstraint(fields=("run", "invoice"), name="replaced_once_each_run")],
            },
        ),
        migrations.CreateModel(
            name="SentDocument",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("xero_id", models.CharField(max_length=36)),
                ("content", models.BinaryField()),
                (
                    "posting",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="sent_document", to="invoices.posting"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Submission",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "document_type",
                    models.CharField(choices=[("invoice", "Invoice"), ("credit_note", "Credit note")], max_length=12),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("preparing", "Being prepared"),
                            ("sending", "Under way"),
                            ("answered", "Answered"),
                            ("not_recorded", "Nothing was recorded"),
                            ("unknown", "Outcome unknown"),
                        ],
                        default="preparing",
                        max_length=12,
                    ),
                ),
                ("body", models.BinaryField(null=True)),
                ("body_sha256", models.CharField(blank=True, max_length=64)),
                ("created_at", models.DateTimeField(default=c3portal.database.clock.now)),
                ("sent_at", models.DateTimeField(null=True)),
                ("answered_at", models.DateTimeField(null=True)),
                ("lease_until", models.DateTimeField()),
                (
                    "process",
                    models.UUIDField(help_text="Who claimed it; once that process is dead it is free.", null=True),
                ),
                ("status_code", models.PositiveSmallIntegerField(null=True)),
                ("correlation_id", models.CharField(blank=True, max_length=64)),
                (
                    "trace_id",
                    models.CharField(
                        db_default="", default="", help_text="Of the task that made the call.", max_length=64
                    ),
                ),
                ("problem", models.TextField(blank=True)),
                ("postings_count", models.PositiveIntegerField(default=0)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="submissions",
                        to="xero_integration.xeroconnection",
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("outcome__in", ["preparing", "sending"])),
                        fields=["lease_until"],
                        name="submission_under_way",
                    )
                ],
            },
        ),
        migrations.AddField(
            model_name="posting",
            name="submission",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="postings",
                to="invoices.submission",
            ),
        ),
        migrations.CreateModel(
            name="SubscriptionOrder",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("subscription", models.CharField(max_length=100)),
                ("purchase_order", models.CharField(max_length=255, verbose_name="PO number")),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="subscription_orders",
                        to="invoices.customer",
                    ),
                ),
                (
                    "updated_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("customer", "subscription"), name="order_once_each_subscription")
                ],
            },
        ),
        migrations.CreateModel(
            name="TaxOverride",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("country", models.CharField(blank=True, max_length=2)),
                ("tax_name", models.CharField(blank=True, max_length=100)),
                ("percentage", models.DecimalField(decimal_places=4, max_digits=9)),
                ("tax_type", models.CharField(max_length=50)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "updated_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["country", "tax_name", "percentage"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("country", "tax_name", "percentage"), name="tax_override_once_each_tax"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Twin",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("xero_id", models.CharField(max_length=36)),
                ("number", models.CharField(blank=True, max_length=255)),
                ("status", models.CharField(blank=True, max_length=20)),
                ("total", models.DecimalField(decimal_places=2, max_digits=15, null=True)),
                ("found_at", models.DateTimeField(default=c3portal.database.clock.now)),
                (
                    "posting",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="twins", to="invoices.posting"
                    ),
                ),
            ],
            options={
                "ordering": ["posting", "pk"],
                "constraints": [models.UniqueConstraint(fields=("posting", "xero_id"), name="one_row_each_twin")],
            },
        ),
        migrations.CreateModel(
            name="Upload",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "invoice_status",
                    models.CharField(
                        choices=[("DRAFT", "Draft"), ("SUBMITTED", "Awaiting approval"), ("AUTHORISED", "Approved")],
                        max_length=10,
                    ),
                ),
                (
                    "locked_as_drafts",
                    models.BooleanField(default=False, help_text="Invoices in a locked period go as drafts."),
                ),
                (
                    "onward",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "Nothing more"),
                            ("approve", "Approve them"),
                            ("send", "Approve them and send them to the customers"),
                        ],
                        db_default="",
                        default="",
                        max_length=10,
                    ),
                ),
                (
                    "onward_ended_at",
                    models.DateTimeField(help_text="When nothing more was to be asked for by itself.", null=True),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, db_index=True)),
                (
                    "trace_id",
                    models.CharField(
                        db_default="", default="", help_text="Of the request that queued it.", max_length=64
                    ),
                ),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="uploads",
                        to="xero_integration.xeroconnection",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "period",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="uploads",
                        to="invoices.billingperiod",
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-pk"],
                "indexes": [
                    models.Index(
                        condition=models.Q(models.Q(("onward", ""), _negated=True), ("onward_ended_at", None)),
                        fields=["connection"],
                        name="upload_going_onward",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PostLog",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Waiting"),
                            ("sending", "Being sent"),
                            ("posted", "In Xero"),
                            ("rejected", "Refused"),
                            ("uncertain", "Being checked"),
                            ("withdrawn", "Withdrawn"),
                            ("undone", "Taken back"),
                        ],
                        max_length=10,
                    ),
                ),
                ("message", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "invoice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="post_logs", to="invoices.invoice"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "submission",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="post_logs",
                        to="invoices.submission",
                    ),
                ),
                (
                    "upload",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="post_logs", to="invoices.upload"
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "indexes": [
                    models.Index(fields=["invoice", "id"], name="invoices_po_invoice_6cb551_idx"),
                    models.Index(fields=["upload", "id"], name="invoices_po_upload__76c019_idx"),
                ],
            },
        ),
        migrations.AddField(
            model_name="posting",
            name="upload",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="postings", to="invoices.upload"
            ),
        ),
        migrations.AddField(
            model_name="changerequest",
            name="upload",
            field=models.ForeignKey(
                help_text="The one that was asked about, whole.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="invoices.upload",
            ),
        ),
        migrations.CreateModel(
            name="UploadDraft",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("search", models.CharField(blank=True, max_length=255)),
                ("state", models.CharField(blank=True, max_length=20)),
                ("everything", models.BooleanField(default=False)),
                ("invoice_ids", models.JSONField(default=list)),
                (
                    "invoice_status",
                    models.CharField(
                        choices=[("DRAFT", "Draft"), ("SUBMITTED", "Awaiting approval"), ("AUTHORISED", "Approved")],
                        max_length=10,
                    ),
                ),
                (
                    "locked_as_drafts",
                    models.BooleanField(default=False, help_text="Invoices in a locked period go as drafts."),
                ),
                (
                    "onward",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "Nothing more"),
                            ("approve", "Approve them"),
                            ("send", "Approve them and send them to the customers"),
                        ],
                        db_default="",
                        default="",
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField(default=c3portal.database.clock.now)),
                (
                    "again_of",
                    models.ForeignKey(
                        help_text="What was refused of it goes again, and to its organisation, whichever is in use.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="invoices.upload",
                    ),
                ),
                (
                    "connection",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="xero_integration.xeroconnection",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "period",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="drafts", to="invoices.billingperiod"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="XeroEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("tenant_id", models.CharField(max_length=36)),
                ("category", models.CharField(max_length=20)),
                ("resource_id", models.CharField(max_length=36)),
                ("received_at", models.DateTimeField(default=c3portal.database.clock.now)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "category", "resource_id"), name="one_row_each_resource"
                    )
                ],
            },
        ),
        migrations.AddIndex(
            model_name="posting",
            index=models.Index(fields=["upload", "status"], name="invoices_po_upload__aea727_idx"),
        ),
        migrations.AddConstraint(
            model_name="posting",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status__in", ["sending", "uncertain"]), _negated=True),
                    ("submission__isnull", False),
                    _connector="OR",
                ),
                name="under_way_has_a_submission",
            ),
        ),
        migrations.RunPython(
            guard,
            unguard,
        ),
    ]
