from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("invoices", "0041_attention_ids")]

    operations = [
        migrations.AddIndex(
            model_name="invoiceline",
            index=models.Index(condition=models.Q(("kind", "")), fields=["kind"], name="line_without_a_kind"),
        ),
    ]
