import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sonoscope.musicgen.interface import MusicGen
from sonoscope.settings.musicgen import MusicGen as MusicGenSettings
from sonoscope.settings.steering import LayerSelection, ScheduleSettings, SteeredConcept, Steering
from sonoscope.steering import generation
from sonoscope.steering.analysis import dose_response, layer_scores, note_rows, share_interval
from sonoscope.steering.fit import ConceptError, balanced_rows, fit_directions
from sonoscope.steering.plan import UNSTEERED, clip_plan, doses, injection_for
from sonoscope.steering.scoring import measure_of

HEADER = {"model": "toy", "revision": "1", "layers": "0 1"}
SETTINGS = Steering(
    estimators=["difference_in_means", "random"], steer_with=["difference_in_means", "random"], prompts=3, seeds=[0, 1],
    coefficients=[0.0, 0.05, 0.1], layers=LayerSelection(rule="all"),
)  # fmt: skip


@pytest.fixture(scope="module")
def corpus():
    """Clips of 12 notes whose hidden states hold the note C along the first axis of layer 1, and nothing in layer 0."""
    rng = np.random.default_rng(0)
    names = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]
    rows = [
        {"clip_id": f"{g}-{n}", "root_note_name": n, "split_group": f"g{g}", "is_silent": False}
        for g in range(20)
        for n in names
    ]
    clips = pd.DataFrame(rows)
    states = rng.standard_normal((len(rows), 2, 8)).astype(np.float32)
    states[:, 1, 0] += 6 * (clips["root_note_name"] == "C")
    return clips, states


@pytest.fixture(scope="module")
def fitted(corpus):
    return {d.estimator: d for d in fit_directions(*corpus, HEADER, "notes", "C", SETTINGS)}


def test_planted_direction_is_found_at_its_layer(fitted):
    found = fitted["difference_in_means"]
    assert abs(float(found.vectors[1, 0])) > 0.95
    nothing, planted = found.scores()
    assert planted > 0.95
    assert abs(nothing - 0.5) < 0.25


def test_layers_keep_their_scores(fitted):
    table = layer_scores(fitted)
    assert set(table["layer"]) == {0, 1}
    assert (table["low"] <= table["score"]).all()
    assert (table["score"] <= table["high"]).all()


@given(st.integers(0, 50), st.integers(3, 9))
@settings(max_examples=25, deadline=None)
def test_negatives_are_as_many_as_positives_and_even(seed, values):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, values, 300).astype(str)
    usable = rng.random(300) < 0.9
    rows = balanced_rows(labels, "0", usable, seed)
    assert usable[rows].all()
    assert len(set(rows.tolist())) == len(rows)
    positives = int((labels[rows] == "0").sum())
    assert positives == int(((labels == "0") & usable).sum())
    others = pd.Series(labels[rows])[labels[rows] != "0"].value_counts()
    if others.size == values - 1 and others.min() < min(pd.Series(labels[usable]).value_counts().drop("0")):
        assert others.max() - others.min() <= 1


def test_unknown_target_names_the_known_ones(corpus):
    with pytest.raises(ConceptError, match=r"'H': expected one of .*C#"):
        fit_directions(*corpus, HEADER, "notes", "H", SETTINGS)


def test_unknown_layer_is_refused(corpus):
    more = SETTINGS.model_copy(update={"layers": LayerSelection(layers=[0, 7])})
    with pytest.raises(ConceptError, match="layers 0 to 1, got 7"):
        fit_directions(*corpus, HEADER, "notes", "C", more)


def test_silent_clips_are_left_out(corpus):
    clips, states = corpus
    silent = clips.assign(is_silent=clips["split_group"].isin([f"g{k}" for k in range(8)]))
    (found, _) = fit_directions(silent, states, HEADER, "notes", "C", SETTINGS)
    assert found.origin.split["positives"] == 12


def test_clips_of_one_prompt_and_seed_are_paired():
    plan = clip_plan("notes", "C", SETTINGS, 5)
    assert len(plan) == 3 * 2 * (1 + 2 * 2)
    per_pair = plan.groupby(["prompt_id", "seed"])
    assert (per_pair["sampling_seed"].agg(lambda seeds: len(set(seeds))) == 1).all()
    assert per_pair["sampling_seed"].first().is_unique
    assert (per_pair.size() == 5).all()
    assert (plan[plan["estimator"] == UNSTEERED]["coefficient"] == 0).all()
    assert not plan["prompt"].str.contains(r"\b[A-G]#?\b").any()


def test_controls_get_the_same_dose(fitted):
    s = SETTINGS.model_copy(update={"layers": LayerSelection(rule="power")})
    dose = doses(fitted, s)
    norms = {name: d.norm(dim=1) for name, d in dose.items()}
    assert torch.allclose(norms["random"], norms["difference_in_means"])
    assert float(norms["random"][1]) > 0


def test_coefficients_are_relative_to_the_mean_norm(fitted):
    plan = clip_plan("notes", "C", SETTINGS, 0)
    injection = injection_for(plan, doses(fitted, SETTINGS), (0, 1), SETTINGS, 10)
    norms = injection.delta.norm(dim=-1)  # [clips, layers]
    mean_norm = torch.tensor([r.mean_norm for r in fitted["random"].records])
    for row, coefficient in enumerate(plan["coefficient"]):
        assert torch.allclose(norms[row], coefficient * mean_norm, atol=1e-4)


