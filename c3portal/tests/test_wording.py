"""Words are for people: no code asks what a sentence says. Fields and types decide, so any text may be reworded."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

import pytest

from c3portal.testing import BASE_DIR
from c3portal.tests.imports import ALL

# Where words are all that there is: what Xero says of a number that is taken.
EDGES = {"xero_integration.client.refusals"}
ASKS = {"startswith", "endswith", "partition", "rpartition", "split", "rsplit", "removeprefix", "removesuffix", "find"}
# Two words of which one is small, or what stands between the parts of a sentence.
SENTENCE = re.compile(r"[A-Za-z]+ [a-z]+|[a-z]+ [A-Z]+\b|^: $|[.;,] $")
IF = re.compile(r"{%\s*(?:el)?if\s(.*?)%}", re.DOTALL)
QUOTED = re.compile(r"""'([^']*)'|"([^"]*)\"""")


def trees() -> Iterator[tuple[str, ast.Module]]:
    return ((name, ast.parse(path.read_text())) for name, path in ALL.items())


def is_sentence(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(SENTENCE.search(node.value))


@pytest.fixture(scope="module")
def named() -> set[str]:
    """The names of constants that hold a sentence wherever they are given a value."""
    held: dict[str, set[bool]] = defaultdict(set)
    for _, tree in trees():
        for node in tree.body:
            for target in node.targets if isinstance(node, ast.Assign) else ():
                if isinstance(target, ast.Name) and isinstance(node, ast.Assign):
                    held[target.id].add(is_sentence(node.value))
    return {name for name, values in held.items() if values == {True}}


def compared(node: ast.AST) -> list[ast.expr]:
    """Return what a piece of code compares a text with."""
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        return [each for side in sides for each in getattr(side, "elts", [side])]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ASKS:
        return node.args
    return [node.value] if isinstance(node, ast.MatchValue) else []


def asks_a_sentence(node: ast.AST, named: set[str]) -> bool:
    return any(is_sentence(each) or getattr(each, "id", getattr(each, "attr", "")) in named for each in compared(node))


def test_no_code_asks_what_a_sentence_says(named: set[str]) -> None:
    found = {
        (name, ast.unparse(node)) for name, tree in trees() for node in ast.walk(tree) if asks_a_sentence(node, named)
    }
    beyond = {(name, code) for name, code in found if name not in EDGES}
    assert beyond == set(), "Give it a field to ask instead"
    assert {name for name, _ in found} == EDGES


def test_no_page_asks_what_a_sentence_says() -> None:
    compared = [
        (page.name, question)
        for page in (BASE_DIR / "templates").rglob("*.html")
        for question in IF.findall(page.read_text())
        if any(SENTENCE.search("".join(text)) for text in QUOTED.findall(question))
    ]
    assert compared == []


@pytest.mark.parametrize(
    "code",
    [
        'words.startswith("Xero did not")',
        'words.partition(": ")',
        '"must be unique" in error.message',
        "row.pause_reason == DAY_LIMIT_REACHED",
        'problem in ("stood still", "taken")',
    ],
)
def test_what_was_asked_once_is_found(code: str) -> None:
    assert any(asks_a_sentence(node, {"DAY_LIMIT_REACHED"}) for node in ast.walk(ast.parse(code)))
