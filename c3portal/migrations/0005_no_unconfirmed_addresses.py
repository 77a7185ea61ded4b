"""Take away addresses that wait to be confirmed: there is no page to confirm them on, and they kept people from setting
up a second factor."""

from typing import Any

from django.db import migrations


def forget_unconfirmed(apps: Any, schema_editor: Any) -> None:
    apps.get_model("account", "EmailAddress").objects.filter(verified=False).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("c3portal", "0004_audit_is_append_only"),
        ("account", "0009_emailaddress_unique_primary_email"),
    ]

    operations = [migrations.RunPython(forget_unconfirmed, migrations.RunPython.noop)]
