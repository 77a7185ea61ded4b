"""Decimals kept to the last digit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models


class ExactDecimalField(models.CharField):  # type: ignore[type-arg]  # not generic at run time
    """A Decimal kept as text, digit for digit; the database cannot sum or order by it."""

    # SQLite keeps a DecimalField as a float of 15 digits, which an Azure rate of twelve decimals times a large quantity
    # outgrows.

    # What the type checker reads of a field: a Decimal goes in and comes out.
    _pyi_private_set_type: Decimal | int | str  # type: ignore[assignment]
    _pyi_private_get_type: Decimal  # type: ignore[assignment]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 40)
        super().__init__(*args, **kwargs)

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else format(Decimal(value), "f")

    def from_db_value(self, value: str | None, *args: Any) -> Decimal | None:
        return None if value is None else Decimal(value)

    def to_python(self, value: Any) -> Any:
        return None if value is None else Decimal(value)
