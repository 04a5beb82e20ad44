import csv
import json

import pytest

from sonoscope import manifest, provenance, results_table
from sonoscope.contracts import write_json
from sonoscope.settings.table import ResultsTable


@pytest.fixture
def results(tmp_path, monkeypatch):
    """A run of three jobs: one done again with other settings, one killed, one that failed."""
    monkeypatch.setenv("SONOSCOPE_STORAGE", str(tmp_path))
    folder = tmp_path / "results/demo"
    job(folder, "old", "fit", "steering/fit/a/scorecard.json", 0, "completed", seconds=5.0, peak_bytes=2_000_000)
    job(folder, "new", "fit", "steering/fit/a/scorecard.json", 1, "completed", seconds=7.0, peak_bytes=3_000_000)
    job(folder, "dead", "fit", "steering/fit/b/scorecard.json", 2, None)
    job(folder, "bad", "probe", "affect/probe/c/x.json", 3, "failed", error="no such layer | 99")
    job(folder, "self", "results_table", None, 4, None)
    rows = [{"name": "steering.accuracy", "value": 0.9, "low": 0.8, "high": 1.0, "n": 40, "target": 0.7, "met": True}]
    output = folder / "steering/fit/a/scorecard.json"
    write_json(output, {"rows": [*rows, {"name": "steering.null", "value": 0.1, "n": 40}]})
    record = {"rule": "fit", "params": {"alpha": 1}, "facts": {}, "device": "cpu", "seed": 3, "code": "abc"}
    provenance.write(provenance.sidecar([output], "fit", {"w": "a"}), record, {}, [output])
    path = folder / "benchmarks/steering/fit/a.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"s": 7.1, "cpu_time": 6.5}) + "\n")
    return folder


def job(folder, key, rule, output, second, end, **more):
    wildcards = {"w": output.split("/")[2]} if output else {}
    line = {"job": key, "rule": rule, "wildcards": wildcards, "invocation": "i", "time": f"2026-01-01T00:00:0{second}"}
    log = f"results/demo/logs/steering/fit/{wildcards.get('w')}.log"
    outputs = [f"results/demo/{output}"] if output else []
    start = {"event": "started", "attempt": 1, "host": "h", "log": log, "outputs": outputs}
    manifest.append(folder / manifest.NAME, line | start)
    if end:
        manifest.append(folder / manifest.NAME, line | {"event": end} | more)


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_numbers_stand_beside_what_they_cost_and_come_from(results):
    results_table.write(results, ResultsTable(), without=("results_table",))
    first, second = read(results / "results_table.csv")
    assert (first["study"], first["rule"], first["wildcards"]) == ("steering", "fit", "w=a")
    assert (first["number"], first["value"], first["n"], first["met"]) == ("steering.accuracy", "0.9", "40", "True")
    assert (first["seconds"], first["cpu_seconds"], first["peak_memory_mb"]) == ("7.0", "6.5", "3.0")
    assert (first["seed"], first["settings"], first["code"]) == ("3", '{"alpha": 1}', "abc")
    assert second["number"] == "steering.null" and second["low"] == ""


def test_jobs_that_failed_or_never_ended_stand_apart(results):
    results_table.write(results, ResultsTable(), without=("results_table",))
    failed = {row["rule"]: row for row in read(results / "failed_jobs.csv")}
    assert {rule: row["status"] for rule, row in failed.items()} == {"fit": "unfinished", "probe": "failed"}
    assert failed["probe"]["error"] == "no such layer | 99"
    text = (results / "results_table.md").read_text()
    assert "no such layer \\| 99" in text.partition("failed or never ended")[2]
    assert "no such layer" not in text.partition("failed or never ended")[0]


def test_every_run_or_only_the_latest(results):
    results_table.write(results, ResultsTable(latest_only=False), without=("results_table",))
    rows = read(results / "results_table.csv")
    assert [r["seconds"] for r in rows] == ["5.0", "7.0", "7.0"]
    assert rows[0]["number"] == rows[0]["settings"] == ""  # what lies on disk came from the later run


def test_one_study(results):
    results_table.write(results, ResultsTable(study="affect"))
    assert read(results / "results_table.csv") == []
    assert [r["rule"] for r in read(results / "failed_jobs.csv")] == ["probe"]


def test_a_job_that_failed_and_then_succeeded_is_no_failure(results):
    job(results, "again", "probe", "affect/probe/c/x.json", 5, "completed", seconds=1.0)
    results_table.write(results, ResultsTable(study="affect"))
    assert read(results / "failed_jobs.csv") == []


def test_an_empty_run_gives_empty_tables(tmp_path):
    results_table.write(tmp_path, ResultsTable())
    assert read(tmp_path / "results_table.csv") == []
    assert (tmp_path / "results_table.md").read_text().count("none") == 3
