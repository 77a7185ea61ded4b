"""A measurement made several times, each in a process of its own."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

BASE_DIR = Path(__file__).resolve().parent.parent


def run(name: str, times: int) -> list[dict[str, Any]]:
    """Return the figures of each of `times` runs of a measurement of `bench.measure`."""
    found = []
    for turn in range(times):
        command = [sys.executable, "-m", "bench.measure", name]
        done = subprocess.run(command, cwd=BASE_DIR, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{name} failed:\n{done.stderr[-2000:]}")
        found.append(json.loads(done.stdout.splitlines()[-1]))
        print(f"{name} {turn + 1} of {times}: {found[-1]}", flush=True)
    return found


def middle(runs: list[dict[str, Any]]) -> dict[str, float]:
    """Return the median of each figure."""
    return {key: statistics.median(each[key] for each in runs) for key in runs[0]}


def verdict(holds: bool) -> str:
    """Return the word for the report's last column."""
    return "met" if holds else "**missed**"
