from django.db import migrations


def name_differences(apps, schema_editor):
    """What an import that came in had found were differences, and nothing else, until now."""
    findings = apps.get_model("invoices", "ImportFinding").objects.filter(run__state__in=["imported", "nothing_new"])
    findings.update(kind="difference")


class Migration(migrations.Migration):
    dependencies = [("invoices", "0011_real_input")]

    operations = [
        migrations.RunPython(name_differences, migrations.RunPython.noop, elidable=True),
    ]
