"""Where models begin, and the closed forms that they must beat."""

import math

import pytest
import torch
from scipy.stats import multivariate_t
from toy_parts import make_part

from sonoscope.dynamics.baselines import fit_baselines, whitening
from sonoscope.dynamics.ensembles import Ensemble, shape_of
from sonoscope.dynamics.finetune import fine_tune
from sonoscope.dynamics.lengths import fit_lengths
from sonoscope.dynamics.likelihoods_robust import ScaleOnly, SpeakerMeanReversion, StudentT
from sonoscope.dynamics.starts import begin, speakers_of
from sonoscope.dynamics.training import fit_ensemble, optimiser_of
from sonoscope.settings.dynamics import Finetune, Fit

F64 = torch.float64


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def begun(part, family="vmf", members=((0, 1),), coordinates="fitted"):
    closed = {k: fit_baselines(part, k, 1e-3, 3, 0) for k in {k for _, k in members}}
    model = Ensemble(shape_of(family, part.window, part.dim, 8, 1, 3), members, generator())
    begin(model, part, closed, coordinates)
    return model, closed


def rows_of(speakers, noise, seed=0, each=40):
    """Lengths that follow the last of 6 inputs; the other inputs tell of nothing."""
    x = torch.randn(speakers * each, 6, generator=generator(seed), dtype=F64)
    y = 0.8 * x[:, -1] + noise * torch.randn(len(x), generator=generator(seed + 1), dtype=F64)
    return x, y, torch.arange(speakers).repeat_interleave(each)


def test_lengths_use_what_holds_for_other_speakers_and_leave_the_rest():
    found = fit_lengths(rows_of(12, 0.5), rows_of(4, 0.5, 7), few=1)
    assert found.weights[-1] == pytest.approx(0.8, abs=0.05)
    assert bool((found.weights[:-1] == 0).all())  # the strongest penalty is as good
    assert found.deviation == pytest.approx(0.5, abs=0.05) and found.r2 == pytest.approx(0.72, abs=0.05)


def test_where_nothing_tells_of_lengths_about_the_mean_is_predicted():
    x, y, speakers = rows_of(12, 1.0)
    held = rows_of(4, 1.0, 9)
    noise = [torch.randn(len(rows), generator=generator(s), dtype=F64) + 3 for s, rows in ((5, y), (6, held[1]))]
    found = fit_lengths((x, noise[0], speakers), (held[0], noise[1], held[2]), 1)
    assert float(found.weights.abs().max()) < 0.05 and found.constant == pytest.approx(3, abs=0.2)
    assert abs(found.r2) < 0.02


def test_speakers_of_rows_are_those_of_the_table(reverting):
    rows = reverting.rows("test")[[5, 0, 90]]
    table = reverting.frames.set_index("row").speaker_id
    numbers = speakers_of(reverting, rows)
    names = [table[int(r)] for r in rows]
    assert [numbers[i] == numbers[j] for i in range(3) for j in range(3)] == [a == b for a in names for b in names]


def test_coordinates_are_whitened_where_scales_differ_and_left_where_a_law_is_symmetric():
    """Gaussian steps of unequal size ask for whitening; a mixture of sharp directions of equal size does not."""
    sizes = torch.tensor([8.0, 4.0, 2.0, 1.0])
    uneven = make_part(torch.randn(60, 40, 4, generator=generator()) * sizes)
    model, _ = begun(uneven)
    spread = (
        model.step(uneven.contexts(uneven.rows("test"), 1)[None])
        .coordinates.into(uneven.deltas(uneven.rows("test"))[None])[0]
        .std(0)
    )
    assert float(spread.max() / spread.min()) < 1.3
    even, closed = begun(uneven, coordinates="raw")
    spread = (
        even.step(uneven.contexts(uneven.rows("test"), 1)[None])
        .coordinates.into(uneven.deltas(uneven.rows("test"))[None])[0]
        .std(0)
    )
    assert float(spread.max() / spread.min()) == pytest.approx(8, rel=0.2)
    for share, wanted in ((0.0, 8.0), (1.0, 1.0)):
        own = whitening(closed[1], uneven, "fitted", share)
        scales = torch.linalg.svdvals(own)
        assert float(scales.max() / scales.min()) == pytest.approx(8 / wanted if share else 1, rel=0.2)


def test_learned_scales_keep_a_density(reverting):
    model, _ = begun(reverting)
    with torch.no_grad():
        model.log_scale += torch.tensor([0.3, -0.2, 0.1, 0.5])
    c = model.coordinates
    assert torch.allclose(c.forward @ c.inverse, torch.eye(4)[None], atol=1e-5)
    assert float(c.log_det[0].detach()) == pytest.approx(
        float(torch.linalg.slogdet(c.forward[0].detach().double()).logabsdet), abs=1e-5
    )


