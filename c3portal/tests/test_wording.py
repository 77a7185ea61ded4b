"""Words are for people: no code asks what a sentence says. Fields and types decide, so any text may be reworded.

A word that was replaced does not come back (docs/glossary.md).
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from c3portal.testing import BASE_DIR
from c3portal.tests.imports import ALL

# Where words are all that there is: what Xero says of a number that is taken.
EDGES = {"xero_integration.client.refusals"}
ASKS = {"startswith", "endswith", "partition", "rpartition", "split", "rsplit", "removeprefix", "removesuffix", "find"}
# Two words of which one is small, or what stands between the parts of a sentence.
SENTENCE = re.compile(r"[A-Za-z]+ [a-z]+|[a-z]+ [A-Z]+\b|^: $|[.;,] $")
IF = re.compile(r"{%\s*(?:el)?if\s(.*?)%}", re.DOTALL)
# What was said once -> what is said now. As a heading, button or label says it: small letters are prose.
REPLACED = {
    r"Post the ready ones": "Post 53 invoices",
    r"Before posting": "Check before upload",
    r"[Ww]hat stands in the way": "Fix before posting",
    r"[Aa]rrive in Xero as": "Create in Xero as",
    r"[Ww]aits for its turn": "Queued",
    r"\b[Bb]eing checked": "Confirming with Xero",
    r"^\s*Refused\b|\bRefused (?:by Xero|\d)": "Rejected by Xero",
    r"[Jj]ourney to Xero": "History",
    r"\bIgnored\b|\bIgnore (?:the|this)\b|^\s*Ignore(?:…|\.\.\.)?\s*$|Ignore…|[Uu]n-ignore|Keep it out of Xero": (
        "Exclude from Xero, Include again"
    ),
    r"^\s*Payload\s*$|\bPayload of\b": "What Xero receives",
    r"^\s*Proof\s*$": "Total matches",
    r"[Tt]ake over the file": "Import",
    r"Read again": "Refresh",
    r"[Ee]nds if unused until": "Sign-in valid until",
    r"[Tt]otals to the cent": "Rounding",
    r"\bto the slash\b": "exactly",
    r"[Ss]ent already and differing": "Differs from posted",
    r"^\s*[Tt]he server\s*$": "System",
    r"Is it still you\b": "Confirm it's you",
    r"^\s*Go on\s*$": "Continue",
    r"Leave it as it is": "Cancel",
    r"Not uploaded": "Not posted",
    r"\bNothing here(?! yet| *reaches)": "Page not found",
    r"\bUpload (?:\d+|{{[^}]*}}) of \d*\s*(?:[A-Z][a-z]{2}\b|{{)": "Upload 1, 25 Nov",
}
# The portal itself refuses a file to import; Xero has no part in that.
OTHERS = {("invoices.models.imports", "Refused")}
TAG = re.compile(r"<[^<>]*>|{%.*?%}|{#.*?#}", re.DOTALL)
LABEL = re.compile(r"""(?:title|aria-label|placeholder|label|value)="([^"]*)"|default:"([^"]*)\"""")
QUOTED = re.compile(r"""'([^']*)'|"([^"]*)\"""")
# What a page says, word for word: tags of the line and values stay in a sentence, an alternative begins another.
UNSEEN = re.compile(r"{#.*?#}|{%\s*comment\b.*?endcomment\s*%}|<!--.*?-->|<(script|style)\b.*?</\1>", re.DOTALL)
INLINE = re.compile(r"</?(?:a|abbr|b|code|em|i|small|span|strong|time|wbr)\b[^<>]*>|{{.*?}}", re.DOTALL)
BREAK = re.compile(r"<[^<>]*>|{%\s*(?:elif|else|block|endblock)\b.*?%}", re.DOTALL)
WORD = re.compile(r"[^\W\d_][\w'’-]*")
# Up to so many words in a row are a label, a heading or a button; more are prose.
LABEL_WORDS = 4
# Before the words were cut: `git ls-tree -r --name-only f0fc467 templates`, each file counted as `prose` does.
PROSE_THEN = 5_757


def trees() -> Iterator[tuple[str, ast.Module]]:
    return ((name, ast.parse(path.read_text())) for name, path in ALL.items())


def pages() -> list[Path]:
    """Return the templates of pages and mails."""
    return sorted(page for page in (BASE_DIR / "templates").rglob("*.*") if page.suffix in {".html", ".txt"})


def prose(template: str) -> int:
    """Return how many words of a template are prose: visible, and more in a row than a label has."""
    rows = BREAK.split(INLINE.sub(" ", UNSEEN.sub(" ", template)))
    counts = [len(WORD.findall(TAG.sub(" ", row))) for row in rows]
    return sum(count for count in counts if count > LABEL_WORDS)


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
        for page in pages()
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


def replaced(text: str) -> list[str]:
    """Return the words that are said now for those in a text that are not said any more."""
    return [now for then, now in REPLACED.items() if re.search(then, text)]


def said_by_code() -> Iterator[tuple[str, str]]:
    """Yield module and text of each string that may be shown; what describes the code itself is left out."""
    for name, tree in trees():
        described = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described:
                yield name, node.value


def said_by_pages() -> Iterator[tuple[str, str]]:
    """Yield file and text of all that pages and mails say: whole, between tags and in labels, each on one line."""
    for page in pages():
        whole = page.read_text()
        for text in (whole, *TAG.split(whole), *("".join(label) for label in LABEL.findall(whole))):
            yield page.name, " ".join(text.split())


def said_by_docs() -> Iterator[tuple[str, str]]:
    """Yield file and text of README and docs: whole, and their lines, cells and emphasised words."""
    for page in (BASE_DIR / "README.md", *sorted((BASE_DIR / "docs").rglob("*.md"))):
        whole = page.read_text()
        for text in (whole, *re.split(r"\||\*+|`|\n\n", whole)):
            yield page.name, " ".join(text.split())


@pytest.mark.parametrize("said", [said_by_code, said_by_pages, said_by_docs])
def test_no_replaced_word_comes_back(said: Callable[[], Iterator[tuple[str, str]]]) -> None:
    texts = list(said())
    assert len(texts) > 500
    found = {(where, text, *replaced(text)) for where, text in texts if replaced(text)}
    assert {each for each in found if each[:2] not in OTHERS} == set()


@pytest.mark.parametrize(
    "text",
    [
        "Being checked",
        "3 being checked",
        "Ignore…",
        "Ignored",
        "press Read again first",
        "Refused",
        "Refused by Xero",
        "Upload 1 of 25 Nov",
        "Upload {{ number }} of {{ day }}",
        "The server",
    ],
)
def test_what_was_said_once_is_found(text: str) -> None:
    assert replaced(text)


def test_pages_and_mails_say_at_most_half_of_what_they_said() -> None:
    counts = {str(page.relative_to(BASE_DIR)): prose(page.read_text()) for page in pages()}
    longest = sorted(counts, key=lambda page: -counts[page])[:10]
    assert sum(counts.values()) <= PROSE_THEN // 2, f"Say it with a label, or in docs/: {longest}"


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("<h2>Check before upload</h2><th>Total</th>", 0),
        ("<p>Nothing was sent to <b>{{ name }}</b> yet, so wait.</p>", 7),
        ("<p>{% if one %}It is there.{% else %}It is not.{% endif %}</p>", 0),
        ("<p title='of no words that are seen'>{# Nor are these words seen #}</p>", 0),
    ],
)
def test_prose_is_what_is_longer_than_a_label(template: str, words: int) -> None:
    assert prose(template) == words
