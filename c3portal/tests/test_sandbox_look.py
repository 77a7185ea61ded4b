"""The sandboxes look as the portal does, apart by their accent: they work alone, so they have copies."""

from __future__ import annotations

import re

import pytest

from c3portal.testing import BASE_DIR

SANDBOXES = ("xero_sandbox", "c3_sandbox")
ACCENT = {"--accent", "--accent-strong", "--accent-soft", "--on-accent"}


def style_of(sandbox: str) -> str:
    return (BASE_DIR / sandbox / "static" / "sandbox.css").read_text()


def tokens(css: str) -> dict[str, str]:
    """Return the value of each token that a style sheet sets."""
    return dict(re.findall(r"^ +(--[\w-]+): ([^;]+);", css, re.MULTILINE))


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_a_sandbox_has_the_portals_tokens_and_an_accent_of_its_own(sandbox: str) -> None:
    portal = tokens((BASE_DIR / "static" / "tokens.css").read_text())
    own = tokens(style_of(sandbox))
    assert {name for name, value in own.items() if portal.get(name) != value} == ACCENT


def test_the_sandboxes_differ_by_their_accent_alone() -> None:
    xero, c3 = (style_of(sandbox).splitlines() for sandbox in SANDBOXES)
    differing = {one.split(":")[0].strip() for one, other in zip(xero, c3, strict=True) if one != other}
    assert differing == ACCENT


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_a_sandbox_has_the_portals_typeface(sandbox: str) -> None:
    (vendored,) = (BASE_DIR / "static" / "vendor").glob("inter-*")
    copies = list((BASE_DIR / sandbox / "static").glob("*.woff2"))
    assert copies
    assert all(copy.read_bytes() == (vendored / copy.name).read_bytes() for copy in copies)
    assert all(copy.name in style_of(sandbox) for copy in copies)
