"""Every example of the published repository is a configuration file here; each resolves to what it says."""

import re
from pathlib import Path

import pytest
import yaml

from sonoscope.directions.schedules import schedule
from sonoscope.settings.resolve import SettingsError, resolve

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "examples/steering"


def settings(name, **more):
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    return resolve(config | yaml.safe_load((FOLDER / f"{name}.yaml").read_text()) | more)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yaml")), ids=lambda f: f.stem)
@pytest.mark.parametrize("preset", ["tiny", "demo", "laptop", "musicgen-large"])
def test_every_example_resolves_with_every_model(file, preset, monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    found = settings(file.stem, preset=preset)
    assert found.folder == "examples"
    for one in found.steering.all_experiments().values():
        for variant in one.variants:
            own = one.handling(variant).schedule
            schedule(own.name, **own.parameters)


def test_a_direction_of_a_note_an_interval_and_the_rest():
    pairs = [
        (push.concept, push.target)
        for name in ("1-note-direction", "1-interval-direction", "1-other-directions")
        for one in settings(name).steering.all_experiments().values()
        for push in one.pushes
    ]
    assert pairs == [
        ("notes", "C"), ("intervals", "6"), ("chords", "minor"), ("scales", "dorian"),
        ("simple_progressions", "ionian-1451"), ("time_signatures", "3-4"),
    ]  # fmt: skip


def test_controlled_generation_compares_every_selection_of_layers():
    one = settings("2-controlled").steering.all_experiments()["controlled"]
    rules = {one.handling(v).layers.rule for v in one.variants}
    assert rules == {"all", "top_k", "linear", "power", "softmax"}
    assert one.handling("published").gate == 0.3
    assert min(one.coefficients) < 0 < max(one.coefficients)


def test_temporal_control_has_every_schedule(monkeypatch):
    one = settings("3-temporal").steering.all_experiments()["temporal"]
    names = {one.handling(v).schedule.name for v in one.variants}
    assert names >= {"constant", "exponential_decay", "linear_decay", "linear_rise", "logistic", "sine"}
    monkeypatch.syspath_prepend(str(FOLDER))
    own = one.handling("own").schedule
    assert [schedule(own.name, **own.parameters)(t) for t in (0, 24, 25, 49, 50)] == [1, 1, 0, 0, 1]


def test_several_directions_have_their_own_strength_schedule_gate_and_layers():
    first, second = settings("4-several-directions").steering.all_experiments()["several"].pushes
    assert first.schedule.name == "linear_decay" and second.gate == 0.5
    assert second.weight == 0.6 and second.layers.rule == "top_k"


def test_tempo_is_fitted_to_last_tokens_and_to_means_and_pushed_both_ways():
    found = settings("5-tempo").steering.all_experiments()
    assert {one.pushes[0].pooling for one in found.values()} == {"last", "mean"}
    assert all(min(one.coefficients) < 0 < max(one.coefficients) for one in found.values())


def test_the_table_sweeps_components_under_both_splits():
    found = settings("6-multiclass").steering
    assert found.table_concepts() == ["notes"] and len(found.multiclass.n_components) > 2
    assert found.multiclass.splits == ["group", "random"]


def test_an_unknown_experiment_is_refused_by_name():
    with pytest.raises(SettingsError, match="expected some of notes-C, crossfade, found notes-D"):
        settings("1-note-direction", steering={"concepts": [{"concept": "notes"}], "choose": ["notes-D"]})


def test_nothing_to_steer_is_refused():
    with pytest.raises(SettingsError, match="at least one experiment"):
        settings("1-note-direction", steering={"choose": []})


def test_every_check_of_the_page_names_a_test_that_there_is():
    page = (ROOT / "docs/studies/steering.md").read_text()
    named = set(re.findall(r"`(test_\w+)`", page[page.index("## Checks") :]))
    there = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", file.read_text(), re.M)
    }
    assert named and named <= there, named - there


def test_the_page_names_every_example():
    page = (ROOT / "docs/studies/steering.md").read_text()
    assert [f.name for f in sorted(FOLDER.glob("*.yaml")) if f"`{f.name}" not in page] == []
