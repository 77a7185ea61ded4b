from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("invoices", "0038_upload_draft_filters")]

    operations = [
        migrations.AddIndex(model_name="posting", index=models.Index(fields=["xero_id"], name="posting_by_document")),
        migrations.AddIndex(model_name="posting", index=models.Index(fields=["number"], name="posting_by_number")),
        migrations.AddIndex(
            model_name="submission", index=models.Index(fields=["correlation_id"], name="submission_by_correlation")
        ),
        migrations.AddIndex(
            model_name="submission", index=models.Index(fields=["trace_id"], name="submission_by_trace")
        ),
    ]
