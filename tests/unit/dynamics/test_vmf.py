import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from sonoscope.dynamics import bessel
from sonoscope.dynamics.accuracy import CONCENTRATIONS, accuracy_row, vmf_errors
from sonoscope.dynamics.vmf import (
    VonMisesFisher,
    concentration_of,
    fit,
    log_area,
    log_normaliser,
    mean_resultant_length,
)

DIMS = [2, 3, 8, 32, 128, 512, 1024]
F64 = torch.float64


def direction(dim, seed=0):
    v = torch.randn(dim, generator=torch.Generator().manual_seed(seed), dtype=F64)
    return v / v.norm()


def one(dim, kappa, seed=0):
    return VonMisesFisher(direction(dim, seed), torch.tensor(kappa, dtype=F64))


def test_normaliser_and_resultant_agree_with_arbitrary_precision():
    errors = vmf_errors()
    assert {e["dim"] for e in errors} >= {2, 3, 512, 1024}
    assert min(CONCENTRATIONS) == 1e-3 and max(CONCENTRATIONS) == 1e6
    assert max(e["log_normaliser"] for e in errors) < 1e-12
    assert max(e["resultant"] for e in errors) < 1e-14
    row = accuracy_row(errors)
    assert row.name == "dynamics.vmf.max_relative_error" and row.met and row.value > 0


def test_the_two_methods_agree_where_they_meet():
    """Each is extended past the border, where the other takes over."""
    for order in (0.0, 0.5, 3.0, 31.0, 255.0, 511.0):
        border = max(math.sqrt(max(bessel.FAR**2 - order**2, 0)), math.sqrt(4 * bessel.NEAR * (order + 1)))
        kappa = torch.linspace(0.95, 1.05, 9, dtype=F64) * border
        for which in range(4):
            series, uniform = bessel._series(which, kappa, order), bessel._uniform(which, kappa, order)
            assert torch.allclose(series, uniform, rtol=1e-11, atol=0)


def test_debye_polynomials_are_the_published_ones():
    u1, u2 = bessel._debye(2)
    assert {n: float(c) for n, c in u1.items()} == {1: 3 / 24, 3: -5 / 24}
    assert {n: float(c) for n, c in u2.items()} == {2: 81 / 1152, 4: -462 / 1152, 6: 385 / 1152}


@pytest.mark.parametrize("dim", [2, 3, 7, 64, 512, 1024])
def test_gradients_are_the_bessel_ratio_and_its_slope(dim):
    kappa = torch.tensor([0.05, 1.0, 9.0, 31.0, 33.0, 150.0, 2000.0], dtype=F64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda k: log_normaliser(k, dim), (kappa,))
    assert torch.autograd.gradgradcheck(lambda k: log_normaliser(k, dim), (kappa,), atol=1e-7)
    assert torch.autograd.gradcheck(lambda k: mean_resultant_length(k, dim), (kappa,), atol=1e-7)
    (slope,) = torch.autograd.grad(log_normaliser(kappa, dim).sum(), kappa)
    assert torch.equal(slope, -mean_resultant_length(kappa, dim))


