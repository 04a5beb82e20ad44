import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sonoscope.contracts.steering import CLIPS, REPLAYED
from sonoscope.musicgen.interface import MusicGen
from sonoscope.settings.directions import Fit
from sonoscope.settings.injection import Experiment, LayerSelection, Push, ScheduleSettings, Variant
from sonoscope.settings.musicgen import MusicGen as MusicGenSettings
from sonoscope.settings.steering import Listening, SteeredConcept, Steering
from sonoscope.steering.analysis import changes, dose_response, layer_scores, share_interval
from sonoscope.steering.errors import ConceptError
from sonoscope.steering.fit import balanced_rows, fit_directions
from sonoscope.steering.generation import Probing, merge_shares, write_share
from sonoscope.steering.matched import cost_difference, matched_quality, paired_difference
from sonoscope.steering.measures import measure_of
from sonoscope.steering.plan import UNSTEERED, Planner, batches, clip_plan
from sonoscope.steering.rows import rows_of

HEADER = {"model": "toy", "revision": "1", "layers": "0 1"}
FIT = Fit(estimators=["difference_in_means", "random"])
HANDLING = {"layers": LayerSelection(rule="all")}
COMMON = {
    "estimators": ["difference_in_means", "random"], "coefficients": [0.05, 0.1], "headline": 0.1, "count": 3,
    "seeds": [0, 1], "key": "notes",
}  # fmt: skip
CURVE = Experiment(**COMMON, **HANDLING)
KEY = ("notes", "C", "mean")


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
    return {d.estimator: d for d in fit_directions(*corpus, HEADER, "notes", "C", "mean", FIT)}


def planner(fitted, experiment=CURVE, frames=20, **others):
    return Planner({KEY: fitted} | others, experiment, frames, frames + 4)


def test_planted_direction_is_found_at_its_layer(fitted):
    found = fitted["difference_in_means"]
    assert abs(float(found.vectors[1, 0])) > 0.95
    nothing, planted = found.scores()
    assert planted > 0.95
    assert abs(nothing - 0.5) < 0.25


def test_layers_keep_their_scores(fitted):
    table = layer_scores([fitted])
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
        fit_directions(*corpus, HEADER, "notes", "H", "mean", FIT)


def test_unknown_layer_is_refused(corpus):
    more = FIT.model_copy(update={"layers": [0, 7]})
    with pytest.raises(ConceptError, match="layers 0 to 1, got 7"):
        fit_directions(*corpus, HEADER, "notes", "C", "mean", more)


def test_silent_clips_are_left_out(corpus):
    clips, states = corpus
    silent = clips.assign(is_silent=clips["split_group"].isin([f"g{k}" for k in range(8)]))
    (found, _) = fit_directions(silent, states, HEADER, "notes", "C", "mean", FIT)
    assert found.origin.split["positives"] == 12


def test_unreadable_clips_are_left_out(corpus):
    clips, states = corpus
    broken = states.copy()
    broken[[0, 12, 24]] = 1e6  # what a clip that could not be read would give
    unread = [str(i) for i in clips["clip_id"].iloc[[0, 12, 24]]]
    (found, _) = fit_directions(clips, broken, HEADER, "notes", "C", "mean", FIT, unread)
    assert found.origin.split["positives"] == 17
    assert abs(float(found.vectors[1, 0])) > 0.95


def test_a_fit_is_cut_to_the_number_of_clips(corpus):
    (found, _) = fit_directions(*corpus, HEADER, "notes", "C", "mean", FIT.model_copy(update={"clips": 24}))
    assert (found.origin.split["positives"], found.origin.split["clips"]) == (12, 24)


def test_a_killed_fit_goes_on_at_the_last_group_of_layers(corpus, fitted, tmp_path, monkeypatch):
    from sonoscope.steering import fit as module

    by_layer = FIT.model_copy(update={"layer_group": 1})
    real, done = module.fit_layers, []

    def counted(x, y, groups, **more):
        if len(done) == 3:
            raise RuntimeError("killed")
        done.append((more["estimator"], more["layers"]))
        return real(x, y, groups, **more)

    monkeypatch.setattr(module, "fit_layers", counted)
    arguments = (*corpus, HEADER, "notes", "C", "mean", by_layer, (), tmp_path)
    with pytest.raises(RuntimeError, match="killed"):
        fit_directions(*arguments)
    first = list(done)
    done.clear()
    resumed = {d.estimator: d for d in fit_directions(*arguments)}
    assert done == [("random", (1,))] and len(first) == 3
    for name, whole in fitted.items():
        assert torch.equal(resumed[name].vectors, whole.vectors)
        assert resumed[name].records == whole.records


