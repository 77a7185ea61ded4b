"""Every release brings a schema that the release before it can live with: old workers post while it is brought in.

So a migration only adds. What nobody uses any more goes a release later, and is listed in REVIEWED with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.models.functions import Now

APPS = ("c3portal", "xero_integration", "c3_integration", "invoices")
# What the first portal was set up with; from there on the order of updates must hold.
FIRST = {"c3portal": "0002", "xero_integration": "0005", "c3_integration": "0000", "invoices": "0004"}
# Migrations that hold an operation which a machine cannot judge or would refuse: why old code can live with it.
REVIEWED = {
    "c3portal.0004_audit_is_append_only": "A trigger on a table that was only ever appended to.",
    "c3portal.0015_notices_seen": "Fills in columns that old code does not know.",
    "c3portal.0014_zone_and_dates_of_the_reader": "Old code shows UTC for a zone without a name.",
    "c3portal.0005_no_unconfirmed_addresses": "Takes away rows that old code only ever stumbled over.",
    "xero_integration.0010_pauses_end": "Pauses are shortened; old code goes on when one ends, whenever that is.",
    "invoices.0005_post_log_keeps_its_facts": "A trigger on the facts of the log, which nothing ever changed.",
    "invoices.0050_fill_billed_taxes": "Fills a table that old code does not know.",
    "invoices.0012_differences_by_name": "Fills in a column that old code does not know.",
}

ADDS = (
    migrations.CreateModel,
    migrations.AddIndex,
    migrations.RemoveIndex,
    migrations.RenameIndex,
    migrations.RemoveConstraint,
    migrations.AlterModelOptions,
    migrations.AlterModelManagers,
    migrations.AlterModelTableComment,
)
# What of a field the database does not know, or what only widens it.
FREE = {
    "choices",
    "help_text",
    "verbose_name",
    "validators",
    "default",
    "auto_now_add",
    "error_messages",
    "db_default",
    "blank",
}


@cache
def loader() -> MigrationLoader:
    return MigrationLoader(None, ignore_no_migrations=True, replace_migrations=False)


def last_steps(loader: MigrationLoader) -> list[tuple[str, str]]:
    """Return the last migration of each app, of those that do in one step what others do in many none."""
    return [each for each in loader.graph.leaf_nodes() if not loader.disk_migrations[each].replaces]


def later() -> list[str]:
    """Return the migrations that came after the first portal."""
    return [f"{app}.{name}" for app, name in sorted(loader().disk_migrations) if app in APPS and name[:4] > FIRST[app]]


def harms(operation: Operation, before: Any, app: str) -> str:
    """Return what old code could not live with in the schema after `operation`; nothing when there is nothing."""
    if isinstance(operation, ADDS):
        return ""
    if isinstance(operation, migrations.AddField):
        return "" if _old_code_can_leave_out(operation.field) else "a column that old code does not fill in"
    if isinstance(operation, migrations.AlterField):
        old = before.models[app, operation.model_name_lower].fields[operation.name]
        return "" if _only_widens(old, operation.field) else "a column that is narrower than it was"
    if isinstance(operation, migrations.SeparateDatabaseAndState):
        inner = [harms(each, before, app) for each in operation.database_operations]
        return ", ".join(filter(None, inner))
    return f"{type(operation).__name__}, which takes something away or cannot be judged by a machine"


def _old_code_can_leave_out(field: models.Field[Any, Any]) -> bool:
    return field.null or field.many_to_many or field.db_default is not models.NOT_PROVIDED


def _only_widens(old: models.Field[Any, Any], new: models.Field[Any, Any]) -> bool:
    if old.null and not new.null:
        return False
    if (old.max_length or 0) > (new.max_length or 0):
        return False
    ignored = FREE | {"null", "max_length"}
    of_old, of_new = (
        (field.deconstruct()[1], {name: value for name, value in field.deconstruct()[3].items() if name not in ignored})
        for field in (old, new)
    )
    return bool(of_old == of_new)


def findings(migration: migrations.Migration) -> Iterator[str]:
    """Yield what old code could not live with."""
    state = loader().project_state(list(migration.dependencies))
    # Old code knows nothing of these tables, so whatever becomes of them is none of its business.
    new = {operation.name_lower for operation in migration.operations if isinstance(operation, migrations.CreateModel)}
    for operation in migration.operations:
        if getattr(operation, "model_name_lower", "") in new:
            pass
        elif harm := harms(operation, state, migration.app_label):
            yield f"{operation.describe()}: {harm}"
        operation.state_forwards(migration.app_label, state)


def test_old_code_can_live_with_the_new_schema() -> None:
    unchecked = [name.partition(".") for name in later() if name not in REVIEWED]
    harmful = {f"{app}.{name}": list(findings(loader().disk_migrations[app, name])) for app, _, name in unchecked}
    assert {name: found for name, found in harmful.items() if found} == {}, (
        "These take something from the release before them. Add only (nullable, or with db_default) and take away a "
        "release later; then say in REVIEWED why nobody misses it."
    )


def test_the_list_names_migrations_that_there_are() -> None:
    assert set(REVIEWED) <= set(later())


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddField("posting", "priority", models.IntegerField(null=True)),
        migrations.AddField("posting", "priority", models.IntegerField(db_default=0)),
        migrations.AddField("posting", "looked_at", models.DateTimeField(db_default=Now())),
        migrations.AlterField("posting", "status", models.CharField(max_length=30, choices=[("queued", "Waits")])),
        migrations.CreateModel("Next", [("id", models.BigAutoField(primary_key=True))]),
    ],
)
def test_what_adds_is_taken(operation: Operation) -> None:
    assert list(findings(after_the_last(operation))) == []


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddField("posting", "priority", models.IntegerField(default=0)),
        migrations.RemoveField("posting", "status"),
        migrations.RenameField("posting", "status", "state"),
        migrations.RenameModel("Posting", "Journey"),
        migrations.AlterModelTable("posting", "journeys"),
        migrations.DeleteModel("Posting"),
        migrations.AlterField("posting", "not_before", models.DateTimeField()),
        migrations.AlterField("posting", "status", models.CharField(max_length=3)),
        migrations.AlterField("posting", "status", models.IntegerField()),
        migrations.AlterField("invoice", "number", models.CharField(max_length=100, unique=True)),
        migrations.AddConstraint("posting", models.UniqueConstraint(fields=["status"], name="one_each")),
        migrations.RunSQL("DROP TABLE invoices_posting"),
    ],
)
def test_what_takes_away_is_refused(operation: Operation) -> None:
    assert len(list(findings(after_the_last(operation)))) == 1


def after_the_last(operation: Operation) -> migrations.Migration:
    """Return a migration of the next release."""
    migration = migrations.Migration("9999_next", "invoices")
    migration.operations = [operation]
    migration.dependencies = [leaf for leaf in last_steps(loader()) if leaf[0] in APPS]
    return migration


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "sqlite", reason="the databases of this test are files")
def test_a_new_portal_gets_the_tables_of_one_that_came_by_every_release(tmp_path: Path) -> None:
    in_few_steps, in_all = (database(tmp_path / name) for name in ("new", "old"))
    executor = MigrationExecutor(in_few_steps)
    executor.migrate(executor.loader.graph.leaf_nodes())
    executor = MigrationExecutor(in_all)
    executor.loader = MigrationLoader(in_all, replace_migrations=False)
    executor.migrate(last_steps(executor.loader))
    assert schema(in_few_steps) == schema(in_all)


def database(path: Path) -> BaseDatabaseWrapper:
    """Return a connection to an empty database."""
    wrapper = connection.copy()
    wrapper.settings_dict = {**wrapper.settings_dict, "NAME": str(path)}
    return wrapper


def schema(wrapper: BaseDatabaseWrapper) -> dict[str, Any]:
    """Return the columns and constraints of each table, and the triggers, in whatever order they came."""
    with wrapper.cursor() as cursor:
        tables = [each.name for each in wrapper.introspection.get_table_list(cursor)]
        found: dict[str, Any] = {name: _table(wrapper, cursor, name) for name in tables}
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        return {**found, "triggers": dict(cursor.fetchall())}


def _table(wrapper: BaseDatabaseWrapper, cursor: Any, name: str) -> dict[str, Any]:
    columns = wrapper.introspection.get_table_description(cursor, name)
    constraints = wrapper.introspection.get_constraints(cursor, name)
    cursor.execute("SELECT name, sql FROM sqlite_master WHERE tbl_name = %s AND type = 'index'", [name])
    return {
        "columns": {each.name: tuple(each[1:]) for each in columns},
        "foreign keys": wrapper.introspection.get_relations(cursor, name),
        "constraints": sorted(repr(sorted(each.items())) for each in constraints.values()),
        "indexes": dict(cursor.fetchall()),
    }
