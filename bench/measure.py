"""One measurement in a process and a folder of its own; prints its figures as one line of JSON."""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import calls, cost, imports, preflight, throughput, undo
from bench.environment import Stage
from bench.throughput import Wall

UNLIMITED = {"minute": 1_000_000, "day": 10_000_000, "app_minute": 10_000_000}


def measure_calls(stage: Stage) -> dict[str, Any]:
    """Return the calls and seconds of both ways."""
    return asdict(calls.measure(stage))


def measure_wall(stage: Stage) -> dict[str, Any]:
    """Return an upload's seconds beside the bound that the limits set."""
    return _beside_the_bound(throughput.measure(stage))


def measure_undo(stage: Stage) -> dict[str, Any]:
    """Return an undo's seconds beside the bound that the limits set."""
    return _beside_the_bound(undo.measure(stage))


def _beside_the_bound(measured: Wall) -> dict[str, Any]:
    return {
        "seconds": measured.seconds,
        "calls": measured.calls,
        "bound": measured.bound,
        "ratio": measured.seconds / measured.bound,
    }


def measure_cost(stage: Stage) -> dict[str, Any]:
    """Return CPU, queries and memory for 1,000 and then 20,000 invoices, after a warm-up."""
    stage.control.set_limits(**UNLIMITED)
    (connection,) = stage.connect()
    cost.post(stage, connection, 200, prefix="warm")
    small = cost.post(stage, connection, 1_000, prefix="small")
    large = cost.post(stage, connection, 20_000, prefix="large")
    tenth = len(large.megabytes) // 10
    return {
        "small_ms": small.cpu_ms,
        "large_ms": large.cpu_ms,
        "growth": large.cpu_ms / small.cpu_ms,
        "queries_first": small.queries[0],
        "queries_last": large.queries[-1],
        "megabytes_early": statistics.median(large.megabytes[tenth : 2 * tenth]),
        "megabytes_late": statistics.median(large.megabytes[-tenth:]),
    }


def measure_fairness(stage: Stage) -> dict[str, Any]:
    """Return how much longer small organisations wait beside a large one."""
    ratios = throughput.fairness(stage)
    return {"median": statistics.median(ratios), "worst": max(ratios)}


def measure_preflight(stage: Stage) -> dict[str, Any]:
    """Return the preflight of 2,000 invoices of seven lines: seconds beside the network, queries and calls."""
    small, large = preflight.measure(stage)
    return {
        "seconds": large.seconds,
        "queries_small": small.queries,
        "queries": large.queries,
        "calls": large.calls,
        "lots": preflight.calls_by_lots(),
    }


def measure_imports(stage: Stage) -> dict[str, Any]:
    """Return an import of 100,000 lines beside the plainest way to store them, and the memory of one of 1,000,000."""
    measured = imports.measure(stage)
    return {
        "seconds": measured.portal.seconds,
        "plain_seconds": measured.plain.seconds,
        "ratio": measured.portal.seconds / measured.plain.seconds,
        "megabytes": measured.portal.megabytes,
        "plain_megabytes": measured.plain.megabytes,
        "large_seconds": measured.large.seconds,
        "large_megabytes": measured.large.megabytes,
        "growth": measured.large.megabytes / measured.portal.megabytes,
    }


MEASUREMENTS: dict[str, tuple[Callable[[Stage], dict[str, Any]], dict[str, str]]] = {
    "calls": (measure_calls, {}),
    "wall": (measure_wall, throughput.PACE),
    "undo": (measure_undo, throughput.PACE),
    "cost": (measure_cost, {}),
    "preflight": (measure_preflight, {}),
    "fairness": (measure_fairness, {"SWEEP_EVERY": "2"}),
    "imports": (measure_imports, {}),
}


def main() -> None:
    """Run the measurement that is named on the command line."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("name", choices=MEASUREMENTS)
    measure, pace = MEASUREMENTS[arguments.parse_args().name]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Stage(Path(folder), pace=pace) as stage:
        print(json.dumps(measure(stage)))


if __name__ == "__main__":
    main()
