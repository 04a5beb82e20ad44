import numpy as np
import pytest
import sklearn.decomposition
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_worlds import cosine, planted
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.linear_model import Ridge as SklearnRidge

from sonoscope.directions.baselines import LDA, PCA, DifferenceInMeans, Logistic, Ridge, standardised
from sonoscope.directions.dictionary import SAEFeature, correlations
from sonoscope.directions.nulls import RandomDirection, ShuffledRFM
from sonoscope.directions.registry import ESTIMATORS, fit_layers, new_estimator
from sonoscope.directions.targets import Target

FAST = {
    "sae": {"steps": 60},
    "rfm": {"search_points": 1, "iterations": 1},
    "shuffled_rfm": {"search_points": 1, "iterations": 1},
}


@pytest.mark.parametrize("name", ["rfm", "difference_in_means", "ridge", "logistic", "lda"])
def test_supervised_estimators_find_a_planted_direction_and_its_sign(name):
    states, labels, groups, direction = planted(200, 20, strength=3.0, mean=200.0)
    for sign in (1, -1):
        found = new_estimator(name, **FAST.get(name, {})).fit(sign * states, labels, groups)
        assert sign * float(found.direction_ @ direction) > 0.85
        assert found.sign_ == 1 and found.score_.low > 0.8
        assert float(found.direction_.norm()) == pytest.approx(1.0, abs=1e-6)
        assert found.mean_norm_ == pytest.approx(float(states.norm(dim=1).mean()), rel=1e-5)
        assert found.projection_std_ == pytest.approx(
            float((sign * states @ found.direction_).std(correction=0)), rel=1e-3
        )


def test_pca_finds_the_direction_when_it_dominates():
    states, labels, groups, direction = planted(200, 20, strength=8.0)
    found = PCA().fit(states, labels, groups)
    assert float(found.direction_ @ direction) > 0.95 and found.sign_ == 1


def test_the_feature_of_a_dictionary_is_the_cause_that_its_states_are_made_of():
    """States are sparse sums of known causes; the label is whether one of them is there."""
    generator = torch.Generator().manual_seed(1)
    causes = torch.linalg.qr(torch.randn(24, 24, generator=generator))[0]
    there = torch.rand(400, 24, generator=generator) < 0.15
    strength = 1 + torch.rand(400, 24, generator=generator)
    states = 5 * (there * strength) @ causes
    found = SAEFeature(active=4, folds=2, steps=500).fit(states, there[:, 7].long())
    assert float(found.direction_ @ causes[7]) > 0.95
    assert found.sign_ == 1 and found.score_.low > 0.9
    assert found.details_["selectivity"] > 0.8


def test_a_feature_that_fires_where_the_concept_is_not_is_not_chosen():
    active = torch.tensor([[0.0, 2.0, 0.0], [0.0, 2.0, 0.0], [2.0, 0.0, 0.0], [2.0, 0.0, 0.0]])
    label = torch.tensor([-1.0, -1.0, 1.0, 1.0])
    torch.testing.assert_close(correlations(active, label), torch.tensor([1.0, -1.0, 0.0]))


def test_pca_is_that_of_sklearn_on_its_differences():
    states, labels, _, _ = planted(100, 8)
    found = PCA(folds=0, seed=1).fit(states, labels)
    generator = np.random.default_rng([1, 6])
    x = states.double() - states.double().mean(0)
    ups, downs = x[labels == 1].numpy(), x[labels == 0].numpy()
    first, second = (rows[generator.permutation(50)] for rows in (ups, downs))
    flips = generator.choice([-1.0, 1.0], 50)
    oracle = sklearn.decomposition.PCA(1).fit((first - second) * flips[:, None]).components_[0]
    assert cosine(found.direction_, torch.from_numpy(oracle)) == pytest.approx(1.0, abs=1e-6)


def test_linear_paths_equal_sklearn():
    states, labels, _, _ = planted(80, 12)
    x = states.double() - states.double().mean(0)
    y = labels.double()
    scaled, std = standardised(x)
    ridge = SklearnRidge(alpha=30.0).fit(scaled.numpy(), y.numpy()).coef_
    torch.testing.assert_close(Ridge()._path(x, y)(30.0) * std, torch.from_numpy(ridge))
    logistic = LogisticRegression(C=0.1, tol=1e-8, max_iter=5000).fit(scaled.numpy(), labels.numpy()).coef_[0]
    torch.testing.assert_close(Logistic()._path(x, y)(10.0) * std, torch.from_numpy(logistic), atol=1e-4, rtol=0)


def test_lda_equals_sklearn():
    states, labels, _, _ = planted(90, 12)
    found = LDA(folds=0).fit(states, labels)
    scaled, std = standardised(states.double() - states.double().mean(0))
    oracle = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=found.details_["shrinkage"]).fit(
        scaled.numpy(), labels.numpy()
    )
    assert cosine(found.direction_, torch.from_numpy(oracle.coef_[0]) / std) > 0.999


