"""Methods and measures against closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonoscope.attribution import evaluation, legacy, methods
from sonoscope.attribution.datamodel import Retrained
from sonoscope.attribution.errors import AttributionError
from sonoscope.attribution.methods import Pair
from sonoscope.attribution.scoring import folded


def rows(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def pair(n=6, q=3, dim=20, seed=0):
    return Pair(rows((n, dim), seed), rows((q, dim), seed + 1), np.ones(n, bool))


@pytest.mark.parametrize("dim", [4, 40])
def test_primal_and_dual_ridge_agree(dim):
    train, query = rows((9, dim)).astype(float), rows((3, dim), 1).astype(float)
    penalty = methods.relative_penalty(train, 0.2)
    exact = query @ np.linalg.inv(train.T @ train + penalty * np.eye(dim))
    np.testing.assert_allclose(methods.preconditioned(train, query, 0.2), exact, atol=1e-9)


def test_much_damping_gives_inner_products():
    p = pair()
    found, plain = methods.trak([p], 1e9), methods.dot(p)
    np.testing.assert_allclose(found / found[0, 0], plain / plain[0, 0], rtol=1e-6)


def test_trak_is_the_leave_one_out_of_linear_regression():
    """Leaving a row out of a least-squares fit moves a prediction by φ(q)H⁻¹φ(z) r/(1 - h)."""
    rng = np.random.default_rng(0)
    x, noise, asked = rng.standard_normal((60, 4)), rng.standard_normal(60) * 0.1, rng.standard_normal((5, 4))
    y = x @ rng.standard_normal(4) + noise
    fit = lambda keep: np.linalg.lstsq(x[keep], y[keep], rcond=None)[0]  # noqa: E731
    everything = np.arange(60)
    truth = np.stack([asked @ (fit(everything) - fit(np.delete(everything, i))) for i in range(60)], axis=1)
    residual = y - x @ fit(everything)
    kernel = methods.trak([Pair(x.astype(np.float32), asked.astype(np.float32), np.ones(60, bool))], 1e-9)
    assert evaluation.spearman_rows(kernel * residual, truth).min() > 0.99


def test_a_row_influences_itself_most_and_duplicates_tie():
    train = rows((10, 64))
    train[7] = train[2]
    same = Pair(train, train[:5], np.ones(10, bool))
    for scores in (methods.cosine([same]), methods.trak([same], 0.1), methods.blockwise([same], 0.1, 16)):
        np.testing.assert_allclose(scores[:, 2], scores[:, 7], rtol=1e-5)
        for row in (0, 1, 3, 4):
            assert scores[row].argmax() == row


def test_decoys_stay_out_of_the_curvature():
    p = pair()
    spoiled = Pair(np.concatenate([p.train, 100 * rows((2, 20), 9)]), p.query, np.array([True] * 6 + [False] * 2))
    np.testing.assert_allclose(methods.trak([spoiled], 0.1)[:, :6], methods.trak([p], 0.1), rtol=1e-5)


def test_tracin_weighs_checkpoints_by_their_rate():
    one, two = pair(seed=0), pair(seed=5)
    np.testing.assert_allclose(methods.tracin([one, two], [2.0, 3.0]), 2 * methods.dot(one) + 3 * methods.dot(two))
    with pytest.raises(AttributionError, match="expected 2 learning rates"):
        methods.tracin([one, two], [1.0])


def test_scores_of_windows_add_up_to_songs():
    scores = np.arange(12.0).reshape(2, 6)
    asked, found = methods.by_song(scores, ["b", "a", "a", "b", "b", "c"], [0, 0, 1, 1, 2, 0], ["q", "q"])
    assert asked == ["q"] and found.songs == ["a", "b", "c"]
    np.testing.assert_allclose(found.total, [[8 + 10, 6 + 12 + 14, 16]])
    assert found.best.tolist() == [[10.0, 14.0, 16.0]] and found.segment.tolist() == [[1, 2, 0]]


def test_folding_a_sketch_gives_the_shorter_sketch():
    import torch

    from sonoscope.attribution.projections import SJLT

    gradient = torch.from_numpy(rows((2, 3000)))
    long, short = SJLT(256, 4).sketch("w", gradient), SJLT(64, 4).sketch("w", gradient)
    np.testing.assert_allclose(folded(64)(long.numpy()), short.numpy(), atol=1e-4)
    with pytest.raises(AttributionError, match="no multiple"):
        folded(60)(long.numpy())


def test_lds_is_one_for_additive_truth_and_near_zero_for_noise():
    rng = np.random.default_rng(1)
    scores = rng.standard_normal((8, 12))
    members = rng.random((40, 12)) < 0.5
    values = scores @ members.T
    assert evaluation.lds(scores, members, np.exp(values)).min() == pytest.approx(1)
    found = evaluation.lds_interval(rng.standard_normal((8, 12)), members, values, rng, 200)
    assert found.low < 0 < found.high or abs(found.estimate) < 0.25
    noisy = values[..., None] + rng.standard_normal((8, 40, 2)) * 3
    assert 0.2 < evaluation.noise_ceiling(noisy) < 1
    assert evaluation.noise_ceiling(np.repeat(values[..., None], 2, axis=2)) == pytest.approx(1)


def test_methods_are_compared_on_the_same_resamples():
    rng = np.random.default_rng(2)
    truth = rng.standard_normal((10, 12))
    members = rng.permuted(np.tile(np.arange(12) < 6, (30, 1)), axis=1)  # halves, as in the study
    kinds = np.array(["songs"] * 6 + ["held_out"] * 4, dtype=object)
    retrained = Retrained(members, truth @ members.T + 0.5 * rng.standard_normal((10, 30)), kinds, rng, 200)
    everything, whole = np.arange(10), np.ones(10, bool)
    good, flat = truth, np.full((10, 12), 0.1)
    found, drawn = retrained.correlations(good, everything), retrained.resampled(good, everything)
    interval = retrained.interval(found, drawn, everything, whole)
    assert 0.8 < interval.low < interval.estimate < interval.high <= 1 and interval.groups == 30
    np.testing.assert_allclose(found, evaluation.lds(good, members, retrained.values))
    assert not retrained.correlations(flat, everything).any()  # scores that are all alike predict nothing
    same = retrained.interval(found - found, drawn - drawn, everything, kinds == "held_out")
    assert same.estimate == same.low == same.high == 0 and same.n == 4
    part = np.arange(6)  # a method that was given some of the queries alone
    less = retrained.interval(
        retrained.correlations(good[:6], part), retrained.resampled(good[:6], part), part, kinds == "songs"
    )
    assert less.estimate == pytest.approx(found[:6].mean())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=4, max_size=4))
def test_shapley_values_add_up_and_equal_leave_one_out_where_effects_add(values):
    none, a, b, both = (np.array([v]) for v in values)
    truth = evaluation.PairTruth(none, a, b, both)
    np.testing.assert_allclose(truth.shapley.sum(1), both - none, atol=1e-9)
    additive = evaluation.PairTruth(none, a, b, a + b - none)
    np.testing.assert_allclose(additive.shapley, additive.leave_one_out, atol=1e-9)


def test_agreement_needs_order_and_sign():
    truth = np.array([[2.0, 1.0], [2.0, 1.0], [-2.0, 1.0]])
    assert evaluation.agreement(np.array([[5.0, 1.0], [-1.0, -5.0], [-3.0, 1.0]]), truth).tolist() == [1, 0, 1]


def test_ranks_and_ties():
    found = evaluation.retrieval(np.array([[3.0, 2.0, 1.0], [1.0, 1.0, 1.0], [0.0, 5.0, 9.0]]), [0, 1, 0])
    assert found.rank.tolist() == [1, 2, 3] and found.auroc.tolist() == [1, 0.5, 0]
    assert found.recall(2).tolist() == [1, 1, 0]


def test_scores_that_do_not_depend_on_the_query_are_flagged():
    rng = np.random.default_rng(0)
    good = rng.standard_normal((20, 24))
    constant = np.tile(rng.standard_normal(24), (20, 1)) + 1e-6 * good
    assert evaluation.invariance(constant).correlation > 0.99 and evaluation.invariance(constant).rank_one > 0.99
    assert evaluation.invariance(good).correlation < 0.3 and evaluation.invariance(good).rank_one < 0.4
    assert evaluation.invariance(good + 1000).rank_one > 0.99


def test_the_published_formula_cannot_tell_queries_apart():
    """Weights that are added at every step swamp what differs between captions."""
    rng = np.random.default_rng(0)
    weights = rng.standard_normal(512) * 100
    embeddings = weights + rng.standard_normal((12, 512)) * 0.1
    scores = legacy.legacy_scores(embeddings[:10], embeddings[10:], 10.0)
    assert np.abs(scores - 0.5).max() < 0.02


def test_scores_of_the_caption_alone_do_not_vary_within_one():
    rng = np.random.default_rng(0)
    of_caption = np.repeat(rng.standard_normal((3, 5)), 4, axis=0)
    captions = np.repeat(["a", "b", "c"], 4).tolist()
    assert evaluation.within_caption(of_caption, captions) == pytest.approx(0, abs=1e-12)
    assert evaluation.within_caption(rng.standard_normal((12, 5)), captions) > 0.5
    assert evaluation.within_caption(np.ones((12, 5)), captions) == 0


def test_the_docs_page_holds_the_costs_as_they_are_computed():
    from sonoscope.attribution.costs import table
    from sonoscope.storage import WORKFLOW

    assert table() in (WORKFLOW / "docs/studies/attribution.md").read_text(encoding="utf-8")