def test_tempo_is_fitted_as_a_number():
    rng = np.random.default_rng(3)
    bpm = rng.integers(50, 210, 120)
    clips = pd.DataFrame({
        "clip_id": [str(k) for k in range(120)], "bpm": bpm, "split_group": [f"r{k // 2}" for k in range(120)],
        "is_silent": False,
    })  # fmt: skip
    states = rng.standard_normal((120, 2, 8)).astype(np.float32)
    states[:, 1, 0] += (bpm - 130) / 20
    s = FIT.model_copy(update={"estimators": ["difference_in_means", "logistic", "lda", "random"]})
    found, control = fit_directions(clips, states, HEADER, "tempos", "bpm", "last", s)  # others need classes
    assert control.estimator == "random"
    assert float(found.vectors[1, 0]) > 0.95  # towards faster
    assert found.records[1].score_name == "Pearson correlation"
    assert found.records[1].label_mean == pytest.approx(bpm.mean())
    assert found.origin.pooling == "last"


def test_clips_of_one_prompt_and_seed_are_paired():
    plan = clip_plan("notes-C", CURVE, 5)
    assert len(plan) == 3 * 2 * (1 + 2 * 2)
    per_pair = plan.groupby(["prompt_id", "seed"])
    assert (per_pair["sampling_seed"].agg(lambda seeds: len(set(seeds))) == 1).all()
    assert per_pair["sampling_seed"].first().is_unique
    assert (per_pair.size() == 5).all()
    assert (plan[plan["estimator"] == UNSTEERED]["coefficient"] == 0).all()
    assert not plan["prompt"].str.contains(r"\b[A-G]#?\b").any()
    asked = clip_plan("x", CURVE.model_copy(update={"prompts": "target"}), 5)
    assert asked["prompt"].str.contains(" C on ").all()


def test_batches_hold_one_kind_each_and_every_clip_once():
    mixed = CURVE.model_copy(update={"variants": {"plain": Variant(), "cond": Variant(branch="cond")}})
    plan = clip_plan("x", mixed, 5)
    parts = batches(plan, mixed, 4)
    assert sorted(c for part in parts for c in part["clip_id"]) == sorted(plan["clip_id"])
    assert all(not {"plain", "cond"} <= set(part["variant"]) for part in parts)
    assert max(len(part) for part in parts) == 4


def test_controls_get_the_same_dose(fitted):
    power = CURVE.model_copy(update={"layers": LayerSelection(rule="power")})
    plan = clip_plan("x", power, 0)
    (injection,) = planner(fitted, power).injections(plan)
    norms = injection.delta.norm(dim=2)
    one, other = (
        norms[(plan["estimator"] == e).to_numpy() & (plan["coefficient"] == 0.1).to_numpy()] for e in FIT.estimators
    )
    assert torch.allclose(one, other)
    assert float(one[0, 1]) > 0


def test_coefficients_are_relative_to_the_mean_norm(fitted):
    plan = clip_plan("x", CURVE, 0)
    (injection,) = planner(fitted).injections(plan)
    norms = injection.delta.norm(dim=-1)  # [clips, layers]
    mean_norm = torch.tensor([r.mean_norm for r in fitted["random"].records])
    for row, coefficient in enumerate(plan["coefficient"]):
        assert torch.allclose(norms[row], coefficient * mean_norm, atol=1e-4)