def test_gradient_of_log_prob_reaches_direction_and_concentration():
    raw = torch.randn(4, 6, dtype=F64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    kappa = torch.tensor([0.1, 2.0, 40.0, 900.0], dtype=F64, requires_grad=True)
    x = torch.nn.functional.normalize(torch.randn(4, 6, dtype=F64, generator=torch.Generator().manual_seed(2)), dim=-1)

    def density(raw, kappa):
        return VonMisesFisher(torch.nn.functional.normalize(raw, dim=-1), kappa).log_prob(x)

    assert torch.autograd.gradcheck(density, (raw, kappa))


def test_three_dimensions_have_a_closed_form_and_scipy_agrees():
    x = torch.nn.functional.normalize(torch.randn(50, 3, dtype=F64, generator=torch.Generator().manual_seed(0)), dim=-1)
    for kappa in (0.01, 1.0, 20.0, 300.0):
        closed = math.log(kappa / (2 * math.pi)) - kappa - math.log(-math.expm1(-2 * kappa))
        assert log_normaliser(torch.tensor(kappa), 3).item() == pytest.approx(closed, rel=1e-7)
        ours = one(3, kappa)
        theirs = stats.vonmises_fisher(ours.mean.numpy(), kappa)
        assert ours.log_prob(x).numpy() == pytest.approx(theirs.logpdf(x.numpy()), abs=1e-9)
        assert ours.entropy().item() == pytest.approx(float(theirs.entropy()), abs=1e-9)


@pytest.mark.parametrize(("dim", "kappa"), [(2, 0.5), (3, 5.0), (16, 40.0), (128, 100.0)])
def test_density_integrates_to_one(dim, kappa):
    """Over the polar angle; rings have the area of the sphere one dimension lower."""
    constant = log_normaliser(torch.tensor(kappa, dtype=F64), dim).item()
    ring = log_area(dim - 1) if dim > 2 else math.log(2)

    def over(angle):
        return math.exp(constant + ring + kappa * math.cos(angle) + (dim - 2) * math.log(math.sin(angle)))

    assert integrate.quad(over, 0, math.pi, epsabs=1e-11, limit=400)[0] == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("dim", DIMS)
def test_uniform_limit(dim):
    uniform, nearly = one(dim, 0.0), one(dim, 1e-3)
    assert uniform.log_prob(direction(dim, 5)).item() == pytest.approx(-log_area(dim), rel=1e-15)
    assert uniform.entropy().item() == pytest.approx(log_area(dim), rel=1e-15)
    assert uniform.kl_to_uniform().item() == 0
    assert nearly.kl_to_uniform().item() == pytest.approx(1e-6 / (2 * dim), rel=2e-3)
    assert mean_resultant_length(torch.tensor(1e-3), dim).item() == pytest.approx(1e-3 / dim, rel=1e-5)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(DIMS), st.floats(-3, 6))
def test_inverse_of_the_resultant(dim, exponent):
    kappa = torch.tensor(10.0**exponent, dtype=F64)
    length = mean_resultant_length(kappa, dim)
    # 1 - length has fewer digits than length: that, not the method, bounds what can be recovered
    lost = 1e-15 / (1 - length.item())
    assert concentration_of(length, dim).item() == pytest.approx(kappa.item(), rel=1e-12 + 4 * lost)


def test_inverse_is_differentiable():
    length = torch.tensor([0.05, 0.4, 0.9], dtype=F64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda r: concentration_of(r, 32), (length,))


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(DIMS), st.floats(-3, 5), st.floats(0.01, 2))
def test_resultant_grows_and_stays_within_its_bounds(dim, exponent, further):
    """Amos (1974): tight bounds on the Bessel ratio."""
    kappa = torch.tensor([10.0**exponent, 10.0 ** (exponent + further)], dtype=F64)
    a, nu = mean_resultant_length(kappa, dim), dim / 2 - 1
    assert a[0] < a[1] < 1
    low = kappa / (nu + 0.5 + torch.sqrt((nu + 1.5) ** 2 + kappa**2))
    high = kappa / (nu + 0.5 + torch.sqrt((nu + 0.5) ** 2 + kappa**2))
    assert bool(((low <= a * (1 + 1e-14)) & (a <= high * (1 + 1e-14))).all())


def test_divergences():
    p, q = one(16, 20.0, 0), one(16, 7.0, 1)
    assert p.kl_divergence(p).item() == pytest.approx(0, abs=1e-12)
    assert p.kl_divergence(one(16, 0.0, 1)).item() == pytest.approx(p.kl_to_uniform().item(), rel=1e-12)
    x = p.sample(40_000, torch.Generator().manual_seed(0))
    difference = p.log_prob(x) - q.log_prob(x)
    error = difference.std().item() / 200
    assert p.kl_divergence(q).item() == pytest.approx(difference.mean().item(), abs=4 * error)


