import numpy as np
import pytest
import torch
from planted_worlds import cosine, planted, symmetric

from sonoscope.directions.baselines import DifferenceInMeans, Logistic
from sonoscope.directions.metric import FeatureMetric, GramMetric
from sonoscope.directions.nulls import ShuffledRFM
from sonoscope.directions.recursion import KernelSettings, fitted_iterate, recursion
from sonoscope.directions.rfm import RFM
from sonoscope.directions.search import SearchSpace, choose, new_metric
from sonoscope.directions.targets import Target

SETTINGS = KernelSettings(bandwidth=2.0, exponent=1.1, penalty=1e-2)
FIXED = RFM(settings=SETTINGS, iterations=2, inner_folds=0, folds=0, n_components=3)


def fixed(**changes):
    values = {f: getattr(FIXED, f) for f in ("settings", "iterations", "inner_folds", "folds", "n_components")}
    return RFM(**{**values, **changes})


def world64(n=60, dim=20, **kwargs):
    states, labels, groups, direction = planted(n, dim, **kwargs)
    return states.double(), labels, groups, direction.double()


def rotation(dim, seed=3):
    return torch.linalg.qr(torch.randn(dim, dim, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)))[0]


@pytest.mark.parametrize(("n", "dim"), [(30, 50), (60, 20)])
@pytest.mark.parametrize("centre", [False, True])
def test_the_span_of_the_clips_is_enough(n, dim, centre):
    """Inner products alone give what the (dim, dim) metric gives: predictions, eigenvalues, eigenvectors."""
    states, labels, _, _ = world64(n + 10, dim)
    train, test = states[:n] - states[:n].mean(0), states[n:] - states[:n].mean(0)
    y = labels[:n, None].double()
    settings = KernelSettings(2.0, 1.1, 1e-2, centre)
    forms = GramMetric(train, [test]), FeatureMetric(train, [test], "spread")
    for one, other in zip(*(recursion(m, y, settings, 3) for m in forms), strict=True):
        torch.testing.assert_close(one.predictions()[0], other.predictions()[0], rtol=1e-9, atol=1e-9)
        values, vectors = one.eigenpairs(3)
        expected, others = other.eigenpairs(3)
        torch.testing.assert_close(values, expected, rtol=1e-8, atol=0)
        torch.testing.assert_close((vectors * others).sum(1).abs(), torch.ones(3, dtype=torch.float64))
        assert one.trace() == pytest.approx(other.trace(), rel=1e-8)


@pytest.mark.parametrize("normalisation", ["spread", "trace"])
def test_rotation_turns_the_direction_with_the_states(normalisation):
    states, labels, _, _ = world64()
    q = rotation(20)
    plain = fixed(normalisation=normalisation).fit(states, labels)
    turned = fixed(normalisation=normalisation).fit(states @ q, labels)
    torch.testing.assert_close(turned.direction_, (plain.direction_.double() @ q).float(), atol=1e-6, rtol=0)
    torch.testing.assert_close(turned.eigenvalues_, plain.eigenvalues_)


def test_largest_entry_normalisation_depends_on_the_basis():
    states, labels, _, _ = world64(strength=1.0)
    q = rotation(20)
    sharp = KernelSettings(0.5, 1.0, 1e-2)
    plain, turned = (fixed(normalisation="max_entry", settings=sharp).fit(s, labels) for s in (states, states @ q))
    assert 1 - cosine(turned.direction_, plain.direction_.double() @ q) > 1e-5


def test_translation_and_scale_change_nothing():
    states, labels, _, _ = world64()
    plain, moved = fixed().fit(states, labels), fixed().fit(7 * (states + 100), labels)
    torch.testing.assert_close(moved.direction_, plain.direction_, atol=1e-6, rtol=0)


def test_a_large_common_mean_does_not_hide_the_concept_in_float32():
    truth = fixed().fit(planted(400, 64)[0], planted(400, 64)[1])
    states, labels, _, _ = planted(400, 64, mean=1606.0)
    found = fixed(dtype=torch.float32).fit(states, labels)
    assert cosine(found.direction_, truth.direction_) > 0.99


def test_float32_agrees_with_float64():
    states, labels, _, _ = planted(100, 64)
    assert (
        cosine(fixed().fit(states, labels).direction_, fixed(dtype=torch.float32).fit(states, labels).direction_)
        > 0.9999
    )


def test_duplicates_and_fewer_clips_than_dimensions():
    states, labels, _, direction = planted(40, 80, strength=6.0)
    found = fixed().fit(torch.cat([states, states]), torch.cat([labels, labels]))
    assert torch.isfinite(found.direction_).all()
    assert cosine(found.direction_, direction) > 0.7


@pytest.mark.parametrize("centre", [False, True])
def test_equals_xrfm(centre):
    xrfm = pytest.importorskip("xrfm.rfm_src")
    states, labels, _, _ = planted(260, 40)
    train, test = states[:200] - states[:200].mean(0), states[200:] - states[:200].mean(0)
    y = labels.float()[:, None]
    model = xrfm.RFM(
        kernel="l2_high_dim", bandwidth=8.0, exponent=1.2, device="cpu", verbose=False, tuning_metric="mse"
    )
    model.fit(
        (train, y[:200]),
        (test, y[200:]),
        iters=3,
        reg=1e-2,
        center_grads=centre,
        return_best_params=False,
        early_stop_rfm=False,
    )
    settings = KernelSettings(8.0, 1.2, 1e-2, centre, "absolute")
    iterate = fitted_iterate(FeatureMetric(train, [test], "max_entry"), y[:200], settings, 3)
    torch.testing.assert_close(iterate.predictions()[0], model.predict(test), atol=1e-3, rtol=0)
    oracle = torch.linalg.eigh(model.fit_M(train, 1, inplace=False))[1][:, -1]
    assert cosine(iterate.eigenpairs(1)[1][0], oracle) >= 0.999


