"""What the documents promise is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from c3portal.testing import BASE_DIR

SECURITY = (BASE_DIR / "docs" / "security.md").read_text()
PROOFS = sorted(set(re.findall(r"`(\S+?\.py)::(\w+)`", SECURITY)))
FILES = [*sorted(BASE_DIR.glob("*.md")), *sorted((BASE_DIR / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]+)\)")


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


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(BASE_DIR)))
def test_every_link_of_a_document_leads_somewhere(path: Path) -> None:
    astray = []
    for link in LINK.findall(path.read_text()):
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            astray.append(link)
    assert astray == []


def anchors(path: Path) -> set[str]:
    """Return what a link can lead to within a document, as GitHub and others name its headings."""
    titles = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached, todo = set(), [BASE_DIR / "README.md"]
    while todo:
        path = todo.pop()
        if path not in reached and path.suffix == ".md":
            reached.add(path)
            todo += [(path.parent / link.partition("#")[0]).resolve() for link in LINK.findall(path.read_text())]
    assert set(FILES) - reached == set()
