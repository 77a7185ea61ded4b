"""What a new portal begins with: the tables as all these left them, in one step.

A portal that has applied some of them goes on with the single ones.
"""

from decimal import Decimal

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import c3portal.database.clock
import c3portal.encryption.fields


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ("xero_integration", "0001_initial"),
        ("xero_integration", "0002_payments_read_at"),
        ("xero_integration", "0003_call_budget"),
        ("xero_integration", "0004_choices"),
        ("xero_integration", "0005_contacts"),
        ("xero_integration", "0006_calls_counted"),
        ("xero_integration", "0007_settings_restored_at"),
        ("xero_integration", "0008_settings_moved"),
        ("xero_integration", "0009_one_clock"),
        ("xero_integration", "0010_pauses_end"),
        ("xero_integration", "0011_pause_problem"),
        ("xero_integration", "0012_contact_details"),
        ("xero_integration", "0013_organisation_time_zone"),
        ("xero_integration", "0014_reference_template"),
        ("xero_integration", "0015_webhook_key"),
        ("xero_integration", "0016_broad_scopes"),
        ("xero_integration", "0017_two_people"),
        ("xero_integration", "0018_again_suffix"),
        ("xero_integration", "0019_webhook_heard_at"),
        ("xero_integration", "0020_allocate_credit_notes"),
    ]
    dependencies = [("c3portal", "0012_notice_of_changes_in_xero")]

    operations = [
        migrations.CreateModel(
            name="TokenSet",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("xero_user_id", models.CharField(blank=True, max_length=36)),
                ("access_token", c3portal.encryption.fields.EncryptedTextField(default="")),
                ("refresh_token", c3portal.encryption.fields.EncryptedTextField(default="")),
                ("access_expires_at", models.DateTimeField()),
                ("refreshed_at", models.DateTimeField()),
                ("scopes", models.TextField(blank=True)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("lease_holder", models.CharField(blank=True, max_length=80)),
                ("generation", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="XeroConnection",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("tenant_id", models.CharField(max_length=36, unique=True)),
                ("connection_id", models.CharField(max_length=36)),
                ("name", models.CharField(max_length=255)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("connected", "Connected"),
                            ("needs_reconnecting", "Needs reconnecting"),
                            ("disconnected", "Disconnected"),
                        ],
                        default="connected",
                        max_length=20,
                    ),
                ),
                ("status_reason", models.TextField(blank=True)),
                ("is_current", models.BooleanField(default=False)),
                ("connected_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("paused_until", models.DateTimeField(blank=True, null=True)),
                ("pause_reason", models.TextField(blank=True)),
                (
                    "pause_problem",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="What the pause is for, as `Problem` names it.",
                        max_length=20,
                    ),
                ),
                ("short_code", models.CharField(blank=True, max_length=20)),
                ("country_code", models.CharField(blank=True, max_length=2)),
                ("base_currency", models.CharField(blank=True, max_length=3)),
                (
                    "time_zone",
                    models.CharField(
                        blank=True, db_default="", default="", help_text="By its IANA name.", max_length=60
                    ),
                ),
                ("organisation_status", models.CharField(blank=True, max_length=20)),
                (
                    "organisation_class",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="Xero's plan: TRIAL and DEMO among them.",
                        max_length=20,
                    ),
                ),
                ("period_lock_date", models.DateField(blank=True, null=True)),
                ("end_of_year_lock_date", models.DateField(blank=True, null=True)),
                ("reference_read_at", models.DateTimeField(blank=True, null=True)),
                ("contacts_read_at", models.DateTimeField(blank=True, null=True)),
                ("payments_read_at", models.DateTimeField(blank=True, null=True)),
                ("contacts_lease_until", models.DateTimeField(blank=True, null=True)),
                ("contacts_lease_holder", models.CharField(blank=True, db_default="", default="", max_length=80)),
                (
                    "restored_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When the database came back from a backup: Xero may know more than it does.",
                        null=True,
                    ),
                ),
                (
                    "connected_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "token_set",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="connections",
                        to="xero_integration.tokenset",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_current", True)), fields=("is_current",), name="one_current_connection"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="UnlinkedContact",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("customer_key", models.CharField(max_length=50)),
                ("contact_id", models.CharField(max_length=36)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="unlinked_contacts",
                        to="xero_integration.xeroconnection",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("connection", "customer_key", "contact_id"), name="unlinked_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="TrackingCategory",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=255)),
                ("category_id", models.CharField(max_length=36)),
                ("status", models.CharField(max_length=20)),
                ("options", models.JSONField(default=list)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="xero_integration.xeroconnection",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "tracking categories",
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(fields=("connection", "category_id"), name="tracking_once_each_connection")
                ],
            },
        ),
        migrations.CreateModel(
            name="TaxRate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=255)),
                ("tax_type", models.CharField(max_length=50)),
                ("status", models.CharField(max_length=20)),
                ("effective_rate", models.DecimalField(decimal_places=4, max_digits=9)),
                ("can_apply_to_revenue", models.BooleanField(default=False)),
                (
                    "components",
                    models.JSONField(
                        default=list, help_text="Name and percentage of each part, as [name, percentage]."
                    ),
                ),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="xero_integration.xeroconnection",
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(fields=("connection", "tax_type"), name="tax_type_once_each_connection")
                ],
            },
        ),
        migrations.CreateModel(
            name="Currency",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=255)),
                ("code", models.CharField(max_length=3)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="xero_integration.xeroconnection",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "currencies",
                "ordering": ["code"],
                "constraints": [
                    models.UniqueConstraint(fields=("connection", "code"), name="currency_once_each_connection")
                ],
            },
        ),
        migrations.CreateModel(
            name="ContactLink",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("customer_key", models.CharField(max_length=50)),
                ("contact_id", models.CharField(max_length=36)),
                ("contact_name", models.CharField(max_length=255)),
                (
                    "matched_by",
                    models.CharField(
                        choices=[
                            ("number", "Contact number"),
                            ("name", "Name"),
                            ("hand", "Linked by hand"),
                            ("created", "Created by the portal"),
                        ],
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField(default=c3portal.database.clock.now)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="contact_links",
                        to="xero_integration.xeroconnection",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("connection", "customer_key"), name="one_contact_each_customer"),
                    models.UniqueConstraint(fields=("connection", "contact_id"), name="one_customer_each_contact"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Contact",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=255)),
                ("contact_id", models.CharField(max_length=36)),
                ("contact_number", models.CharField(blank=True, db_index=True, max_length=50)),
                ("status", models.CharField(max_length=20)),
                (
                    "merged_into",
                    models.CharField(blank=True, help_text="The contact it was merged into in Xero.", max_length=36),
                ),
                ("email", models.CharField(blank=True, db_default="", default="", max_length=255)),
                (
                    "address",
                    models.JSONField(
                        help_text="line1, line2, city, state, zip, country; null when it was never read.", null=True
                    ),
                ),
                (
                    "name_key",
                    models.CharField(
                        db_index=True, help_text="The name, casefolded, with runs of blanks as one.", max_length=255
                    ),
                ),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="xero_integration.xeroconnection",
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(fields=("connection", "contact_id"), name="contact_once_each_connection")
                ],
            },
        ),
        migrations.CreateModel(
            name="CallCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("endpoint", models.CharField(max_length=30)),
                ("result", models.CharField(max_length=20)),
                ("bucket", models.FloatField()),
                ("calls", models.PositiveBigIntegerField(default=0)),
                ("seconds", models.FloatField(default=0)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="call_counts",
                        to="xero_integration.xeroconnection",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("connection", "endpoint", "result", "bucket"), name="one_count_each_kind_of_call"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CallBudget",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveBigIntegerField(default=0)),
                ("in_flight", models.JSONField(default=dict)),
                ("started", models.JSONField(default=dict)),
                ("minute_limit", models.PositiveIntegerField(default=60)),
                ("day_remaining", models.PositiveIntegerField(null=True)),
                ("told_at", models.DateTimeField(null=True)),
                (
                    "connection",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="budget",
                        to="xero_integration.xeroconnection",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="BrandingTheme",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=255)),
                ("theme_id", models.CharField(max_length=36)),
                ("sort_order", models.IntegerField(default=0)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="xero_integration.xeroconnection",
                    ),
                ),
            ],
            options={
                "ordering": ["sort_order", "name"],
                "constraints": [
                    models.UniqueConstraint(fields=("connection", "theme_id"), name="theme_once_each_connection")
                ],
            },
        ),
        migrations.CreateModel(
            name="Account",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=255)),
                ("code", models.CharField(max_length=10)),
                ("type", models.CharField(max_length=30)),
                ("status", models.CharField(max_length=20)),
                ("tax_type", models.CharField(blank=True, max_length=50)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="xero_integration.xeroconnection",
                    ),
                ),
            ],
            options={
                "ordering": ["code"],
                "constraints": [
                    models.UniqueConstraint(fields=("connection", "code"), name="account_code_once_each_connection")
                ],
            },
        ),
        migrations.CreateModel(
            name="XeroSettings",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("client_id", models.CharField(blank=True, max_length=64, verbose_name="Client ID")),
                (
                    "client_secret",
                    c3portal.encryption.fields.EncryptedTextField(blank=True, default="", verbose_name="Client Secret"),
                ),
                (
                    "broad_scopes",
                    models.BooleanField(
                        db_default=False, default=False, verbose_name="The app was made before 2 March 2026"
                    ),
                ),
                ("theme_name", models.CharField(blank=True, max_length=255, verbose_name="Theme")),
                ("theme_id", models.CharField(blank=True, max_length=36)),
                (
                    "license_account_code",
                    models.CharField(blank=True, max_length=10, verbose_name="License based SKUs"),
                ),
                (
                    "azure_account_code",
                    models.CharField(blank=True, max_length=10, verbose_name="Azure Usage based SKUs"),
                ),
                ("custom_account_code", models.CharField(blank=True, max_length=10, verbose_name="Custom offer SKUs")),
                (
                    "invoice_status",
                    models.CharField(
                        choices=[("DRAFT", "Draft"), ("SUBMITTED", "Awaiting approval"), ("AUTHORISED", "Approved")],
                        default="DRAFT",
                        max_length=10,
                        verbose_name="Invoices arrive in Xero as",
                    ),
                ),
                (
                    "difference_policy",
                    models.CharField(
                        choices=[
                            ("block", "Do not post it"),
                            ("warn", "Post it and flag the difference"),
                            ("rounding_line", "Add a rounding line"),
                        ],
                        default="block",
                        max_length=15,
                        verbose_name="When a total differs by rounding",
                    ),
                ),
                (
                    "difference_limit",
                    models.DecimalField(
                        decimal_places=2,
                        default=Decimal("0.05"),
                        max_digits=5,
                        validators=[
                            django.core.validators.MinValueValidator(Decimal("0.00")),
                            django.core.validators.MaxValueValidator(Decimal("1.00")),
                        ],
                        verbose_name="Up to this difference",
                    ),
                ),
                (
                    "rounding_account_code",
                    models.CharField(blank=True, max_length=10, verbose_name="Account of rounding lines"),
                ),
                (
                    "reference_template",
                    models.CharField(blank=True, db_default="", default="", max_length=255, verbose_name="Reference"),
                ),
                (
                    "again_suffix",
                    models.CharField(
                        blank=True,
                        db_default="-R",
                        default="-R",
                        max_length=20,
                        verbose_name="Suffix of numbers that are not free again",
                    ),
                ),
                (
                    "allocate_credit_notes",
                    models.BooleanField(
                        db_default=False, default=False, verbose_name="Set credit notes against the oldest open invoice"
                    ),
                ),
                (
                    "allocate_since",
                    models.DateTimeField(
                        blank=True, help_text="Since when: what was uploaded before stays as it is.", null=True
                    ),
                ),
                (
                    "webhook_key",
                    c3portal.encryption.fields.EncryptedTextField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="By which deliveries of Xero's are known.",
                        verbose_name="Webhook signing key",
                    ),
                ),
                (
                    "webhook_heard_at",
                    models.DateTimeField(help_text="When Xero last delivered, to the minute.", null=True),
                ),
                (
                    "restored_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When the database came back from a backup; organisations connected later have it from here.",
                        null=True,
                    ),
                ),
                (
                    "move",
                    models.UUIDField(
                        blank=True, help_text="The move to another database, the same in both of them.", null=True
                    ),
                ),
                (
                    "moved_to",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="Where the portal moves or moved: nothing is sent from here.",
                        max_length=255,
                    ),
                ),
                (
                    "moved_at",
                    models.DateTimeField(blank=True, help_text="When all of it had arrived there.", null=True),
                ),
                (
                    "two_people",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="Whoever uploads an invoice may not approve it, nor post it as approved: another person does.",
                        verbose_name="Two people",
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
                "verbose_name_plural": "Xero settings",
                "constraints": [models.CheckConstraint(condition=models.Q(("pk", 1)), name="xero_settings_is_one_row")],
            },
        ),
    ]
