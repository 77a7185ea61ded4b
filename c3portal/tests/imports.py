"""Reads what each module of the portal imports, as text; nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from c3portal.testing import BASE_DIR

# From the bottom up.
PACKAGES = ("c3portal", "xero_integration", "c3_integration", "invoices", "operations")


def modules(*packages: str) -> Iterator[tuple[str, Path]]:
    """Yield name and file of each module that is no test and no migration."""
    for package in packages:
        for path in sorted((BASE_DIR / package).rglob("*.py")):
            parts = path.relative_to(BASE_DIR).with_suffix("").parts
            if not {"tests", "migrations", "conftest"} & set(parts):
                yield ".".join(parts).removesuffix(".__init__"), path


ALL = dict(modules(*PACKAGES))


def imports(path: Path) -> Iterator[str]:
    """Yield the full name of whatever a module imports when it runs, wherever the statement stands in it."""
    for node in _running(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes below `node`, without what is there for the type checker alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from _running(child)


def module_of(name: str) -> str:
    """Return the module of ours that holds `name`, or "" for someone else's."""
    while name and name not in ALL:
        name = name.rpartition(".")[0]
    return name


def folder_of(module: str) -> str:
    """Return the folder that a module lies in, as a dotted name."""
    return ".".join(ALL[module].relative_to(BASE_DIR).parent.parts)


def used_by(module: str) -> set[str]:
    """Return the modules of ours that a module imports."""
    return {used for name in imports(ALL[module]) if (used := module_of(name))} - {module}


def reached_from(*roots: str) -> dict[str, str]:
    """Return the modules of ours that `roots` bring with them, however far away, each with who imports it."""
    found = dict.fromkeys(roots, "")
    waiting = list(roots)
    while waiting:
        module = waiting.pop()
        for used in used_by(module) - found.keys():
            found[used] = module
            waiting.append(used)
    return found
