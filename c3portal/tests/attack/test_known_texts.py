"""Nobody adds a text to a table without saying what it may hold; told long before somebody tries to break in."""

from __future__ import annotations

from django.db import models

from c3portal.tests.attack.texts import SHAPES, text_fields


def test_every_json_of_a_table_has_a_shape_that_hostile_texts_are_put_into() -> None:
    without = [name for name, _, field in text_fields() if isinstance(field, models.JSONField) and name not in SHAPES]
    assert not without, (
        f"Say in SHAPES (c3portal/tests/attack/texts.py) what these hold, or in LEFT why none: {without}"
    )
