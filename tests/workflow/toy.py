"""A small workflow on the real mechanism: the real library, common.smk and profile, with two rules of its own."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SNAKEFILE = """
configfile: f"{workflow.basedir}/config.yaml"


include: "rules/common.smk"


pathvars:
    results=RESULTS,
    logs=f"{RESULTS}/logs",
    benchmarks=f"{RESULTS}/benchmarks",


onstart:
    check_results()
    show_remaining()


rule all:
    input:
        "<results>/toy/merge/merged.json",


rule studies:
    input:
        "<results>/toy/merge/merged.json",


rule make_shard:
    output:
        numbers="<results>/toy/make_shard/{shard}/numbers.json",
    log:
        "<logs>/toy/make_shard/{shard}.log",
    benchmark:
        "<benchmarks>/toy/make_shard/{shard}.jsonl"
    threads: 1
    params:
        settings={"scale": 1, "offset": 2},
        seed=seed("toy"),
        code=code("toy/make_shard"),
    script:
        "workflow_scripts/toy/make_shard.py"


rule merge:
    input:
        parts=expand("<results>/toy/make_shard/{shard}/numbers.json", shard=range(4)),
    output:
        merged="<results>/toy/merge/merged.json",
        scorecard="<results>/toy/merge/scorecard.json",
    log:
        "<logs>/toy/merge.log",
    benchmark:
        "<benchmarks>/toy/merge.jsonl"
    threads: 1
    params:
        code=code("toy/merge"),
    script:
        "workflow_scripts/toy/merge.py"
"""

SCRIPTS = {
    "toy/make_shard.py": '''
"""Write the numbers of one shard."""

import os
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from sonoscope.contracts import write_json
from sonoscope.job import run
from sonoscope.toy.series import series


class Settings(BaseModel):
    scale: int
    offset: int


def main(numbers: Path, shard: int, settings: Settings, seed: int, threads: int) -> dict[str, Any]:
    """Write them."""
    if len(list(numbers.parent.parent.glob("*/numbers.json"))) == int(os.environ.get("TOY_STOP_AFTER", -1)):
        os.write(1, b"from below Python\\n")
        time.sleep(60)
    write_json(numbers, series(shard * settings.scale + settings.offset, seed % 100))
    return {"revision": "toy-1"}


if __name__ == "__main__":
    run(main)
''',
    "toy/merge.py": '''
"""Add up all shards."""

from pathlib import Path

from sonoscope.contracts import read_json, write_json
from sonoscope.job import run
from sonoscope.toy.total import total


def main(parts: list[Path], merged: Path, scorecard: Path) -> None:
    """Add them up."""
    value = total([read_json(p) for p in parts])
    write_json(merged, {"total": value})
    write_json(scorecard, {"rows": [{"name": "toy.total", "value": value, "n": len(parts)}]})


if __name__ == "__main__":
    run(main)
''',
    "sonoscope/toy/__init__.py": '"""Toys."""\n',
    "sonoscope/toy/series.py": '''
"""Numbers."""


def series(start: int, step: int) -> list[int]:
    """Count up."""
    return [start + i * step for i in range(3)]  # three numbers
''',
    "sonoscope/toy/total.py": '''
"""Sums."""


def total(parts: list[list[int]]) -> int:
    """Add up."""
    return sum(map(sum, parts))
''',
}


def build(folder: Path) -> Path:
    """Lay the toy workflow into ``folder``."""
    for name in ("rules/common.smk", "profiles/default/profile.yaml", "config.yaml"):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    only_code = shutil.ignore_patterns("__pycache__")
    for name in ("sonoscope", "foundation", "tables"):
        here, there = (base / "workflow_scripts" / name for base in (ROOT, folder))
        shutil.copytree(here, there, ignore=only_code, symlinks=True)
    (folder / "Snakefile").write_text(SNAKEFILE)
    for name, text in SCRIPTS.items():
        path = folder / "workflow_scripts" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.lstrip())
    (folder / "workflow_scripts" / "toy" / "sonoscope").symlink_to("../sonoscope")
    return folder


def environment(**more: str) -> dict[str, str]:
    """The environment of a call: none of ours, nothing of an outer workflow."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("SONOSCOPE_")}
    return clean | {"OMP_NUM_THREADS": "1"} | more


def command(*words: str) -> list[str]:
    """The command line of one call of snakemake."""
    return [sys.executable, "-m", "snakemake", "--cores", "1", *words]


def snakemake(folder: Path, *words: str, check: bool = True, **env: str) -> str:
    """Call snakemake and return what it says."""
    done = subprocess.run(
        command(*words), cwd=folder, env=environment(**env), capture_output=True, text=True, check=False, timeout=300
    )
    said = done.stdout + done.stderr
    assert not check or done.returncode == 0, said
    return said


def would_run(folder: Path, *words: str) -> dict[str, int]:
    """How many jobs of each rule a dry run would make; target rules do not count."""
    said = snakemake(folder, "-n", *words)
    counts = dict(re.findall(r"^([a-z_]+) +(\d+)$", said.partition("Job stats:")[2], re.MULTILINE))
    return {rule: int(n) for rule, n in counts.items() if rule not in ("total", "all", "count")}


def edit(folder: Path, name: str, old: str, new: str) -> None:
    """Replace text in a file, which must hold it."""
    path = folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def manifest(folder: Path) -> list[dict]:
    """The lines of the demo run's manifest."""
    return [json.loads(line) for line in (folder / "results/demo/manifest.jsonl").read_text().splitlines()]
