"""Full-scale runs, planned without anything being run: which jobs there would be."""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sonoscope import storage
from sonoscope.errors import SonoscopeError
from sonoscope.settings.resolve import resolve
from sonoscope.steering.plan import clip_plan

CONFIG = storage.WORKFLOW / "examples/full_scale.yaml"
LIMIT = 60.0
"""Seconds of processor time within which a plan must be made."""


@dataclass(frozen=True)
class Scenario:
    """One full-scale run."""

    name: str
    targets: tuple[str, ...]
    heavy: tuple[str, ...]
    """Rules whose jobs share the work."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Keys beside those of examples/full_scale.yaml."""


SCENARIOS = (
    Scenario("MusicGen-large, seven concepts", ("steering",),
             ("encode_share", "capture_share", "generate_share", "fit_direction")),
    Scenario("GigaMIDI", ("annotate",), ("annotate_shard",)),
    Scenario("LibriSpeech-960", ("exp1",), ("infer_latents",)),
    Scenario("100,000 songs", ("attribution",), ("embed_training",),
             {"attribution": {"shards": 1000}}),
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What Snakemake would do."""

    jobs: Mapping[str, int]
    """By rule."""
    seconds: float
    """Processor time of making the plan."""

    @property
    def total(self) -> int:
        """Jobs of all rules."""
        return sum(self.jobs.values())


def plan(scenario: Scenario) -> Plan:
    """Plan a scenario in an empty folder.

    Raises
    ------
    SonoscopeError
        It cannot be planned.
    """
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "own.json"  # JSON is YAML
        own.write_text(json.dumps(dict(scenario.config)), encoding="utf-8")
        words = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "rules", "--directory", folder]
        words += ["--snakefile", str(storage.WORKFLOW / "Snakefile"), "--cores", "1"]
        words += ["--configfile", str(CONFIG), str(own), "--", *scenario.targets]
        start = _children()
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=folder)
        seconds = _children() - start
    if done.returncode:
        raise SonoscopeError(f"{scenario.name}: could not be planned: {done.stderr[-2000:]}")
    return Plan(jobs_of(done.stdout + done.stderr), seconds)


def generated_clips() -> int:
    """Clips that all experiments of steering ask for at full scale."""
    whole = {
        **yaml.safe_load((storage.WORKFLOW / "config.yaml").read_text(encoding="utf-8")),
        **yaml.safe_load(CONFIG.read_text(encoding="utf-8")),
    }
    experiments = resolve(whole).steering.all_experiments()
    return sum(len(clip_plan(name, one, 0)) for name, one in experiments.items())


def jobs_of(text: str) -> dict[str, int]:
    """Jobs by rule, from the table that a dry run prints."""
    found = {name: int(count) for name, count in re.findall(r"^([a-z_0-9]+) +(\d+)$", text, re.MULTILINE)}
    total = found.pop("total", 0)
    if not found or sum(found.values()) != total:
        raise SonoscopeError(f"dry run: expected a table of jobs with their total, found {len(found)} rules")
    return found


def _children() -> float:
    """Processor time of finished child processes, which other programs on the machine do not lengthen."""
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
