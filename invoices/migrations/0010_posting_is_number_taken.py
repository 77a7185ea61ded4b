"""Whether Xero refused a posting's number as taken, as a value of its own: until now it was told by Xero's words."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("invoices", "0009_twins_and_traces")]

    operations = [
        migrations.AddField(
            "posting",
            "is_number_taken",
            models.BooleanField(
                db_default=False,
                default=False,
                help_text="Xero refused it since its number is another document's: looked up, and never sent again.",
            ),
        )
    ]
