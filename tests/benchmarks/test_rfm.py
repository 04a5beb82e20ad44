"""Own Recursive Feature Machine beside xrfm at n = 1000, dim = 1024, 5 updates.

Not part of the unit tests: run `pytest tests/benchmarks --benchmark-only`.
"""

import pytest
import torch

from sonoscope.directions.metric import FeatureMetric, GramMetric
from sonoscope.directions.recursion import KernelSettings, fitted_iterate

xrfm = pytest.importorskip("xrfm.rfm_src")
N, DIM, UPDATES = 1000, 1024, 5
SETTINGS = KernelSettings(bandwidth=40.0, penalty=1e-2, bandwidth_unit="absolute")


def problem():
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(N, DIM, generator=generator)
    states[:, 0] *= 3
    labels = ((states[:, 0] + 0.5 * states[:, 1] ** 2 - 0.5) > 0).float()
    return states - states.mean(0), labels[:, None]


def own(states, labels, metric):
    _, vectors = fitted_iterate(metric(states), labels, SETTINGS, UPDATES).eigenpairs(1)
    return vectors[0]


def published(metric_points):
    return FeatureMetric(metric_points, [], "max_entry")


def theirs(states, labels):
    model = xrfm.RFM(
        kernel="l2_high_dim",
        bandwidth=SETTINGS.bandwidth,
        exponent=SETTINGS.exponent,
        device="cpu",
        verbose=False,
        tuning_metric="mse",
    )
    model.fit(
        (states, labels),
        (states[:50], labels[:50]),
        iters=UPDATES,
        reg=SETTINGS.penalty,
        return_best_params=False,
        early_stop_rfm=False,
        verbose=False,
    )
    agop = model.fit_M(states, 1, inplace=False)
    return torch.linalg.eigh(agop)[1][:, -1]


@pytest.fixture(scope="module")
def oracle():
    torch.set_num_threads(1)
    return theirs(*problem())


def test_published_normalisation(benchmark, oracle):
    states, labels = problem()
    direction = benchmark.pedantic(own, args=(states, labels, published), rounds=3, warmup_rounds=1)
    assert abs(float(direction @ oracle)) >= 0.999


def test_default_normalisation(benchmark):
    torch.set_num_threads(1)
    states, labels = problem()
    direction = benchmark.pedantic(own, args=(states, labels, GramMetric), rounds=3, warmup_rounds=1)
    assert abs(float(direction.double() @ own(states.double(), labels.double(), GramMetric))) >= 0.999


def test_xrfm(benchmark, oracle):
    states, labels = problem()
    direction = benchmark.pedantic(theirs, args=(states, labels), rounds=3, warmup_rounds=1)
    assert abs(float(direction @ oracle)) >= 0.999
