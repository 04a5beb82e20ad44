import math

import pytest
import torch
from toy_parts import make_part

from sonoscope.dynamics.baselines import fit_baselines, whitening
from sonoscope.dynamics.ensembles import Ensemble, shape_of, spherical_clusters
from sonoscope.dynamics.experiment1 import calibration, fit_part, judge_part
from sonoscope.dynamics.heads import Coordinates, DirectionMagnitude
from sonoscope.dynamics.linear import random_autoregression
from sonoscope.dynamics.published import ClampedModel, train_published
from sonoscope.dynamics.speed import compare_speed
from sonoscope.dynamics.training import Shuffled, clip_each, fit_ensemble, member_spans
from sonoscope.errors import SonoscopeError
from sonoscope.settings.dynamics import Dynamics, Fit, Rollout

F64 = torch.float64


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def stack(family, part, members, hidden=8, seed=0):
    model = Ensemble(shape_of(family, part.window, part.dim, hidden, 1, 3), members, generator(seed))
    closed = {k: fit_baselines(part, k, 1e-3, 3, 0) for k in {k for _, k in members}}
    maps = torch.stack([whitening(closed[k], part, "whitened") for _, k in members])
    model.calibrate(part.mean, part.deviation, maps, part.deltas(part.rows("train")))
    return model, closed


def plane(density, size=12.0, points=401):
    """Integral of a density over the plane."""
    axis = torch.linspace(-size, size, points)
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).reshape(1, -1, 2)
    return float(density.log_prob(grid).exp().sum() * (axis[1] - axis[0]) ** 2)


def some_density(coordinates, count=1):
    return DirectionMagnitude(
        torch.tensor([0.3, 0.7]).log().expand(1, count, 2),
        torch.tensor([[3.0, 1.0], [0.0, -5.0]]).expand(1, count, 2, 2),
        torch.tensor([0.3, 0.9]).expand(1, count, 2),
        torch.tensor([0.3, 0.2]).expand(1, count, 2),
        coordinates,
    )


def slanted():
    forward = torch.tensor([[[1.5, 0.2], [-0.4, 0.8]]])
    return Coordinates(forward, torch.linalg.inv(forward), torch.linalg.slogdet(forward.double()).logabsdet)


def test_direction_times_magnitude_is_a_density_on_the_latents_own_scale():
    assert plane(some_density(slanted())) == pytest.approx(1.0, abs=1e-3)


def test_draws_have_the_stated_mean():
    density = some_density(slanted(), 40_000)
    drawn = density.sample(generator())[0]
    error = drawn.std(0) / math.sqrt(len(drawn))
    assert bool(((drawn.mean(0) - density.mean()[0, 0]).abs() < 4 * error).all())


@pytest.mark.parametrize("family", ["vmf", "mdn"])
def test_a_stack_starts_at_the_linear_prediction(family):
    x = random_autoregression(4, generator()).sample(60, 40, generator(1)) * 7 + 30
    part = make_part(x)
    model, closed = stack(family, part, [(0, 1), (0, 2)])
    model.start_from({k: closed[k]["ridge_var"] for k in (1, 2)})
    rows = part.rows("test")[:50]
    contexts = torch.stack([part.contexts(rows, k) for k in (1, 2)])
    expected = torch.stack([closed[k]["ridge_var"].predict(c) for k, c in zip((1, 2), contexts, strict=True)]).float()
    found = model.step(contexts)
    if family == "mdn":  # components begin a little apart
        close = torch.nn.functional.cosine_similarity(found.mean(), expected, dim=-1)
        assert float(close.mean()) > 0.95
    else:
        assert torch.allclose(found.median() / found.median().norm(dim=-1, keepdim=True),
                              expected / expected.norm(dim=-1, keepdim=True), atol=2e-3)  # fmt: skip


def test_members_learn_as_they_would_alone(reverting):
    rows = reverting.rows("train")[:64]
    both, _ = stack("vmf", reverting, [(0, 1), (0, 2)])
    alone = both.pick([1])
    contexts, deltas = member_spans(reverting, rows.expand(1, -1), both)
    one = member_spans(reverting, rows.expand(1, -1), alone)
    assert torch.equal(contexts[1:], one[0]) and torch.equal(deltas[1:], one[1])
    (-both(contexts).log_prob(deltas).mean(1).sum()).backward()
    (-alone(one[0]).log_prob(one[1]).mean(1).sum()).backward()
    for p, q in zip(both.parameters(), alone.parameters(), strict=True):
        assert torch.allclose(p.grad[1:], q.grad, atol=1e-5)
    clip_each(list(both.parameters()), 1e-3)
    norm = sum(p.grad[0].square().sum() for p in both.parameters()).sqrt()
    assert float(norm) <= 1e-3 * (1 + 1e-4)


def test_contexts_and_targets_of_each_horizon_are_aligned(counting):
    model, _ = Ensemble(shape_of("vmf", 3, 4, 4, 1, 1), [(0, 1), (1, 2)], generator()), None
    rows = torch.stack([counting.rows("train")[:5], counting.rows("train")[5:10]])
    contexts, deltas = member_spans(counting, rows, model)
    times = rows % 40
    assert bool((deltas == 1).all())
    assert torch.equal(contexts[0, :, -1, 0], times[0] - 1.0) and torch.equal(contexts[1, :, -1, 0], times[1] - 2.0)
    assert torch.equal(contexts[1, :, 0, 0], times[1] - 4.0)


