"""Which of the three kinds a line is, by the source's category."""

from __future__ import annotations

from collections.abc import Mapping

LICENSE, AZURE, CUSTOM = "license", "azure", "custom"
OPEN = ""
# C3's own categories.
_KNOWN = {"license": LICENSE, "onetime": LICENSE, "subscription": LICENSE, "software": LICENSE}
# What other systems call them: proposed to a person, never taken by itself.
_ALIKE = (
    (AZURE, ("usage", "azure", "consumption", "verbrauch", "consommation", "consumo", "verbruik", "zużycie", "meter")),
    (CUSTOM, ("custom", "service", "project", "dienst", "prest", "servic", "uslug", "usług", "hour", "partner")),
    (LICENSE, ("licen", "lizenz", "licencj", "subscri", "abo", "seat", "software", "onetime", "one-time", "product")),
)


def kind_of(category: str, provider_category: str, rules: Mapping[str, str]) -> str:
    """Return the kind of a line: a rule for its category goes first (`rules` by folded category), then C3's own
    categories; OPEN when nobody said so yet."""
    folded = fold(category)
    if rule := rules.get(folded):
        return rule
    provider = provider_category.casefold()
    # What the partner sells itself goes first.
    if folded == "custom" or provider == "partner":
        return CUSTOM
    if folded == "usage" or provider == "azure":
        return AZURE
    return _KNOWN.get(folded, OPEN)


def fold(category: str) -> str:
    """Return the category as rules keep it: capitals and outer spaces do not count."""
    return category.strip().casefold()


def likely_kind(category: str) -> str:
    """Return the kind that the words of a category make likely, for a person to confirm; OPEN when none does."""
    folded = fold(category)
    return next((kind for kind, words in _ALIKE if any(word in folded for word in words)), OPEN)
