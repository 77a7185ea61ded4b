import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("invoices", "0020_profile_encoding_and_sheet")]

    operations = [
        migrations.AddField(
            model_name="heldbackinvoice",
            name="customer_key",
            field=models.CharField(
                blank=True, db_default="", default="", help_text="Empty when it could not be read.", max_length=255
            ),
        ),
        migrations.AddField(
            model_name="heldbackinvoice",
            name="closed_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="heldbackinvoice",
            name="close_reason",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Why a person closed it; empty when a file did.",
                max_length=200,
            ),
        ),
    ]
