"""What the documents promise is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from c3portal.testing import BASE_DIR
from c3portal.tests.imports import PACKAGES

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
    rows = [line for line in threats.splitlines() if line.startswith("| ") and "| threat |" not in line]
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


# The glossary and how to work on the code


GLOSSARY = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", (BASE_DIR / "docs" / "glossary.md").read_text(), re.MULTILINE)
TERMS = [row for row in GLOSSARY if row[0] not in ("term", "---")]
CONTRIBUTING = (BASE_DIR / "CONTRIBUTING.md").read_text()


def is_there(place: str) -> bool:
    """Whether a path exists, or a name such as `Posting.Status` is defined; the module may stand before it."""
    if "/" in place:
        return (BASE_DIR / place).exists()
    first, *rest = place.split(".")
    files = [path for package in PACKAGES for path in (BASE_DIR / package).rglob("*.py") if "tests" not in path.parts]
    holding = [path.read_text() for path in files if path.stem == first or defines(path.read_text(), first)]
    return any(all(defines(text, name) for name in rest) for text in holding)


def defines(text: str, name: str) -> bool:
    """Whether a module has a class, a function or a value of this name, at any depth."""
    return bool(re.search(rf"^ *(class|def) {name}\b|^ *{name}\b[^=\n]*=", text, re.MULTILINE))


def test_the_glossary_has_each_term_once() -> None:
    terms = [term for names, _, _ in TERMS for term in names.split(", ")]
    assert len(terms) >= 60
    assert len(set(terms)) == len(terms)


@pytest.mark.parametrize(("term", "place"), [(term, place) for term, _, place in TERMS])
def test_what_the_glossary_names_is_there(term: str, place: str) -> None:
    named = re.findall(r"`(.+?)`", place)
    assert named, term
    assert [each for each in named if not is_there(each)] == []


def test_a_term_that_is_nowhere_would_be_seen() -> None:
    assert is_there("Posting.Status")
    assert is_there("transitions.claim")
    assert not is_there("Posting.Standing")
    assert not is_there("transitions.refuse_politely")
    assert not is_there("invoices/journey.py")


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([\w.]+/[\w./]*)`", CONTRIBUTING))))
def test_every_path_that_contributing_names_exists(path: str) -> None:
    assert (BASE_DIR / path).exists()


def test_every_command_of_make_that_contributing_names_exists() -> None:
    makefile = (BASE_DIR / "Makefile").read_text()
    named = set(re.findall(r"`make (\w+)", CONTRIBUTING))
    assert named
    assert [name for name in named if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []
