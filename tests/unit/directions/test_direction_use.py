"""Layer weights, schedules, subspaces, erasure, files: what is done with directions."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from planted_worlds import planted

from sonoscope.contracts.errors import ContractError
from sonoscope.directions.erase import Eraser, ablate, rank_one_eraser
from sonoscope.directions.files import Directions, Origin, load_directions, save_directions
from sonoscope.directions.layers import layer_weights
from sonoscope.directions.registry import fit_layers
from sonoscope.directions.schedules import clip_long, schedule
from sonoscope.directions.subspace import cosines, gram_schmidt

scores = st.lists(st.floats(0.4, 1.0), min_size=1, max_size=30)


@given(scores, st.sampled_from(["all", "top_k", "linear", "power", "softmax"]), st.floats(0, 1))
def test_layer_weights_lie_between_zero_and_base_and_follow_the_scores(values, rule, floor):
    weights = layer_weights(values, rule, base=2.0, top_k=3, floor=floor)
    assert np.isfinite(weights).all() and weights.min() >= 0 and weights.max() == pytest.approx(2.0)
    order = np.argsort(values, kind="stable")
    assert rule == "top_k" or (np.diff(weights[order]) >= -1e-12).all()


def test_layer_weights_by_hand():
    values = [0.5, 0.75, 1.0]
    assert layer_weights(values, "linear").tolist() == [0, 0.5, 1]
    assert layer_weights(values, "power", kappa=0.5).tolist() == [0, 0.25, 1]
    assert layer_weights(values, "top_k", top_k=2).tolist() == [0, 1, 1]
    assert layer_weights(values, "softmax", temperature=0.25) == pytest.approx([math.exp(-2), math.exp(-1), 1])
    assert layer_weights(values, "linear", floor=0.2).tolist() == [0.2, 0.5, 1]
    assert layer_weights([0.9, 0.9], "power").tolist() == [1, 1]
    with pytest.raises(ValueError, match="finite"):
        layer_weights([0.5, float("nan")])
    with pytest.raises(ValueError, match="kappa > 0"):
        layer_weights(values, kappa=0)


@given(
    st.sampled_from(["constant", "exponential_decay", "linear_decay", "linear_rise", "logistic", "sine"]),
    st.integers(0, 10**7),
)
def test_schedules_stay_between_zero_and_one(name, step):
    assert 0 <= schedule(name)(step) <= 1


def test_schedules_by_hand():
    assert schedule("exponential_decay")(1500) == pytest.approx(0.998**1500)
    assert schedule("linear_rise", steps=100)(25) == 0.25 and schedule("linear_rise", steps=100)(400) == 1
    assert schedule("linear_decay", steps=100)(25) == 0.75 and schedule("linear_decay", steps=100)(400) == 0
    assert schedule("logistic")(750) == 0.5
    assert schedule("logistic")(950) == pytest.approx(1 / (1 + math.exp(-1)))
    assert schedule("sine")(375) == pytest.approx(1) and schedule("sine")(1125) == pytest.approx(0)


def test_own_schedule(tmp_path, monkeypatch):
    (tmp_path / "my_schedules.py").write_text(
        "number = 3\ndef swell(step, by=2.0):\n    return by * step\n"
        "def broken(step):\n    return float('nan') if step else 0\n"
        "def text(step):\n    return 'loud'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert schedule("my_schedules:swell", by=3.0)(2) == 6.0
    with pytest.raises(ValueError, match="finite number at step 1"):
        schedule("my_schedules:broken")(1)
    for name, message in (
        ("my_schedules:missing", "cannot be imported"),
        ("no_such_module:f", "cannot be imported"),
        ("my_schedules:number", "expected a function"),
        ("my_schedules:text", "expected a number"),
        ("os:system('true')", "package.module:function"),
        ("wobble", "expected one of constant"),
    ):
        with pytest.raises(ValueError, match=message):
            schedule(name)
    with pytest.raises(ValueError, match="steps > 0"):
        schedule("linear_rise", steps=0)
    with pytest.raises(ValueError, match="unexpected keyword"):
        schedule("sine", steps=3)


def test_gram_schmidt_and_cosines():
    vectors = torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
    basis = gram_schmidt(vectors)
    torch.testing.assert_close(basis @ basis.T, torch.eye(3), atol=1e-5, rtol=0)
    assert float(cosines(torch.stack([basis[0], vectors[0]]))[0, 1]) == pytest.approx(1, abs=1e-6)
    with pytest.raises(ValueError, match="number 2 lies in the span"):
        gram_schmidt(torch.stack([vectors[0], vectors[1], vectors[0] + vectors[1]]))
    with pytest.raises(ValueError, match="zero vector"):
        cosines(torch.zeros(2, 3))


def test_ablation_sets_the_projection_to_the_mean_and_nothing_else():
    states, _, _, direction = planted(50, 10)
    mean = states.mean(0)
    gone = ablate(states, direction, mean)
    torch.testing.assert_close(gone @ direction, (mean @ direction).expand(50), atol=1e-5, rtol=0)
    across = torch.eye(10) - torch.outer(direction, direction)
    torch.testing.assert_close(gone @ across, states @ across, atol=1e-5, rtol=0)


@pytest.mark.parametrize("dim", [10, 80])
def test_leace_leaves_no_linear_trace_and_changes_least(dim):
    states, labels, _, _ = planted(60, dim, strength=3.0)
    states = states.double()
    gone = Eraser.fit(states, labels)(states)
    covariance = (gone - gone.mean(0)).T @ (labels - labels.double().mean())
    assert covariance.abs().max() < 1e-8 * states.abs().max() * 60
    torch.testing.assert_close(gone.mean(0), states.mean(0))
    difference = states[labels == 1].mean(0) - states[labels == 0].mean(0)
    naive = ablate(states, difference, states.mean(0))
    white = torch.linalg.pinv(torch.cov(states.T), rtol=1e-8)

    def size(change):
        return float((change @ white * change).sum())

    assert size(gone - states) <= size(naive - states) + 1e-9
    assert Eraser.fit(states, labels)(states.float()).dtype == torch.float32


def origin(**changes):
    values = {
        "model": "sonoscope-musicgen",
        "revision": "abc",
        "layers": (2, 5),
        "dim": 8,
        "pooling": "mean",
        "concept": "notes",
        "target": "C",
        "data": "d" * 64,
        "split": {"groups": "instrument", "n": 60, "folds": 3},
        "seed": 0,
    }
    return Origin(**{**values, **changes})


@pytest.fixture
def fitted():
    states, labels, groups, _ = planted(60, 8, strength=3.0)
    both = torch.stack([states, states * 2], 1)
    names = {"difference_in_means": {}, "rfm": {"search_points": 1, "iterations": 1, "n_components": 2}}
    return [
        Directions.from_fitted(n, origin(), fit_layers(both, labels, groups, estimator=n, **h))
        for n, h in names.items()
    ]


def test_directions_come_back_as_they_were_saved(tmp_path, fitted):
    path = tmp_path / "directions.safetensors"
    save_directions(path, fitted)
    loaded = load_directions(path, model="sonoscope-musicgen", revision="abc", num_layers=6, dim=8)
    assert list(loaded) == ["difference_in_means", "rfm"]
    for before in fitted:
        after = loaded[before.estimator]
        assert torch.equal(after.vectors, before.vectors) and torch.equal(after.means, before.means)
        assert after.origin == before.origin and after.records == before.records
        assert after.scores() == before.scores()
        assert torch.equal(after.scale("relative"), before.scale("relative"))
    assert loaded["rfm"].eigenvalues.shape == (2, 2)
    norms = loaded["rfm"].scale("relative")
    assert float(norms[1] / norms[0]) == pytest.approx(2)
    assert loaded["rfm"].scale("absolute").tolist() == [1, 1]
    with pytest.raises(ValueError, match="coefficient unit"):
        loaded["rfm"].scale("db")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"model": "other"}, "model sonoscope-musicgen, but the model to steer has other"),
        ({"revision": "xyz"}, "revision abc"),
        ({"dim": 16}, "size of a hidden state 8"),
        ({"num_layers": 5}, r"layer 5, but the model to steer has 5 layers \(0 to 4\)"),
    ],
)
def test_another_model_is_refused(tmp_path, fitted, model, message):
    save_directions(tmp_path / "d.safetensors", fitted)
    with pytest.raises(ContractError, match=message):
        load_directions(tmp_path / "d.safetensors", **model)


def test_a_record_that_belongs_to_other_tensors_is_refused(tmp_path, fitted):
    save_directions(tmp_path / "a.safetensors", fitted)
    save_directions(tmp_path / "b.safetensors", fitted[:1])
    (tmp_path / "a.json").write_bytes((tmp_path / "b.json").read_bytes())
    with pytest.raises(ContractError, match="does not belong"):
        load_directions(tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match="each estimator once"):
        save_directions(tmp_path / "c.safetensors", [fitted[0], fitted[0]])


def test_the_eraser_of_one_column_is_leace_in_two_factors():
    generator = torch.Generator().manual_seed(4)
    states = torch.randn(200, 6, dtype=torch.float64, generator=generator) @ torch.randn(6, 6, dtype=torch.float64)
    labels = (states[:, 0] + torch.randn(200, dtype=torch.float64, generator=generator) > 0).double()
    write, read = rank_one_eraser(states, labels, share=1.0)
    assert float(read @ write) == pytest.approx(1)
    whole = Eraser.fit(states, labels)
    assert torch.allclose(torch.outer(write, read), whole.removal, atol=1e-8)
    left = states - ((states - states.mean(0)) @ read)[:, None] * write
    assert float(((left - left.mean(0)).T @ (labels - labels.mean())).abs().max()) < 1e-6


def test_the_eraser_does_not_blow_up_with_more_dimensions_than_clips():
    generator = torch.Generator().manual_seed(5)
    states = torch.randn(30, 100, generator=generator)
    write, read = rank_one_eraser(states, (torch.arange(30) % 2).double())
    assert bool(torch.isfinite(write).all() and torch.isfinite(read).all())
    assert float(read @ write) == pytest.approx(1)


@pytest.mark.parametrize("name", ["exponential_decay", "linear_decay", "linear_rise", "logistic", "sine"])
def test_schedules_of_a_clip_do_in_its_time_what_the_published_ones_do_in_1500_steps(name):
    short, published = schedule(name, **clip_long(name, 150)), schedule(name)
    assert [short(t) for t in range(0, 150, 10)] == pytest.approx([published(10 * t) for t in range(0, 150, 10)])
