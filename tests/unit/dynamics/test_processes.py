import math

import pytest
import torch

from sonoscope.dynamics.catalogue import known_processes
from sonoscope.dynamics.denoising import decaying_spectrum
from sonoscope.dynamics.linear import (
    VectorAutoregression,
    autoregression,
    gaussian_log_prob,
    independent_frames,
    random_autoregression,
)
from sonoscope.dynamics.switching import SwitchingDirections, switching_directions
from sonoscope.dynamics.vmf import log_area
from sonoscope.dynamics.walks import DirectionWalk, Magnitude, _log_multiplicity, split
from sonoscope.dynamics.windows import windows

HORIZONS = (1, 2, 4, 8)
PROCESSES = known_processes(6, 0)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def cosines(a, b):
    return torch.nn.functional.cosine_similarity(a, b, dim=-1)


def clustered(values, rows, count):
    """Mean and standard error over independent sequences."""
    means = torch.stack([values[rows.sequence == n].mean() for n in range(count)])
    return means.mean().item(), means.std().item() / math.sqrt(count)


@pytest.fixture(scope="module")
def drawn():
    return {name: p.sample(150, 60, generator(1)) for name, p in PROCESSES.items()}


@pytest.mark.parametrize("horizon", HORIZONS)
@pytest.mark.parametrize("name", list(PROCESSES))
def test_the_stated_optimum_is_what_the_exact_density_reaches(name, horizon, drawn):
    process, best = PROCESSES[name], PROCESSES[name].optimum(horizon)
    rows = windows(drawn[name], max(2, process.memory), horizon)
    nll, error = clustered(-process.log_prob(rows.contexts, rows.deltas, horizon), rows, 150)
    assert nll == pytest.approx(best.nll, abs=4 * error + 1e-3)
    assert error < 0.1
    assert best.nll <= best.unconditional_nll + 1e-9
    predicted = process.predict(rows.contexts, horizon)
    if best.cosine is not None:
        along, error = clustered(cosines(predicted, rows.deltas).nan_to_num(), rows, 150)
        assert along == pytest.approx(best.cosine, abs=4 * error + 1e-3)
    spread = (rows.deltas - rows.deltas.mean(0)).square().sum(1).mean()
    r2 = 1 - (rows.deltas - predicted).square().sum(1).mean() / spread
    assert r2.item() == pytest.approx(best.delta_r2, abs=0.03)


@pytest.mark.parametrize("name", list(PROCESSES))
def test_horizons_lose_information_and_equal_generators_draw_equally(name):
    process = PROCESSES[name]
    nll = [process.optimum(k).nll for k in HORIZONS]
    assert nll == sorted(nll)
    assert torch.equal(process.sample(3, 5, generator(4)), process.sample(3, 5, generator(4)))
    assert process.sample(3, 5, generator(4)).shape == (3, 5, process.dim)


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6, 0.9])
def test_cosine_of_autoregression_in_many_dimensions(rho):
    """ρ^(k-1) √((1-ρ)/2): smoother latents score lower, and unpredictable ones score 0.707."""
    process = autoregression(128, rho)
    for k in HORIZONS:
        assert process.optimum(k).cosine == pytest.approx(rho ** (k - 1) * math.sqrt((1 - rho) / 2), abs=2e-3)


def test_independent_frames_have_no_predictable_state():
    best = independent_frames(64).optimum(1)
    assert best.state_r2 == pytest.approx(0, abs=1e-12)
    assert best.cosine == pytest.approx(math.sqrt(0.5), abs=5e-3)
    assert best.delta_r2 == pytest.approx(0.5)


def test_gain_of_a_full_covariance_baseline():
    process = random_autoregression(5, generator(2), order=3)
    best = process.optimum(1)
    total = process._difference @ process._stationary @ process._difference.T
    gain = -0.5 * (torch.logdet(total) - torch.logdet(process.innovation)).item()
    assert best.nll - best.unconditional_nll == pytest.approx(gain, rel=1e-10)
    assert best.state_r2 > 0


def test_autoregression_is_stationary_from_its_first_frame():
    process = random_autoregression(4, generator(3))
    x = process.sample(20_000, 3, generator(0))
    expected = process._stationary[:4, :4]
    for t in (0, 2):
        assert torch.allclose(x[:, t].T.cov(), expected, atol=0.1 * float(expected.diagonal().max()))
    lagged = x[:, 1].T @ x[:, 0] / len(x)
    assert torch.allclose(lagged, process._stationary[:4, 4:], atol=0.1 * float(expected.diagonal().max()))


