"""Measures on audio against what the composer knows: each is right on true renders, by a margin that is asserted."""

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonoscope.audio.key import MAJOR, MINOR, key, key_of_profile, mode_on
from sonoscope.audio.pitch import cents, hertz, pitch
from sonoscope.audio.soundfont import render
from sonoscope.audio.tempo import tempo
from sonoscope.audio.timbre import FamilyClassifier, altered, timbre
from sonoscope.symbolic import lessons, syntheory
from sonoscope.symbolic.instruments import CLICKS, INSTRUMENTS
from sonoscope.symbolic.notes import part, to_score

RATE = 16000
SILENCE = np.zeros(2 * RATE, np.float32)


def sound(parts, bpm=120.0, seconds=4.0):
    return render(to_score(parts, bpm), RATE, seconds)


def tone(frequency, seconds=1.0, partials=5):
    time = np.arange(round(seconds * RATE)) / RATE
    waves = [np.sin(2 * np.pi * frequency * k * time) / k for k in range(1, partials + 1) if k * frequency < RATE / 2]
    return (0.2 * np.sum(waves, axis=0)).astype(np.float32)


@given(tonic=st.integers(0, 11), minor=st.booleans(), noise=st.floats(0, 0.3), seed=st.integers(0, 99))
def test_a_profile_has_its_own_key(tonic, minor, noise, seed):
    profile = np.roll(MINOR if minor else MAJOR, tonic) + noise * np.random.default_rng(seed).standard_normal(12)
    found = key_of_profile(profile)
    assert (found.tonic, found.mode) == (tonic, "minor" if minor else "major")
    assert found.margin > 0


@pytest.mark.parametrize("mode", ["major", "minor"])
def test_keys_of_cadences(mode):
    """A cadence with scale on every tonic: both the key that is found and the mode on the given tonic."""
    steps = [0, 2, 4, 5, 7, 9, 11, 12] if mode == "major" else [0, 2, 3, 5, 7, 8, 11, 12]
    third = steps[2]
    chord = part([4.0] * 3, 4, np.array([60, 60 + third, 67]), 80)
    found = []
    for tonic in range(12):
        tune = part(np.arange(8) / 2, 0.5, 60 + np.array(steps) + tonic, 80)
        audio = sound([tune, chord._replace(pitch=chord.pitch + tonic)])
        assert mode_on(audio, RATE, tonic) == mode
        found.append(key(audio, RATE)[:2] == (tonic, mode))
    assert np.mean(found) >= 0.9


def test_modes_of_chords_and_progressions():
    rng = np.random.default_rng(0)
    right = []
    while len(right) < 60:
        lesson = lessons.chord(rng) if len(right) % 2 else lessons.progression(rng)
        wanted = lesson.causes.get("mode", lesson.causes.get("chord"))
        if wanted in ("major", "minor") and lesson.causes.get("degrees") != "7 6 7 1":
            right.append(mode_on(sound(lesson.parts, lesson.bpm), RATE, int(lesson.causes["pitch_class"])) == wanted)
    assert np.mean(right) >= 0.95


@pytest.mark.parametrize("click", CLICKS, ids=lambda c: c.name)
def test_tempo_of_every_click(click):
    """No octave errors, although every fourth click is accented; within one per cent, all over the range."""
    for bpm in range(50, 211, 20):
        clip = sound([syntheory.click_part(click, int(4 * bpm / 60) + 1, 4)], bpm)
        assert tempo(clip, RATE) == pytest.approx(bpm, rel=0.01)


def test_tempo_of_drawn_lessons():
    rng = np.random.default_rng(1)
    drawn = [lessons.tempo(rng) for _ in range(60)]
    errors = [abs((tempo(sound(x.parts, x.bpm), RATE) or 0) / x.bpm - 1) for x in drawn]
    assert np.mean(np.array(errors) <= 0.08) >= 0.95
    assert np.median(errors) < 0.005