def test_schedule_and_gate_reach_the_injection(fitted):
    falling = ScheduleSettings(name="linear_decay", parameters={"steps": 20})
    gated = CURVE.model_copy(update={"gate": 0.3, "schedule": falling})
    plan = clip_plan("x", gated, 0)
    plan = plan[plan["estimator"] != UNSTEERED]
    (injection,) = planner(fitted, gated, frames=196).injections(plan)
    assert injection.schedule[0, :3].tolist() == pytest.approx([1.0, 0.95, 0.9])
    assert 0.25 < float(injection.gate.float().mean()) < 0.35
    (again,) = planner(fitted, gated, frames=196).injections(plan.iloc[5:7])
    assert torch.equal(again.gate, injection.gate[5:7])  # a clip's gate does not depend on its batch


def pair(**more):
    pushes = [
        Push(schedule=ScheduleSettings(name="linear_decay", span="clip")),
        Push(target="G", schedule=ScheduleSettings(name="linear_rise", span="clip")),
    ]
    variants = {"both": Variant(), "first": Variant(pushes=[0]), **more}
    return Experiment(pushes=pushes, variants=variants, **COMMON, **HANDLING)


def test_two_directions_keep_their_own_schedules_and_can_be_switched_off(fitted, corpus):
    other = {d.estimator: d for d in fit_directions(*corpus, HEADER, "notes", "G", "mean", FIT)}
    made = Planner({KEY: fitted, ("notes", "G", "mean"): other}, pair(), 20, 24)
    plan = clip_plan("x", pair(), 0)
    falling, rising = made.injections(plan)
    steered = (plan["variant"] != UNSTEERED).to_numpy()
    assert falling.schedule[steered][0, [0, 10, 20]].tolist() == pytest.approx([1, 0.5, 0])
    assert rising.schedule[steered][0, [0, 10, 20]].tolist() == pytest.approx([0, 0.5, 1])
    alone = (plan["variant"] == "first").to_numpy()
    assert float(rising.delta[alone].abs().max()) == 0
    assert float(falling.delta[alone].abs().max()) > 0


def test_orthogonal_directions_do_not_overlap(fitted, corpus):
    other = {d.estimator: d for d in fit_directions(*corpus, HEADER, "notes", "G", "mean", FIT)}
    both = pair(straight=Variant(orthogonal=True))
    plan = clip_plan("x", both, 0)
    first, second = Planner({KEY: fitted, ("notes", "G", "mean"): other}, both, 20, 24).injections(plan)
    row = int(np.flatnonzero((plan["variant"] == "straight") & (plan["estimator"] == "difference_in_means"))[0])
    assert float((first.delta[row] * second.delta[row]).sum(-1).abs().max()) < 1e-3
    plain = int(np.flatnonzero((plan["variant"] == "both") & (plan["estimator"] == "difference_in_means"))[0])
    assert torch.equal(first.delta[row], first.delta[plain])  # the first keeps its way


@pytest.mark.parametrize("mode", ["erase", "leace"])
def test_erasure_is_measured_about_the_mean(fitted, mode):
    erased = CURVE.model_copy(update={"mode": mode, "coefficients": [1.0]})
    plan = clip_plan("x", erased, 0)
    (injection,) = planner(fitted, erased).injections(plan)
    row = int(np.flatnonzero(plan["estimator"] == "difference_in_means")[0])
    assert torch.equal(injection.mean, fitted["random"].means)
    along = (injection.read[row] * injection.delta[row]).sum(-1)
    assert along.tolist() == pytest.approx([1.0, 1.0], abs=1e-4)  # one projector, whatever its two factors


class Toy(MusicGen):
    """Counts what it is asked for."""

    name, revision, frame_rate, num_codebooks = "toy", "1", 50.0, 4
    blocks = ()
    sample_rate, device = 16000, torch.device("cpu")

    def __init__(self):
        self.generated = 0

    def encode(self, audio): ...
    def decode(self, tokens):
        return (tokens.float().mean((1, 2))[:, None, None] / 97).expand(-1, 1, 1600)

    def hidden_states(self, tokens, prompts, layers, injection=None):
        return torch.zeros(len(tokens), len(layers), tokens.shape[-1] + 1, 8)

    def nll(self, tokens, prompts):
        return torch.zeros(len(prompts))

    def divergence(self, tokens, prompts, injection, guidance=3.0):
        return torch.ones(len(prompts), tokens.shape[-1])

    def generate(self, prompts, seeds, seconds, sampling=None, injection=None):
        self.generated += len(prompts)
        if self.generated > self.limit:
            raise RuntimeError("killed")
        return torch.stack([torch.full((4, 5), seed % 97) for seed in seeds])

    limit = 10**9


