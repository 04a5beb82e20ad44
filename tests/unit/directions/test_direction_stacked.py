"""All layers at once choose what each would choose alone."""

import numpy as np
import pytest
import torch
from planted_worlds import planted

from sonoscope.directions.errors import DirectionError
from sonoscope.directions.registry import fit_layers
from sonoscope.directions.search import SearchSpace, choose
from sonoscope.directions.stacked import choose_stacked, leading
from sonoscope.directions.targets import Target

LAYERS = 3


@pytest.fixture(scope="module")
def world():
    found = [planted(72, 40, strength=s, mean=2.0, seed=k, groups=12) for k, s in enumerate((0.0, 1.0, 3.0))]
    return torch.stack([one[0] for one in found], 1), found[0][1], found[0][2]


def arguments():
    return {"iterations": 3, "folds": 3, "generator": np.random.default_rng(4)}


@pytest.mark.parametrize("kind", ["binary", "continuous", "classes"])
def test_choices_are_those_of_each_layer_alone(world, kind):
    states, labels, groups = world
    if kind == "continuous":
        labels = labels + 0.1 * states[:, 2, 0]
    if kind == "classes":
        labels = torch.arange(72) % 3
    target, names = Target.from_labels(labels, kind), groups.numpy()
    candidates = SearchSpace().draw(4, np.random.default_rng(1))
    components = 2 if kind == "classes" else 1
    together = choose_stacked(states.double(), target, names, candidates, components=components, **arguments())
    for layer in range(LAYERS):
        own = states[:, layer].double()
        alone = choose(own, target, names, candidates, components=components, **arguments())
        assert (together[layer].settings, together[layer].iteration) == (alone.settings, alone.iteration)
        assert together[layer].curve == pytest.approx(alone.curve, abs=0.02)


def test_fitted_directions_are_the_same(world):
    states, labels, groups = world
    more = {"search_points": 2, "iterations": 2, "resamples": 50}
    one, other = (fit_layers(states, labels, groups, stacked=s, **more) for s in (False, True))
    for a, b in zip(one, other, strict=True):
        assert torch.allclose(a.direction_, b.direction_, atol=1e-6)
        assert a.details_ == b.details_ or a.details_["iteration"] == b.details_["iteration"]
        assert a.score_.estimate == pytest.approx(b.score_.estimate)


def test_leading_eigenvectors_are_those_of_the_decomposition():
    generator = torch.Generator().manual_seed(0)
    gradients = torch.randn(4, 30, 20, dtype=torch.float64, generator=generator)
    gradients[1, :, 3] *= 20
    gradients[2] = gradients[2, :1] * torch.arange(30)[:, None]  # of rank one
    start = torch.ones(4, 20, dtype=torch.float64) + 0.1 * torch.arange(20)
    found = leading(gradients, start, 1, tolerance=1e-10)
    _, exact = torch.linalg.eigh(gradients.mT @ gradients)
    assert torch.allclose((found[:, 0] * exact[:, :, -1]).sum(1).abs(), torch.ones(4, dtype=torch.float64), atol=1e-8)
    with pytest.raises(DirectionError, match="at most 20"):
        leading(gradients, start, 21)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_single_precision_finds_the_same_direction(world, dtype):
    states, labels, groups = world
    exact = fit_layers(states, labels, groups, search_points=0, inner_folds=0, folds=0)
    found = fit_layers(states, labels, groups, search_points=0, inner_folds=0, folds=0, dtype=dtype)
    for a, b in zip(exact[1:], found[1:], strict=True):
        assert float(a.direction_ @ b.direction_) > 0.9999


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no graphics card is visible")
def test_a_card_finds_the_same_direction(world):
    states, labels, groups = world
    more = {"search_points": 2, "iterations": 2, "resamples": 50}
    here, there = (fit_layers(s, labels, groups, **more) for s in (states, states.cuda()))
    for a, b in zip(here[1:], there[1:], strict=True):
        assert float(a.direction_ @ b.direction_) > 0.9999
