"""Runs every measurement several times and writes docs/performance.md from the medians. `make bench`."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
from pathlib import Path

from bench import pages, undo
from bench.repeated import BASE_DIR, middle, run, verdict
from bench.section import REPORT, section_of, with_section

OF_THEIR_OWN = ("Under load", "What became of it", undo.TITLE, pages.TITLE)
NAMES = ("calls", "wall", "cost", "preflight", "fairness", "imports")
TEMPLATE = Path(__file__).with_name("report.md")


def main() -> None:
    """Measure and write the report."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--times", type=int, default=5)
    times = arguments.parse_args().times
    runs = {name: run(name, times) for name in NAMES}
    calls, wall, cost, preflight, fair, imports = (middle(runs[name]) for name in NAMES)
    worst = max(each["worst"] for each in runs["fairness"])
    memory = cost["megabytes_late"] / cost["megabytes_early"]
    text = TEMPLATE.read_text().format(
        day=dt.datetime.now(tz=dt.UTC).date(),
        machine=f"{os.cpu_count()} processors, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}",
        times=times,
        calls=calls,
        usual_ratio=calls["usual"] / calls["portal"],
        usual_slower=calls["usual_seconds"] / calls["portal_seconds"],
        calls_verdict=verdict(calls["portal"] <= calls["allowed"]),
        wall=wall,
        wall_verdict=verdict(wall["ratio"] <= 1.15),
        cost=cost,
        cpu_verdict=verdict(cost["large_ms"] <= 3 and cost["small_ms"] <= 3),
        growth_verdict=verdict(cost["growth"] <= 1.2),
        queries_verdict=verdict(cost["queries_first"] == cost["queries_last"]),
        preflight=preflight,
        preflight_verdict=verdict(preflight["seconds"] < 3),
        preflight_queries_verdict=verdict(preflight["queries"] == preflight["queries_small"]),
        preflight_calls_verdict=verdict(preflight["calls"] < preflight["lots"]),
        fair=fair,
        worst=worst,
        fair_verdict=verdict(fair["worst"] <= 2),
        imports=imports,
        imports_verdict=verdict(imports["ratio"] <= 1),
        imports_memory_verdict=verdict(imports["growth"] <= 1.2),
        memory=memory,
        memory_verdict=verdict(memory <= 1.05),
        spread="\n".join(
            f"- {name}: "
            + ", ".join(f"{key} {min(e[key] for e in each):.4g} to {max(e[key] for e in each):.4g}" for key in each[0])
            for name, each in runs.items()
        ),
    )
    # What is measured by itself stays.
    for title in OF_THEIR_OWN:
        if section := section_of(title, REPORT.read_text()):
            text = with_section(title, section, text)
    REPORT.write_text(text)
    print(f"Written: {REPORT.relative_to(BASE_DIR)}")


if __name__ == "__main__":
    main()
