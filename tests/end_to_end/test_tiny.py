"""The whole workflow on random weights: from nothing to a report, and again after it was killed."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.end_to_end

TIMED = (
    "foundation/",
    "affect/measure_affect/",
    "affect/interrupt_annotation/",
    "attribution/measure_projection/",
    "attribution/judge_attribution/random/scorecard.json",
    "attribution/judge_attribution/random/provenance.json",  # names the digest of what measure_projection timed
    "dynamics/analyse_dynamics/s",  # speed and the scorecard's row of it
    "dynamics/weigh_conclusions/scorecard.json",  # seconds of the study
    "dynamics/weigh_conclusions/provenance.json",  # names the digest of the first
    "interpretability/capture_emotions/random/speed.json",
    "interpretability/train_dictionaries/random/dictionaries.parquet",
    "steering/time_steering/",
    "world/measure_composer/",
    "report",
    "scorecard.",
)
"""What holds seconds, or pages about them."""


def command(folder: Path, *arguments: str) -> list[str]:
    snakemake = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    return [*snakemake, "--cores", "2", *arguments, "--config", "preset=tiny"]


def environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SONOSCOPE_", "PYTEST_"))}
    return kept | {"PATH": f"{Path(sys.executable).parent}:{kept['PATH']}"}


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command(folder, *arguments), env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return done


def files(folder: Path) -> dict[str, bytes]:
    """All results whose bytes must not depend on when and how often the run was started."""
    results = folder / "results/tiny"
    named = {p.relative_to(results).as_posix(): p for p in results.rglob("*") if p.is_file()}
    volatile = (*TIMED, "logs/", "benchmarks/", "manifest.jsonl")
    return {name: p.read_bytes() for name, p in named.items() if not name.startswith(volatile)}


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    call(folder)
    return folder


def test_report_opens_offline_and_plays(finished):
    report = finished / "results/tiny/report"
    page = (report / "index.html").read_text()
    assert "<audio" in (report / "steering.html").read_text()
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
    for name in re.findall(r'(?:src|href)="(?!data:)([^"#?]+)"', page):
        assert (report / name).exists(), name
    assert list(report.rglob("*.flac"))


def test_every_target_has_a_row_with_sources(finished):
    rows = json.loads((finished / "results/tiny/scorecard.json").read_text())["rows"]
    names = {row["name"] for row in rows}
    assert {"foundation.noop_seconds", "steering.note_accuracy.steered", "steering.note_accuracy.random"} <= names
    assert {"world.model.note", "world.backends.max_logit_difference"} <= names
    assert all(row["sources"] for row in rows)
    difference = next(row for row in rows if row["name"] == "world.backends.max_logit_difference")
    assert difference["met"]


def test_everything_has_provenance(finished):
    results = finished / "results/tiny"
    for output in results.glob("steering/*/random/notes-C/*.parquet"):
        record = json.loads((output.parent / "provenance.json").read_text())
        assert record["code"]
        assert record["inputs"]
        assert record["rule"] == output.parts[-4]


def test_a_second_call_has_nothing_to_do(finished):
    done = call(finished, "--dry-run")
    assert "Nothing to be done" in done.stdout + done.stderr


def test_the_report_alone_is_redrawn_when_its_settings_change(finished, tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("report: {clip_rows: 1}")
    done = call(finished, "report", "--dry-run", "--configfile", str(mine))
    planned = set(re.findall(r"^(?:local)?rule (\w+):", done.stdout + done.stderr, re.M))
    assert planned == {"report"}


def done_and_running(folder: Path) -> tuple[set[str], set[str]]:
    """Jobs that ended, and jobs that started and did not, by the manifest; its last line may be half written."""
    manifest = folder / "results/tiny/manifest.jsonl"
    text = manifest.read_text() if manifest.exists() else ""
    lines = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
    ended = {line["job"] for line in lines if line["event"] != "started"}
    return ended, {line["job"] for line in lines if line["event"] == "started"} - ended


def test_a_killed_run_ends_with_the_same_bytes(finished, tmp_path):
    process = subprocess.Popen(
        command(tmp_path),
        env=environment(),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        limit = time.monotonic() + 600
        while not (len(done_and_running(tmp_path)[0]) >= 8 and done_and_running(tmp_path)[1]):
            assert process.poll() is None, "the run ended before it could be killed"
            assert time.monotonic() < limit
            time.sleep(0.05)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    finished_jobs, crashed = done_and_running(tmp_path)
    assert finished_jobs
    assert crashed
    call(tmp_path, "--unlock")
    call(tmp_path)
    resumed, whole = files(tmp_path), files(finished)
    assert resumed.keys() == whole.keys()
    assert [name for name in whole if resumed[name] != whole[name]] == []
