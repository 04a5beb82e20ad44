"""Permutation tests, corrections and power."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from sonoscope.statistics import (
    benjamini_hochberg,
    holm,
    max_t_test,
    minimal_detectable_effect,
    permutation_test,
    permuted_labels,
    power_two_sample,
    sample_size,
)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_permutation_p_agrees_with_scipy():
    a, b = rng().normal(0.8, 1, 15), rng(1).normal(0, 2, 12)
    oracle = scipy.stats.permutation_test(
        (a, b),
        lambda x, y: abs(scipy.stats.ttest_ind(x, y, equal_var=False).statistic),
        n_resamples=1500,
        alternative="greater",
        rng=rng(2),
    )
    own = permutation_test(a, b, rng(3), 4000)
    assert own.statistic[0] == pytest.approx(abs(scipy.stats.ttest_ind(a, b, equal_var=False).statistic))
    assert own.p_value[0] == pytest.approx(oracle.pvalue, abs=0.02)


def test_p_is_never_zero_and_counts_the_observed_arrangement():
    found = permutation_test(np.arange(10.0) + 100, np.arange(10.0), rng(), 99)
    assert found.p_value[0] == pytest.approx(1 / 100, abs=0.0101) and found.p_value[0] > 0


def test_five_against_five_reaches_its_smallest_p():
    found = permutation_test(np.arange(5.0) + 100, np.arange(5.0), rng(), 50_000)
    assert found.p_value[0] == pytest.approx(2 / 252, rel=0.15)


def test_max_t_controls_the_family_and_beats_bonferroni_when_features_correlate():
    labels = np.arange(40) % 2
    false = 0
    for seed in range(150):
        shared = rng(seed).normal(size=(40, 1))
        features = 0.95 * shared + 0.3 * rng(seed + 500).normal(size=(40, 20))
        false += max_t_test(features, labels, rng(seed), permutations=199).adjusted.min() <= 0.05
    assert false / 150 <= 0.10
    assert false / 150 >= 0.01  # not as timid as one twentieth of a twentieth
    planted = rng(7).normal(size=(40, 20))
    planted[:, 3] += 2 * labels
    found = max_t_test(planted, labels, rng(8))
    assert found.adjusted[3] < 0.01 and np.delete(found.adjusted, 3).min() > 0.05
    assert (found.adjusted >= found.p_value).all()


def test_whole_groups_move_so_that_frames_do_not_count_as_clips():
    """Five against five clips of 40 frames: by frame the test rejects far too often, by clip it does not."""
    groups = np.repeat(np.arange(10), 40)
    labels = groups % 2
    by_frame = by_clip = 0
    for seed in range(60):
        frames = rng(seed).normal(size=10)[groups] + 2 * rng(seed + 99).normal(size=400)
        by_frame += max_t_test(frames[:, None], labels, rng(seed), permutations=199).p_value[0] <= 0.05
        by_clip += max_t_test(frames[:, None], labels, rng(seed), groups, 199).p_value[0] <= 0.05
    assert by_frame / 60 > 0.4 and by_clip / 60 < 0.2


@given(st.integers(0, 10_000))
def test_permuted_labels_respect_groups(seed):
    within = np.arange(24) % 3
    groups = np.arange(24) // 6
    shuffled = permuted_labels(within, groups, rng(seed))
    assert all(sorted(shuffled[groups == g]) == sorted(within[groups == g]) for g in range(4))
    whole = (np.arange(4) % 2)[groups]
    moved = permuted_labels(whole, groups, rng(seed))
    assert all(np.ptp(moved[groups == g]) == 0 for g in range(4)) and moved.sum() == whole.sum()


def test_max_t_refuses_wrong_shapes():
    with pytest.raises(ValueError, match="features of shape"):
        max_t_test(np.ones((3, 2)), [0, 1, 0, 1], rng())
    with pytest.raises(ValueError, match="2 rows in each class"):
        max_t_test(np.ones((3, 2)), [0, 1, 0], rng())


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_corrections(p_values):
    p = np.array(p_values)
    assert benjamini_hochberg(p) == pytest.approx(scipy.stats.false_discovery_control(p))
    adjusted = holm(p)
    ordered = np.sort(p)
    expected = np.minimum(1, np.maximum.accumulate(ordered * (p.size - np.arange(p.size))))
    assert np.sort(adjusted) == pytest.approx(expected)
    assert (benjamini_hochberg(p) <= adjusted + 1e-12).all()


@pytest.mark.parametrize(
    ("effect", "powers", "needed", "needed_over_48"),
    [
        (2.09, (0.82, 0.99, 1.0), 5, 11),
        (1.14, (0.36, 0.67, 0.94), 14, 29),
        (0.92, (0.25, 0.49, 0.81), 20, 43),
        (0.65, (0.15, 0.28, 0.52), 39, 84),
        (0.5, (0.11, 0.19, 0.34), 64, 139),
    ],
)
def test_power_table(effect, powers, needed, needed_over_48):
    for n, expected in zip((5, 10, 20), powers, strict=True):
        assert power_two_sample(effect, n) == pytest.approx(expected, abs=0.0101)
    assert sample_size(effect) == needed
    assert sample_size(effect, alpha=0.05 / 48) == needed_over_48
    assert minimal_detectable_effect(needed) <= effect < minimal_detectable_effect(needed - 1)


def test_power_by_simulation_and_at_zero():
    x, y = rng().normal(0.9, 1, (4000, 16)), rng(1).normal(0, 1, (4000, 16))
    share = (scipy.stats.ttest_ind(x, y, axis=1).pvalue < 0.05).mean()
    assert power_two_sample(0.9, 16) == pytest.approx(share, abs=0.025)
    assert power_two_sample(0.0, 16) == pytest.approx(0.05)
    with pytest.raises(ValueError, match="n_per_group >= 2"):
        power_two_sample(1.0, 1)
    with pytest.raises(ValueError, match="more than"):
        sample_size(1e-6)
