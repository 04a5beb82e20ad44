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
from typing import Any, TypedDict

from scipy.stats import t as student

from sonoscope import manifest, storage
from sonoscope.errors import SonoscopeError
from sonoscope.scorecard import Better, Row, measure

logger = logging.getLogger(__name__)

NOOP_TARGET = 5.0
"""Seconds within which a call with nothing to do should end."""

DEMO_TARGET = 900.0
"""Seconds within which the demo should end on two cores, after set-up: fifteen minutes."""


class _Common(TypedDict):
    n: int
    better: Better
    sources: list[str]


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


def noop_rows(runs: Sequence[DryRun]) -> list[Row]:
    """Rows of timed dry runs: mean seconds with its 95 % Student interval, and the jobs that would run."""
    seconds = [r.seconds for r in runs]
    n, mean = len(seconds), fmean(seconds)
    half = float(student.ppf(0.975, n - 1)) * stdev(seconds) / n**0.5
    common: _Common = {"n": n, "better": "lower", "sources": ["measure_noop"]}
    return [
        measure(
            "foundation.noop_seconds", mean, low=max(0.0, mean - half), high=mean + half, target=NOOP_TARGET, **common
        ),
        measure("foundation.noop_jobs", max(r.jobs for r in runs), target=0, **common),
    ]


def wall_clock_rows(clock: WallClock | None, preset: str) -> list[Row]:
    """Rows of the wall clock of a run; only the demo has a target."""
    if clock is None:
        return []
    common: _Common = {"n": 1, "better": "lower", "sources": ["measure_noop", manifest.NAME]}
    target = DEMO_TARGET if preset == "demo" else None
    return [
        measure(f"foundation.{preset}_seconds", clock.seconds, target=target, **common),
        measure(f"foundation.{preset}_invocations", clock.invocations, **common),
    ]
