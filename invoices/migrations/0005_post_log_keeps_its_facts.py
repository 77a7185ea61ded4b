from django.db import migrations

from c3portal.audit import append_only

TABLE = "invoices_postlog"
# Who it was (user_id) becomes empty when the user's row goes.
FACTS = ("invoice_id", "upload_id", "submission_id", "status", "message", "created_at")


def guard(apps, schema_editor):
    append_only.guard(schema_editor, TABLE, columns=FACTS, deletes=False)


def unguard(apps, schema_editor):
    append_only.unguard(schema_editor, TABLE)


class Migration(migrations.Migration):
    dependencies = [("invoices", "0004_choices")]
    operations = [migrations.RunPython(guard, unguard)]
