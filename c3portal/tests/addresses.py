"""Every address of the portal, as its own list of addresses has them: for tests that walk them all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern, RoutePattern

NOBODY = "00000000-0000-4000-8000-000000000000"
# What stands for a part of an address that a converter, or the parentheses of an expression, would take.
SAMPLES = {"int": "1", "uuid": NOBODY, "str": "x", "slug": "x", "path": "x"}


@dataclass(frozen=True)
class Address:
    """An address, with `parts` in place of what varies: name and kind (a converter, "" for an expression)."""

    name: str
    template: str
    parts: tuple[tuple[str, str], ...]

    def path(self, **given: str) -> str:
        """Return the path with the parts that are `given`, and samples for the others."""
        values = {name: given.get(name, SAMPLES.get(kind, "x")) for name, kind in self.parts}
        return self.template.format(**values)


def every_address() -> list[Address]:
    """Return each address once, the static files left out."""
    return list(_below(get_resolver().url_patterns, "/", ()))


def paths(**given: str) -> Mapping[str, str]:
    """Return a path for each address, by its name."""
    return {address.name: address.path(**given) for address in every_address()}


def _below(
    patterns: list[URLPattern | URLResolver], prefix: str, parts: tuple[tuple[str, str], ...]
) -> Iterator[Address]:
    for each in patterns:
        template, found = _template(each.pattern)
        if isinstance(each, URLResolver):
            yield from _below(each.url_patterns, prefix + template, (*parts, *found))
        else:
            yield Address(each.name or prefix + template, prefix + template, (*parts, *found))


def _template(pattern: object) -> tuple[str, tuple[tuple[str, str], ...]]:
    if isinstance(pattern, RoutePattern):
        found = tuple((name, kind or "str") for kind, name in re.findall(r"<(?:(\w+):)?(\w+)>", pattern._route))
        return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", pattern._route), found
    assert isinstance(pattern, RegexPattern)
    text = pattern._regex.removeprefix("^").removesuffix("$")
    found = tuple((name, "") for name in re.findall(r"\(\?P<(\w+)>", text))
    return re.sub(r"\(\?P<(\w+)>[^()]*\)", r"{\1}", text).replace("\\", ""), found
