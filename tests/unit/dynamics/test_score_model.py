import math

import pytest
import torch

from sonoscope.dynamics.correction import Setting, corrected, corrector, flow_end, grid
from sonoscope.dynamics.known_scores import judge_known, known_laws
from sonoscope.dynamics.score_model import Denoiser, ScoreShape, denoising_r2, train_score
from sonoscope.errors import SonoscopeError
from sonoscope.settings.bottlenecks import Correction


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def gaussian():
    """A denoiser at its start, of a Gaussian of variances 1 and 0.25 seen in deviations: the identity."""
    model = Denoiser(ScoreShape(2, 8, 1, 0.02, 3.0), generator())
    frames = torch.randn(50_000, 2, generator=generator()) * torch.tensor([1.0, 0.5]) + 3.0
    model.calibrate(frames)
    return model


def test_start_is_the_exact_shrinkage_of_a_gaussian(gaussian):
    z = torch.tensor([[1.0, -2.0]])
    for sigma in (0.1, 1.0, 2.0):
        assert torch.allclose(gaussian.denoise(z, sigma), z / (1 + sigma**2), rtol=0.03)


def test_flow_keeps_the_spread_that_tweedie_gives_up(gaussian):
    z = torch.tensor([[1.0, -2.0]])
    assert torch.allclose(flow_end(gaussian, z, 1.0, 16), z / math.sqrt(2), rtol=0.02)
    assert torch.allclose(corrected(gaussian, z, Setting("tweedie", 1.0), generator()), z / 2, rtol=0.02)


def test_a_whole_step_of_the_published_drift_is_tweedie(gaussian):
    z = torch.randn(5, 2, generator=generator())
    drift = corrected(gaussian, z, Setting("langevin_drift", 0.5, 1, 1.0), generator())
    assert torch.allclose(drift, corrected(gaussian, z, Setting("tweedie", 0.5), generator()), atol=1e-6)


def test_langevin_dynamics_end_in_their_law(gaussian):
    z, chance = torch.zeros(4000, 2), generator()
    for _ in range(40):
        z = corrected(gaussian, z, Setting("langevin", 1.0, 1, 0.2), chance)
    assert float(z.var()) == pytest.approx(
        2.0, rel=0.25
    )  # the law at σ = 1 has variance 1 + 1; a step of 0.2 widens it


def test_corrections_in_latent_units_leave_lost_frames_lost(gaussian):
    frames = torch.tensor([[[5.0, 3.5], [math.nan, 1.0]]])
    found = corrector(gaussian, Setting("shrink", 1.0, scale=1.0), 0)(torch.zeros(1, 2, 3, 2), frames)
    assert torch.allclose(found[0, 0], torch.tensor([3.0, 3.0]), atol=0.05)
    assert bool(torch.isnan(found[0, 1]).any())


def test_denoising_comes_within_five_percent_of_the_optimum_on_known_laws():
    found = judge_known(Correction(known_max_steps=1000, known_frames=12_000), 0)
    assert found[found.correction == "tweedie"].gap.max() < 0.05
    assert found.gap.min() > -0.02  # nothing beats the best denoiser
    mixture = found[(found.law == "mixture") & (found.sigma == 1.0)]
    assert float(mixture.gap.max()) < float(mixture.gaussian_gap.max())  # there was something to learn


def test_known_law_is_denoised_as_bayes_does():
    """The posterior mean is the best on frames of the law itself."""
    law = known_laws(3, 0)[1]
    clean = law.draw(4000, generator())
    one = torch.ones(3, dtype=torch.float64)
    noisy = clean + 0.5 * torch.randn(clean.shape, generator=generator(1), dtype=torch.float64)
    best = law.best(noisy, 0.5, 0 * one, one)
    error = float((best - clean).square().mean())
    for shift in (0.9, 1.1):
        assert error < float((noisy + shift * (best - noisy) - clean).square().mean())


def test_score_goes_to_a_file_and_back(gaussian, tmp_path):
    gaussian.save(tmp_path / "score.safetensors")
    z = torch.randn(3, 2)
    assert torch.equal(Denoiser.load(tmp_path / "score.safetensors").denoise(z, 0.3), gaussian.denoise(z, 0.3))
    assert denoising_r2(gaussian, gaussian.restore(torch.randn(100, 2)), (1.0,), 0)[0]["denoised_r2"] > 0


def test_another_file_is_refused(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(SonoscopeError, match="score model"):
        Denoiser.load(tmp_path / "other.safetensors")


def test_no_training_leaves_the_gaussian_start():
    x = torch.randn(200, 3, generator=generator())
    model = train_score(x, x, ScoreShape(3, 8, 1, 0.1, 1.0), 1, 16, 1e-9, 0)
    noisy = model.standardise(x)
    assert torch.allclose(model.denoise(noisy, 0.5), model.gaussian(noisy, torch.tensor(0.5)), atol=1e-4)


def test_grid_has_every_setting_once():
    settings = Correction(sigma=(0.1, 1.0), n_steps=(1, 3), step_size=(0.1,), tweedie_scale=(0.5, 1.0))
    found = list(grid(settings))
    assert len(found) == len(set(found)) == 2 * (2 + 2 + 2)
