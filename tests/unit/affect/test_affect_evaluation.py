"""Measures against other implementations, intervals that cover, and tables that say what they should."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import f1_score, mean_absolute_error, r2_score

from sonoscope.affect import metrics as m
from sonoscope.affect.conformal import half_width
from sonoscope.affect.evaluation import evaluate, running_median
from sonoscope.affect.scoring import corpus_rows
from sonoscope.contracts.affect import DIFFERENCES, METRICS, QUADRANTS, RELIABILITY


def table(rng, models, songs=12, bars=8):
    """Predictions of several models: label times a gain plus noise."""
    frames = []
    labels = rng.uniform(-0.8, 0.8, (songs, 2))
    for name, gain, noise in models:
        for song in range(songs):
            true = labels[song] + 0.1 * np.sin(np.arange(bars))[:, None]
            said = gain * true + noise * rng.standard_normal((bars, 2))
            columns = {"valence": said[:, 0], "arousal": said[:, 1], "true_valence": true[:, 0]}
            columns |= {"true_arousal": true[:, 1], "train_valence": 0.0, "train_arousal": 0.0}
            columns |= {"valence_half_width": 0.5, "arousal_half_width": np.nan, "bar_number": np.arange(bars)}
            who = {"model": name, "fold": 0, "clip_id": f"c{song}", "song_id": f"s{song}"}
            frames.append(pd.DataFrame({**who, **columns}))
    return pd.concat(frames, ignore_index=True)


@given(st.integers(0, 50))
def test_measures_agree_with_other_implementations(seed):
    rng = np.random.default_rng(seed)
    t, p = rng.standard_normal(40), rng.standard_normal(40)
    sums = m.moments(t, p, np.full(40, t.mean()), rng.integers(0, 5, 40), 5).sum(0)[None]
    found = {name: float(f(sums)[0]) for name, f in m.MEASURES.items()}
    assert found["mae"] == pytest.approx(mean_absolute_error(t, p))
    assert found["r2"] == pytest.approx(r2_score(t, p))
    assert found["pearson"] == pytest.approx(stats.pearsonr(t, p)[0])
    assert found["slope"] == pytest.approx(stats.linregress(p, t).slope)
    literal = 2 * np.cov(t, p, bias=True)[0, 1] / (t.var() + p.var() + (t.mean() - p.mean()) ** 2)
    assert found["ccc"] == pytest.approx(literal)
    ranked = m.moments(m.ranks(t), m.ranks(p), t, np.zeros(40, int), 1)
    assert float(m.pearson(ranked)[0]) == pytest.approx(stats.spearmanr(t, p)[0])


def test_classes():
    affect = np.array([[0.1, 0.1], [-0.1, 0.1], [-0.1, -0.1], [0.1, -0.1], [0.0, 0.0]])
    assert m.quadrant(affect).tolist() == [1, 2, 3, 4, 1]
    rng = np.random.default_rng(0)
    true, said = rng.integers(1, 5, 60), rng.integers(1, 5, 60)
    assert m.macro_f1(true, said) == pytest.approx(f1_score(true, said, average="macro"))


def test_lag_one_does_not_cross_clips():
    clip = np.repeat([0, 1], 50)
    values = np.concatenate([np.full(50, 5.0), np.full(50, -5.0)]) + np.tile([1.0, -1.0], 50)
    assert m.lag_one(values, clip) == pytest.approx(-0.98)
    assert m.lag_one(np.repeat([1.0, 2.0], 50), clip) is None


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=20), st.integers(1, 7))
def test_running_median_keeps_length_and_range(values, width):
    array = np.array(values)[:, None]
    found = running_median(array, width)
    assert found.shape == array.shape
    assert array.min() <= found.min() <= found.max() <= array.max()


def test_conformal_intervals_cover_new_songs():
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(300):
        songs = np.repeat(np.arange(41), 10)
        residual = rng.standard_normal(41)[songs] + 0.3 * rng.standard_normal(len(songs))
        width = half_width(residual[songs < 40], songs[songs < 40], 0.9)
        covered.append((np.abs(residual[songs == 40]) <= width).mean())
    assert np.mean(covered) == pytest.approx(0.9, abs=0.035)


def test_too_few_songs_give_no_interval():
    assert half_width(np.ones(20), np.repeat(np.arange(4), 5), 0.9) is None
    assert half_width([], [], 0.9) is None


def test_a_better_model_is_found_better():
    rng = np.random.default_rng(0)
    said = table(rng, [("both", 1.0, 0.1), ("hand", 1.0, 0.5), ("shuffled", 0.0, 0.5), ("constant_median", 0.0, 0.0)])
    found = evaluate(said, {}, 200, 0)
    for contract, name in ((METRICS, "metrics"), (DIFFERENCES, "differences"), (RELIABILITY, "reliability"),
                           (QUADRANTS, "quadrants")):  # fmt: skip
        contract.check(found[name])
    rows = found["metrics"].set_index(["model", "level", "dimension", "metric"])
    best = rows.loc[("both", "bar", "valence", "ccc")]
    assert best.low <= best.value <= best.high
    assert best.low > rows.loc[("shuffled", "bar", "valence", "ccc")].high
    assert best.songs == 12
    assert rows.loc[("both", "bar", "valence", "coverage")].value > 0.95
    assert ("both", "bar", "arousal", "coverage") not in rows.index
    worse = found["differences"].set_index(["other", "dimension", "metric"]).loc[("hand", "valence", "ccc")]
    assert worse.low > 0
    slope = rows.loc[("both", "bar", "valence", "slope")].value
    assert 0.9 < slope < 1.05


def test_truth_takes_the_place_of_labels():
    rng = np.random.default_rng(0)
    said = table(rng, [("both", 1.0, 0.1), ("constant_median", 0.0, 0.0)])
    truth = {f"c{k}": {"valence": 0.5, "arousal": -0.5} for k in range(12)}
    rows = evaluate(said, truth, 100, 0)["metrics"].set_index(["against", "model", "level", "dimension", "metric"])
    expected = np.abs(said[said.model == "both"].valence - 0.5).mean()
    assert rows.loc[("truth", "both", "bar", "valence", "mae")].value == pytest.approx(expected)


def test_scorecard_has_targets_where_the_truth_is_known():
    rng = np.random.default_rng(0)
    said = table(rng, [("both", 1.0, 0.05), ("side", 1.0, 0.2), ("shuffled", 0.0, 0.4), ("constant_median", 0.0, 0.0)])
    metrics = evaluate(said, {}, 100, 0)["metrics"]
    rows = {r.name: r for r in corpus_rows("vgmidi", metrics, True, ("x",))}
    assert rows["affect.vgmidi.arousal.ccc.both"].target == 0.8
    assert rows["affect.vgmidi.valence.ccc.both"].met
    assert rows["affect.vgmidi.valence.mae.both"].baseline == rows["affect.vgmidi.valence.constant_mae.both"].value
    real = {r.name: r for r in corpus_rows("vgmidi", metrics, False, ("x",))}
    assert real["affect.vgmidi.arousal.ccc.both"].target is None


def test_labels_of_four_points_are_judged_at_russell_s_points_too():
    rng = np.random.default_rng(0)
    said = table(rng, [("both", 1.0, 0.1), ("constant_median", 0.0, 0.0)])
    assert "russell" not in set(evaluate(said, {}, 100, 0)["metrics"].against)
    points = {1: (0.8, 0.6), 2: (-0.6, 0.8), 3: (-0.8, -0.4), 4: (0.4, -0.6)}
    quadrants = m.quadrant(said[["true_valence", "true_arousal"]].to_numpy())
    coarse = said.assign(
        **{f"true_{d}": [points[q][k] for q in quadrants] for k, d in enumerate(("valence", "arousal"))}
    )
    metrics = evaluate(coarse, {}, 100, 0)["metrics"].set_index(["against", "model", "level", "dimension", "metric"])
    found = metrics.loc[("russell", "both", "bar", "arousal", "mae")].value
    own = coarse[coarse.model == "both"]
    assert found == pytest.approx((own.arousal - 0.5**0.5 * np.sign(own.true_arousal)).abs().mean())
    same = [metrics.loc[(against, "both", "bar", "arousal", "auc")].value for against in ("labels", "russell")]
    assert same[0] == same[1]