@settings(max_examples=20, deadline=None)
@given(shift=st.integers(0, RATE // 3), gain=st.floats(0.05, 2.0))
def test_tempo_does_not_depend_on_phase_or_gain(shift, gain):
    clip = sound([syntheory.click_part(CLICKS[3], 20, 4)], 130.0)
    assert tempo((gain * clip[shift:]).astype(np.float32), RATE) == pytest.approx(130, rel=0.01)


@settings(max_examples=40, deadline=None)
@given(midi=st.floats(36, 95), partials=st.integers(1, 8))
def test_pitch_of_tones(midi, partials):
    assert abs(cents(pitch(tone(hertz(midi), partials=partials), RATE), hertz(midi))) < 10


@pytest.mark.parametrize("frequency", [90.0, 310.0, 1100.0])
def test_pitch_agrees_with_librosa_on_a_vibrato(frequency):
    time = np.arange(2 * RATE) / RATE
    phase = 2 * np.pi * np.cumsum(frequency * 2 ** (0.02 * np.sin(2 * np.pi * 5 * time))) / RATE
    audio = (0.3 * np.sin(phase) + 0.1 * np.sin(2 * phase)).astype(np.float32)
    theirs = np.median(librosa.yin(audio, fmin=60, fmax=2000, sr=RATE))
    assert abs(cents(pitch(audio, RATE), theirs)) < 15


def test_pitch_of_rendered_notes():
    """Within 20 cents but for octaves: the organ's patch sounds an octave lower than it is written."""
    rng = np.random.default_rng(2)
    errors = []
    for _ in range(80):
        lesson = lessons.note(rng)
        found = pitch(sound(lesson.parts, lesson.bpm), RATE)
        wrong = 600.0 if found is None else cents(found, hertz(lesson.causes["midi"]))
        errors.append(wrong - 1200 * round(wrong / 1200))
    assert np.mean(np.abs(errors) <= 20) >= 0.95


def test_silence_and_noise():
    noise = (0.1 * np.random.default_rng(0).standard_normal(2 * RATE)).astype(np.float32)
    assert [key(SILENCE, RATE), mode_on(SILENCE, RATE, 0), tempo(SILENCE, RATE), pitch(SILENCE, RATE)] == [None] * 4
    assert pitch(noise, RATE) is None
    assert pitch(0.2 * noise + tone(220.0, 2.0), RATE) == pytest.approx(220, rel=0.01)
    assert tempo(SILENCE[:100], RATE) is None


def test_families_of_renders_with_pitches_held_out():
    """Trained on six pitch classes of each instrument, asked on two others, also with tilt and noise."""

    def clips(pitch_classes):
        for instrument in INSTRUMENTS:
            for pc in pitch_classes:
                for octave, velocity in ((48, 60), (72, 110)):
                    note = syntheory.note_part(octave + pc, instrument.program, velocity)
                    yield sound([note], seconds=2.0), instrument.family

    train, test = list(clips((0, 2, 4, 5, 7, 9))), list(clips((1, 6)))
    ears = FamilyClassifier().fit(*map(list, zip(*train, strict=True)), RATE, seed=0)
    assert set(ears.classes_) == {i.family for i in INSTRUMENTS}
    assert np.mean([ears.predict(audio, RATE) == family for audio, family in test]) >= 0.9
    rng = np.random.default_rng(0)
    assert np.mean([ears.predict(altered(audio, RATE, rng), RATE) == family for audio, family in test]) >= 0.7
    assert ears.predict(SILENCE, RATE) is None


def test_timbre_does_not_change_with_gain():
    clip = sound([syntheory.note_part(60, 0)])
    assert np.allclose(timbre(clip, RATE), timbre(0.1 * clip, RATE), atol=1e-3)


@pytest.mark.filterwarnings("error")
def test_timbre_of_silence_is_finite():
    assert np.isfinite(timbre(np.zeros(2 * RATE, np.float32), RATE)).all()
