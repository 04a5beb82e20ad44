import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from sonoscope.audio.features import chroma, dominant_pitch_class, level
from sonoscope.audio.files import AudioError, read_audio, to_flac, write_audio
from sonoscope.audio.loudness import normalise
from sonoscope.audio.soundfont import render
from sonoscope.symbolic.instruments import INSTRUMENTS
from sonoscope.symbolic.notes import part, to_score

RATE = 16000


def note(midi, velocity=64, program=0, seconds=1.0):
    return render(to_score([part(0, 2, midi, velocity, program)], 120), RATE, seconds)


def fundamental(audio, near):
    """Strongest frequency within half a semitone of ``near``, in hertz, by an interpolated long spectrum."""
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), 8 * len(audio)))
    frequency = np.arange(len(spectrum)) * RATE / (8 * len(audio))
    window = np.abs(12 * np.log2(np.maximum(frequency, 1) / near)) < 0.5
    assert spectrum[window].max() > 0.02 * spectrum.max()
    return frequency[window][spectrum[window].argmax()]


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda i: i.name)
def test_pitch_is_in_tune(instrument):
    wanted = 440 * 2 ** ((60 - 69) / 12)
    cents = 1200 * np.log2(fundamental(note(60, program=instrument.program), wanted) / wanted)
    assert abs(cents) < 20


def test_louder_notes_are_louder():
    levels = [level(note(60, velocity)).rms for velocity in (20, 45, 70, 95, 120)]
    assert levels == sorted(levels)
    assert levels[-1] > 3 * levels[0]


def test_rendering_is_deterministic_and_exactly_long():
    one, two = note(64, seconds=0.77), note(64, seconds=0.77)
    assert np.array_equal(one, two)
    assert one.shape == (round(0.77 * RATE),)
    assert one.dtype == np.float32


def test_a_longer_render_begins_like_a_shorter_one():
    assert np.array_equal(note(60, seconds=2.0)[:RATE], note(60, seconds=1.0))


def test_empty_score_is_silence():
    silence = render(to_score([], 120), RATE, 0.5)
    assert level(silence).is_silent
    assert dominant_pitch_class(silence, RATE) is None


def test_drums_and_melody_sound_together():
    melody, drums = part([0, 1], 1, 60, 80, 73), part([0, 1], 0.25, 37, 100, 0, is_drum=True)
    both, alone = (render(to_score(parts, 120), RATE, 1.0) for parts in ([melody, drums], [melody]))
    assert np.abs(both - alone).max() > 0.01


@pytest.mark.parametrize("pitch_class", range(12))
def test_dominant_pitch_class(pitch_class):
    for program in (0, 73, 56):
        assert dominant_pitch_class(note(60 + pitch_class, program=program), RATE) == pitch_class


@given(gain=st.floats(0.2, 1.0))
@settings(max_examples=10, deadline=None)
def test_chroma_does_not_depend_on_loudness(gain):
    audio = note(67)
    assert np.allclose(chroma(audio, RATE), chroma((gain * audio).astype(np.float32), RATE), atol=1e-5)


def test_level_of_clipped_audio():
    loud = np.clip(3 * np.sin(np.arange(RATE) / 10), -1, 1).astype(np.float32)
    assert level(loud).is_clipped
    assert not level(0.5 * loud).is_clipped


@pytest.mark.parametrize("suffix", ["flac", "wav"])
def test_files_round_trip(tmp_path, suffix):
    audio = note(60)
    write_audio(tmp_path / f"a.{suffix}", audio, RATE)
    back, rate = read_audio(tmp_path / f"a.{suffix}")
    assert rate == RATE
    assert np.abs(back - audio).max() <= 1 / 32768
    assert not list(tmp_path.glob(".a*"))


def test_full_scale_does_not_wrap_around(tmp_path):
    write_audio(tmp_path / "a.wav", np.array([1.5, -1.5, 1.0], np.float32), RATE)
    assert np.sign(read_audio(tmp_path / "a.wav")[0]).tolist() == [1, -1, 1]


@pytest.mark.parametrize("damage", ["empty", "noise", "truncated", "no samples", "nan"])
def test_damaged_files_are_named(tmp_path, damage):
    path = tmp_path / "a.wav"
    good = to_flac(note(60), RATE)
    match damage:
        case "empty":
            path.write_bytes(b"")
        case "noise":
            path.write_bytes(np.random.default_rng(0).bytes(999))
        case "truncated":
            path.write_bytes(good[:50])
        case "no samples":
            soundfile.write(path, np.zeros(0, np.float32), RATE)
        case "nan":
            soundfile.write(path, np.full(9, np.nan, np.float32), RATE, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"a\.wav: expected"):
        read_audio(path)


@given(st.binary(max_size=400))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_audio_or_an_error(content):
    try:
        audio, rate = read_audio(content)
    except AudioError:
        return
    assert audio.ndim == 1
    assert rate > 0


@given(decibels=st.floats(-40, -6))
@settings(max_examples=15, deadline=None)
def test_normalised_audio_has_the_loudness_or_touches_full_scale(decibels):
    audio = note(60, 100, 16)  # an organ holds its level
    out = normalise(audio, RATE, decibels)
    found = 20 * np.log10(level(out[: RATE // 2]).rms)
    assert abs(found - decibels) < 1.5 or level(out).peak > 0.98
    assert level(out).peak <= 0.991


def test_silence_stays_silence():
    assert not normalise(np.zeros(RATE, np.float32), RATE, -20).any()
