import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import c3portal.database.clock


class Migration(migrations.Migration):
    dependencies = [
        ("invoices", "0021_close_held_back"),
        ("xero_integration", "0013_organisation_time_zone"),
        ("c3portal", "0011_c3_notices"),
    ]

    operations = [
        migrations.AddField(
            model_name="posting",
            name="amount_credited",
            field=models.DecimalField(decimal_places=2, max_digits=15, null=True),
        ),
        migrations.AddField(
            model_name="posting",
            name="amount_due",
            field=models.DecimalField(decimal_places=2, max_digits=15, null=True),
        ),
        migrations.AddField(
            model_name="posting",
            name="amount_paid",
            field=models.DecimalField(decimal_places=2, max_digits=15, null=True),
        ),
        migrations.AddField(
            model_name="posting",
            name="edits",
            field=models.JSONField(
                db_default={}, default=dict, help_text="By fact, what was sent and what Xero has in its place."
            ),
        ),
        migrations.AddField(
            model_name="posting",
            name="edits_accepted_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="posting",
            name="edits_accepted_because",
            field=models.CharField(db_default="", default="", max_length=500),
        ),
        migrations.AddField(
            model_name="posting",
            name="edits_accepted_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="posting",
            name="paid_off_on",
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name="posting",
            name="read_at",
            field=models.DateTimeField(help_text="As of when the above is true.", null=True),
        ),
        migrations.AddField(
            model_name="posting",
            name="sent_facts",
            field=models.JSONField(
                db_default={}, default=dict, help_text="Contact, dates, the lines' sum and the total, as sent."
            ),
        ),
        migrations.AddField(
            model_name="posting",
            name="sent_to_contact",
            field=models.BooleanField(null=True),
        ),
        migrations.AddField(
            model_name="posting",
            name="xero_updated_at",
            field=models.DateTimeField(help_text="When it last changed, by Xero's clock.", null=True),
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
    ]
