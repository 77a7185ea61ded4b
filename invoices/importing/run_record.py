"""What is written to the record of an import: by whoever has it in hand, and by nobody else."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from invoices.models import ImportRun

# Whose the run is, and what the worker that has it in hand is not asked about.
_LEASE = ("process", "lease_until", "attempts")


class TakenOver(Exception):
    """The run is another worker's now: this one was taken for dead, and whatever it writes would overwrite the
    other's."""


def write(run: ImportRun, **facts: Any) -> None:
    """Write these fields of the run, to it and to the database. Raises TakenOver."""
    if not _mine(run).update(**facts):
        raise TakenOver
    for name, value in facts.items():
        setattr(run, name, value)


def save(run: ImportRun) -> None:
    """Write all that is known of the run, a new one too. Raises TakenOver."""
    if run._state.adding:
        run.save()
        return
    fields = [each.attname for each in ImportRun._meta.concrete_fields if not each.primary_key]
    write(run, **{name: getattr(run, name) for name in fields if name not in _LEASE})


def is_mine(run: ImportRun) -> bool:
    """Whether whoever holds this copy of the run still has it in hand."""
    return _mine(run).exists()


def _mine(run: ImportRun) -> QuerySet[ImportRun]:
    # One that nobody has in hand, as the command's, has no lease on either side.
    return ImportRun.objects.filter(pk=run.pk, process=run.process, lease_until=run.lease_until)