def test_every_row_comes_once_before_any_comes_again():
    batches = Shuffled(torch.arange(100), [0, 1], 20)
    drawn = torch.cat([batches.next() for _ in range(5)], 1)
    assert [sorted(d.tolist()) for d in drawn] == [list(range(100))] * 2
    assert not torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], torch.arange(100))


def test_training_resumes_where_it_was_killed(reverting, tmp_path):
    fit = Fit(max_steps=8, validate_every=4, batch=16)
    whole, _ = stack("vmf", reverting, [(0, 1)])
    fit_ensemble(whole, reverting, fit)
    cut, _ = stack("vmf", reverting, [(0, 1)])
    from sonoscope.dynamics import training

    run, kept = training._Run(cut, fit), tmp_path / "kept.pt"
    batches = Shuffled(reverting.rows("train"), [0], 16)
    for _ in range(3):
        run.update(*member_spans(reverting, batches.next(), cut))
    run.save(kept)
    again, _ = stack("vmf", reverting, [(0, 1)])
    fit_ensemble(again, reverting, fit, kept)
    assert not kept.exists()
    for p, q in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.allclose(p, q, atol=1e-5)


def test_checkpoints_come_back_and_others_are_refused(reverting, tmp_path):
    model, _ = stack("vmf_mixture", reverting, [(0, 1), (1, 1)])
    model.save(tmp_path / "m.safetensors", 1, 5)
    back = Ensemble.load(tmp_path / "m.safetensors")
    contexts = reverting.contexts(reverting.rows("test")[:4], 1).expand(2, -1, -1, -1)
    deltas = reverting.deltas(reverting.rows("test")[:4])[None]
    assert torch.equal(model.step(contexts).log_prob(deltas), back.step(contexts).log_prob(deltas))
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(SonoscopeError, match="model_kwargs"):
        Ensemble.load(tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="horizon 2"):
        model.save(tmp_path / "m.safetensors", 2, 5)


def test_the_published_head_gets_stuck_where_ours_does_not(reverting):
    part = make_part(reverting.store.shards[0].reshape(120, 60, 4) * 60, name="large")
    clamped = ClampedModel([(0, 1)], part.window, part.dim, 32, generator())
    train_published(clamped, part, 60, 64)
    contexts = part.contexts(part.rows("test")[:200], 1)[None]
    own, closed = stack("vmf", part, [(0, 1)], hidden=32)
    own.start_from({1: closed[1]["ridge_var"]})
    found = fit_ensemble(own, part, Fit(max_steps=60, batch=64))
    deltas = part.deltas(part.rows("test")[:200])[None]
    published = -float(clamped.step(contexts).log_prob(deltas).mean())
    ours = -float(own.step(contexts).log_prob(deltas).mean())
    simple = -float(closed[1]["gaussian_full"].log_prob(contexts[0], deltas[0]).mean())
    assert ours < simple < published
    assert max(found.saturation) < 0.01


def test_clusters_of_directions_are_found():
    centres = torch.eye(4)
    noisy = torch.nn.functional.normalize(
        centres.repeat(50, 1) + 0.1 * torch.randn(200, 4, generator=generator()), dim=1
    )
    found, shares = spherical_clusters(noisy, 4)
    assert float((found @ centres.T).max(0).values.min()) > 0.98
    assert torch.allclose(shares, torch.full((4,), 0.25))


def test_experiment1_has_every_model_with_intervals_seeds_and_no_nan(reverting, tmp_path):
    settings = Dynamics(
        window=3, horizons=(1, 2), resamples=100,
        fit=Fit(models=("vmf", "mdn"), seeds=(0, 1), hidden=8, components=2, max_steps=6, batch=32),
        rollout=Rollout(k_steps=3, inject_after_steps_periodic=(1,), n_eval_utterances=3),
    )  # fmt: skip
    fitted = fit_part(reverting, settings, tmp_path, 0)
    entries = judge_part(reverting, fitted, settings, {}, 0)
    assert len(entries) == 2 * (11 + 2 + 1)
    linear = next(e for e in entries if e["model_type"] == "ridge_var" and e["horizon_k"] == 1)
    assert linear["eval"]["state_r2"] == pytest.approx(0.36, abs=0.04)
    trivial = next(e for e in entries if e["model_type"] == "persistence")
    assert trivial["eval"]["direction_cosine"] == 0 and trivial["eval"]["logmag_r2"] is None
    vmf = next(e for e in entries if e["model_type"] == "vmf")
    low, high = vmf["eval"]["intervals"]["nll"]
    assert low <= vmf["eval"]["nll"] <= high and len(vmf["eval"]["seeds"]["nll"]) == 2
    assert vmf["eval"]["n_speakers"] == 6 and vmf["rollout"]["gap_nll"] is not None
    assert calibration(fitted.models["mdn"][1], reverting, 1) is None

    def walk(value):
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            return all(map(walk, value))
        return not isinstance(value, float) or math.isfinite(value)

    assert walk(entries)


def test_a_stack_updates_models_faster_than_one_at_a_time():
    fit = Fit(hidden=32, batch=64)
    found = compare_speed(fit, 4, (1, 2), 8, steps=5)
    assert found["speedup"] == pytest.approx(found["stacked_updates_per_second"] / found["plain_updates_per_second"])
    assert found["models_at_once"] == 6