def test_covariance_direction_is_the_difference_in_means_for_two_classes():
    states, labels, _, _ = planted(100, 6)
    found = DifferenceInMeans(folds=0).fit(states, labels)
    expected = states[labels == 1].mean(0) - states[labels == 0].mean(0)
    torch.testing.assert_close(found.direction_, expected / expected.norm(), atol=1e-5, rtol=0)


def test_random_directions_score_at_chance_and_have_no_sign():
    states, labels, groups, _ = planted(200, 64, strength=2.0)
    found = [RandomDirection(draw=s, resamples=100).fit(states, labels, groups) for s in range(60)]
    scores = np.array([f.score_.estimate for f in found])
    assert abs(scores.mean() - 0.5) < 4 * scores.std() / 60**0.5
    assert scores.min() < 0.5 < scores.max()  # not oriented by the labels
    assert all(f.sign_ == 0 and "not fitted" in f.sign_reason_ for f in found)
    assert torch.equal(found[3].direction_, RandomDirection(draw=3, folds=0).fit(states * 2, labels).direction_)


def test_no_relation_gives_no_reliable_sign():
    labels = torch.arange(120) % 2
    found = []
    for seed in range(20):
        noise = torch.randn(120, 40, generator=torch.Generator().manual_seed(seed))
        found.append(DifferenceInMeans(seed=seed, resamples=200).fit(noise, labels))
    assert sum(f.sign_ for f in found) <= 3
    assert abs(np.mean([f.score_.estimate for f in found]) - 0.5) < 0.05


def test_a_score_is_out_of_fold_by_group():
    """Clips of a group share noise and label: row-wise folds would score it, grouped folds must not."""
    generator = torch.Generator().manual_seed(0)
    groups = torch.arange(120) // 6
    labels = (torch.arange(20) % 2)[groups]
    states = (3 * torch.randn(20, 60, generator=generator))[groups] + 0.1 * torch.randn(120, 60, generator=generator)
    grouped, leaking = (DifferenceInMeans(folds=4).fit(states, labels, g).score_.estimate for g in (groups, None))
    assert leaking > 0.9 > 0.75 > grouped


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.zeros(20), "at least two different values"),
        (torch.full((20,), float("nan")), "finite"),
        (torch.zeros(20, 1), r"shape \(n,\)"),
        (torch.arange(19) % 2, "one label for each"),
    ],
)
def test_degenerate_labels_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        DifferenceInMeans().fit(torch.randn(20, 3), labels)


@pytest.mark.parametrize(
    ("states", "message"),
    [
        (torch.randn(20, 3, 2), "at least 4 clips"),
        (torch.full((20, 3), float("inf")), "finite"),
        (torch.ones(20, 3), "all clips have the same state"),
    ],
)
def test_degenerate_states_are_refused(states, message):
    with pytest.raises(ValueError, match=message):
        DifferenceInMeans().fit(states, torch.arange(20) % 2)


def test_too_few_groups_and_wrong_kinds_are_refused():
    states, labels = torch.randn(20, 3), torch.arange(20) % 2
    with pytest.raises(ValueError, match="2 groups"):
        DifferenceInMeans().fit(states, labels, torch.arange(20) % 2)
    with pytest.raises(ValueError, match="use ridge"):
        LDA(folds=0).fit(states, torch.randn(20))
    with pytest.raises(ValueError, match="several classes use rfm"):
        Ridge(folds=0).fit(states, torch.arange(20) % 3)
    with pytest.raises(ValueError, match="expected one of rfm"):
        new_estimator("rmf")
    with pytest.raises(ValueError, match="estimator ridge"):
        new_estimator("ridge", penalty=3)


@pytest.mark.parametrize("name", list(ESTIMATORS))
def test_all_layers_share_folds(name):
    states, labels, groups, _ = planted(60, 8, strength=3.0)
    both = torch.stack([states, states], 1)
    found = fit_layers(both, labels, groups, estimator=name, **FAST.get(name, {}))
    same = torch.equal(found[0].direction_, found[1].direction_)
    assert same == (name != "random")
    assert same == (found[0].score_ == found[1].score_)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 4), st.booleans())
def test_shuffling_keeps_the_encoding_and_the_counts(seed, classes, within):
    labels = torch.arange(24) % classes
    target = Target.from_labels(labels)
    groups = np.arange(24) // 6 if within else None
    shuffled = ShuffledRFM(seed=seed)._prepared(target, groups)
    assert shuffled.kind == target.kind and shuffled.classes == target.classes
    torch.testing.assert_close(shuffled.values.sum(0), target.values.sum(0))
    if groups is not None:
        for g in range(4):
            assert torch.equal(shuffled.values[groups == g].sum(0), target.values[groups == g].sum(0))


def test_hyperparameters_are_plain_data():
    import json

    for name in ESTIMATORS:
        assert json.loads(json.dumps(new_estimator(name).hyperparameters()))["dtype"] == "float64"
