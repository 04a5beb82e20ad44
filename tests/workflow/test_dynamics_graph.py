"""Which experiment of dynamics stands on which: the graph of the seed document is the graph of the rules."""

import re
import subprocess
import sys

import pytest
from toy import ROOT, environment

pytestmark = pytest.mark.workflow

EXPERIMENTS = {
    "0": {"infer_latents", "build_phase0", "compose_speech", "index_speech"},
    "1": {"fit_dynamics"},
    "1b": {"finetune_rollout"},
    "2": {"diagnose_injection"},
    "3": {"compare_representations"},
    "3b": {"synthesise_trajectories"},
    "4": {"read_out_components"},
    "5": {"train_betavae", "judge_bottleneck", "compare_betavae"},
    "6": {"correct_rollouts"},
    "7": {"decode_rollouts"},
    "8": {"fit_codebooks"},
    "9": {"train_vaegan", "compare_vaegan"},
    "10": {"fit_direction_ar"},
    "11": {"denoise_rollouts"},
}
GRAPH = {
    "0": {"1", "3", "3b", "4", "5"},
    "1": {"1b", "2", "6", "7"},
    "5": {"8", "9", "11"},
    "8": {"10", "11"},
    "10": {"11"},
}
"""As published: 0 → 1 → {1B, 2, 6, 7}; 0 → {3, 3B, 4, 5}; 5 → {8, 9}; 8 → 10; 10 + 5 + 8 → 11."""
ALONE = {  # what each needs besides itself and the shared data; nothing else may run
    "1": {"0"},
    "1b": {"0", "1"},
    "2": {"0", "1"},
    "5": {"0"},
    "6": {"0", "1"},
    "7": {"0", "1"},
    "8": {"0", "5"},
    "9": {"0", "5"},
    "10": {"0", "5", "8"},
    "11": {"0", "5", "8", "10"},
}


def planned(target: str, folder) -> tuple[set[str], set[tuple[str, str]]]:
    """Rules that a target would run from nothing, and which of them stands on which."""
    command = [sys.executable, "-m", "snakemake", "--dag", "-d", str(folder), "--config", "preset=tiny", "--", target]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = dict(re.findall(r'(\d+)\[label = "(\w+)', done.stdout))
    edges = {(names[a], names[b]) for a, b in re.findall(r"(\d+) -> (\d+)", done.stdout)}
    return set(names.values()), edges


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return planned("dynamics", tmp_path_factory.mktemp("graph"))


def reached(edges: set[tuple[str, str]], first: set[str]) -> set[str]:
    """Rules that stand on any of ``first``."""
    found = set(first)
    while new := {b for a, b in edges if a in found} - found:
        found |= new
    return found


def test_every_published_edge_is_there(whole):
    rules, edges = whole
    for rule_set in EXPERIMENTS.values():
        assert rule_set <= rules
    for before, after in GRAPH.items():
        on_it = reached(edges, EXPERIMENTS[before])
        assert {e for e in after if not EXPERIMENTS[e] & on_it} == set(), before


def test_graph_has_no_way_back(whole):
    _, edges = whole
    for before, after in GRAPH.items():
        for experiment in after:
            own = EXPERIMENTS[experiment] - {"judge_bottleneck"}  # the battery serves 5 and 9
            assert not (reached(edges, own) & (EXPERIMENTS[before] - {"judge_bottleneck", "compare_betavae"}))


@pytest.mark.parametrize("experiment", ["5", "6", "9", "11"])
def test_an_experiment_makes_what_it_needs_and_nothing_else(experiment, tmp_path):
    rules, _ = planned(f"exp{experiment}", tmp_path)
    allowed = set().union(*(EXPERIMENTS[e] for e in {experiment, *ALONE[experiment]}))
    helpers = {f"exp{experiment}", "fit_mel_pca", "build_random_musicgen"}
    assert rules - allowed - helpers == set()
    assert EXPERIMENTS[experiment] <= rules


def test_experiment_11_trains_one_variant_alone(tmp_path):
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--dag",
        "-d",
        str(tmp_path),
        "--config",
        "preset=tiny",
        "--",
        "exp11",
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r'label = "train_betavae', done.stdout)) == 1
