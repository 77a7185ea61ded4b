"""One word, one thing: what had another name before is not called by it again, on a page, in a mail or a document."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from c3portal.testing import BASE_DIR
from c3portal.tests.imports import ALL

# Before: now (docs/glossary.md).
REPLACED = {
    r"Post the ready ones": "Post N invoices",
    r"Before posting": "Check before upload",
    r"What stands in the way": "Fix before posting",
    r"[Aa]rrive in Xero as": "Create in Xero as",
    r"Waits for its turn": "Queued",
    r"[Bb]eing checked": "Confirming with Xero",
    r"\bRefused (?:by Xero|\d)|> ?Refused": "Rejected by Xero",
    r"Journey to Xero": "History",
    r"\bIgnored\b|\bIgnore (?:the|this)\b|Ignore…|[Uu]n-ignore": "Exclude from Xero, Include again",
    r"Keep it out of Xero": "Exclude from Xero",
    r"\bPayload of\b|>Payload<": "What Xero receives",
    r">Proof<": "Total matches",
    r"Take over the file</": "Import",
    r"Read again": "Refresh",
    r"Ends if unused until": "Sign-in valid until",
    r"Totals to the cent": "Rounding",
    r"to the slash": "exactly",
    r"[Ss]ent already and differing": "Differs from posted",
    r'default:"the server"': "System",
    r"Is it still you|> ?Go on ?<": "Confirm it's you, Continue",
    r"Leave it as it is": "Cancel",
    r"Not uploaded": "Not posted",
    r"Nothing here(?! yet| *reaches)": "Page not found",
}
ANY = re.compile("|".join(REPLACED))


def templates() -> Iterator[Path]:
    return (BASE_DIR / "templates").rglob("*.html")


def documents() -> Iterator[Path]:
    yield BASE_DIR / "README.md"
    yield from (BASE_DIR / "docs").rglob("*.md")


def texts_of(tree: ast.Module) -> Iterator[str]:
    """Yield every text of a module that people may read: no docstring, and no pattern."""
    docstrings = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings:
            yield node.value


@pytest.mark.parametrize("path", [*templates(), *documents()], ids=lambda path: str(path.relative_to(BASE_DIR)))
def test_a_page_or_document_has_no_replaced_word(path: Path) -> None:
    assert ANY.findall(" ".join(path.read_text().split())) == []


def test_the_code_says_no_replaced_word() -> None:
    found = {
        (name, words)
        for name, path in ALL.items()
        for text in texts_of(ast.parse(path.read_text()))
        for words in ANY.findall(text)
    }
    assert found == set()


@pytest.mark.parametrize("words", ["Ignored", "press Read again first", "3 being checked", "<b>Refused</b>"])
def test_a_replaced_word_is_found(words: str) -> None:
    assert ANY.search(words)
