"""The classification table on states whose classes are known."""

import numpy as np
import pytest

from sonoscope.directions.readout import RidgeClassifier, RidgeRegression
from sonoscope.settings.directions import Multiclass
from sonoscope.steering.classify import classification_table
from sonoscope.steering.classify_rows import multiclass_rows

SMALL = Multiclass(n_components=[1, 3], layer_candidates=1, search_points=1, iterations=1, hidden=64)


@pytest.fixture(scope="module")
def world():
    """Four classes in three dimensions of layer 1, nothing in layer 0; groups shift their clips by a lot."""
    rng = np.random.default_rng(0)
    labels = np.repeat(["a", "b", "c", "d"], 50)
    groups = np.array([f"g{k % 10}" for k in range(200)])
    states = rng.standard_normal((200, 2, 12)).astype(np.float32)
    means = np.array([[0, 0, 0], [5, 0, 0], [0, 5, 0], [0, 0, 5]])
    states[:, 1, :3] += means[np.unique(labels, return_inverse=True)[1]]
    return states, labels, groups


def test_every_probe_finds_what_is_there_at_its_layer(world):
    table = classification_table(*world, [3, 7], SMALL).assign(concept="toys")
    best = table[table["is_best"]]
    assert set(best["probe"]) == {"linear", "mlp", "rfm", "rfm_projections"}
    assert (best.groupby(["split", "probe"]).size() == 1).all()
    assert (best["layer"] == 7).all() and (best["score"] > 0.85).all()
    assert (table["low"] <= table["score"]).all() and (table["score"] <= table["high"]).all()
    few = table[(table["probe"] == "rfm_projections") & (table["split"] == "group")].set_index("n_components")["score"]
    assert few[1] < few[3]  # four classes do not fit on one line
    names = [row.name for row in multiclass_rows(table, "toys", ("x",))]
    assert "steering.multiclass.toys.rfm" in names and "steering.multiclass.toys.mlp.random_split" in names


def test_a_leak_through_groups_shows_in_the_random_split_alone():
    rng = np.random.default_rng(1)
    groups = np.repeat([f"g{k:02d}" for k in range(40)], 5)
    labels = np.repeat(rng.permutation(np.repeat(["a", "b"], 20)), 5)  # a group has one label, and its own place
    places = 6 * rng.standard_normal((40, 1, 60))
    states = (np.repeat(places, 5, axis=0) + rng.standard_normal((200, 1, 60))).astype(np.float32)
    table = classification_table(states, labels, groups, [0], SMALL)
    linear = table[table["probe"] == "linear"].set_index("split")["score"]
    assert linear["random"] > 0.9 and linear["group"] < 0.8


def test_a_number_is_scored_by_r_squared():
    rng = np.random.default_rng(2)
    bpm = rng.uniform(50, 210, 150)
    states = rng.standard_normal((150, 1, 6)).astype(np.float32)
    states[:, 0, 0] += (bpm - 130) / 10
    table = classification_table(
        states, bpm, np.arange(150).astype(str), [0], SMALL.model_copy(update={"splits": ["group"]})
    )
    assert (table["measure"] == "R²").all() and (table["chance"] == 0).all()
    assert float(table[table["probe"] == "linear"]["score"].iloc[0]) > 0.9


def test_ridge_is_the_closed_form():
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((30, 4)), rng.standard_normal((30, 2))
    model = RidgeRegression((0.1,)).fit(x, y)
    scaled = (x - x.mean(0)) / x.std(0)
    weights = np.linalg.solve(scaled.T @ scaled + 3.0 * np.eye(4), scaled.T @ (y - y.mean(0)))
    assert model.predict(x) == pytest.approx(scaled @ weights + y.mean(0))
    labels = np.where(x[:, 0] > 0, "up", "down")
    assert (RidgeClassifier().fit(x, labels).predict(x) == labels).mean() > 0.9
