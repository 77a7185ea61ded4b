from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("invoices", "0019_when_c3_gave_details")]

    operations = [
        migrations.AddField(
            model_name="importprofile",
            name="encoding",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="A file whose encoding can only be guessed, and is guessed as this one, asks nobody.",
                max_length=40,
            ),
        ),
        migrations.AddField(
            model_name="importprofile",
            name="sheet",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="The one that is read where several sheets of a workbook have these columns.",
                max_length=100,
            ),
        ),
    ]
