import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
import yaml
from toy import build, command, edit, environment, manifest, snakemake, would_run

pytestmark = pytest.mark.workflow


def results(folder):
    """Bytes of everything that must not depend on when and how the run was made."""
    volatile = ("manifest.jsonl", ".log")
    files = [p for p in (folder / "results/demo/toy").rglob("*") if p.is_file() and not p.name.endswith(volatile)]
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


def test_a_run_leaves_log_provenance_and_manifest(finished):
    demo = finished / "results/demo"
    log = (demo / "logs/toy/make_shard/2.log").read_text()
    assert "rule make_shard shard=2" in log
    assert '"scale": 1' in log
    assert log.rstrip().endswith(" B")  # the last line says what was written, how large
    record = json.loads((demo / "toy/make_shard/2/provenance.json").read_text())
    assert record["rule"] == "make_shard"
    assert record["wildcards"] == {"shard": "2"}
    assert record["params"]["settings"] == {"scale": 1, "offset": 2}
    assert record["facts"] == {"revision": "toy-1"}
    assert record["seed"] == record["params"]["seed"]
    merged = json.loads((demo / "toy/merge/provenance.json").read_text())
    assert len(merged["inputs"]["parts"]) == 4
    assert all(d.startswith("sha256:") for d in merged["inputs"]["parts"].values())
    lines = manifest(finished)
    assert [x["event"] for x in lines].count("started") == [x["event"] for x in lines].count("completed") == 5
    assert len({x["invocation"] for x in lines}) == 1


def test_nothing_to_do_is_said_quickly(finished):
    assert would_run(finished) == {}


def test_killed_run_resumes_to_the_same_bytes(finished, tmp_path):
    folder = build(tmp_path / "workflow")
    process = subprocess.Popen(
        command(),
        cwd=folder,
        env=environment(TOY_STOP_AFTER="2"),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        logs = folder / "results/demo/logs/toy/make_shard"
        limit = time.monotonic() + 60
        while not any("from below Python" in log.read_text() for log in logs.glob("*.log")):
            assert time.monotonic() < limit and process.poll() is None
            time.sleep(0.05)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    done = {p: p.stat().st_mtime_ns for p in (folder / "results/demo/toy/make_shard").glob("*/numbers.json")}
    assert len(done) == 2

    snakemake(folder, "--unlock")
    snakemake(folder)
    assert {p: p.stat().st_mtime_ns for p in done} == done
    assert results(folder) == results(finished)

    lines = manifest(folder)
    ended = {x["job"] for x in lines if x["event"] == "completed"}
    crashed = [x for x in lines if x["event"] == "started" and x["job"] not in ended]
    assert [x["rule"] for x in crashed] == ["make_shard"]
    assert sum(x["outputs"] == crashed[0]["outputs"] and x["event"] == "completed" for x in lines) == 1


def test_command_line_and_job_write_the_same(finished, tmp_path):
    record = json.loads((finished / "results/demo/toy/make_shard/3/provenance.json").read_text())
    script = [sys.executable, "workflow_scripts/toy/make_shard.py"]
    settings = tmp_path / "settings.yaml"
    settings.write_text("scale: 1\noffset: 2\n")
    for form in (json.dumps({"scale": 1, "offset": 2}), str(settings)):
        out = tmp_path / "numbers.json"
        rest = ["--shard", "3", "--settings", form, "--seed", str(record["params"]["seed"]), "--threads", "1"]
        subprocess.run([*script, "--numbers", out, *rest], cwd=finished, env=environment(), check=True)
        assert out.read_bytes() == (finished / "results/demo/toy/make_shard/3/numbers.json").read_bytes()
        out.unlink()
    text = subprocess.run([*script, "--help"], cwd=finished, env=environment(), capture_output=True, text=True)
    assert "Write the numbers of one shard." in text.stdout
    assert "--settings" in text.stdout


def test_failed_job_says_one_sentence_and_is_in_the_manifest(copy):
    edit(copy, "workflow_scripts/toy/merge.py", "parts: list[Path]", "pieces: list[Path]")
    said = snakemake(copy, check=False)
    assert "merge: main needs pieces; the rule gives threads, attempt, parts, merged, scorecard" in said
    failed = manifest(copy)[-1]
    assert failed["event"] == "failed"
    assert "main needs pieces" in failed["error"]
    log = (copy / "results/demo/logs/toy/merge.log").read_text()
    assert "Traceback" in log
    assert (
        log.rstrip()
        .splitlines()[-1]
        .endswith("main needs pieces; the rule gives threads, attempt, parts, merged, scorecard")
    )
    assert not (copy / "results/demo/toy/merge/provenance.json").exists()  # it told of outputs that are gone


def test_config_errors_come_all_at_once_without_a_traceback(finished):
    said = snakemake(finished, "-n", "--config", "sed=1", "results_table={latest_only: 7, studdy: x}", check=False)
    assert "sed: no such setting; did you mean 'seed'?" in said
    assert "results_table.studdy: no such setting; did you mean 'study'?" in said
    assert "results_table.latest_only: input should be a valid boolean" in said
    assert "Traceback" not in said
    assert "did you mean 'demo'" in snakemake(finished, "-n", "--config", "preset=demi", check=False)


def test_storage_moves_results_elsewhere(copy, tmp_path):
    away = tmp_path / "disk"
    assert would_run(copy, "--until", "make_shard") == {}
    said = snakemake(copy, "results/demo/toy/make_shard/1/numbers.json", "-n", SONOSCOPE_STORAGE=str(away), check=False)
    assert "MissingRuleException" in said
    snakemake(copy, f"{away}/results/demo/toy/make_shard/1/numbers.json", SONOSCOPE_STORAGE=str(away))
    there, here = (d / "results/demo/toy/make_shard/1/provenance.json" for d in (away, copy))
    assert there.read_bytes() == here.read_bytes()


def test_the_cost_of_nothing_is_measured_on_a_finished_run(finished, tmp_path):
    card = tmp_path / "scorecard.json"
    config = yaml.safe_load((finished / "config.yaml").read_text())
    words = ["--scorecard", card, "--target", "studies", "--config", json.dumps(config), "--run-name", "demo"]
    script = [sys.executable, "workflow_scripts/foundation/measure_noop.py", "--settings", '{"noop_repeats": 2}']
    subprocess.run([*script, "--preset", "demo", *words], cwd=finished, env=environment(), check=True)
    rows = {row["name"]: row for row in json.loads(card.read_text())["rows"]}
    assert rows["foundation.noop_jobs"]["value"] == 0
    assert 0 < rows["foundation.noop_seconds"]["value"] <= rows["foundation.noop_seconds"]["high"]
    assert rows["foundation.demo_seconds"]["value"] > 1
    assert rows["foundation.demo_invocations"]["value"] == 1


def test_table_of_results_of_a_finished_run(copy):
    script = [sys.executable, "workflow_scripts/tables/results_table.py", "--results", "results/demo"]
    subprocess.run(script, cwd=copy, env=environment(), check=True)
    text = (copy / "results/demo/results_table.csv").read_text()
    assert text.count("make_shard") == 4
    total = json.loads((copy / "results/demo/toy/merge/merged.json").read_text())["total"]
    assert f"toy.total,{total}," in text


def test_a_call_says_how_many_jobs_there_are_and_how_long_they_take(tmp_path):
    said = snakemake(build(tmp_path / "workflow"))
    assert re.search(r"^sonoscope: 5 jobs, about \d+ (s|min)$", said, re.MULTILINE)
