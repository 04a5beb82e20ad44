import math

import numpy as np
import pytest
import torch
from toy_parts import make_part

from sonoscope.dynamics import experiment10, experiment11
from sonoscope.dynamics.codebooks import cluster, unit
from sonoscope.dynamics.correction import Setting
from sonoscope.dynamics.direction_codes import CodedStep, DirectionAutoregression, fit_direction_ar, nucleus
from sonoscope.dynamics.ensembles import Ensemble, shape_of
from sonoscope.dynamics.known_codes import known_part
from sonoscope.dynamics.linear import autoregression
from sonoscope.dynamics.rollout import Plan, roll
from sonoscope.dynamics.score_model import Denoiser, ScoreShape
from sonoscope.errors import SonoscopeError
from sonoscope.settings.bottlenecks import DirectionAr, Tweedie
from sonoscope.settings.dynamics import KnownProcesses

QUICK = DirectionAr(
    k_codebook=8, hidden=16, max_steps=30, batch=64, validate_every=10, k_values=(1, 2, 4), n_eval_utterances=6,
    segments_per_utt=2,
)  # fmt: skip


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def part():
    return make_part(autoregression(4, 0.6).sample(60, 40, generator()), name="ar1_06")


@pytest.fixture(scope="module")
def model(part):
    codes = cluster(part.deltas(part.rows("train")), 8, 1, 10, generator())
    return fit_direction_ar(part, codes, 1, (0, 1), QUICK, 0)


def step_of(weights, codes, mean_log=0.0, deviation=0.5, kappa=20.0):
    shape = weights.shape[:2]
    return CodedStep(weights.log(), codes, torch.full(shape, mean_log), torch.full(shape, deviation), kappa)


def test_density_of_codes_is_a_density():
    """It integrates to 1 over the plane."""
    codes = unit(torch.randn(3, 2, generator=generator()))
    step = step_of(torch.tensor([[[0.2, 0.5, 0.3]]]), codes, 0.0, 0.4, 5.0)
    axis = torch.linspace(-6, 6, 601)
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    wide = CodedStep(
        step.log_weights.expand(1, len(grid), 3), codes, step.mean_log.expand(1, len(grid)),
        step.deviation.expand(1, len(grid)), 5.0,
    )  # fmt: skip
    total = float(wide.log_prob(grid[None]).exp().sum()) * float(axis[1] - axis[0]) ** 2
    assert total == pytest.approx(1.0, abs=0.01)


def test_argmax_draws_nothing_and_drawing_follows_the_law():
    codes = torch.eye(3)
    step = step_of(torch.tensor([0.1, 0.7, 0.2]).expand(1, 20_000, 3), codes, math.log(2.0), 0.3, 1e3)
    assert torch.equal(step.median(), step.median())
    assert torch.allclose(step.median()[0, 0], torch.tensor([0.0, 2.0, 0.0]), atol=1e-6)
    drawn = step.sample(generator())[0]
    shares = torch.bincount(drawn.argmax(1), minlength=3) / len(drawn)
    assert torch.allclose(shares, torch.tensor([0.1, 0.7, 0.2]), atol=0.015)
    assert torch.allclose(drawn.mean(0), step.mean()[0, 0], atol=0.03)


def test_nucleus_keeps_the_likeliest_codes():
    weights = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    assert torch.allclose(nucleus(weights, 0.7).exp(), torch.tensor([0.625, 0.375, 0, 0]))
    assert torch.allclose(nucleus(weights, 0.01).exp(), torch.tensor([1.0, 0, 0, 0]))
    assert torch.allclose(nucleus(weights, 1.0), weights, atol=1e-6)


def test_a_rollout_in_codes_sees_no_true_frame_after_its_start(part, model):
    before = part.window
    frames = part.store.take(part.rows("test")[:3, None] + torch.arange(-before, 4))
    other = frames.clone()
    other[:, before:] += 100.0  # the truth from the start on
    plan = Plan(advance="median")
    traces = [roll(model, x, 4, part.window, 1, plan, models=2) for x in (frames, other)]
    assert torch.equal(traces[0].states, traces[1].states)


def test_published_leak_is_gone_only_if_the_second_step_stands_on_the_first(part, model):
    """The published window took the true frame after the first step; then wrecking the first step would not matter."""
    frames = part.store.take(part.rows("test")[:3, None] + torch.arange(-part.window, 2))
    plain = roll(model, frames, 2, part.window, 1, Plan(advance="median"), models=2)
    wrecked = Plan(advance="median", correct=lambda contexts, z: z + 50.0)
    moved = roll(model, frames, 2, part.window, 1, wrecked, models=2)
    assert not torch.allclose(moved.expected[:, :, 1], plain.expected[:, :, 1])