def test_a_symmetric_concept_is_found_where_linear_methods_fail_and_has_no_sign():
    states, labels, direction = symmetric()
    found = RFM(settings=KernelSettings(1.0, 1.0, 1e-2), criterion="predictor", search_points=0, folds=2).fit(
        states, labels
    )
    linear = [e(folds=0).fit(states, labels) for e in (DifferenceInMeans, Logistic)]
    assert cosine(found.direction_, direction) > 0.97
    assert max(cosine(e.direction_, direction) for e in linear) < 0.6
    assert found.sign_ == 0 and "no reliable sign" in found.sign_reason_


def test_best_iterate_is_the_one_with_the_best_held_out_score():
    states, labels, groups, _ = planted(120, 40, strength=1.0)
    centred, target = states.double() - states.double().mean(0), Target.from_labels(labels)
    points = SearchSpace().draw(4, np.random.default_rng(0))
    curves = []
    for point in points:
        one = choose(
            centred,
            target,
            groups.numpy(),
            [point],
            iterations=4,
            folds=3,
            generator=np.random.default_rng(1),
            patience=100,
        )
        assert one.score == max(one.curve) == one.curve[one.iteration]
        assert one.iteration == one.curve.index(one.score)  # fewer updates among equals
        curves.append(one)
    together = choose(
        centred, target, groups.numpy(), points, iterations=4, folds=3, generator=np.random.default_rng(1), patience=100
    )
    assert together == max(curves, key=lambda c: c.score)


def test_early_stop_leaves_a_point_that_got_worse():
    states, labels, _, _ = planted(120, 40, strength=1.0)
    kept = [
        choose(
            states.double() - states.double().mean(0),
            Target.from_labels(labels),
            None,
            [KernelSettings(0.5, 0.7, 1e-5)],
            iterations=6,
            folds=3,
            generator=np.random.default_rng(1),
            criterion="predictor",
            patience=patience,
        ).curve
        for patience in (1.0, 100.0)
    ]
    assert len(kept[0]) <= len(kept[1]) == 7
    assert kept[0] == kept[1][: len(kept[0])]


def test_the_search_is_reproducible_and_beats_chance_out_of_fold():
    states, labels, groups, direction = planted(160, 32)
    one, two = (RFM(search_points=3, iterations=2).fit(states, labels, groups) for _ in range(2))
    assert torch.equal(one.direction_, two.direction_) and one.score_ == two.score_
    assert one.score_.low > 0.5 and one.sign_ == 1
    assert float(one.direction_ @ direction) > 0.8


def test_shuffled_labels_score_at_chance():
    states, labels, groups, _ = planted(120, 32, strength=3.0)
    scores = [
        ShuffledRFM(search_points=1, iterations=1, seed=seed, resamples=100).fit(states, labels, groups).score_.estimate
        for seed in range(12)
    ]
    assert abs(np.mean(scores) - 0.5) < 0.05


def test_several_classes_give_a_subspace_without_sign():
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(240) % 3
    centres = torch.zeros(3, 30)
    centres[:, :2] = torch.tensor([[4.0, 0.0], [-2.0, 3.5], [-2.0, -3.5]])
    states = torch.randn(240, 30, generator=generator) + centres[labels]
    found = RFM(search_points=2, iterations=2, n_components=2).fit(states, labels)
    assert found.components_.shape == (2, 30)
    assert float(found.components_[:, :2].square().sum()) > 1.8  # of 2: the plane of the centres
    assert found.score_.low > 0.8 and found.chance_ == pytest.approx(1 / 3) and found.sign_ == 0


def test_a_number_is_z_scored_and_recovered():
    states, _, groups, direction = planted(200, 20, strength=0.0)
    tempo = 120 + 30 * (states @ direction) + torch.randn(200, generator=torch.Generator().manual_seed(1))
    found = RFM(search_points=2, iterations=2).fit(states, tempo, groups)
    assert float(found.direction_ @ direction) > 0.95
    assert found.score_name_ == "Pearson correlation" and found.score_.low > 0.8
    assert found.label_mean_ == pytest.approx(float(tempo.mean()), rel=1e-5)
    assert found.label_std_ == pytest.approx(float(tempo.std(correction=0)), rel=1e-5)


def test_form_of_the_metric():
    wide, tall = torch.randn(10, 20), torch.randn(50, 10)
    assert isinstance(new_metric(wide, [], "spread"), GramMetric)
    assert isinstance(new_metric(tall, [], "spread"), FeatureMetric)
    assert isinstance(new_metric(wide, [], "trace"), FeatureMetric)


def test_legacy_is_the_published_setup():
    legacy = RFM.legacy(search_points=2)
    assert (legacy.normalisation, legacy.iterations, legacy.search_points) == ("max_entry", 15, 2)
    assert legacy.space.bandwidth_unit == "absolute" and legacy.criterion == "predictor"
