"""A probe that is learned again from resamples: against repeated rows, in its spread, and in effects that are read."""

import numpy as np
import pytest

from sonoscope.interpretability.mediation import by_readings
from sonoscope.interpretability.probes import (
    PENALTIES,
    _moments,
    _weighted_ridge,
    readout,
    readout_resamples,
    ridge_path,
)


def planted(n, noise, seed):
    rng = np.random.default_rng(seed)
    y = rng.standard_normal(n)
    x = np.outer(y, np.array([1.0, -2.0, 0.5, 0.0, 0.0])) + noise * rng.standard_normal((n, 5))
    return x, y


def test_weights_are_repeated_rows():
    x, y = planted(60, 1.0, 0)
    z = (x - x.mean(0)) / x.std(0)
    counts = np.random.default_rng(1).multinomial(60, np.full(60, 1 / 60))
    repeated = np.repeat(np.arange(60), counts)
    found = _weighted_ridge(_moments(z, y, counts.astype(float)), 1e-9)(z)
    assert found == pytest.approx(
        ridge_path(z[repeated], y[repeated, None], z)[0, :, 0], abs=0.02
    )  # penalties 1e-9 and 0.1
    assert _weighted_ridge(_moments(z, y, np.ones(60)), PENALTIES[2])(z) == pytest.approx(
        ridge_path(z, y[:, None], z)[2, :, 0]
    )


def test_readings_again_lie_around_the_reading_and_vary_less_with_more_pieces():
    test = planted(40, 1.0, 9)[0]
    spread = {}
    for n in (100, 1600):
        x, y = planted(n, 1.0, n)
        again = readout_resamples(x, y, test, np.random.default_rng(0), resamples=100)
        assert again.shape == (100, 40)
        assert again.mean(0) == pytest.approx(readout(x, y, test, np.random.default_rng(0)), abs=3.0 / n**0.5)
        spread[n] = again.std(0).mean()
    assert spread[1600] == pytest.approx(spread[100] / 4, rel=0.35)


def test_what_is_read_of_noise_is_not_stretched():
    rng = np.random.default_rng(0)
    again = readout_resamples(rng.standard_normal((80, 5)), rng.standard_normal(80), rng.standard_normal((7, 5)), rng)
    assert np.abs(again).max() < 3


def test_intervals_of_effects_cover_the_truth_where_units_alone_would_not():
    """A hundred studies of 60 training pieces and 100 units: the probe, not the units, is what is uncertain."""
    covered, narrow = 0, 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        x, y = planted(60, 1.0, 1000 + seed)
        units = planted(100, 0.2, 2000 + seed)[0]
        versions = [units + step * np.array([1.0, -2.0, 0.5, 0.0, 0.0]) for step in (0.0, 1.0, 1.5)]
        stacked = np.concatenate(versions)
        read = np.split(readout(x, y, stacked, rng), 3)
        again = np.split(readout_resamples(x, y, stacked, rng, resamples=100), 3, axis=1)
        found = by_readings(read, again, rng).direct
        covered += found.low <= 1.0 <= found.high
        narrow += abs(found.estimate - 1) <= 1.96 * (read[1] - read[0]).std() / 10 + 1e-9
    assert covered >= 88 and narrow < 30
    assert found.n == 100 and found.estimate == pytest.approx((read[1] - read[0]).mean())