def generate(model, fitted, folder, share=(0, 1), experiment=CURVE):
    parts = batches(clip_plan("x", experiment, 5), experiment, 4)
    files = folder / "clips.parquet", folder / "audio", folder / "replayed.safetensors"
    probing, settings = Probing(0, (0,)), MusicGenSettings(batch=4)
    write_share(model, parts, share, planner(fitted, experiment), probing, settings, *files)
    return files


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_killed_generation_goes_on_where_it_stopped(fitted, tmp_path):
    toy = Toy()
    toy.limit = 12
    with pytest.raises(RuntimeError, match="killed"):
        generate(toy, fitted, tmp_path / "one")
    other = Toy()  # another coefficient must not find the kept batches
    doubled = CURVE.model_copy(update={"layers": LayerSelection(layers=[1], rule="all")})
    other.limit = 0
    with pytest.raises(RuntimeError, match="killed"):
        generate(other, fitted, tmp_path / "one", experiment=doubled)
    resumed = Toy()
    clips, _, replayed = generate(resumed, fitted, tmp_path / "one")
    table = CLIPS.read(clips)
    assert resumed.generated == len(table) - 12
    generate(Toy(), fitted, tmp_path / "other")
    assert contents(tmp_path / "one") == contents(tmp_path / "other")
    divergence = REPLAYED.read(replayed)[0]["divergence"]
    assert set(divergence[(table["seed"] == 1).to_numpy()].ravel()) == {-1.0}


def test_shares_give_the_same_bytes(fitted, tmp_path):
    found = {}
    for shares in (1, 2, 7):
        folder = tmp_path / f"{shares}"
        parts = [folder / "shares" / str(k) for k in range(shares)]
        for k, part in enumerate(parts):
            generate(Toy(), fitted, part, (k, shares))
        whole = folder / "whole"
        assert merge_shares(parts, whole / "clips.parquet", whole / "audio", whole / "replayed.safetensors") == "1"
        found[shares] = contents(whole)
    assert found[1] == found[2] == found[7]
    generate(Toy(), fitted, tmp_path / "alone")
    assert contents(tmp_path / "alone") == found[1]


