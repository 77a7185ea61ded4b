from django.db import migrations

from c3portal.audit import append_only

TABLE = "c3portal_auditentry"


def guard(apps, schema_editor):
    append_only.guard(schema_editor, TABLE)


def unguard(apps, schema_editor):
    append_only.unguard(schema_editor, TABLE)


class Migration(migrations.Migration):
    dependencies = [("c3portal", "0003_audit_notices_heartbeats")]
    operations = [migrations.RunPython(guard, unguard)]
