import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.mixture import GaussianMixture

from sonoscope.dynamics.likelihoods import (
    DiagonalAutoregression,
    GaussianPredictor,
    MeanReversion,
    Persistence,
    RidgeAutoregression,
    UniformLogNormal,
    covariance_of,
    factored_log_prob,
    log_normal_log_prob,
)
from sonoscope.dynamics.likelihoods_robust import least_squares
from sonoscope.dynamics.linear import autoregression, independent_frames, random_autoregression
from sonoscope.dynamics.mixture import UnconditionalMixture
from sonoscope.dynamics.vmf import VonMisesFisher, log_area
from sonoscope.dynamics.walks import DirectionWalk, split
from sonoscope.dynamics.windows import windows

F64 = torch.float64


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def nll(predictor, rows):
    return -predictor.log_prob(rows.contexts, rows.deltas).mean().item()


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 5), st.integers(1, 6), st.integers(0, 3))
def test_windows_count_frames_right(window, horizon, later):
    """With x_t = t every target is 1, and the newest frame seen is t - k."""
    first = window - 1 + horizon + later
    frames = first + 4
    x = torch.arange(frames, dtype=F64)[None, :, None].expand(2, frames, 3) + torch.tensor([0.0, 100.0])[:, None, None]
    rows = windows(x, window, horizon, first)
    base = rows.sequence * 100.0
    assert rows.contexts.shape == (8, window, 3) and set(rows.sequence.tolist()) == {0, 1}
    assert bool((rows.deltas == 1).all())
    assert torch.equal(rows.previous[:, 0], (rows.frame - 1 + base).double())
    assert torch.equal(rows.contexts[:, -1, 0], (rows.frame - horizon + base).double())
    assert torch.equal(rows.contexts[:, 0, 0], (rows.frame - horizon - window + 1 + base).double())
    assert rows.frame.min() == first


def test_windows_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="needs targets from frame 9 on, found 9 frames"):
        windows(torch.zeros(1, 9, 2), 8, 2)
    with pytest.raises(ValueError, match="at least 1 frame"):
        windows(torch.zeros(1, 9, 2), 0, 1)


@pytest.mark.parametrize("dim", [2, 3, 8, 64])
def test_factored_density_is_that_of_the_coordinates(dim):
    """A standard normal has a uniform direction and a chi magnitude: both ways give one number."""
    x = torch.randn(20, dim, generator=generator(), dtype=F64)
    m = x.norm(dim=1)
    chi = torch.from_numpy(stats.chi(dim).logpdf(m.numpy()))
    direction = torch.full((20,), -log_area(dim), dtype=F64)
    expected = -0.5 * x.square().sum(1) - dim / 2 * math.log(2 * math.pi)
    assert torch.allclose(factored_log_prob(direction, chi, m, dim), expected)


def test_factored_density_integrates_to_one():
    """Over the plane, by a grid: vMF direction times LogNormal magnitude with the Jacobian is a density."""
    step = 0.02
    axis = torch.arange(-8, 8, step, dtype=F64) + step / 2
    x = torch.cartesian_prod(axis, axis)
    m = x.norm(dim=1)
    law = VonMisesFisher(torch.tensor([0.6, 0.8], dtype=F64).expand(len(x), 2), torch.full((len(x),), 3.0, dtype=F64))
    log_m = log_normal_log_prob(m, torch.tensor(0.2), torch.tensor(0.4))
    density = factored_log_prob(law.log_prob(x / m[:, None]), log_m, m, 2).exp()
    assert density.sum().item() * step**2 == pytest.approx(1, abs=2e-3)


def test_log_normal_is_scipys():
    m = torch.tensor([0.1, 1.0, 7.0], dtype=F64)
    expected = stats.lognorm(0.7, scale=math.exp(0.3)).logpdf(m.numpy())
    assert log_normal_log_prob(m, torch.tensor(0.3), torch.tensor(0.7, dtype=F64)).numpy() == pytest.approx(expected)


@pytest.mark.parametrize("horizon", [1, 2, 4])
def test_ridge_autoregression_reaches_the_optimum_of_a_linear_process(horizon):
    process = random_autoregression(6, generator(0))
    train = windows(process.sample(60, 120, generator(1)), 4, horizon)
    test = windows(process.sample(60, 120, generator(2)), 4, horizon)
    best = process.optimum(horizon)
    exact = -process.log_prob(test.contexts, test.deltas, horizon).mean().item()
    fitted = RidgeAutoregression().fit(train.contexts, train.deltas)
    assert nll(fitted, test) == pytest.approx(exact, abs=0.02)
    assert nll(GaussianPredictor().fit(train.contexts, train.deltas), test) == pytest.approx(
        best.unconditional_nll, abs=0.1
    )
    assert nll(fitted, test) < nll(DiagonalAutoregression().fit(train.contexts, train.deltas), test)


