"""Templates can be read line by line (their layout is the formatter's, in `make lint`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from c3portal.testing import BASE_DIR

LONGEST = 160


def too_long(path: Path) -> list[int]:
    """Return the numbers of the lines that are longer than LONGEST characters."""
    return [number for number, line in enumerate(path.read_text().splitlines(), 1) if len(line) > LONGEST]


@pytest.mark.parametrize("folder", ["templates", "xero_sandbox/templates"])
def test_no_line_of_a_template_is_too_long_to_read(folder: str) -> None:
    templates = list((BASE_DIR / folder).rglob("*.html"))
    assert len(templates) > 10
    found = {str(path.relative_to(BASE_DIR)): lines for path in templates if (lines := too_long(path))}
    assert found == {}
