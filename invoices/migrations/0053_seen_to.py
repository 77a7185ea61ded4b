"""Indexes of what people see to, and of what is owed: few rows among all."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("invoices", "0052_list_choices"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="posting",
            index=models.Index(
                condition=models.Q(("status__in", ("rejected", "withdrawn", "undone", "uncertain"))),
                fields=["status", "invoice"],
                name="posting_seen_to",
            ),
        ),
        migrations.AddIndex(
            model_name="posting",
            index=models.Index(
                condition=models.Q(("total_difference", 0), _negated=True), fields=["invoice"], name="posting_differs"
            ),
        ),
        migrations.AddIndex(
            model_name="posting",
            index=models.Index(
                condition=models.Q(("edits", {}), _negated=True), fields=["invoice"], name="posting_edited"
            ),
        ),
        migrations.AddIndex(
            model_name="posting",
            index=models.Index(condition=models.Q(("amount_due__gt", 0)), fields=["invoice"], name="posting_owed"),
        ),
    ]