def test_the_closed_form_is_kept_while_networks_learn(reverting):
    model, _ = begun(reverting)
    before = model.direct.detach().clone()
    groups = optimiser_of(model, 1e-3, 1e-2).param_groups
    rates = {id(p): (g["lr"], g["weight_decay"]) for g in groups for p in g["params"]}
    assert rates[id(model.direct)] == (pytest.approx(1e-4), 0.0)
    assert len(rates) == len(list(model.parameters()))
    fit_ensemble(model, reverting, Fit(max_steps=10, validate_every=5, batch=64))
    assert float((model.direct - before).abs().max()) < 10 * 2e-3 * 0.1 * 1.5


def test_a_start_that_validation_keeps_is_no_worse_than_the_linear_prediction(reverting):
    model, closed = begun(reverting)
    found = fit_ensemble(model, reverting, Fit(max_steps=10, validate_every=5, batch=64))
    held = reverting.rows("validation")
    linear = -closed[1]["ridge_var"].log_prob(reverting.contexts(held, 1), reverting.deltas(held)).mean()
    assert found.validation_nll[0] < float(linear) + 0.1


def test_student_t_is_scipys():
    scatter = torch.tensor([[2.0, 0.5], [0.5, 1.0]], dtype=F64)
    law = multivariate_t(loc=[1.0, -1.0], shape=scatter.numpy(), df=5, seed=1)
    x = torch.from_numpy(law.rvs(20_000))
    found = StudentT().fit(torch.zeros(len(x), 3, 2), x)
    assert found.degrees_ == 5 and torch.allclose(found.scatter_, scatter, rtol=0.08, atol=0.05)
    assert float(found.log_prob(x[:1], x).mean()) == pytest.approx(float(law.logpdf(x.numpy()).mean()), abs=2e-3)


def test_scale_only_finds_that_loud_passages_move_more():
    loud = torch.exp(torch.randn(4000, 1, 1, generator=generator(), dtype=F64))
    steps = loud * torch.randn(4000, 5, 3, generator=generator(1), dtype=F64)
    contexts, deltas = steps[:, :4].cumsum(1), steps[:, 4]
    own, plain = ScaleOnly().fit(contexts, deltas), fit_plain(contexts, deltas)
    best = -(0.5 * (deltas / loud[:, 0]).square().sum(1) + 1.5 * math.log(2 * math.pi) + 3 * loud[:, 0, 0].log()).mean()
    reached, without = own.log_prob(contexts, deltas).mean(), plain.log_prob(contexts, deltas).mean()
    assert float(best - reached) < 0.35 * float(best - without)


def fit_plain(contexts, deltas):
    from sonoscope.dynamics.likelihoods import GaussianPredictor

    return GaussianPredictor().fit(contexts, deltas)


def test_the_speakers_mean_is_reverted_to():
    mean = 5 * torch.randn(2000, 1, 3, generator=generator(), dtype=F64)
    frames = mean + torch.randn(2000, 9, 3, generator=generator(1), dtype=F64)
    contexts, deltas = frames[:, :8], frames[:, 8] - frames[:, 7]
    found = SpeakerMeanReversion().fit(contexts, deltas)
    left = float((deltas - found.predict(contexts)).square().mean())
    assert left == pytest.approx(1 + 1 / 8, rel=0.05)


def test_fine_tuning_resumes_where_it_was_killed(reverting, tmp_path, monkeypatch):
    from sonoscope.dynamics import finetune

    model, _ = begun(reverting)
    settings = Finetune(steps=3, batch_size=8, max_steps=4)
    whole, losses = fine_tune(model, reverting, 1, settings, "rollout", 0)
    monkeypatch.setattr(finetune, "_SAVE_EVERY", -1.0)
    kept, calls = tmp_path / "kept.pt", []

    def dies(*args):
        calls.append(1)
        finetune_save(*args)
        if len(calls) == 2:
            raise KeyboardInterrupt

    finetune_save = finetune._save
    monkeypatch.setattr(finetune, "_save", dies)
    with pytest.raises(KeyboardInterrupt):
        fine_tune(model, reverting, 1, settings, "rollout", 0, kept)
    assert kept.exists()
    again, resumed = fine_tune(model, reverting, 1, settings, "rollout", 0, kept)
    assert resumed == pytest.approx(losses) and not kept.exists()
    for p, q in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.allclose(p, q, atol=1e-5)
