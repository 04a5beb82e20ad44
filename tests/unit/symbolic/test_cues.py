from dataclasses import replace

import numpy as np
import pytest
from causes_strategies import CAUSES, VALUES
from hypothesis import given
from hypothesis import strategies as st

from sonoscope.symbolic.causes import Causes
from sonoscope.symbolic.cues import CUES, WEIGHTS, affect_of, causes_for, cues_of, quadrant_of, random_causes


def test_order_of_importance_is_the_literatures():
    importance = dict(zip(CUES, np.abs(WEIGHTS).sum(axis=0), strict=True))
    order = ["mode", "tempo", "register", "dynamics", "articulation", "timbre"]
    assert sorted(order, key=lambda cue: -importance[cue]) == order
    assert np.allclose(np.abs(WEIGHTS).sum(axis=1), 1.0)


@given(CAUSES)
def test_affect_is_linear_in_cues_and_bounded(causes):
    assert np.abs(cues_of(causes)).max() <= 1 + 1e-12
    assert np.allclose(affect_of(causes), WEIGHTS @ cues_of(causes))
    assert np.abs(affect_of(causes)).max() <= 1 + 1e-12


@given(CAUSES, st.sampled_from(["key", "metre", "progression", "drums"]), st.data())
def test_nuisance_causes_do_not_move_affect(causes, cause, data):
    other = replace(causes, **{cause: data.draw(VALUES[cause])})
    assert affect_of(other) == affect_of(causes)


def test_each_cue_moves_affect_by_twice_its_weight():
    ends = {
        "mode": ("minor", "major"),
        "tempo": (50.0, 210.0),
        "register": (-12, 12),
        "dynamics": (32, 108),
        "articulation": (1.0, 0.3),
        "density": (0.5, 3.0),
    }
    for cause, (low, high) in ends.items():
        span = np.subtract(affect_of(Causes(**{cause: high})), affect_of(Causes(**{cause: low})))
        assert np.allclose(span, 2 * WEIGHTS[:, CUES.index(cause)]), cause


def test_drawn_causes_express_what_was_wanted_on_average_and_differ():
    rng = np.random.default_rng(0)
    wanted = rng.uniform(-0.9, 0.9, (600, 2))
    causes = [causes_for(v, a, rng) for v, a in wanted]
    got = np.array([affect_of(c) for c in causes])
    assert np.corrcoef(wanted[:, 0], got[:, 0])[0, 1] > 0.8
    assert np.corrcoef(wanted[:, 1], got[:, 1])[0, 1] > 0.8
    cues = np.array([cues_of(c) for c in causes])
    between = np.corrcoef(cues[:, CUES.index("tempo")], cues[:, CUES.index("dynamics")])[0, 1]
    assert 0.3 < between < 0.9  # correlated, not identical


def test_without_noise_cues_follow_the_weights():
    happy, sad = (causes_for(v, a, np.random.default_rng(0), noise=0.0) for v, a in ((0.8, 0.5), (-0.8, -0.5)))
    assert (happy.mode, sad.mode) == ("major", "minor")
    assert happy.tempo > sad.tempo
    assert happy.dynamics > sad.dynamics


def test_independent_causes_are_uncorrelated():
    rng = np.random.default_rng(1)
    cues = np.array([cues_of(random_causes(rng)) for _ in range(2000)])
    varied = cues.std(axis=0) > 0
    correlation = np.corrcoef(cues[:, varied].T) - np.eye(varied.sum())
    assert np.abs(correlation).max() < 0.08


@pytest.mark.parametrize(
    ("v", "a", "quadrant"), [(0.1, 0.1, "Q1"), (-0.1, 0.1, "Q2"), (-0.1, -0.1, "Q3"), (0.1, -0.1, "Q4")]
)
def test_quadrants(v, a, quadrant):
    assert quadrant_of(v, a) == quadrant


def test_affect_outside_the_plane_is_refused():
    with pytest.raises(ValueError, match="valence and arousal"):
        causes_for(1.2, 0.0, np.random.default_rng(0))
