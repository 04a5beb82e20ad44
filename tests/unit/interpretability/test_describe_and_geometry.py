"""Mistakes 6 and 9 of the seed project, and acceptance tests 16 and 20."""

import numpy as np
import pytest

from sonoscope.interpretability.describe import STATISTICS, clip_statistics
from sonoscope.interpretability.geometry import (
    circumplex,
    linear_cka,
    participation_ratio,
    rsa,
    silhouette,
    silhouette_test,
)


def rng():
    return np.random.default_rng(0)


def test_mistake_6_sparsity_says_something_where_no_component_is_zero():
    dense = rng().standard_normal((1, 50, 256))
    peaked = dense * 0.01
    peaked[..., :4] *= 1000
    a, b = (dict(zip(STATISTICS, clip_statistics(x)[0], strict=True)) for x in (dense, peaked))
    assert (dense == 0).mean() == (peaked == 0).mean() == 0
    assert b["hoyer"] > 0.8 > 0.3 > a["hoyer"]
    assert b["near_zero"] > 0.9 > 0.2 > a["near_zero"]
    assert abs(a["kurtosis"]) < 0.2 and b["kurtosis"] > 20
    assert a["std"] == pytest.approx(1, abs=0.05) and a["norm"] == pytest.approx(16, abs=0.5)


@pytest.mark.parametrize(("n", "dim", "biased"), [(80, 1024, 0.93), (200, 2048, 0.91), (1000, 1024, 0.51)])
def test_acceptance_16_debiased_cka_of_independent_noise_is_zero_where_the_biased_one_is_not(n, dim, biased):
    g = rng()
    a, b = g.standard_normal((n, dim)), g.standard_normal((n, dim))
    assert linear_cka(a, b) == pytest.approx(0, abs=0.02)
    assert linear_cka(a, b, debiased=False) == pytest.approx(biased, abs=0.01)


def test_cka_is_one_for_a_rotation_and_a_scale():
    a = rng().standard_normal((40, 12))
    turn = np.linalg.qr(rng().standard_normal((12, 12)))[0]
    assert linear_cka(a, 3 * a @ turn) == pytest.approx(1)


def test_silhouette_agrees_with_scikit_learn():
    from sklearn.metrics import silhouette_score

    x, y = rng().standard_normal((60, 5)), rng().integers(3, size=60)
    distances = np.linalg.norm(x[:, None] - x[None], axis=-1)
    assert silhouette(distances, y) == pytest.approx(silhouette_score(x, y))


def test_mistake_9_silhouettes_are_of_the_original_space_with_a_null():
    x, y = rng().standard_normal((60, 100)), np.arange(60) % 3
    found = silhouette_test(x, y, rng())
    assert abs(found.value) < 0.05 and found.p_value > 0.05
    x[:, :3] += 6 * np.eye(3)[y]
    found = silhouette_test(x, y, rng())
    assert found.value > 0.2 and found.p_value < 0.01


EMOTIONS = {
    "happy": (0.6, 0.4),
    "sad": (-0.6, -0.4),
    "calm": (0.2, -0.6),
    "energetic": (0.4, 0.8),
    "angry": (-0.6, 0.7),
}


def test_a_planted_circumplex_is_found_and_noise_is_not():
    g = rng()
    axes = np.linalg.qr(g.standard_normal((64, 2)))[0]
    labels = np.repeat(list(EMOTIONS), 8)
    noise = 0.2 * g.standard_normal((40, 64))
    planted = np.array([EMOTIONS[name] for name in labels]) @ axes.T * 5 + noise
    found = circumplex(planted, labels, EMOTIONS, rng())
    assert found.value > 0.95 and found.p_value < 0.05 and found.null < 0.7
    assert rsa(*_means(planted, labels), rng()).p_value < 0.05
    assert circumplex(noise, labels, EMOTIONS, rng()).p_value > 0.01


def _means(states, labels):
    return (
        np.stack([states[labels == name].mean(0) for name in EMOTIONS]),
        np.array(list(EMOTIONS.values())),
    )


def test_participation_ratio_counts_dimensions():
    x = rng().standard_normal((5000, 20))
    x[:, 5:] *= 1e-3
    assert participation_ratio(x) == pytest.approx(5, abs=0.1)
