import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import c3portal.database.clock


class Migration(migrations.Migration):
    dependencies = [
        ("invoices", "0024_upload_draft_again"),
        ("xero_integration", "0013_organisation_time_zone"),
        ("c3portal", "0011_c3_notices"),
    ]

    operations = [
        migrations.AddField(
            model_name="posting",
            name="number",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="What it is called in Xero where the invoice's own number is not free there any more.",
                max_length=255,
            ),
        ),
        migrations.AlterField(
            model_name="posting",
            name="status",
            field=models.CharField(
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
        migrations.AlterField(
            model_name="postlog",
            name="status",
            field=models.CharField(
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
                ("kind", models.CharField(choices=[("delete", "Delete"), ("void", "Void")], max_length=10)),
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
                (
                    "upload",
                    models.ForeignKey(
                        help_text="The one that was asked about, whole.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="invoices.upload",
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-pk"],
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
                ("kind", models.CharField(choices=[("delete", "Delete"), ("void", "Void")], max_length=10)),
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
                    "posting",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="changes", to="invoices.posting"
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="changes", to="invoices.changerequest"
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
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
            },
        ),
        migrations.AddIndex(
            model_name="changecall",
            index=models.Index(
                condition=models.Q(("outcome__in", ["preparing", "sending"])),
                fields=["lease_until"],
                name="change_call_under_way",
            ),
        ),
        migrations.AddIndex(
            model_name="documentchange",
            index=models.Index(fields=["connection", "status", "document_type", "kind", "id"], name="change_in_line"),
        ),
        migrations.AddConstraint(
            model_name="documentchange",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ["queued", "sending", "uncertain"])),
                fields=("posting",),
                name="one_change_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="documentchange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status__in", ["sending", "uncertain"]), _negated=True),
                    ("call__isnull", False),
                    _connector="OR",
                ),
                name="under_way_has_a_call",
            ),
        ),
        migrations.AddConstraint(
            model_name="pastdocument",
            constraint=models.UniqueConstraint(fields=("posting", "xero_id"), name="one_row_each_past_document"),
        ),
    ]
