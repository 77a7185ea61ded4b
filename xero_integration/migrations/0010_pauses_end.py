"""A pause lasts a day at most: those kept from before, one of them until 2083, end by then too."""

import datetime as dt

from django.db import migrations

from c3portal.database import clock


def shorten(apps, schema_editor):
    latest = clock.now() + dt.timedelta(days=1)
    connections = apps.get_model("xero_integration", "XeroConnection").objects.using(schema_editor.connection.alias)
    connections.filter(paused_until__gt=latest).update(paused_until=latest)


class Migration(migrations.Migration):
    dependencies = [("xero_integration", "0009_one_clock")]

    operations = [migrations.RunPython(shorten, migrations.RunPython.noop, elidable=True)]
