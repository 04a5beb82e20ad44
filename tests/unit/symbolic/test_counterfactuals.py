import numpy as np
import pytest
from causes_strategies import CAUSES, SEEDS, VALUES
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sonoscope.symbolic.causes import CAUSES as NAMES
from sonoscope.symbolic.causes import Causes
from sonoscope.symbolic.composer import compose
from sonoscope.symbolic.counterfactuals import counterfactual, differing
from sonoscope.symbolic.voices import activity

FIELDS = ("time", "duration", "pitch", "velocity")


def tracks(score):
    return [{k: v.astype(np.int64) for k, v in t.notes.numpy().items()} for t in score.tracks]


def pair(causes, cause, value, seed):
    return compose(causes, seed), compose(counterfactual(causes, cause, value), seed)


def same(a, b, fields):
    assert len(a.tracks) == len(b.tracks)
    for x, y in zip(tracks(a), tracks(b), strict=True):
        for field in fields:
            assert np.array_equal(x[field], y[field]), field


def frame(score):
    """What stands beside the notes."""
    return (
        [(t.time, t.mspq) for t in score.tempos],
        [(s.time, s.numerator, s.denominator) for s in score.time_signatures],
        [(t.name, t.program, t.is_drum) for t in score.tracks],
    )


def law(cause):
    return settings(max_examples=25, deadline=None)(given(CAUSES, VALUES[cause], SEEDS))


@law("tempo")
def test_tempo_changes_the_tempo_alone(causes, value, seed):
    a, b = pair(causes, "tempo", value, seed)
    same(a, b, FIELDS)
    assert frame(a)[1:] == frame(b)[1:]


@law("dynamics")
def test_dynamics_shift_velocities_alone(causes, value, seed):
    a, b = pair(causes, "dynamics", value, seed)
    same(a, b, ("time", "duration", "pitch"))
    assert frame(a) == frame(b)
    for x, y in zip(tracks(a), tracks(b), strict=True):
        difference = y["velocity"] - x["velocity"]
        assert np.abs(difference - (value - causes.dynamics)).max() <= 1  # halves may round either way


@law("register")
def test_register_transposes(causes, value, seed):
    a, b = pair(causes, "register", value, seed)
    same(a, b, ("time", "duration", "velocity"))
    assert frame(a) == frame(b)
    for x, y, track in zip(tracks(a), tracks(b), a.tracks, strict=True):
        assert np.all(y["pitch"] - x["pitch"] == (0 if track.is_drum else value - causes.register))


@law("key")
def test_key_transposes_by_at_most_eleven(causes, value, seed):
    a, b = pair(causes, "key", value, seed)
    same(a, b, ("time", "duration", "velocity"))
    moves = np.concatenate(
        [y["pitch"] - x["pitch"] for x, y, t in zip(tracks(a), tracks(b), a.tracks, strict=True) if not t.is_drum]
    )
    assert len(np.unique(moves)) == 1
    assert moves[0] % 12 == (value - causes.key) % 12
    assert abs(moves[0]) <= 11


@law("mode")
def test_mode_alters_degrees_alone(causes, value, seed):
    causes = counterfactual(causes, "mode", "major")
    a, b = pair(causes, "mode", "minor", seed)
    same(a, b, ("time", "duration", "velocity"))
    assert frame(a) == frame(b)
    for x, y, track in zip(tracks(a), tracks(b), a.tracks, strict=True):
        lowered = x["pitch"] - y["pitch"]
        degree = (x["pitch"] - causes.key) % 12
        assert set(np.unique(lowered)) <= {0, 1}
        if not track.is_drum:
            assert np.all(lowered[np.isin(degree, (4, 9))] == 1)  # third and sixth are always lowered
            assert np.all(lowered[np.isin(degree, (0, 2, 5, 7))] == 0)


@law("articulation")
def test_articulation_changes_durations_alone(causes, value, seed):
    a, b = pair(causes, "articulation", value, seed)
    same(a, b, ("time", "pitch", "velocity"))
    assert frame(a) == frame(b)
    pitched = [(x, y) for x, y, t in zip(tracks(a), tracks(b), a.tracks, strict=True) if not t.is_drum]
    for x, y in pitched:
        assert np.all(
            (y["duration"] >= x["duration"]) if value >= causes.articulation else (y["duration"] <= x["duration"])
        )


@law("programs")
def test_programs_change_the_sound_alone(causes, value, seed):
    a, b = pair(causes, "programs", value, seed)
    same(a, b, FIELDS)
    assert frame(a)[:2] == frame(b)[:2]


@law("drums")
def test_drums_leave_the_other_voices_alone(causes, value, seed):
    a, b = pair(counterfactual(causes, "drums", False), "drums", True, seed)
    for x, y in zip(tracks(a), tracks(b)[:3], strict=True):
        assert all(np.array_equal(x[f], y[f]) for f in FIELDS)


@law("density")
def test_density_adds_notes_to_the_same_tune(causes, value, seed):
    assume(value > causes.density)
    a, b = pair(causes, "density", value, seed)
    sparse, dense = tracks(a)[0], tracks(b)[0]
    shared = np.isin(dense["time"], sparse["time"])
    assert np.isin(sparse["time"], dense["time"]).all()
    assert np.array_equal(dense["pitch"][shared], sparse["pitch"])
    if activity(value) == activity(causes.density):
        for x, y in zip(tracks(a)[1:], tracks(b)[1:], strict=True):
            assert np.array_equal(x["time"], y["time"])
            assert np.array_equal(x["pitch"], y["pitch"])


@law("progression")
def test_progression_keeps_the_rhythm(causes, value, seed):
    a, b = pair(causes, "progression", value, seed)
    same(a, b, ("time", "duration", "velocity"))


@given(CAUSES, st.sampled_from(NAMES), st.data())
def test_only_the_named_cause_differs(causes, cause, data):
    other = counterfactual(causes, cause, data.draw(VALUES[cause]))
    assert differing(causes, other) in ((), (cause,))


def test_an_unknown_cause_is_refused():
    with pytest.raises(ValueError, match="cause must be one of mode"):
        counterfactual(Causes(), "mood", "sad")
