"""Every rule of the real workflow keeps the same habits. Parsed once; the presets are dry runs."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from toy import ROOT, environment, snakemake, would_run

from sonoscope.codehash import closure

pytestmark = pytest.mark.workflow

TARGETS = [
    "affect",
    "all",
    "analyse_annotations",
    "analyse_dynamics",
    "annotate",
    "attribution",
    "build_random_musicgen",
    "collect_scores",
    "compare_betavae",
    "compare_representations",
    "compare_vaegan",
    "compose_codec_speech",
    "compose_corpus",
    "compose_emopia",
    "compose_gigamidi",
    "compose_heard",
    "compose_pieces",
    "compose_songs",
    "compose_speech",
    "compose_vgmidi",
    "denoise_rollouts",
    "doctor",
    "dynamics",
    "emotion_prompts",
    "exp1",
    "exp10",
    "exp11",
    "exp1b",
    "exp2",
    "exp3",
    "exp3b",
    "exp4",
    "exp5",
    "exp6",
    "exp7",
    "exp8",
    "exp9",
    "fetch_corpora",
    "fetch_models",
    "fit_codebooks",
    "fit_direction_ar",
    "fit_mel_pca",
    "fit_musetok",
    "gather_scorecard",
    "hello",
    "index_songs",
    "index_speech",
    "interpretability",
    "interrupt_annotation",
    "judge_processes",
    "measure_affect",
    "measure_composer",
    "measure_musetok",
    "measure_noop",
    "measure_projection",
    "measure_report",
    "measure_speech_codec",
    "merge_annotations",
    "probe_heads",
    "refine_decoder",
    "report",
    "report_now",
    "results_table",
    "sample_processes",
    "scorecard",
    "steering",
    "steering_classification",
    "steering_directions",
    "studies",
    "tier1",
    "tokenise_corpus",
    "train_codec",
    "train_language_model",
    "train_musetok",
    "train_musicgen",
    "train_speech",
    "train_speech_codec",
    "train_vaegan",
    "weigh_conclusions",
    "world",
    "world_measures",
]
"""Every rule without wildcards. A rule that is not listed here fails a test."""

PRESETS = ["tiny", "demo", "laptop", "musicgen-small", "musicgen-medium", "musicgen-large"]

SCRIPTS = ROOT / "workflow_scripts"
LOADERS = {"musicgen/loading.py", "codecs/loading.py", "musetok/loading.py"}
"""Modules of the library by which a rule loads a model."""

LONGEST_SCRIPT = 60


def described() -> list[dict]:
    done = subprocess.run(
        [sys.executable, ROOT / "tests/workflow/described.py"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def rules() -> list[dict]:
    return described()


@pytest.fixture(scope="module")
def working(rules) -> list[dict]:
    """The rules that run a script."""
    return [r for r in rules if r["does_something"]]


def source(rule: dict) -> str:
    """The text of one rule."""
    file = next(p for p in [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")] if p.name == rule["file"])
    return re.split(r"^rule ", file.read_text(), flags=re.MULTILINE)[
        1 + re.findall(r"^rule (\w+):", file.read_text(), re.MULTILINE).index(rule["name"])
    ]


def library(rule: dict) -> set[str]:
    """The modules of the library that a rule's script imports, directly or not."""
    found = (p.relative_to(SCRIPTS).as_posix() for p in closure(script(rule).resolve(), SCRIPTS))
    return {name.removeprefix("sonoscope/") for name in found}


def script(rule: dict) -> Path:
    return ROOT / "rules" / rule["script"]


def test_targets_are_listed():
    said = snakemake(ROOT, "--list-target-rules")
    assert sorted(re.findall(r"^([a-z_0-9]+) \(", said, re.MULTILINE)) == sorted(TARGETS)


@pytest.mark.skipif(not any((ROOT / "resources/models").glob("*/state_dict.bin")), reason="no shipped model here")
@pytest.mark.parametrize("preset", PRESETS)
def test_every_target_can_be_planned_in_every_preset(preset, tmp_path):
    snakemake(ROOT, "-n", "-d", str(tmp_path), "--config", f"preset={preset}", "--", *TARGETS)


def test_presets_are_those_of_the_configuration():
    assert list(yaml.safe_load((ROOT / "config.yaml").read_text())["presets"]) == PRESETS


def test_heavy_rules_are_divided_by_configuration(tmp_path):
    wanted = {"encode": 2, "capture": 3, "generate": 4, "emotions": 5, "emotion_steering": 6, "queries": 7}
    targets = ("steering", "interpretability", "attribution")
    jobs = would_run(
        ROOT, "-d", str(tmp_path), "--config", "preset=tiny", f"shares={json.dumps(wanted)}", "--", *targets
    )
    divided = {
        "encode_clips": ("encode_share", 2), "capture_hidden_states": ("capture_share", 3),
        "generate_steered": ("generate_share", 4), "capture_emotions": ("capture_emotions_share", 5),
        "steer_emotions": ("steer_emotions_share", 6), "steer_features": ("steer_features_share", 6),
        "generate_queries": ("generate_queries_share", 7),
    }  # fmt: skip
    assert {rule: jobs[share] / jobs[rule] for rule, (share, _) in divided.items()} == {
        rule: number for rule, (_, number) in divided.items()
    }