def test_share_interval_is_as_wide_as_either():
    hits, prompts = pd.Series([1.0] * 12), pd.Series(np.arange(12) // 2)
    sure = share_interval(hits, prompts, 0, 500)
    assert sure.high == 1.0
    assert 0.7 < sure.low < 0.8  # Wilson, where the bootstrap would say [1, 1]
    clustered = pd.Series(np.repeat([0.0, 1.0], 50))
    wide = share_interval(clustered, pd.Series(np.repeat([0, 1, 2, 3], 25)), 0, 500)
    assert wide.high - wide.low > 0.7  # four prompts, not a hundred clips
    assert wide.groups == 4


def scores_table(rates, cost=1.0):
    rng = np.random.default_rng(1)
    rows = []
    for (estimator, coefficient), rate in rates.items():
        for k in range(60):
            hit = float(rng.random() < rate)
            rows.append({
                "experiment": "notes-C", "variant": UNSTEERED if estimator == UNSTEERED else "plain",
                "clip_id": f"{estimator}-{coefficient}-{k}", "concept": "notes", "target": "C", "estimator": estimator,
                "coefficient": coefficient, "prompt_id": str(k % 12), "prompt": f"prompt {k % 12}", "seed": k // 12,
                "score": hit, "listener": hit,
                "probe": hit, "nll": 2.0 + cost * coefficient + 0.3 * (k % 12), "divergence": coefficient,
                "adherence": np.nan, "onset_rate": 2.0, "is_silent": False, "is_clipped": False,
            })  # fmt: skip
    return pd.DataFrame(rows)


def analysed(table, experiment=CURVE):
    vectors = np.random.default_rng(0).standard_normal((len(table), 3))
    embeddings = pd.DataFrame(vectors, index=table["clip_id"])
    curve = dose_response(table, experiment, embeddings, "toy", 0, 300)
    listening = Listening(resamples=300, budget=0.08)
    matched = matched_quality(table, listening.budget, 0, 300)
    return curve, matched, {r.name: r for r in rows_of(curve, matched, table, experiment, listening, 0, ("x",))}


RISING = {
    (UNSTEERED, 0.0): 0.08, ("difference_in_means", 0.05): 1.0, ("difference_in_means", 0.1): 1.0,
    ("random", 0.05): 0.08, ("random", 0.1): 0.02,
}  # fmt: skip


def test_scorecard_rows_say_what_happened():
    _, _, rows = analysed(scores_table(RISING))
    steered = rows["steering.note_accuracy.steered"]
    assert steered.met
    assert steered.value == 1.0
    assert steered.low < 1.0
    assert steered.null == rows["steering.note_accuracy.random"].value
    assert rows["steering.note_accuracy.unsteered"].met
    assert steered.n == 60
    assert rows["steering.random_direction"].met
    assert rows["steering.notes.difference_in_means.accuracy.0_1"].value == 1.0
    assert rows["steering.notes.random.nll_increase.0_05"].value == pytest.approx(0.05)
    assert rows["steering.matched_quality.notes.difference_in_means"].value == 1.0


def test_scorecard_does_not_pass_what_failed():
    rates = {(UNSTEERED, 0.0): 0.5, ("difference_in_means", 0.1): 0.6, ("random", 0.1): 0.55}
    _, _, rows = analysed(scores_table(rates))
    assert len([r for n, r in rows.items() if "note_accuracy" in n]) == 3
    assert not any(row.met for row in rows.values())


def test_a_headline_must_beat_its_null_and_not_only_a_bar():
    rates = {(UNSTEERED, 0.0): 0.08, ("difference_in_means", 0.1): 1.0, ("random", 0.1): 1.0}
    _, _, rows = analysed(scores_table(rates))
    assert rows["steering.note_accuracy.steered"].value == 1.0
    assert rows["steering.note_accuracy.steered"].met is False


def test_changes_of_likelihood_are_paired():
    table = scores_table(RISING)
    assert changes(table, "nll").to_numpy() == pytest.approx(table["coefficient"].to_numpy())
    curve, _, _ = analysed(table)
    row = curve[(curve["estimator"] == "random") & (curve["coefficient"] == 0.1)].iloc[0]
    # between prompts the likelihood varies by nats, within pairs not at all
    assert row["nll_high"] - row["nll_low"] > 0.5
    assert (row["nll_change_low"], row["nll_change_high"]) == pytest.approx((0.1, 0.1))


def test_matched_quality_reads_accuracy_at_equal_cost():
    cheap = scores_table({(UNSTEERED, 0.0): 0.0, ("difference_in_means", 0.1): 1.0})
    dear = scores_table({("rfm", 0.1): 1.0}, cost=4.0)
    found = matched_quality(pd.concat([cheap, dear]), 0.1, 0, 200).set_index("estimator")
    assert found.loc["difference_in_means", "accuracy"] == pytest.approx(1.0)
    assert found.loc["rfm", "accuracy"] == pytest.approx(0.25, abs=0.02)  # a quarter of the way to 0.4 nats
    assert found.loc["rfm", "cost"] == pytest.approx(0.36, abs=0.02)  # nine tenths of the way
    assert found.loc["difference_in_means", "cost"] == pytest.approx(0.09, abs=0.01)
    difference, low, high = paired_difference(
        pd.concat([cheap, dear]), "plain", "rfm", "difference_in_means", 0.1, 0, 200
    )
    assert difference == pytest.approx(-0.75, abs=0.02) and high < 0 and low <= difference
    cost, low, high = cost_difference(pd.concat([cheap, dear]), "plain", "rfm", "difference_in_means", 0.5, 0, 200)
    assert cost == pytest.approx(0.2 - 0.05, abs=0.02) and low <= cost <= high
    assert cost_difference(pd.concat([cheap, dear]), "plain", "rfm", "random", 2.0, 0, 200) is None


def test_tempo_is_judged_by_rank_correlation():
    rng = np.random.default_rng(2)
    experiment = CURVE.model_copy(
        update={"pushes": [Push(concept="tempos", target="bpm", pooling="last")], "key": "tempos",
                "coefficients": [-0.1, 0.1]}
    )  # fmt: skip
    table = scores_table({(UNSTEERED, 0.0): 0, **{(e, c): 0 for e in FIT.estimators for c in (-0.1, 0.1)}})
    slope = np.where(table["estimator"] == "random", 0, 300)
    table["score"] = 120 + slope * table["coefficient"] + rng.standard_normal(len(table))
    table["concept"], table["target"] = "tempos", "bpm"
    _, matched, rows = analysed(table, experiment)
    assert matched.empty
    found = rows["steering.tempo.spearman"]
    assert found.value > 0.9 and found.met
    assert found.value == 1.0 and found.n == 3
    assert rows["steering.tempo.spearman.of_clips.difference_in_means"].value > 0.9
    assert abs(rows["steering.tempo.spearman.of_clips.random"].value) < 0.5


def test_every_concept_has_a_measure_and_others_are_refused_by_name():
    from sonoscope.settings.concepts import CONCEPTS

    assert all(measure_of(concept) for concept in CONCEPTS)
    with pytest.raises(ConceptError, match="'timbre'"):
        measure_of("timbre")


def test_settings_refuse_what_cannot_be():
    with pytest.raises(ValueError, match="headline"):
        Steering(headline=0.5)
    assert Steering(concepts=[SteeredConcept(target="D")]).concepts[0].target == "D"


def test_seconds_are_those_of_the_jobs_as_they_last_finished():
    from sonoscope.steering.timing import busy_seconds

    def line(rule, second, seconds, event="completed", **wildcards):
        time = f"2026-01-01T00:00:{second:02d}.000+00:00"
        return {"rule": rule, "event": event, "time": time, "seconds": seconds, "wildcards": wildcards}

    lines = [
        line("fit_direction", 10, 10.0, concept="notes"),
        line("calibrate_measure", 12, 5.0, concept="notes"),
        line("capture_hidden_states", 30, 10.0, concept="chords"),  # another study's
        line("report", 40, 10.0),
        line("score_steered", 50, 4.0),
        line("score_steered", 55, 3.0),  # again, after a change
    ]
    assert busy_seconds(lines, ["notes"]) == (pytest.approx(18.0), 3)


def test_a_push_is_timed_against_none():
    from sonoscope.steering.timing import slowdown, timing_rows

    toy = Toy()
    toy.num_layers, toy.dim = 2, 8
    ratio, repeats = slowdown(toy)
    assert ratio > 0 and toy.generated == 8 * (1 + 2 * repeats)
    rows = {r.name: r for r in timing_rows((1.01, 5), (400.0, 9), "demo", ("x",))}
    assert rows["steering.slowdown"].met and not rows["steering.seconds"].met


def test_pushing_away_is_met_by_hearing_less_of_the_target():
    away = CURVE.model_copy(update={"prompts": "target", "coefficients": [-0.1], "headline": -0.1, "key": "away"})
    rates = {(UNSTEERED, 0.0): 0.9, ("difference_in_means", -0.1): 0.1, ("random", -0.1): 0.85}
    _, _, rows = analysed(scores_table(rates), away)
    assert rows["steering.away.headline"].met
    rates[("random", -0.1)] = 0.1
    _, _, rows = analysed(scores_table(rates), away)
    assert rows["steering.away.headline"].met is False  # a random direction does the same


def test_traces_follow_what_sounds():
    from sonoscope.audio.harmony import pitch_class_course

    time = np.arange(32000) / 16000
    first, second = (np.sin(2 * np.pi * f * time) for f in (261.63, 392.0))  # C, then G
    audio = np.where(time < 1, first, second).astype(np.float32) * 0.3
    course = pitch_class_course(audio, 16000, 0.5)
    assert course.shape == (4, 12)
    assert course[[0, 3]].argmax(axis=1).tolist() == [0, 7]
    assert course[0, 0] > 0.5 and course[3, 7] > 0.5
    assert np.isnan(pitch_class_course(np.zeros(16000, np.float32), 16000, 0.5)).all()
