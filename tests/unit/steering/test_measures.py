"""Each concept is heard right in true renders; nothing is heard in silence."""

import numpy as np
import pytest

from sonoscope.audio.harmony import note_profile, progression
from sonoscope.audio.metre import onset_rate, onsets
from sonoscope.audio.soundfont import render
from sonoscope.settings.concepts import CONCEPTS, VALUES, slug
from sonoscope.steering.embedding import frechet
from sonoscope.steering.listener import hit
from sonoscope.steering.measures import is_hit, measure_of, progressions
from sonoscope.symbolic import syntheory
from sonoscope.symbolic.instruments import CLICKS
from sonoscope.symbolic.notes import to_score

RATE = 16000

LEAST = {
    "notes": 0.95, "intervals": 0.85, "scales": 0.9, "chords": 0.95, "simple_progressions": 0.9, "tempos": 0.95,
    "time_signatures": 0.8,
}  # fmt: skip
"""Share of 40 renders, drawn over all values and instruments, that each measure hears right at least."""


def renders(concept, count, seed=5):
    clips = syntheory.compose(concept, seed)
    chosen = np.random.default_rng(seed).choice(len(clips), count, replace=False)
    for clip in (clips[k] for k in np.sort(chosen)):
        whole = render(to_score(clip.parts, clip.bpm, clip.metre), RATE, clip.offset + 4.0)
        yield slug(concept, clip.labels[syntheory.LABEL[concept]]), whole[-4 * RATE :]


@pytest.mark.parametrize("concept", CONCEPTS)
def test_true_renders_are_heard_right(concept):
    measure = measure_of(concept)
    hits = [hit(concept, value, measure.hear(audio, RATE)) for value, audio in renders(concept, 40)]
    assert np.mean(hits) >= LEAST[concept]


@pytest.mark.parametrize("concept", CONCEPTS)
def test_nothing_is_heard_in_silence_and_something_nameable_in_noise(concept):
    measure = measure_of(concept)
    assert measure.hear(np.zeros(3 * RATE, np.float32), RATE) is None
    noise = 0.1 * np.random.default_rng(0).standard_normal(3 * RATE).astype(np.float32)
    heard = measure.hear(noise, RATE)
    assert heard is None or isinstance(heard, float) or heard in VALUES[concept]


def test_progressions_that_are_the_same_chords_count_for_each_other():
    names = progressions()
    assert set(names) == set(VALUES["simple_progressions"])
    major, minor = names["ionian-6415"], names["aeolian-1637"]
    shifted = [{(p + 9) % 12 for p in chord} for chord in minor]  # the relative minor lies nine semitones higher
    assert [{p % 12 for p in chord} for chord in major] == shifted
    assert is_hit("simple_progressions", "ionian-6415", "aeolian-1637") == 1
    assert is_hit("simple_progressions", "ionian-6415", "aeolian-1451") == 0
    assert is_hit("notes", "C", None) == 0


def test_a_progression_is_found_from_its_first_chords_too():
    audio = next(a for v, a in renders("simple_progressions", 30) if v.startswith("aeolian"))
    found = progression(audio[: 3 * RATE], RATE, dict(progressions()), 1.0)
    assert found is not None and found.fit > 0.8


def test_note_profile_is_a_unit_vector_with_its_notes_on_top():
    weights = np.zeros(12)
    weights[[0, 4, 7]] = 1
    profile = note_profile(weights)
    assert np.linalg.norm(profile) == pytest.approx(1)
    assert set(np.argsort(profile)[-3:]) == {0, 4, 7}


def test_onsets_are_those_that_were_played():
    score = to_score([syntheory.click_part(CLICKS[1], 8, 4)], 120)
    audio = render(score, RATE, 4.0)
    times = onsets(audio, RATE)
    assert len(times) == 8
    assert np.abs(np.diff(times) - 0.5).max() < 0.03
    assert onset_rate(audio, RATE) == pytest.approx(2.0)


def test_frechet_distance_is_zero_to_itself_and_the_shift_squared_otherwise():
    rng = np.random.default_rng(1)
    one = rng.standard_normal((40, 5))
    assert frechet(one, one) == pytest.approx(0, abs=1e-9)
    assert frechet(one, one + 2) == pytest.approx(20)
    assert frechet(one, 3 * (one - one.mean(0)) + one.mean(0)) == pytest.approx(4 * np.trace(np.cov(one.T)))
    assert frechet(one[:1], one) is None
