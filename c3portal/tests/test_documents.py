"""What the documents promise is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from c3portal.testing import BASE_DIR

SECURITY = (BASE_DIR / "docs" / "security.md").read_text()
PROOFS = sorted(set(re.findall(r"`(\S+?\.py)::(\w+)`", SECURITY)))
FILES = [BASE_DIR / "README.md", *sorted((BASE_DIR / "docs").glob("*.md"))]


def functions(path: str) -> Iterator[str]:
    yield from (
        node.name for node in ast.parse((BASE_DIR / path).read_text()).body if isinstance(node, ast.FunctionDef)
    )


@pytest.mark.parametrize(("path", "name"), PROOFS, ids=[name for _, name in PROOFS])
def test_every_proof_that_is_named_exists(path: str, name: str) -> None:
    assert name in functions(path)


def test_every_threat_has_its_proof() -> None:
    threats = SECURITY.partition("## Threats")[2].partition("## Cryptography")[0]
    rows = [line for line in threats.splitlines() if line.startswith("| ") and "what stands against it" not in line]
    assert len(rows) > 20
    assert [row for row in rows if "::test_" not in row.split("|")[3]] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_that_a_document_links_to_exists(path: object) -> None:
    text = path.read_text()
    linked = [link for link in re.findall(r"\]\(([^)#:]+)\)", text) if not link.startswith("http")]
    assert [link for link in linked if not (path.parent / link).exists()] == []
