"""What libraries keep to themselves may change with any release: it is used only where nothing public does, and that is
said where it is imported."""

from __future__ import annotations

import ast

import pytest

from c3portal.tests.imports import ALL, PACKAGES


def is_private(name: str) -> bool:
    return any(part == "internal" or (part.startswith("_") and not part.startswith("__")) for part in name.split("."))


def private_imports(module: str) -> list[int]:
    """Return the lines on which a module imports what is not ours and private."""
    found = []
    for node in ast.walk(ast.parse(ALL[module].read_text())):
        names = [each.name for each in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{name}" for name in names]
        if any(is_private(name) and name.partition(".")[0] not in PACKAGES for name in names):
            found.append(node.lineno)
    return found


@pytest.mark.parametrize("module", [each for each in ALL if private_imports(each)])
def test_a_library_s_private_part_is_imported_with_its_reason(module: str) -> None:
    lines = ALL[module].read_text().splitlines()
    without = [line for line in private_imports(module) if not lines[line - 2].lstrip().startswith("#")]
    assert without == [], f"{module} imports private parts on these lines: use a public name, or say why above it"