def test_model_starts_as_the_unigram_and_goes_to_a_file_and_back(part, model, tmp_path):
    codes = model.codes
    settings = QUICK.model_copy(update={"max_steps": 1, "lr": 1e-12})
    fresh = fit_direction_ar(part, codes, 1, (0,), settings, 0)
    law = fresh.step(part.contexts(part.rows("test")[:5], 1)[None]).log_weights
    assert torch.allclose(law, law[:, :1].expand_as(law), atol=1e-5)
    model.save(tmp_path / "m.safetensors", 1, 30)
    again = DirectionAutoregression.load(tmp_path / "m.safetensors")
    x = part.contexts(part.rows("test")[:5], 1)[None].expand(2, -1, -1, -1)
    assert torch.equal(again.step(x).log_weights, model.step(x).log_weights) and again.members == model.members
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(SonoscopeError, match="experiment 10"):
        DirectionAutoregression.load(tmp_path / "other.safetensors")


def test_codes_of_switching_directions_are_predicted_as_well_as_can_be():
    process, toy = known_part(KnownProcesses(sequences=120, frames=60), 0)
    settings = QUICK.model_copy(update={"max_steps": 150, "batch": 256, "lr": 5e-3})
    reached, best = experiment10.known_top1(process, toy, 1, settings, 0)
    assert reached > 0.95 * best


def test_metrics_of_experiment_10(part, model):
    forced = experiment10.teacher_forced(model, part, 1, 1e-3, 200, 0)
    assert 0 <= forced["top1"] <= forced["top5"] <= 1
    assert forced["top1_interval"][0] <= forced["top1"] <= forced["top1_interval"][1]
    assert forced["baselines"]["unigram"]["cross_entropy"] > 0 and forced["calibration_error"] < 0.5
    entries, table = experiment10.roll_strategies(model, part, QUICK, 1, 1e-3, 200, 0)
    by = {(e["strategy"], e["k_max"]): e for e in entries}
    assert set(table.strategy) == {
        "argmax", "categorical", "top_p", "ridge_var_mean", "ridge_var_drawn", "mean_reversion_mean",
        "mean_reversion_drawn",
    }  # fmt: skip
    assert by["argmax", 1]["mean_state_err"] == by["argmax", 1]["final_state_err"]
    assert "energy_score" not in by["argmax", 4] and by["categorical", 4]["energy_score"] > 0
    names = {r.name for r in experiment10.scorecard_rows(forced, entries, (0.7, 0.72), 4)}
    assert names == {f"dynamics.exp10.{n}" for n in ("top1", "argmax", "categorical", "known_top1")}


def test_calibration_error():
    sure = np.full(100, 0.8)
    right = np.repeat([1.0, 0.0], [80, 20])
    rng = np.random.default_rng(0)
    assert experiment10.expected_calibration_error(sure, rng.permutation(right), 1) == pytest.approx(0.0)
    assert experiment10.expected_calibration_error(sure, np.zeros(100), 4) == pytest.approx(0.8)


def test_experiment_11_chooses_on_validation_and_pairs_its_differences(part, model):
    score = Denoiser(ScoreShape(4, 8, 1, 0.02, 3.0), generator())
    score.calibrate(part.store.take(part.rows("train")))
    mdn = Ensemble(shape_of("mdn", part.window, 4, 8, 1, 2), [(0, 1)], generator())
    mdn.calibrate(part.mean, part.deviation, torch.eye(4)[None].double(), part.deltas(part.rows("train")))
    chosen = experiment11.conditions(model, mdn.requires_grad_(False))
    benches = {s: experiment11.Bench.of(part, s, 1, 4, 2, 4, 0) for s in ("validation", "test")}
    settings = Tweedie(sigma_sweep=(0.1, 1.0))
    swept = experiment11.sweep(benches["validation"], chosen, score, settings, 200)
    assert len(swept.entries) == 2 * len(chosen)
    assert set(swept.best) == {
        "dir_ar_argmax_tweedie",
        "dir_ar_categorical_tweedie",
        "mdn_tweedie",
        "mdn_sample_tweedie",
    }
    outcome = experiment11.judge(benches["test"], chosen, score, swept, (1, 2, 4), 4, 200)
    first = next(e for e in outcome.entries if e["condition"] == "mdn_baseline" and e["k_max"] == 4)
    assert len(first["per_step"]) == 4 and first["nan_total"] == 0
    rows = {r.name: r for r in experiment11.scorecard_rows(outcome)}
    assert {f"dynamics.exp11.{n}" for n in ("mdn_tweedie", "mdn_baseline", "dir_ar_argmax_tweedie")} <= set(rows)
    for row in rows.values():
        assert row.met is None or row.null is not None
    assert len(experiment11.summary(outcome)) == len(outcome.entries)


def test_no_correction_is_the_same_as_shrinking_by_nothing(part, model):
    score = Denoiser(ScoreShape(4, 8, 1, 0.02, 3.0), generator())
    score.calibrate(part.store.take(part.rows("train")))
    own = experiment11.Bench.of(part, "test", 1, 4, 2, 3, 0)
    condition = experiment11.conditions(model, None)[0]
    plain, still = (own.run(condition, score, s)["state_err"] for s in (None, Setting("shrink", 1.0, scale=0.0)))
    assert torch.allclose(plain, still, rtol=1e-4)
