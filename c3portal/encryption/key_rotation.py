"""Which keys wrote the stored secrets, and writing them anew with the first."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.db import connection, models, transaction
from django.db.models.functions import Cast

from c3portal.encryption.cipher import cipher, written_by
from c3portal.encryption.fields import EncryptedTextField

# Whoever used a second factor while it was being rewritten may have put back what it read before.
PASSES = 5


Turn = Callable[[str], str]


class Place(ABC):
    """A table's column that holds encrypted text."""

    def __init__(self, model: type[models.Model], name: str) -> None:
        self.model = model
        self.name = f"{model._meta.db_table}.{name}"

    @abstractmethod
    def stored(self) -> Iterator[tuple[Any, str]]:
        """Yield the row's id and the encrypted text, for every text."""

    @abstractmethod
    def rewrite(self, pk: Any, stored: str) -> bool:
        """Encrypt the text anew unless the row holds another by now; return whether it did."""

    @abstractmethod
    def forget(self, pk: Any, stored: str) -> bool:
        """Remove a text whose key is lost, on the same terms."""

    @abstractmethod
    def turned(self, value: Any, turn: Turn) -> Any:
        """Return the stored value with each encrypted text put through `turn`."""


class Column(Place):
    def __init__(self, model: type[models.Model], field: EncryptedTextField) -> None:
        super().__init__(model, str(field.column))
        self.field = field.name
        self.default = field.get_default

    def _rows(self) -> models.QuerySet[Any]:
        return self.model._base_manager.alias(stored=Cast(self.field, models.TextField()))

    def stored(self) -> Iterator[tuple[Any, str]]:
        rows = self._rows().exclude(stored="").exclude(stored=None).order_by("pk")
        yield from rows.values_list("pk", models.F("stored")).iterator()

    def rewrite(self, pk: Any, stored: str) -> bool:
        clear = cipher().decrypt(stored.encode()).decode()
        # An old secret never takes the place of one that was renewed meanwhile.
        return bool(self._rows().filter(pk=pk, stored=stored).update(**{self.field: clear}))

    def forget(self, pk: Any, stored: str) -> bool:
        # What a new row would have: no secret, or a fresh one where there must be one.
        return bool(self._rows().filter(pk=pk, stored=stored).update(**{self.field: self.default()}))

    def turned(self, value: str | None, turn: Turn) -> str | None:
        return turn(value) if value else value


class Factors(Place):
    """Second factors as allauth keeps them: texts inside of JSON."""

    NAMES = ("secret", "seed")
    LISTS = ("migrated_codes",)

    def __init__(self) -> None:
        super().__init__(Authenticator, "data")

    def stored(self) -> Iterator[tuple[Any, str]]:
        kept = Authenticator.objects.exclude(type=Authenticator.Type.WEBAUTHN).order_by("pk")
        for pk, data in kept.values_list("pk", "data").iterator():
            for text in self._texts(data):
                yield pk, text

    def _texts(self, data: dict[str, Any]) -> list[str]:
        several = [text for name in self.LISTS for text in data.get(name) or []]
        return [data[name] for name in self.NAMES if data.get(name)] + several

    def rewrite(self, pk: Any, stored: str) -> bool:
        anew = cipher().rotate(stored.encode()).decode()
        with transaction.atomic():
            row = Authenticator.objects.select_for_update(no_key=True).filter(pk=pk).first()
            if row is None or stored not in self._texts(row.data):
                return False
            Authenticator.objects.filter(pk=pk).update(data=_with(row.data, stored, anew))
        return True

    def forget(self, pk: Any, stored: str) -> bool:
        with transaction.atomic():
            row = Authenticator.objects.select_for_update(no_key=True).filter(pk=pk).first()
            if row is None or stored not in self._texts(row.data):
                return False
            # A part of a factor is of no use; its owner sets up another.
            row.delete()
        return True

    def turned(self, value: dict[str, Any], turn: Turn) -> dict[str, Any]:
        single = {name: turn(value[name]) for name in self.NAMES if value.get(name)}
        several = {name: [turn(text) for text in value[name]] for name in self.LISTS if value.get(name)}
        return value | single | several


def _with(data: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    swap: Callable[[Any], Any] = lambda value: new if value == old else value  # noqa: E731
    return {
        name: [swap(each) for each in value] if isinstance(value, list) else swap(value) for name, value in data.items()
    }


@dataclass(frozen=True)
class Tally:
    """How many texts the first key wrote, an older one, and none."""

    place: str
    current: int
    old: int
    unreadable: int


def places() -> list[Place]:
    """Return every place whose table exists."""
    tables = set(connection.introspection.table_names())
    columns: list[Place] = [
        Column(model, field)
        for model in apps.get_models()
        for field in model._meta.local_concrete_fields
        if isinstance(field, EncryptedTextField)
    ]
    return [each for each in [*columns, Factors()] if each.model._meta.db_table in tables]


def tally() -> list[Tally]:
    """Return how each place stands."""
    return [_tally(place) for place in places()]


def _tally(place: Place) -> Tally:
    wrote = [written_by(text) for _, text in place.stored()]
    unreadable = wrote.count(None)
    return Tally(place.name, wrote.count(0), len(wrote) - wrote.count(0) - unreadable, unreadable)


def rotate() -> dict[str, int]:
    """Encrypt anew what an older key wrote; return how many texts by place."""
    done = {place.name: 0 for place in places()}
    for _ in range(PASSES):
        more = {place.name: _rotate(place) for place in places()}
        done = {name: count + more.get(name, 0) for name, count in done.items()}
        if not any(more.values()):
            break
    return done


def _rotate(place: Place) -> int:
    # What no key reads stays as it is.
    old = [(pk, text) for pk, text in place.stored() if written_by(text) not in (0, None)]
    return sum(place.rewrite(pk, text) for pk, text in old)


def forget() -> dict[str, int]:
    """Remove what no key reads; return how many texts by place."""
    return {place.name: _forget(place) for place in places()}


def _forget(place: Place) -> int:
    lost = [(pk, text) for pk, text in place.stored() if written_by(text) is None]
    return sum(place.forget(pk, text) for pk, text in lost)
