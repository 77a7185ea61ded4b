"""Tables whose rows are written once, held so by triggers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# A session in which this is on may empty the tables on PostgreSQL: the tests', between two of them.
ALLOW_TRUNCATE = "c3portal.allow_truncate"

_REFUSE = f"""
CREATE OR REPLACE FUNCTION c3portal_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' AND current_setting('{ALLOW_TRUNCATE}', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END
$$
"""


def guard(editor: BaseDatabaseSchemaEditor, table: str, *, columns: Sequence[str] = (), deletes: bool = True) -> None:
    """Have the database refuse, by an IntegrityError, changes to the rows of `table` (to `columns` alone, when given)
    and, with `deletes`, their removal."""
    # A migration that changes such a table's columns has SQLite make the table anew, without its triggers: it calls
    # this again at its end.
    postgres = editor.connection.vendor == "postgresql"
    for statement in _postgres(table, columns, deletes) if postgres else _sqlite(table, columns, deletes):
        editor.execute(statement, params=None)


def unguard(editor: BaseDatabaseSchemaEditor, table: str) -> None:
    """Remove the triggers of `table`."""
    on_table = f" ON {table}" if editor.connection.vendor == "postgresql" else ""
    for event in ("update", "delete", "truncate"):
        editor.execute(f"DROP TRIGGER IF EXISTS {trigger(table, event)}{on_table}", params=None)


def trigger(table: str, event: str) -> str:
    """Return the name of the trigger of `table` that refuses the event."""
    return f"{table}_no_{event}"


def _updates(columns: Sequence[str]) -> str:
    return f"UPDATE OF {', '.join(columns)}" if columns else "UPDATE"


def _postgres(table: str, columns: Sequence[str], deletes: bool) -> Iterator[str]:
    yield _REFUSE
    events = [("update", _updates(columns), "ROW")]
    if deletes:
        events += [("delete", "DELETE", "ROW"), ("truncate", "TRUNCATE", "STATEMENT")]
    for name, event, each in events:
        yield f"DROP TRIGGER IF EXISTS {trigger(table, name)} ON {table}"
        yield (
            f"CREATE TRIGGER {trigger(table, name)} BEFORE {event} ON {table} "
            f"FOR EACH {each} EXECUTE FUNCTION c3portal_refuse_change()"
        )


def _sqlite(table: str, columns: Sequence[str], deletes: bool) -> Iterator[str]:
    events = [("update", _updates(columns))] + ([("delete", "DELETE")] if deletes else [])
    for name, event in events:
        yield (
            f"CREATE TRIGGER IF NOT EXISTS {trigger(table, name)} BEFORE {event} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: {name} is refused'); END"
        )
