import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from sonoscope.statistics import (
    auc,
    auc_interval,
    bootstrap_interval,
    cohens_d,
    correlation_interval,
    hedges_g,
    pearson,
    rank_biserial,
    resampled,
    spearman,
    wilson_interval,
)
from sonoscope.statistics.correlation import weighted_pearson, weighted_spearman
from sonoscope.statistics.effects import weighted_auc


def rng(seed=0):
    return np.random.default_rng(seed)


def mean(values):
    return lambda weights: weights @ values / weights.sum(1)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_bootstrap_agrees_with_scipy(method):
    values = rng().exponential(size=60)
    oracle = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=40_000, method=method.replace("bca", "BCa"), rng=rng(1)
    )
    own = bootstrap_interval(mean(values), 60, rng(2), resamples=40_000, method=method)
    assert own.estimate == pytest.approx(values.mean())
    assert (own.low, own.high) == pytest.approx(tuple(oracle.confidence_interval), abs=0.012)


def test_bootstrap_by_groups_is_the_bootstrap_of_group_means():
    means = rng().normal(size=12)
    rows, groups = np.repeat(means, 50), np.repeat(np.arange(12), 50)
    grouped = bootstrap_interval(mean(rows), 600, rng(1), groups, resamples=4000)
    alone = bootstrap_interval(mean(means), 12, rng(1), resamples=4000)
    assert (grouped.low, grouped.high, grouped.groups) == (pytest.approx(alone.low), pytest.approx(alone.high), 12)
    naive = bootstrap_interval(mean(rows), 600, rng(1), resamples=4000)
    assert (grouped.high - grouped.low) > 4 * (naive.high - naive.low)


def test_bootstrap_intervals_cover():
    hits = 0
    for seed in range(200):
        values = rng(seed).normal(size=30)
        found = bootstrap_interval(mean(values), 30, rng(seed + 1000), resamples=400)
        hits += found.low <= 0 <= found.high
    assert 0.88 <= hits / 200 <= 0.99


def test_a_function_of_arrays_and_its_weighted_form_agree():
    x, y = rng().normal(size=(2, 25))
    one = bootstrap_interval(weighted_pearson(x, y), 25, rng(1), resamples=200)
    two = bootstrap_interval(resampled(pearson, x, y), 25, rng(1), resamples=200)
    assert one == two.__class__(*(pytest.approx(v) for v in (two.estimate, two.low, two.high)), two.n, two.groups)


def test_bootstrap_refuses_what_has_no_interval():
    with pytest.raises(ValueError, match="at least 2 groups"):
        bootstrap_interval(mean(np.ones(5)), 5, rng(), np.zeros(5))
    with pytest.raises(ValueError, match="not defined"):
        bootstrap_interval(lambda w: np.full(len(w), np.nan), 5, rng())
    with pytest.raises(ValueError, match="one entry for each"):
        bootstrap_interval(mean(np.ones(5)), 5, rng(), np.zeros(4))


ties = st.lists(st.integers(0, 6), min_size=8, max_size=30)


@settings(deadline=None)
@given(ties, st.integers(0, 2**16))
def test_weighted_statistics_are_those_of_the_repeated_rows(values, seed):
    x = np.asarray(values, dtype=float)
    y = x + rng(seed).integers(0, 4, x.size)
    labels = np.arange(x.size) % 2
    weights = rng(seed).integers(0, 4, x.size)
    repeat = np.repeat(np.arange(x.size), weights)
    for weighted, plain, second in (
        (weighted_auc(x, labels), auc, labels),
        (weighted_pearson(x, y), pearson, y),
        (weighted_spearman(x, y), spearman, y),
    ):
        found = weighted(weights[None, :].astype(float))[0]
        try:
            expected = plain(x[repeat], second[repeat])
        except ValueError:
            assert np.isnan(found) or len(repeat) < 3
        else:
            assert found == pytest.approx(expected, abs=1e-9)


@given(ties, st.integers(0, 2**16))
def test_auc_equals_sklearn_and_the_rank_biserial_follows(values, seed):
    labels = rng(seed).permutation(np.arange(len(values)) % 2)
    scores = np.asarray(values, dtype=float)
    assert auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores))
    assert rank_biserial(scores[labels == 1], scores[labels == 0]) == pytest.approx(2 * auc(scores, labels) - 1)


def test_auc_interval_by_groups_is_wider_and_contains_the_estimate():
    groups = np.repeat(np.arange(20), 10)
    labels = groups % 2
    scores = rng().normal(size=20)[groups] + labels + 0.1 * rng(1).normal(size=200)
    grouped, naive = (auc_interval(scores, labels, rng(2), g) for g in (groups, None))
    assert grouped.low < grouped.estimate < grouped.high
    assert grouped.high - grouped.low > 1.5 * (naive.high - naive.low)


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=5, max_size=40))
def test_correlations_equal_scipy(pairs):
    x, y = np.array(pairs).T
    if np.ptp(x) < 1e-3 or np.ptp(y) < 1e-3:
        return
    assert pearson(x, y) == pytest.approx(scipy.stats.pearsonr(x, y).statistic, abs=1e-9)
    assert spearman(x, y) == pytest.approx(scipy.stats.spearmanr(x, y).statistic, abs=1e-9)


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_correlation_interval_is_near_fisher(kind):
    x = rng().normal(size=300)
    y = x + rng(1).normal(size=300)
    found = correlation_interval(x, y, rng(2), kind=kind)
    z = np.arctanh(found.estimate)
    expected = np.tanh([z - 1.96 / 297**0.5, z + 1.96 / 297**0.5])
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.03)


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (3, 10), (10, 10), (250, 1000), (1, 1)])
def test_wilson_equals_scipy(hits, n):
    oracle = scipy.stats.binomtest(hits, n).proportion_ci(method="wilson")
    found = wilson_interval(hits, n)
    assert (found.low, found.high) == pytest.approx((oracle.low, oracle.high), abs=1e-12)
    assert found.low <= found.estimate <= found.high


@pytest.mark.parametrize(("hits", "n"), [(-1, 10), (11, 10), (0, 0)])
def test_wilson_refuses_impossible_counts(hits, n):
    with pytest.raises(ValueError, match="0 <= hits <= n"):
        wilson_interval(hits, n)


def test_effect_sizes():
    a, b = rng().normal(1, 1, 20), rng(1).normal(0, 1, 25)
    d, g = cohens_d(a, b), hedges_g(a, b)
    t = scipy.stats.ttest_ind(a, b)
    assert d.estimate == pytest.approx(t.statistic * (1 / 20 + 1 / 25) ** 0.5)
    assert g.estimate == pytest.approx(d.estimate * (1 - 3 / (4 * 43 - 1)), rel=1e-3)
    assert (d.low > 0) == (t.pvalue < 0.05)
    for bound, tail in ((d.low, 0.975), (d.high, 0.025)):
        assert scipy.stats.nct.cdf(t.statistic, 43, bound / (1 / 20 + 1 / 25) ** 0.5) == pytest.approx(tail, abs=1e-6)
    mirrored = cohens_d(b, a)
    assert (mirrored.low, mirrored.high) == (pytest.approx(-d.high), pytest.approx(-d.low))


def test_effect_sizes_refuse_what_has_none():
    with pytest.raises(ValueError, match="at least 2"):
        cohens_d([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="constant"):
        cohens_d([1.0, 1.0], [2.0, 2.0])
    with pytest.raises(ValueError, match="both classes"):
        auc([1.0, 2.0], [1, 1])
