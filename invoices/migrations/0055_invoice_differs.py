"""The index of invoices that a later file has otherwise. It stands by itself: an update that held one table while it
waited for the next would wait for workers that wait for it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("invoices", "0054_attention_in_short"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(
                condition=models.Q(("difference", ""), _negated=True), fields=["period"], name="invoice_differs"
            ),
        ),
    ]
