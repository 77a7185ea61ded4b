from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("invoices", "0047_xero_answer")]

    operations = [
        migrations.AddIndex(
            model_name="invoiceline", index=models.Index(fields=["sku", "kind", "id"], name="line_by_sku")
        ),
    ]