@pytest.mark.parametrize(("dim", "kappa"), [(2, 3.0), (3, 0.0), (3, 1e5), (32, 12.0), (512, 1.0), (512, 800.0)])
def test_samples_have_the_right_moments(dim, kappa):
    p, n = one(dim, kappa), 4000
    x = p.sample(n, torch.Generator().manual_seed(3))
    assert torch.allclose(x.norm(dim=-1), torch.ones(n, dtype=F64), atol=1e-12)
    w = x @ p.mean
    a = p.mean_resultant_length().item()
    variance = bessel.bessel_ratio_slope(p.concentration, dim / 2 - 1).item()
    assert w.mean().item() == pytest.approx(a, abs=4 * math.sqrt(variance / n))
    assert w.var().item() == pytest.approx(variance, rel=0.15)
    tangent = x - w[:, None] * p.mean
    around = tangent.mean(0).norm().item() / tangent.norm(dim=-1).mean().item()
    assert around < 4 / math.sqrt(n)  # isotropic about the mean
    again = p.sample(n, torch.Generator().manual_seed(3))
    assert torch.equal(x, again)


def test_cosines_of_samples_follow_the_exact_law():
    p = one(8, 6.0)
    w = (p.sample(4000, torch.Generator().manual_seed(5)) @ p.mean).numpy()
    grid = np.linspace(-1, 1, 4001)
    density = np.exp(6.0 * (grid - 1)) * (1 - grid**2) ** 2.5
    cumulative = integrate.cumulative_simpson(density, x=grid, initial=0)
    assert stats.kstest(w, lambda t: np.interp(t, grid, cumulative / cumulative[-1])).pvalue > 1e-3


def test_a_batch_draws_each_its_own():
    mean = torch.stack([direction(5, 1), direction(5, 2)])
    x = VonMisesFisher(mean, torch.tensor([1e4, 1e4], dtype=F64)).sample(7, torch.Generator().manual_seed(0))
    assert x.shape == (7, 2, 5)
    assert torch.allclose(x, mean.expand(7, 2, 5), atol=0.1)


@pytest.mark.parametrize(("dim", "kappa"), [(3, 4.0), (64, 80.0)])
def test_maximum_likelihood_recovers_what_was_drawn(dim, kappa):
    p = one(dim, kappa)
    x = p.sample(20_000, torch.Generator().manual_seed(9))
    found = fit(x)
    assert found.concentration.item() == pytest.approx(kappa, rel=0.03)
    assert (found.mean @ p.mean).item() > 0.999
    for worse in (0.9, 1.1):
        other = VonMisesFisher(found.mean, found.concentration * worse)
        assert other.log_prob(x).mean() < found.log_prob(x).mean()
    half = fit(torch.cat([x, -x[:5]]), torch.cat([torch.ones(len(x)), torch.zeros(5)]))
    assert half.concentration.item() == pytest.approx(found.concentration.item(), rel=1e-9)


def test_single_precision_arguments_lose_little():
    p = one(512, 800.0)
    x = p.sample(20, torch.Generator().manual_seed(0))
    single = VonMisesFisher(p.mean.float(), p.concentration.float()).log_prob(x.float())
    assert torch.allclose(single, p.log_prob(x), atol=1e-3)


def test_mistakes_are_explained():
    with pytest.raises(ValueError, match="at least 2 dimensions, found 1"):
        log_normaliser(torch.tensor(1.0), 1)
    with pytest.raises(ValueError, match="negative one or NaN"):
        log_normaliser(torch.tensor([1.0, float("nan")]), 3)
    with pytest.raises(ValueError, match=r"lengths in \[0, 1\)"):
        concentration_of(torch.tensor(1.0), 3)
    with pytest.raises(ValueError, match="one concentration per mean"):
        VonMisesFisher(torch.ones(2, 3), torch.ones(3))
    with pytest.raises(ValueError, match="all directions agree"):
        fit(torch.tensor([[1.0, 0.0], [1.0, 0.0]], dtype=F64))


def test_order_zero_is_scipys():
    kappa = torch.tensor([0.5, 5.0, 50.0], dtype=F64)
    expected = np.log(special.i0e(kappa.numpy()))
    assert bessel.scaled_log_hypergeometric(kappa, 0.0).numpy() == pytest.approx(expected, rel=1e-13)
