import hashlib

import numpy as np
import pytest
from causes_strategies import CAUSES, SEEDS
from hypothesis import given, settings
from hypothesis import strategies as st

from sonoscope.symbolic.causes import Causes
from sonoscope.symbolic.composer import bars_for, compose
from sonoscope.symbolic.cues import random_causes
from sonoscope.symbolic.harmony import SEMITONES, chord_roots
from sonoscope.symbolic.rhythm import GRIDS, TICK, quarters_per_minute

BARS = st.integers(2, 12)
KRUMHANSL_KESSLER = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}


def voices(score):
    return {t.name: {k: v.astype(np.int64) for k, v in t.notes.numpy().items()} for t in score.tracks}


def pitched(score):
    tracks = [v for name, v in voices(score).items() if name != "drums"]
    return {k: np.concatenate([t[k] for t in tracks]) for k in tracks[0]}


def heard_key(score):
    notes = pitched(score)
    chroma = np.bincount(notes["pitch"] % 12, weights=notes["duration"], minlength=12)
    fits = {
        (mode, key): np.corrcoef(chroma, np.roll(profile, key))[0, 1]
        for mode, profile in KRUMHANSL_KESSLER.items()
        for key in range(12)
    }
    return max(fits, key=fits.get)


@settings(max_examples=60, deadline=None)
@given(CAUSES, SEEDS, BARS)
def test_causes_are_obeyed_to_the_letter(causes, seed, bars):
    score = compose(causes, seed, bars=bars)
    grid = GRIDS[causes.metre]
    bar = grid.positions * TICK
    notes, tracks = pitched(score), voices(score)
    assert score.ticks_per_quarter == 480
    assert score.tempos[0].qpm == pytest.approx(quarters_per_minute(causes), rel=1e-5)
    assert (score.time_signatures[0].numerator, score.time_signatures[0].denominator) == (
        grid.numerator,
        grid.denominator,
    )
    assert notes["velocity"].mean() == pytest.approx(causes.dynamics, abs=0.5)
    assert notes["velocity"].min() > 1
    assert notes["velocity"].max() < 127
    assert notes["pitch"].min() >= 21
    assert notes["pitch"].max() <= 108
    assert score.end() <= bars * bar
    scale = set((SEMITONES[causes.mode] + causes.key) % 12)
    raised = {(causes.key + 11) % 12} if causes.mode == "minor" else set()
    assert set(notes["pitch"] % 12) <= scale | raised
    per_beat = np.sum(tracks["melody"]["time"] < (bars - 1) * bar) / ((bars - 1) * grid.beats)
    wanted = max(causes.density, 1 / grid.beats)
    assert abs(per_beat - wanted) <= 1.0 / ((bars - 1) * grid.beats) + 0.05 * wanted
    assert [t.program for t in score.tracks if not t.is_drum] == list(causes.voice_programs)
    assert any(t.is_drum for t in score.tracks) == causes.drums


@settings(max_examples=40, deadline=None)
@given(CAUSES, SEEDS)
def test_notes_sound_for_the_articulated_fraction_of_their_slot(causes, seed):
    bar = GRIDS[causes.metre].positions * TICK
    melody = voices(compose(causes, seed))["melody"]
    onset = melody["time"]
    end = np.minimum(np.append(onset[1:], 8 * bar), (onset // bar + 1) * bar)
    assert np.abs(melody["duration"] - causes.articulation * (end - onset)).max() <= 0.5


@settings(max_examples=40, deadline=None)
@given(CAUSES, SEEDS)
def test_beats_carry_chord_tones_and_the_piece_closes_on_the_tonic(causes, seed):
    score = compose(causes, seed)
    grid = GRIDS[causes.metre]
    melody, low = voices(score)["melody"], voices(score)["bass"]
    roots = chord_roots(causes.progression, 8)
    on_beat = melody["time"] % (grid.beat * TICK) == 0
    root = roots[melody["time"][on_beat] // (grid.positions * TICK)]
    scale = SEMITONES[causes.mode]
    raised = (causes.mode == "minor") & (root == 4)
    tones = (scale[(root[:, None] + [0, 2, 4]) % 7] + causes.key + raised[:, None] * np.array([0, 1, 0])) % 12
    assert (melody["pitch"][on_beat][:, None] % 12 == tones).any(axis=1).all()
    assert melody["pitch"][-1] % 12 == low["pitch"][-1] % 12 == causes.key


@settings(max_examples=40, deadline=None)
@given(CAUSES, SEEDS)
def test_voices_lie_in_order(causes, seed):
    tracks = voices(compose(causes, seed))
    assert tracks["bass"]["pitch"].mean() < tracks["chords"]["pitch"].mean() < tracks["melody"]["pitch"].mean()


def test_melodies_mostly_step_and_chords_hardly_move():
    rng = np.random.default_rng(0)
    pieces = [voices(compose(random_causes(rng), seed)) for seed in range(200)]
    leaps = np.concatenate([np.abs(np.diff(p["melody"]["pitch"])) for p in pieces])
    assert np.mean(leaps <= 2) > 0.5
    assert np.mean(leaps <= 5) > 0.85
    assert np.mean(leaps >= 12) < 0.02
    assert np.mean(leaps == 0) < 0.2
    assert np.median([np.ptp(p["chords"]["pitch"]) for p in pieces]) <= 19


def test_key_profiles_hear_the_key():
    rng = np.random.default_rng(0)
    causes = [random_causes(rng) for _ in range(400)]
    right = [heard_key(compose(c, seed)) == (c.mode, c.key) for seed, c in enumerate(causes)]
    assert np.mean(right) >= 0.95


@given(CAUSES, SEEDS)
@settings(max_examples=20, deadline=None)
def test_same_causes_and_seed_give_the_same_bytes(causes, seed):
    assert compose(causes, seed).dumps_midi() == compose(causes, seed).dumps_midi()


def test_bytes_are_those_of_the_known_world():
    """The world is part of every result: a change here must be meant, and stand in the changelog."""
    digest = hashlib.sha256(compose(Causes(drums=True), 7).dumps_midi()).hexdigest()
    assert digest[:16] == "a200ace8c1299892"


def test_seeds_give_different_pieces():
    assert len({compose(Causes(), seed).dumps_midi() for seed in range(50)}) == 50


@given(CAUSES, st.floats(0.5, 120))
@settings(max_examples=30, deadline=None)
def test_seconds_are_filled(causes, seconds):
    bars = bars_for(causes, seconds)
    bar = GRIDS[causes.metre].beats * 60 / causes.tempo
    assert bars == 2 or (bars - 1) * bar < seconds
    assert bars * bar >= seconds - 1e-6


@pytest.mark.parametrize("length", [{"bars": 1}, {"bars": 4, "seconds": 4.0}])
def test_impossible_lengths_are_refused(length):
    with pytest.raises(ValueError, match="bars"):
        compose(Causes(), 0, **length)
