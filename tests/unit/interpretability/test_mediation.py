"""Acceptance test 13: a known causal model is recovered, also where regression gets the sign wrong."""

import numpy as np
import pytest

from sonoscope.interpretability.mediation import KnownModel, by_intervention, by_regression


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("c", [-1.0, 0.0, 1.0])
def test_acceptance_13_interventions_recover_the_truth_whatever_confounds(c):
    world = KnownModel(c=c)
    found = by_intervention(*world.intervene(400, rng()), rng(1))
    assert found.direct.estimate == pytest.approx(0.30, abs=0.03)
    assert found.indirect.estimate == pytest.approx(1.00, abs=0.03)
    assert found.direct.low <= 0.30 <= found.direct.high
    assert found.total.estimate == pytest.approx(found.direct.estimate + found.indirect.estimate)
    assert found.share == pytest.approx(1 / 1.3, abs=0.05)


def test_regression_gives_the_wrong_sign_of_the_direct_effect_under_confounding():
    confounded = by_regression(*KnownModel(c=1.0).observe(4000, rng()), rng(1), resamples=200)
    assert confounded.direct.high < 0
    clean = by_regression(*KnownModel(c=0.0).observe(4000, rng()), rng(1), resamples=200)
    assert clean.direct.low <= 0.30 <= clean.direct.high


@pytest.mark.parametrize(("world", "wanted"), [(KnownModel(a=0.0), (0.3, 0.0)), (KnownModel(direct=0.0), (0.0, 1.0))])
def test_no_mediation_and_full_mediation(world, wanted):
    found = by_intervention(*world.intervene(400, rng()), rng(1))
    assert (found.direct.estimate, found.indirect.estimate) == pytest.approx(wanted, abs=0.03)
    assert world.truth() == wanted


def test_intervals_cover_the_truth_at_their_rate():
    g = rng(7)
    inside = 0
    for _ in range(100):
        found = by_intervention(*KnownModel().intervene(60, g), g, resamples=300)
        inside += found.direct.low <= 0.30 <= found.direct.high
    assert inside >= 87


def test_a_share_is_not_given_where_the_total_effect_may_be_nothing():
    nothing = by_intervention(*KnownModel(direct=0.0, b=0.0, both=0.0).intervene(50, rng()), rng(1))
    assert nothing.share is None