def test_lint_finds_nothing():
    assert "Congratulations" in snakemake(ROOT, "--lint")


def test_every_rule_explains_itself(rules):
    assert [r["name"] for r in rules if not r["docstring"]] == []


def test_rules_declare_log_benchmark_threads_resources_and_environment(working):
    for rule in working:
        name = rule["name"]
        assert rule["log"] and rule["conda"], name
        assert re.search(r"^    threads:", source(rule), re.MULTILINE), name
        assert {"mem_mb", "runtime"} <= set(rule["resources"]), name
        assert "code" in rule["params"], name
        if not rule["output_paths"]:  # it runs whenever it is asked for; a benchmark would count as an output
            assert rule["benchmark"] is None, name
            continue
        assert rule["benchmark"], name
        log, benchmark = (re.sub(r"\.\w+$", "", p).split("/") for p in (rule["log"][0], rule["benchmark"]))
        assert log[log.index("logs") + 1 :] == benchmark[benchmark.index("benchmarks") + 1 :], name


def test_rules_that_load_a_model_ask_for_a_card(working):
    loading = {r["name"] for r in working if library(r) & LOADERS}
    assert loading  # else the list of modules above is out of date
    only_checks = {"merge_embeddings"}  # its module embeds too; merging loads no model
    assert loading - {r["name"] for r in working if "gpu" in r["resources"]} == only_checks


def test_wildcards_are_constrained(rules):
    assert {r["name"]: r["unconstrained"] for r in rules if r["unconstrained"]} == {}


def test_scripts_are_short_and_named_after_their_rules(working):
    for rule in working:
        assert script(rule).stem == rule["name"]
        assert len(script(rule).read_text().splitlines()) <= LONGEST_SCRIPT, rule["name"]


def test_no_script_reads_the_configuration_or_snakemake(working):
    for rule in working:
        text = script(rule).read_text()
        assert not re.search(r"\bsnakemake\.|\bprint\(|sys\.path|torch\.device\(", text), rule["name"]


def test_main_takes_what_its_rule_gives(working):
    for rule in working:
        text = ast.parse(script(rule).read_text())
        main = next(n for n in text.body if isinstance(n, ast.FunctionDef) and n.name == "main").args
        with_default = main.args[len(main.args) - len(main.defaults) :]
        with_default += [a for a, d in zip(main.kwonlyargs, main.kw_defaults, strict=True) if d is not None]
        wanted = {a.arg for a in main.args + main.kwonlyargs}
        given = {*rule["inputs"], *rule["outputs"], *rule["wildcards"], *rule["params"], "threads", "attempt"}
        assert wanted - {a.arg for a in with_default} - given == set(), rule["name"]
        assert set(rule["params"]) - {"code", "state"} - wanted == set(), rule["name"]  # it would rerun for nothing


def test_scripts_can_be_called_by_hand():
    """Python looks for modules beside a script, so each folder of scripts holds a link to the library."""
    folders = {p.parent for p in SCRIPTS.glob("*/*.py") if p.parent.name != "sonoscope"}
    assert [f.name for f in sorted(folders) if not (f / "sonoscope").is_symlink()] == []


def test_snakefile_is_a_table_of_contents():
    assert len((ROOT / "Snakefile").read_text().splitlines()) < 80


def test_parsing_imports_neither_torch_nor_transformers(tmp_path):
    program = (
        "import sys; from snakemake.cli import main\n"
        "try: main(['-n', '-d', sys.argv[1], '-s', sys.argv[2]])\n"
        "except SystemExit: pass\n"
        "print('LOADED', sorted({'torch', 'transformers', 'audiocraft', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path, ROOT / "Snakefile"], env=environment(), capture_output=True, text=True
    )
    assert "LOADED []" in done.stdout, done.stdout + done.stderr


def test_profiles_agree():
    default, slurm = (
        yaml.safe_load((ROOT / "profiles" / name / "profile.yaml").read_text()) for name in ("default", "slurm")
    )
    for key in ("rerun-triggers", "rerun-incomplete", "show-failed-logs", "keep-going"):
        assert default[key] == slurm[key]
    assert "code" not in default["rerun-triggers"]  # tracked by content, as a parameter
    assert default["resources"] == {"gpu": 1}
    assert "resources" not in slurm  # a limit there would allow one card in the whole cluster
