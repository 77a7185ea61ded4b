"""Copying whole tables to another database, and comparing what arrived."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any

import psycopg
from cryptography.fernet import MultiFernet
from django.apps import apps
from django.db import connections, models
from django.db.models.functions import Cast, Length

from c3portal.encryption import key_rotation
from c3portal.encryption.fields import EncryptedTextField
from c3portal.models import Heartbeat, Lease, LiveProcess
from operations.backups.databases import left_out
from operations.backups.storage import BackupError

CHUNK = 2000
# What is true of processes that are stopped by then, and of nothing else.
OF_PROCESSES = (Heartbeat, Lease, LiveProcess)
Row = tuple[Any, ...]


@dataclass
class Facts:
    """What tells a table's contents from others."""

    rows: int = 0
    # None where ids are no numbers.
    highest: int | None = None
    sums: dict[str, Decimal] = field(default_factory=dict)
    # Of every value.
    digest: int = 0

    def differences(self, other: Facts) -> list[str]:
        return [each.name for each in fields(self) if getattr(self, each.name) != getattr(other, each.name)]


@dataclass(frozen=True)
class Compared:
    name: str
    facts: Facts


class Digest:
    """Adds up rows into Facts, in any order."""

    # Drawn anew for each move, so that a digest tells nothing of a secret.
    KEY = secrets.token_bytes(32)

    def __init__(self, table: Table) -> None:
        self.facts = Facts(sums={name: Decimal(0) for name in table.amounts})
        self._amounts = [(name, table.names.index(name)) for name in table.amounts]
        self._pk = table.names.index(table.pk.attname)

    def add(self, row: Row) -> None:
        facts, pk = self.facts, row[self._pk]
        facts.rows += 1
        if isinstance(pk, int):
            facts.highest = max(pk, facts.highest or pk)
        for name, place in self._amounts:
            facts.sums[name] += row[place] or 0
        encoded = json.dumps(row, default=_plain, sort_keys=True).encode()
        one = int.from_bytes(hashlib.blake2b(encoded, key=self.KEY, digest_size=32).digest())
        facts.digest = (facts.digest + one) % 2**256


def _plain(value: Any) -> str:
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else str(value)


class Table:
    """A model's table, and which of its columns hold encrypted texts."""

    def __init__(self, model: type[models.Model], places: dict[str, key_rotation.Place]) -> None:
        self.model, self.name = model, model._meta.db_table
        self.fields = model._meta.local_concrete_fields
        self.names = [each.attname for each in self.fields]
        self.pk = model._meta.pk
        self.amounts = [each.attname for each in self.fields if isinstance(each, models.DecimalField)]
        self._places = [places.get(f"{self.name}.{each.column}") for each in self.fields]

    def rows(self, alias: str, cipher: MultiFernet) -> Iterator[Row]:
        """Yield the rows of the database `alias` as Python values, secrets decrypted."""
        raw = {
            f"raw_{each.attname}": Cast(each.attname, models.TextField())
            for each in self.fields
            if isinstance(each, EncryptedTextField)
        }
        names = [f"raw_{name}" if f"raw_{name}" in raw else name for name in self.names]
        rows = self.model._base_manager.using(alias).annotate(**raw).order_by().values_list(*names)
        for row in rows.iterator(chunk_size=CHUNK):
            # In memory, row by row: secrets are in clear in no file and no statement.
            yield self._turned(row, lambda text: cipher.decrypt(text.encode()).decode())

    def _turned(self, row: Row, turn: key_rotation.Turn) -> Row:
        pairs = zip(row, self._places, strict=True)
        return tuple(place.turned(value, turn) if place else value for value, place in pairs)

    def load(self, source: str, cipher: MultiFernet, anew: MultiFernet) -> Facts:
        """Copy the rows of the database `source`, secrets encrypted `anew`. Raises BackupError."""
        target, digest = connections["default"], Digest(self)
        columns = ", ".join(target.ops.quote_name(str(each.column)) for each in self.fields)
        pk = self.names.index(self.pk.attname)
        row: Row = ()
        try:
            with target.cursor() as cursor, cursor.copy(f"COPY {self.name} ({columns}) FROM STDIN") as copy:
                for row in self.rows(source, cipher):
                    digest.add(row)
                    copy.write_row(self._prepared(row, anew, target))
        except psycopg.Error as error:
            # Its further words would quote the row.
            reason = error.diag.message_primary or type(error).__name__
            near = f", near the row {row[pk]}" if row else ""
            raise BackupError(f"PostgreSQL does not take the rows of {self.name}{near}: {reason}.") from error
        return digest.facts

    def _prepared(self, row: Row, anew: MultiFernet, target: Any) -> list[Any]:
        closed = self._turned(row, lambda text: anew.encrypt(text.encode()).decode())
        return [
            value if isinstance(each, EncryptedTextField) else each.get_db_prep_save(value, target)
            for each, value in zip(self.fields, closed, strict=True)
        ]

    def facts_of(self, alias: str, cipher: MultiFernet) -> Facts:
        digest = Digest(self)
        for row in self.rows(alias, cipher):
            digest.add(row)
        return digest.facts

    def too_long(self) -> list[str]:
        """Return in words the texts that outgrow their column, which SQLite allows."""
        limited = {
            each.attname: each.max_length
            for each in self.fields
            if isinstance(each, models.CharField) and each.max_length
        }
        longest = self.model._base_manager.aggregate(
            **{f"longest_{name}": models.Max(Length(Cast(name, models.TextField()))) for name in limited}
        )
        return [
            f"{self.name}.{name} ({longest[f'longest_{name}']} of {most} characters)"
            for name, most in limited.items()
            if (longest[f"longest_{name}"] or 0) > most
        ]


def tables() -> list[Table]:
    """Return the tables that a move carries over."""
    places = {place.name: place for place in key_rotation.places()}
    stay = {*left_out(), *(model._meta.db_table for model in OF_PROCESSES)}
    found = [model for model in apps.get_models(include_auto_created=True) if not model._meta.proxy]
    return [Table(model, places) for model in found if model._meta.managed and model._meta.db_table not in stay]


def go_on_counting(found: list[Table], used: dict[str, int]) -> None:
    """Have PostgreSQL give out ids above those in use; `used` has the last ever given out by table."""
    with connections["default"].cursor() as cursor:
        for table in found:
            if isinstance(table.pk, models.AutoField):
                name, column = table.name, table.pk.column
                cursor.execute(f"SELECT COALESCE(MAX({column}), 0) FROM {name}")  # noqa: S608
                last = max(cursor.fetchone()[0], used.get(name, 0))
                cursor.execute(
                    "SELECT setval(pg_get_serial_sequence(%s, %s), %s, %s)", [name, column, max(last, 1), last > 0]
                )
