"""The rules for alarms: tried by Prometheus' own tool, and held against the figures that there are and what the
documentation says."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
from typing import Any

import pytest
import yaml
from django.utils import timezone
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families as parse

from c3portal.testing import BASE_DIR
from operations.metrics import Figures
from xero_integration import call_metrics
from xero_integration.client.call_log import CallRecord
from xero_integration.models import CallBudget, TokenSet, XeroConnection

DEPLOY = BASE_DIR / "deploy"
PROMTOOL = BASE_DIR / ".venv" / "tools" / "promtool"
RULES = [rule for group in yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
TRIALS = yaml.safe_load((DEPLOY / "alerts_tests.yml").read_text())["tests"]
DOCUMENTED = (BASE_DIR / "docs" / "operations" / "monitoring.md").read_text()
NAME = re.compile(r"c3portal_[a-z_]+")
SELECTOR = re.compile(r"(c3portal_[a-z_]+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r"""(\w+)(=~?)["']([^"']*)["']""")


@pytest.fixture
def families(db: None, settings: Any) -> list[Metric]:
    """All families of a portal with one organisation that one call was made for."""
    settings.PORTAL_URL = "https://portal.example.com"
    tokens = TokenSet.objects.create(access_expires_at=timezone.now(), refreshed_at=timezone.now() - dt.timedelta(1))
    organisation = XeroConnection.objects.create(tenant_id="t1", name="Contoso", token_set=tokens)
    CallBudget.objects.create(connection=organisation, day_remaining=4321, minute_limit=60)
    call_metrics.count(organisation, CallRecord("PUT", "Invoices", 200, {}, 0.2, "ok"))
    registry = CollectorRegistry()
    registry.register(Figures())
    return list(parse(generate_latest(registry).decode()))


@pytest.fixture
def figures(families: list[Metric]) -> set[str]:
    """The names of all families, as Prometheus calls what comes of them."""
    spans = {f"{each.name}_{part}" for each in families if each.type == "histogram" for part in ("bucket", "count")}
    return {f"{each.name}_total" if each.type == "counter" else each.name for each in families} | spans


@pytest.fixture
def series(families: list[Metric]) -> dict[str, list[dict[str, str]]]:
    """The labels of each series, by name."""
    found: dict[str, list[dict[str, str]]] = {}
    for sample in (sample for family in families for sample in family.samples):
        found.setdefault(sample.name, []).append(sample.labels)
    return found


# The rules, by Prometheus' own tool


def promtool(*arguments: str) -> None:
    if not PROMTOOL.exists():
        pytest.skip("promtool is not there (make tools)")
    done = subprocess.run([PROMTOOL, *arguments], cwd=DEPLOY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_the_rules() -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", "alerts.yml")


def test_each_alarm_fires_from_never_happened_before_on_and_not_sooner() -> None:
    promtool("test", "rules", "alerts_tests.yml")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alarm_is_tried_with_and_without_its_reason(rule: dict[str, str]) -> None:
    tried = [each for trial in TRIALS for each in trial["alert_rule_test"] if each["alertname"] == rule["alert"]]
    assert {bool(each.get("exp_alerts")) for each in tried} == {True, False}


def test_alarms_are_tried_with_the_series_that_the_portal_has(series: dict[str, list[dict[str, str]]]) -> None:
    for given in (each["series"] for trial in TRIALS for each in trial["input_series"]):
        ((name, labels),) = SELECTOR.findall(given)
        assert {label for label, _, _ in MATCHER.findall(labels)} in [set(each) for each in series[name]], given


# The figures that they look at


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alarm_is_raised_by_series_that_there_are(
    rule: dict[str, str], series: dict[str, list[dict[str, str]]]
) -> None:
    used = SELECTOR.findall(rule["expr"])
    assert used
    for name, matchers in used:
        for label, how, value in MATCHER.findall(matchers):
            values = value.split("|") if how == "=~" else [value]
            assert set(values) <= {each[label] for each in series[name]}, f"{name} has no {label} {value}"
        for label in re.findall(r"\w+", " ".join(re.findall(r"(?:by|on) \(([^)]*)\)", rule["expr"]))):
            assert all(label in each for each in series[name]), f"{name} has no {label}"
        assert series[name]


# What the documentation says of them


def test_each_alarm_is_explained() -> None:
    explained = DOCUMENTED.partition("## What each alarm means")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", explained, re.MULTILINE) == [rule["alert"] for rule in RULES]


def test_each_figure_is_explained(figures: set[str]) -> None:
    explained = set(NAME.findall(DOCUMENTED.partition("## Monitor")[2].partition("\n## ")[0]))
    assert explained - {"c3portal_"} <= figures
    assert {name for name in figures if not name.endswith(("_bucket", "_count"))} <= explained