def test_schedule_and_gate_reach_the_injection(fitted):
    s = SETTINGS.model_copy(
        update={"gate": 0.3, "schedule": ScheduleSettings(name="linear_decay", parameters={"steps": 20})}
    )
    plan = clip_plan("notes", "C", s, 0)
    injection = injection_for(plan, doses(fitted, s), (0, 1), s, 200)
    assert injection.schedule[:3].tolist() == pytest.approx([1.0, 0.95, 0.9])
    assert 0.25 < float(injection.gate.float().mean()) < 0.35
    again = injection_for(plan.iloc[5:7], doses(fitted, s), (0, 1), s, 200)
    assert torch.equal(again.gate, injection.gate[5:7])  # a clip's gate does not depend on its batch


def test_unreadable_clips_are_left_out(corpus):
    clips, states = corpus
    broken = states.copy()
    broken[[0, 12, 24]] = 1e6  # what a clip that could not be read would give
    unread = [str(i) for i in clips["clip_id"].iloc[[0, 12, 24]]]
    (found, _) = fit_directions(clips, broken, HEADER, "notes", "C", SETTINGS, unread)
    assert found.origin.split["positives"] == 17
    assert abs(float(found.vectors[1, 0])) > 0.95


class Toy(MusicGen):
    """Counts what it is asked for."""

    name, revision, frame_rate, num_codebooks = "toy", "1", 50.0, 4
    blocks = ()

    def __init__(self):
        self.generated = 0

    def encode(self, audio): ...
    def decode(self, tokens): ...
    def hidden_states(self, tokens, prompts, layers): ...

    def nll(self, tokens, prompts):
        return torch.zeros(len(prompts))

    def generate(self, prompts, seeds, seconds, sampling=None, injection=None):
        self.generated += len(prompts)
        if self.generated > self.limit:
            raise RuntimeError("killed")
        return torch.stack([torch.full((4, 5), seed % 97) for seed in seeds])

    limit = 10**9


def test_a_killed_generation_goes_on_where_it_stopped(fitted, tmp_path):
    plan, dose = clip_plan("notes", "C", SETTINGS, 5), doses(fitted, SETTINGS)
    small = MusicGenSettings(batch=4)
    toy = Toy()
    toy.limit = 12
    with pytest.raises(RuntimeError, match="killed"):
        generation.generate_planned(toy, plan, dose, (0, 1), SETTINGS, small, tmp_path)
    resumed = Toy()
    tokens, _ = generation.generate_planned(resumed, plan, dose, (0, 1), SETTINGS, small, tmp_path)
    assert resumed.generated == len(plan) - 12
    whole, _ = generation.generate_planned(Toy(), plan, dose, (0, 1), SETTINGS, small, tmp_path / "other")
    assert np.array_equal(tokens, whole)
    other = Toy()  # another coefficient must not find the kept batches
    more = {name: 2 * d for name, d in dose.items()}
    generation.generate_planned(other, plan, more, (0, 1), SETTINGS, small, tmp_path)
    assert other.generated == len(plan)


def test_share_interval_is_as_wide_as_either():
    hits, prompts = pd.Series([1.0] * 12), pd.Series(np.arange(12) // 2)
    sure = share_interval(hits, prompts, 0, 500)
    assert sure.high == 1.0
    assert 0.7 < sure.low < 0.8  # Wilson, where the bootstrap would say [1, 1]
    clustered = pd.Series(np.repeat([0.0, 1.0], 50))
    wide = share_interval(clustered, pd.Series(np.repeat([0, 1, 2, 3], 25)), 0, 500)
    assert wide.high - wide.low > 0.7  # four prompts, not a hundred clips
    assert wide.groups == 4


def scores_table(rates):
    rng = np.random.default_rng(1)
    rows = []
    for (estimator, coefficient), rate in rates.items():
        for k in range(60):
            hit = float(rng.random() < rate)
            rows.append({
                "concept": "notes", "target": "C", "estimator": estimator, "coefficient": coefficient,
                "prompt_id": str(k % 12), "score": hit, "nll": 2.0 + coefficient,
            })  # fmt: skip
    return pd.DataFrame(rows)


def test_scorecard_rows_say_what_happened():
    rates = {
        (UNSTEERED, 0.0): 0.08, ("difference_in_means", 0.05): 1.0, ("difference_in_means", 0.1): 1.0,
        ("random", 0.05): 0.08, ("random", 0.1): 0.1,
    }  # fmt: skip
    curve = dose_response(scores_table(rates), SETTINGS, "chroma", 1 / 12, 0)
    rows = {row.name: row for row in note_rows(curve, SETTINGS, ("x",))}
    steered = rows["steering.note_accuracy.steered"]
    assert steered.met
    assert steered.value == 1.0
    assert steered.low < 1.0
    assert steered.null == rows["steering.note_accuracy.random"].value
    assert rows["steering.note_accuracy.unsteered"].met
    assert steered.n == 60


def test_scorecard_does_not_pass_what_failed():
    rates = {(UNSTEERED, 0.0): 0.5, ("difference_in_means", 0.1): 0.6, ("random", 0.1): 0.55}
    curve = dose_response(scores_table(rates), SETTINGS, "chroma", 1 / 12, 0)
    rows = note_rows(curve, SETTINGS, ())
    assert len(rows) == 3
    assert not any(row.met for row in rows)


def test_a_concept_without_a_measure_is_refused_by_name():
    with pytest.raises(ConceptError, match="'scales' has no measure"):
        measure_of("scales")


def test_settings_refuse_what_cannot_be():
    with pytest.raises(ValueError, match="headline"):
        Steering(headline=0.5)
    with pytest.raises(ValueError, match="coefficients"):
        Steering(coefficients=[0.05, 0.1])
    assert Steering(concepts=[SteeredConcept(target="D")]).concepts[0].target == "D"
