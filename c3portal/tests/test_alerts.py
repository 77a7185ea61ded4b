"""The rules for alarms and what the documentation says of them, held against the figures that there are."""

from __future__ import annotations

import re

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest

from c3portal.metrics import Figures
from c3portal.testing import BASE_DIR

RULES = [
    rule for group in yaml.safe_load((BASE_DIR / "deploy/alerts.yml").read_text())["groups"] for rule in group["rules"]
]
DOCUMENTED = (BASE_DIR / "docs" / "operations.md").read_text()
NAME = re.compile(r"c3portal_[a-z_]+")


@pytest.fixture
def figures(db: None) -> set[str]:
    """The names of all families, with what Prometheus makes of them."""
    registry = CollectorRegistry()
    registry.register(Figures())
    text = generate_latest(registry).decode()
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    spans = {f"{name}_{part}" for name, kind in types.items() if kind == "histogram" for part in ("bucket", "count")}
    return set(types) | spans


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alarm_is_raised_by_figures_that_there_are(rule: dict[str, str], figures: set[str]) -> None:
    used = set(NAME.findall(rule["expr"]))
    assert used
    assert used <= figures


def test_each_alarm_is_explained() -> None:
    explained = DOCUMENTED.partition("## What each alarm means")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", explained, re.MULTILINE) == [rule["alert"] for rule in RULES]


def test_each_figure_is_explained(figures: set[str]) -> None:
    explained = set(NAME.findall(DOCUMENTED.partition("## Monitor")[2].partition("\n## ")[0]))
    assert explained - {"c3portal_"} <= figures
    assert {name for name in figures if not name.endswith(("_bucket", "_count"))} <= explained
