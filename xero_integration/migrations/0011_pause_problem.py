"""What a pause is for, as a value of its own: until now it was told by the words for people."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("xero_integration", "0010_pauses_end")]

    operations = [
        migrations.AddField(
            "xeroconnection",
            "pause_problem",
            models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="What the pause is for, as `Problem` names it.",
                max_length=20,
            ),
        )
    ]
