"""What the workflow costs by itself: a call with nothing to do, and the wall clock of a whole run."""

import json
import logging
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from scipy.stats import t as student

from sonoscope import storage
from sonoscope.errors import SonoscopeError

logger = logging.getLogger(__name__)

NOOP_TARGET = 5.0
"""Seconds within which a call with nothing to do should end."""

DEMO_TARGET = 180.0
"""Seconds within which the demo should end."""


@dataclass(frozen=True)
class DryRun:
    """One timed dry run."""

    seconds: float
    """Wall clock from start to exit."""

    jobs: int
    """How many jobs it would run; 0 where the results are current."""


@dataclass(frozen=True)
class WallClock:
    """How long a run took."""

    seconds: float
    """From the first start of a job to the last end of one, summed over the invocations."""

    jobs: int
    """How many jobs finished."""

    invocations: int
    """How many calls of ``snakemake`` made the present results; 1 for a run that was never interrupted."""


def dry_run(target: str, config: Mapping[str, Any]) -> DryRun:
    """Time ``snakemake -n target`` with the same configuration, in a process of its own.

    A dry run takes no lock and writes nothing, so it may be made while the workflow that asks for it is running.

    Raises
    ------
    SonoscopeError
        The dry run failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.json"  # JSON is YAML
        file.write_text(json.dumps(config))
        words = ["-n", "--snakefile", str(storage.WORKFLOW / "Snakefile"), "--configfile", str(file)]
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "snakemake", *words, "--", target], capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - start
    if done.returncode:
        raise SonoscopeError(f"snakemake -n {target} ended with {done.returncode}: {done.stderr[-2000:]}")
    total = re.search(r"^total +(\d+)$", done.stdout + done.stderr, re.MULTILINE)
    jobs = int(total[1]) if total else 0
    logger.info("snakemake -n %s: %.2f s, %d jobs to run", target, seconds, jobs)
    return DryRun(seconds, jobs)


def wall_clock(lines: Iterable[Mapping[str, Any]], without: Sequence[str] = ()) -> WallClock | None:
    """Wall clock of the present results from the lines of a manifest; None if no job has finished.

    A job counts as it last finished. Each invocation that made at least one of these results contributes the time from
    its first start of a job to its last line in the manifest. An uninterrupted run is one such span. A resumed run
    is the sum of its spans: the pause between them is left out, and so is what a killed job did after it started. A
    run of which parts were made again after a change counts both calls, so that the sum bounds a fresh run from above.
    Interpreter and library start-up of each job is included; parsing of the workflow before the first job is not.

    Parameters
    ----------
    lines : iterable of mapping
        The manifest, in the order of writing.
    without : sequence of str
        Rules that do not count.
    """
    spans: dict[str, list[float]] = {}
    finished: dict[str, str] = {}
    for line in lines:
        if line["rule"] in without:
            continue
        moment = datetime.fromisoformat(line["time"]).timestamp()
        spans.setdefault(line["invocation"], []).append(moment)
        if line["event"] == "completed":
            finished[json.dumps([line["rule"], line["wildcards"]], sort_keys=True)] = line["invocation"]
    if not finished:
        return None
    contributing = set(finished.values())
    seconds = sum(max(spans[i]) - min(spans[i]) for i in contributing)
    return WallClock(seconds, len(finished), len(contributing))


def noop_rows(runs: Sequence[DryRun]) -> list[dict[str, Any]]:
    """Scorecard rows of timed dry runs: mean seconds with its 95 % Student interval, and jobs that would run."""
    seconds = [r.seconds for r in runs]
    mean = fmean(seconds)
    half = float(student.ppf(0.975, len(seconds) - 1)) * stdev(seconds) / len(seconds) ** 0.5
    jobs = max(r.jobs for r in runs)
    return [
        _row("foundation.noop_seconds", mean, NOOP_TARGET, len(seconds), max(0.0, mean - half), mean + half),
        _row("foundation.noop_jobs", jobs, 0, len(seconds)),
    ]


def wall_clock_rows(clock: WallClock | None, preset: str) -> list[dict[str, Any]]:
    """Scorecard rows of the wall clock of a run; only the demo has a target."""
    if clock is None:
        return []
    target = DEMO_TARGET if preset == "demo" else None
    return [
        _row(f"foundation.{preset}_seconds", clock.seconds, target, 1),
        _row(f"foundation.{preset}_invocations", clock.invocations, None, 1),
    ]


def _row(
    name: str, value: float, target: float | None, n: int, low: float | None = None, high: float | None = None
) -> dict[str, Any]:
    """Give one row of the scorecard; these measures have no null and no baseline, and smaller is better."""
    met = None if target is None else value <= target
    return {
        "name": name,
        "value": round(value, 3),
        "low": None if low is None else round(low, 3),
        "high": None if high is None else round(high, 3),
        "n": n,
        "null": None,
        "baseline": None,
        "target": target,
        "met": met,
        "sources": ["manifest.jsonl"],
    }
