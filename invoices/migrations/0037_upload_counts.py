from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("invoices", "0035_words")]

    operations = [
        migrations.AddField(
            model_name="upload",
            name="invoices_count",
            field=models.PositiveIntegerField(
                help_text="How many invoices it began with; counted anew where it is not known.", null=True
            ),
        ),
        migrations.AddField(
            model_name="upload",
            name="invoiced",
            field=models.JSONField(help_text="What those came to: by currency, to the cent, as text.", null=True),
        ),
        # Before the other, which takes a weaker lock: workers that post would wait for the stronger one in a circle.
        migrations.RemoveIndex(model_name="posting", name="invoices_po_upload__aea727_idx"),
        migrations.AddIndex(
            model_name="posting",
            index=models.Index(fields=["upload", "status", "xero_status"], name="posting_progress"),
        ),
    ]
