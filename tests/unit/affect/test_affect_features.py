"""Features of bars: each follows its cause and no other, and beats are found where a file has none."""

from dataclasses import replace

import numpy as np
import pytest
from affect_fixtures import column
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sonoscope.affect.beats import rebarred, track_beats
from sonoscope.affect.features import HAND, PAST, SIDE, TONALITY, UNITS, key_fits, with_context
from sonoscope.affect.reading import read_song
from sonoscope.settings.affect import BarReading
from sonoscope.settings.musetok import Events
from sonoscope.symbolic.causes import Causes
from sonoscope.symbolic.composer import compose
from sonoscope.symbolic.songs import as_transcription

PLAIN = Causes(tempo=80, dynamics=60, density=1.0, articulation=0.8)


def features(causes, bars=8):
    return read_song(compose(causes, 3, bars=bars), Events(), BarReading()).features


def test_names():
    assert set(SIDE) | set(TONALITY) <= set(HAND)
    assert tuple(UNITS) == HAND


@pytest.mark.parametrize(
    ("cause", "value", "name", "change"),
    [("tempo", 160, "tempo", 1.0), ("dynamics", 90, "velocity_mean", 30.0), ("register", 12, "pitch_mean", 12.0)],
)
def test_a_cause_moves_its_feature_by_what_it_is(cause, value, name, change):
    before, after = features(PLAIN), features(replace(PLAIN, **{cause: value}))
    assert np.mean(column(after, name) - column(before, name)) == pytest.approx(change, abs=0.2)
    others = {"tempo", "velocity_mean", "pitch_mean", "notes_per_beat", "mode"} - {name}
    for other in others:
        assert np.allclose(column(after, other), column(before, other), atol=0.5), other


def test_articulation_and_density_are_seen():
    assert column(features(replace(PLAIN, articulation=0.4)), "articulation").mean() < 0.6
    assert column(features(replace(PLAIN, articulation=1.0)), "articulation").mean() > 0.9
    dense = features(replace(PLAIN, density=3.0))
    assert (column(dense, "notes_per_beat") > column(features(PLAIN), "notes_per_beat")).mean() > 0.8


def test_mode_is_told_apart():
    major, minor = (features(replace(PLAIN, mode=m, progression="1451")) for m in ("major", "minor"))
    assert column(major, "mode_near").mean() > 0.1 > -0.1 > column(minor, "mode_near").mean()


def test_key_fits_do_not_depend_on_the_key():
    weights = np.array([[3.0, 0, 1, 0, 2, 1, 0, 3, 0, 1, 0, 1]])
    fits = [key_fits(np.roll(weights, k, axis=1)) for k in range(12)]
    assert np.ptp([f[0][0] for f in fits]) < 1e-9
    assert np.ptp([f[1][0] for f in fits]) < 1e-9


def test_silent_bars_keep_what_was_before():
    score = compose(PLAIN, 3, bars=2)
    for track in score.tracks:
        late = [n for n in track.notes if n.time >= 1920]
        for note in late:
            note.time += 4 * 1920
    song = read_song(score, Events(), BarReading())
    silent = song.bars.n_notes == 0
    assert silent.sum() == 4
    assert np.isfinite(song.features).all()
    assert (column(song.features, "notes_per_beat")[silent] == 0).all()
    assert np.ptp(column(song.features, "pitch_mean")[silent]) == 0


@given(arrays(np.float64, st.tuples(st.integers(1, 30), st.just(2)), elements=st.floats(-5, 5)))
def test_context_is_a_mean_over_the_past_and_over_all(values):
    found = with_context(values)
    slow = np.stack([values[max(0, k - PAST) : k + 1].mean(0) for k in range(len(values))])
    assert np.allclose(found[:, 2:4], slow)
    assert np.allclose(found[:, 4:], values.mean(0))


def test_beats_of_a_steady_performance():
    second = np.arange(0.2, 20, 0.25)
    accents = np.where(np.arange(len(second)) % 2 == 0, 100.0, 60.0)
    beats = track_beats(second, accents)
    assert np.median(np.diff(beats)) == pytest.approx(0.5, abs=0.02)
    nearest = np.abs(beats[:, None] - second[::2][None]).min(1)
    assert np.median(nearest) < 0.03


def test_rebarred_performances_keep_their_seconds_and_find_a_grid():
    score = as_transcription(compose(replace(PLAIN, tempo=97), 1, bars=16), np.random.default_rng(0), jitter=0.005)
    before = score.to("second").tracks[0].notes.numpy()["time"]
    moved, begin = rebarred(score)
    after = moved.to("second").tracks[0].notes.numpy()["time"] + begin
    assert np.abs(before - after).max() < 0.02
    assert -5 < begin <= 0
    written = read_song(score, Events(), BarReading())
    tracked = read_song(score, Events(), BarReading(bars="tracked"))
    assert tracked.rebarred
    assert not written.rebarred
    assert tracked.shift < written.shift
