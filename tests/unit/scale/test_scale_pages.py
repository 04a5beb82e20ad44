import json

import pytest

from sonoscope import scorecard, storage
from sonoscope.contracts import read_json
from sonoscope.errors import SonoscopeError
from sonoscope.scale import benchmarks
from sonoscope.scale.estimate import annotation, embeddings, parameter_ratio, speech, steering
from sonoscope.scale.machine import describe_machine
from sonoscope.scale.page import table, write_page
from sonoscope.scale.scenarios import SCENARIOS, Plan, jobs_of

ONE = dict.fromkeys(("encode", "replay", "generate", "decode", "embed", "parse", "bars", "speech"), 1.0)
MEASURED = storage.WORKFLOW / "docs/measured"


def machine(gpu=None):
    return {
        "cpu": "a core", "cores": 2, "threads": 1, "memory_gb": 8.0, "gpu": gpu, "system": "Linux", "python": "3.11",
        "load": 0.1, "date": "2026-01-01", "versions": {"torch": "2"},
    }  # fmt: skip


def row(name="speed.events", ratio=30.0, **more):
    return {
        "name": name, "peer": "slow", "what": "files", "ratio": ratio, "least": 28.0, "most": 31.0, "n": 5,
        "ours_seconds": 1.0, "theirs_seconds": 30.0, "target": 20.0, "better": "higher", "ours_peak_mb": 3.0,
        "theirs_peak_mb": None,
    } | more  # fmt: skip


def test_jobs_are_read_from_a_dry_run_and_checked_against_their_total():
    text = "job   count\n----  -----\nshare    28\nmerge     2\ntotal    30\n"
    assert jobs_of(text) == {"share": 28, "merge": 2}
    with pytest.raises(SonoscopeError, match="table of jobs with their total"):
        jobs_of(text.replace("30", "31"))


def test_costs_are_items_times_constants():
    assert steering(ONE, 3600, 0).hours == pytest.approx(2 * 4)
    assert steering(ONE, 0, 3600).hours == pytest.approx(4 * 10)  # generate, replay twice, decode
    assert speech(ONE).hours == pytest.approx(960)
    assert annotation(ONE | {"bars": 0.0}).hours == pytest.approx(1_400_000 / 3600)
    assert embeddings(ONE).hours == pytest.approx(100_000 * 52.5 / 3600)
    assert 500 < parameter_ratio() < 800  # 3.3 billion over 5.1 million


def test_the_page_of_full_scale_has_every_run_and_constant(tmp_path):
    constants = {n: {"value": 0.5, "least": 0.4, "most": 0.6, "n": 3, "unit": "s"} for n in ONE}
    plan = Plan({"annotate_shard": 1400, "embed_training": 10, "generate_share": 5}, 12.5)
    write_page(tmp_path / "scale.md", {"machine": machine(), "constants": constants}, 1000, 2000, lambda scenario: plan)
    text = (tmp_path / "scale.md").read_text()
    assert all(scenario.name in text for scenario in SCENARIOS)
    assert all(f"| {name} | 0.5 |" in text for name in ONE)
    assert "1,415" in text
    assert "No graphics card was at hand" in text


def test_benchmarks_become_a_page_and_rows(tmp_path):
    runs = [{"machine": machine(), "rows": [row(), row("speed.capture", 0.5, target=1.0)]}]
    benchmarks.write_page(tmp_path / "page.md", runs)
    text = (tmp_path / "page.md").read_text()
    assert "`speed.events` | slow | 30.00 | 28.00 to 31.00 | 5" in text
    assert "Slower than the peer: `speed.capture` (0.50 of slow)." in text
    assert "not measured yet" in text
    benchmarks.write_page(tmp_path / "page.md", [{"machine": machine("a card"), "rows": [row()]}])
    assert "not measured yet" not in (tmp_path / "page.md").read_text()
    scale = {"scale.kills_survived": {"value": 29, "test": "t"}, "scale.slurm.finished": {"value": 1, "test": "t"}}
    benchmarks.write_rows(tmp_path / "rows.json", runs, scale)
    met = {one.name: one.met for one in scorecard.read(tmp_path / "rows.json")}
    assert met == {
        "scale.kills_survived": False, "scale.slurm.finished": True, "speed.capture": False, "speed.events": True,
    }  # fmt: skip


def test_a_machine_is_described_without_its_name():
    import platform

    found = json.dumps(describe_machine())
    assert platform.node() not in found
    assert "torch" in found


@pytest.mark.skipif(not (MEASURED / "benchmarks").is_dir(), reason="no stored runs here")
def test_pages_are_those_of_the_stored_runs(tmp_path):
    runs = benchmarks.read_runs(MEASURED / "benchmarks")
    benchmarks.write_page(tmp_path / "page.md", runs)
    assert (tmp_path / "page.md").read_text() == (storage.WORKFLOW / "docs/benchmarks.md").read_text()
    scale = read_json(MEASURED / "scale.json") if (MEASURED / "scale.json").exists() else {}
    found = benchmarks.rows_of(runs, scale)
    assert found == scorecard.read(storage.WORKFLOW / "resources/measured/scorecard.json")


def test_tables_are_markdown():
    assert table(["a", "b"], [["x", "1"]]) == "| a | b |\n|---|---:|\n| x | 1 |"