def test_autoregression_by_coordinate_reaches_its_optimum():
    process = autoregression(16, 0.6)
    train, test = (windows(process.sample(80, 60, generator(s)), 3, 1) for s in (1, 2))
    exact = -process.log_prob(test.contexts, test.deltas, 1).mean().item()
    fitted = DiagonalAutoregression(covariance="diagonal").fit(train.contexts, train.deltas)
    assert nll(fitted, test) == pytest.approx(exact, abs=0.03)
    assert fitted.slope_.mean().item() == pytest.approx(-0.4, abs=0.01)
    cosine = torch.nn.functional.cosine_similarity(fitted.predict(test.contexts), test.deltas, dim=-1).mean().item()
    assert cosine == pytest.approx(process.optimum(1).cosine, abs=0.02)
    fitted_rate = MeanReversion(rate=None).fit(train.contexts, train.deltas)
    assert fitted_rate.rate_ == pytest.approx(0.4, abs=0.01)
    assert nll(fitted_rate, test) == pytest.approx(exact, abs=0.1)


def test_mean_reversion_is_right_for_independent_frames_and_persistence_is_not():
    process = independent_frames(16)
    train, test = (windows(process.sample(80, 40, generator(s)), 2, 1) for s in (1, 2))
    reverting = MeanReversion().fit(train.contexts, train.deltas)
    persisting = Persistence().fit(train.contexts, train.deltas)
    exact = -process.log_prob(test.contexts, test.deltas, 1).mean().item()
    gap = process.optimum(1).unconditional_nll - process.optimum(1).nll
    assert nll(reverting, test) == pytest.approx(exact, abs=0.05)
    assert nll(persisting, test) - nll(reverting, test) == pytest.approx(gap, abs=0.15)
    assert not persisting.predict(test.contexts).any()


def test_uniform_lognormal_is_the_marginal_of_a_direction_walk():
    process = DirectionWalk(8, 20.0)
    train, test = (windows(process.sample(200, 40, generator(s)), 2, 1) for s in (1, 2))
    fitted = UniformLogNormal().fit(train.contexts, train.deltas)
    assert nll(fitted, test) == pytest.approx(process.optimum(1).unconditional_nll, abs=0.2)
    assert nll(fitted, test) - process.optimum(1).nll > 1


def test_mixture_is_no_worse_than_scikit_learns():
    parts = [torch.randn(400, 3, generator=generator(s), dtype=F64) * scale + shift for s, scale, shift in
             ((0, 0.3, 0.0), (1, 1.0, 3.0), (2, 2.0, -3.0))]  # fmt: skip
    x = torch.cat(parts)
    ours = UnconditionalMixture(generator(5), components=3, iterations=500, tolerance=1e-7).fit(x[:, None], x)
    theirs = GaussianMixture(3, covariance_type="diag", random_state=0, n_init=5, tol=1e-6).fit(x.numpy())
    assert ours.log_prob(x[:, None], x).mean().item() > theirs.score(x.numpy()) - 1e-3
    assert torch.allclose(ours.predict(x[:, None])[0], x.mean(0), atol=1e-9)
    assert ours.log_prob(x[:2, None], x[:2]).numpy() == pytest.approx(_dense(ours, x[:2].numpy()))


def _dense(mixture, x):
    parts = [
        np.log(w) + stats.multivariate_normal(m, np.diag(v)).logpdf(x)
        for w, m, v in zip(mixture.weights_.numpy(), mixture.means_.numpy(), mixture.variances_.numpy(), strict=True)
    ]
    return np.logaddexp.reduce(parts, axis=0)


def test_mixture_gains_over_one_gaussian_where_scales_vary():
    process = DirectionWalk(8, 20.0)
    rows = windows(process.sample(100, 40, generator(1)), 2, 1)
    one = GaussianPredictor(covariance="diagonal").fit(rows.contexts, rows.deltas)
    eight = UnconditionalMixture(generator(0)).fit(rows.contexts, rows.deltas)
    assert nll(eight, rows) < nll(one, rows) - 0.1


def test_equal_frames_stay_finite():
    deltas = torch.tensor([[0.0, 0.0, 0.0], [1.0, 2.0, 2.0], [0.5, 0.0, 0.0]])
    direction, log_m = split(deltas)
    assert bool(direction.isfinite().all() & log_m.isfinite().all())
    assert log_m[1].item() == pytest.approx(math.log(3)) and direction[0].norm() == 0
    assert bool(UniformLogNormal().fit(deltas[:, None], deltas).log_prob(deltas[:, None], deltas).isfinite().all())


def test_latents_without_variance_are_refused():
    with pytest.raises(ValueError, match="no variance"):
        covariance_of(torch.zeros(5, 3))
    with pytest.raises(ValueError, match="full or diagonal, found 'ful'"):
        covariance_of(torch.ones(5, 3), "ful")
    with pytest.raises(ValueError, match="at least 8 rows"):
        UnconditionalMixture(generator()).fit(torch.ones(3, 1, 2), torch.ones(3, 2))


@given(st.integers(1, 4), st.integers(0, 1000))
def test_least_squares_are_those_of_the_library(columns, seed):
    inputs = torch.randn(50, columns, dtype=F64, generator=generator(seed))
    targets = torch.randn(50, dtype=F64, generator=generator(seed + 1))
    wanted = torch.linalg.lstsq(inputs, targets[:, None]).solution[:, 0]
    assert torch.allclose(least_squares(inputs, targets), wanted, rtol=1e-8, atol=1e-9)
    twice = torch.cat([inputs, inputs], 1)  # no library would solve this
    assert torch.allclose(twice @ least_squares(twice, targets), inputs @ wanted, rtol=1e-5, atol=1e-6)