def test_an_explosive_process_is_refused():
    with pytest.raises(ValueError, match="spectral radius"):
        VectorAutoregression(torch.eye(2, dtype=torch.float64)[None] * 1.01, torch.eye(2, dtype=torch.float64))


@pytest.mark.parametrize("size", [2, 3, 16])
def test_convolved_direction_law(size):
    """At k = 1 it is von Mises-Fisher, by the harmonics too; at any k it integrates to one with the right mean."""
    walk = DirectionWalk(size, concentration=6.0)
    cosine = torch.linspace(-0.9, 1, 9, dtype=torch.float64)
    total = torch.zeros_like(cosine)
    before, now = torch.zeros_like(cosine), torch.ones_like(cosine)
    for n, h in enumerate(walk._harmonics.tolist()[:80]):
        total = total + math.exp(_log_multiplicity(n, size)) * h * now
        after = ((2 * n + size - 2) * cosine * now - n * before) / (n + size - 2) if n else cosine
        before, now = now, after
    assert torch.allclose(total.log() - log_area(size), walk._log_density(cosine, 1), atol=1e-6)
    assert walk._direction_entropy(1) < walk._direction_entropy(2) < walk._direction_entropy(8) <= log_area(size) + 1e-9


def test_switching_optimum_leaves_out_almost_nothing():
    process = switching_directions(16, 8, generator(0))
    assert process.overlap < 1e-4
    x, states = process.sample_with_states(50, 40, generator(1))
    rows = windows(x, 2, 3)
    seen = process.states(split(rows.contexts[:, -1] - rows.contexts[:, -2])[0])
    ahead = seen @ torch.linalg.matrix_power(process.transitions, 3)
    truth = states[rows.sequence, rows.frame]
    hits = (ahead.argmax(1) == truth).double()
    top1, error = clustered(hits, rows, 50)
    assert top1 == pytest.approx(process.optimum(3).top1, abs=4 * error)
    assert torch.allclose(process.stationary @ process.transitions, process.stationary)


def test_close_archetypes_are_said_to_overlap():
    archetypes = torch.nn.functional.normalize(torch.tensor([[1.0, 0.1], [1.0, -0.1]], dtype=torch.float64), dim=1)
    process = SwitchingDirections(archetypes, torch.full((2, 2), 0.5, dtype=torch.float64), concentration=5.0)
    assert process.overlap > 0.5
    with pytest.raises(ValueError, match="sum to 1"):
        SwitchingDirections(archetypes, torch.ones(2, 2, dtype=torch.float64))


def test_magnitudes_follow_their_law():
    law = Magnitude(0.5, 0.3, 0.7)
    log_m = law.sample(4000, 4, generator(0))
    assert log_m.mean().item() == pytest.approx(0.5, abs=0.02)
    assert log_m.std().item() == pytest.approx(0.3, rel=0.03)
    lag = torch.corrcoef(log_m[:, [1, 3]].T)[0, 1].item()
    assert lag == pytest.approx(0.49, abs=0.04)
    m, past = log_m[:, 3].exp(), log_m[:, 1]
    assert -law.log_prob(log_m[:, 3], past, 2).mean().item() == pytest.approx(law.nll(2), abs=0.05)
    assert (law.mean_of(past, 2).square().mean() / m.square().mean()).item() == pytest.approx(
        law.explained(2), rel=0.02
    )


def test_tweedie_is_exact_and_cannot_be_beaten():
    process = decaying_spectrum(12, generator(0))
    for noise in (0.1, 0.5, 2.0):
        clean, noisy = process.sample(20_000, noise, generator(1))
        error = (process.denoise(noisy, noise) - clean).square().sum(1).mean().item()
        assert error == pytest.approx(process.least_error(noise), rel=0.03)
        for shrink in (0.9, 1.1):
            other = noisy + shrink * noise**2 * process.score(noisy, noise)
            assert (other - clean).square().sum(1).mean().item() > error
        y = noisy[:5].clone().requires_grad_()
        (slope,) = torch.autograd.grad(process.log_prob(y, noise).sum(), y)
        assert torch.allclose(slope, process.score(y.detach(), noise), atol=1e-9)
        assert -process.log_prob(noisy, noise).mean().item() == pytest.approx(process.nll(noise), rel=0.01)


def test_gaussian_density_is_torchs():
    covariance = random_autoregression(5, generator(0)).innovation
    x = torch.randn(7, 5, generator=generator(1), dtype=torch.float64)
    expected = torch.distributions.MultivariateNormal(torch.zeros(5, dtype=torch.float64), covariance).log_prob(x)
    assert torch.allclose(gaussian_log_prob(x, covariance), expected)
