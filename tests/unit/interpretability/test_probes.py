"""Mistakes 2, 7 and 8 of the seed project (one clip per class, leaking words, splits across templates); test 19."""

import numpy as np
import pytest

from sonoscope.interpretability.probes import (
    PENALTIES,
    control_task,
    nested_probe,
    ridge_path,
    score,
    score_interval,
)
from sonoscope.statistics.errors import StatisticsError


def rng(seed=0):
    return np.random.default_rng(seed)


def test_ridge_agrees_with_scikit_learn():
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import StandardScaler

    x, y, new = rng().standard_normal((40, 9)) * 3 + 1, rng(1).standard_normal((40, 2)), rng(2).standard_normal((5, 9))
    scaler = StandardScaler().fit(x)
    for k, penalty in enumerate(PENALTIES):
        other = Ridge(alpha=penalty).fit(scaler.transform(x), y).predict(scaler.transform(new))
        np.testing.assert_allclose(ridge_path(x, y, new)[k], other, atol=1e-9)


def test_a_planted_cue_is_read_at_its_layer_and_noise_is_not():
    g = rng()
    states = g.standard_normal((160, 4, 30))
    truth = np.stack([g.integers(2, size=160), g.standard_normal(160)], 1).astype(float)
    states[:, 2, 0] += 3 * truth[:, 0]
    states[:, 1, 1] += 3 * truth[:, 1]
    noise = g.permutation(truth)
    found = nested_probe(states, np.hstack([truth, noise]), None, rng())
    scores = [score(found.predicted[:, k], np.hstack([truth, noise])[:, k], found.baseline[:, k]) for k in range(4)]
    assert scores[0] > 0.95 and scores[1] > 0.8
    assert abs(scores[2] - 0.5) < 0.12 and scores[3] < 0.1
    assert (found.layers[:, 0] == 2).all() and (found.layers[:, 1] == 1).all()
    interval = score_interval(found.predicted[:, 1], truth[:, 1], found.baseline[:, 1], np.arange(160), rng())
    assert interval.low < scores[1] < interval.high


def test_mistake_8_and_acceptance_19_no_template_stands_on_both_sides():
    """States that hold nothing but the identity of a template: a random split reads the label, a grouped one cannot."""
    g = rng()
    template = np.repeat(np.arange(20), 8)
    label = (template % 2).astype(float)[:, None]
    states = g.standard_normal((20, 1, 40))[template] + 0.1 * g.standard_normal((160, 1, 40))
    leaky = nested_probe(states, label, None, rng())
    held_out = nested_probe(states, label, template, rng())
    assert score(leaky.predicted[:, 0], label[:, 0], leaky.baseline[:, 0]) > 0.95
    assert abs(score(held_out.predicted[:, 0], label[:, 0], held_out.baseline[:, 0]) - 0.5) < 0.35


def test_mistake_2_one_item_per_class_is_refused():
    with pytest.raises(StatisticsError):
        nested_probe(rng().standard_normal((2, 1, 4)), np.array([[0.0], [1.0]]), None, rng())


def test_a_control_task_has_one_value_per_kind():
    kinds = np.repeat(np.arange(10), 3)
    for is_a_class in (True, False):
        control = control_task(kinds, is_a_class, rng())
        assert all(len(set(control[kinds == k])) == 1 for k in range(10))
    assert set(control_task(kinds, True, rng())) == {0.0, 1.0}


def test_choosing_layers_on_inner_folds_is_not_optimistic():
    """48 layers of noise: the best of them looks good on the test folds, the nested choice does not."""
    g = rng()
    states, labels = g.standard_normal((80, 24, 10)), g.standard_normal((80, 1))
    found = nested_probe(states, labels, None, rng())
    best = max(np.corrcoef(found.by_layer[:, k, 0], labels[:, 0])[0, 1] for k in range(24))
    assert best > np.corrcoef(found.predicted[:, 0], labels[:, 0])[0, 1]
    assert score(found.predicted[:, 0], labels[:, 0], found.baseline[:, 0]) < 0.1
