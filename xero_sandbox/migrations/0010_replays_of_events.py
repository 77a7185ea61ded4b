from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("xero_sandbox", "0009_webhooks_of_contacts"),
    ]

    operations = [
        migrations.AddField(
            model_name="webhookevent",
            name="replays",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
    ]
